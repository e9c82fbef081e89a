//! The states of an operation, and new victims brought to each of them.

use std::collections::HashSet;
use std::path::Path;

use super::normal::normal_hash;
use super::stepper::command;
use super::walk::{Place, Walk};
use crate::Result;
use crate::scenario::Scenario;

/// A state that an execution passes through.
pub(crate) struct Seen {
    place: Place,
    /// As `addr2line` wants it.
    pub(crate) description: String,
    pub(crate) instruction: u64,
    normal: u128,
}

/// Steps a victim to the end of its operation, and names every state it was in behind its first
/// instruction.
pub(crate) fn explore(walk: &mut Walk) -> Result<Vec<Seen>> {
    let mut known = HashSet::from([walk.observer.hash()]);
    let mut seen = Vec::new();
    while let Some(place) = walk.next_change(&mut None)? {
        if known.insert(walk.observer.hash()) {
            seen.push(Seen {
                place,
                description: walk.victim.describe(place.address),
                instruction: walk.instructions,
                normal: normal_hash(&walk.observer.snapshot()),
            });
        }
    }
    Ok(seen)
}

/// Brings a new victim to a state, in a directory as the explored one found it.
pub(crate) fn reach(scenario: &Scenario, directory: &Path, state: &Seen) -> Result<Walk> {
    let mut walk = Walk::begin(command(scenario, directory, "execute")?, directory)?;
    if !walk.approach(state.place)? {
        return Err("the operation ended before the place was reached".into());
    }
    // One step and not up to a change: a time may be stored again that stands there already.
    walk.victim.step()?;
    walk.observer.look(true)?;
    if normal_hash(&walk.observer.snapshot()) != state.normal {
        return Err("another state was found there".into());
    }
    Ok(walk)
}
