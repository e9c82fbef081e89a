//! One execution, from change to change of what a kill would leave.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use super::snapshot::Observer;
use crate::Result;
use crate::tracee::{Position, Progress, Tracee};

/// Of the rounds of one repeated instruction (a long copy), every so manieth is looked at.
const ROUNDS: u64 = 64;

/// The instruction behind which a state is seen, in terms that hold for another execution too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) address: u64,
    /// How often it has been arrived at.
    arrivals: u64,
    /// How many rounds of it have been executed since: more than one for a repeated instruction.
    rounds: u64,
}

/// A process that is stepped, and what it changes.
pub(crate) struct Walk {
    pub(crate) victim: Tracee,
    pub(crate) observer: Observer,
    pub(crate) instructions: u64,
    position: Position,
    arrivals: HashMap<u64, u64>,
    rounds: u64,
}

/// Done in place of a system call's first execution: its number, and what.
pub(crate) type Interlude<'a> = Option<(u64, &'a dyn Fn() -> Result<()>)>;

impl Walk {
    /// Starts a process that changes the files of `directory`, and stands before its operation.
    pub(crate) fn begin(command: Command, directory: &Path) -> Result<Self> {
        let victim = Tracee::start(command)?;
        let mut observer = Observer::new(directory)?;
        observer.ignore_the_dead()?;
        let position = victim.position()?;
        let arrivals = HashMap::new();
        Ok(Self { victim, observer, instructions: 0, position, arrivals, rounds: 0 })
    }

    /// Executes up to the next change; none when the operation is over.
    pub(crate) fn next_change(&mut self, interlude: &mut Interlude<'_>) -> Result<Option<Place>> {
        loop {
            let before = self.position;
            if before.enters_kernel
                && let Some((number, action)) = *interlude
                && self.victim.system_call()? == number
            {
                *interlude = None;
                action()?;
            }
            if self.victim.step()? == Progress::Finished {
                return Ok(None);
            }
            self.instructions += 1;
            self.position = self.victim.position()?;
            self.rounds += 1;
            let place = Place {
                address: before.address,
                arrivals: self.arrivals.get(&before.address).copied().unwrap_or(0),
                rounds: self.rounds,
            };
            if self.position.address == before.address {
                if !self.rounds.is_multiple_of(ROUNDS) {
                    continue;
                }
            } else {
                self.rounds = 0;
                *self.arrivals.entry(self.position.address).or_default() += 1;
            }
            let has_changed = self.observer.look(before.enters_kernel)?;
            if has_changed || before.enters_kernel {
                self.observer.check_proof_of_life().map_err(|error| {
                    let place = self.victim.describe(before.address);
                    format!("instruction {} ({place}): {error}", self.instructions)
                })?;
            }
            if has_changed {
                return Ok(Some(place));
            }
        }
    }

    /// Runs to a place at full speed, and stands before its instruction's last round. Tells
    /// whether it got there.
    pub(crate) fn approach(&mut self, place: Place) -> Result<bool> {
        for _ in 0..place.arrivals {
            if self.victim.run_to(place.address)? == Progress::Finished {
                return Ok(false);
            }
        }
        for _ in 1..place.rounds {
            if self.victim.step()? == Progress::Finished {
                return Ok(false);
            }
        }
        self.position = self.victim.position()?;
        self.arrivals.insert(place.address, place.arrivals);
        self.rounds = place.rounds.saturating_sub(1);
        Ok(self.position.address == place.address)
    }
}
