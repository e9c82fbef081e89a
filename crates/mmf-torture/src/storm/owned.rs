//! Variables that one row's worker alone changes, and everybody reads.
//!
//! A variable's *state* is a number: how often it was changed, and, in its lowest bit, whether it
//! exists. The value of a state follows from the seed, so a reader can say of any bytes whether
//! they are that value. It looks into the ledger before it reads and afterwards:
//!
//! - a value belongs to a state between what was acknowledged before and what was attempted after;
//! - a variable may be absent if one of those states is an absence.
//!
//! When nothing is in flight, both ends are the same.

use mmf::Namespace;

use super::ledger::{Kind, Ledger};
use super::plan::{Plan, mix};
use super::worker::{Worker, unless_full};
use crate::Result;

/// Bytes of a value that say its state; the rest follows from it.
const STATE_BYTES: usize = 8;

/// A set of variables for each row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owned {
    /// Variables of a row.
    pub(super) names: usize,
    /// Longest value in bytes.
    pub(super) longest: usize,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Done,
    NoRoom,
}

/// A variable's name. Every fourth does not fit into a record, and stands in a block of its own.
pub(super) fn name_of(row: usize, variable: usize) -> String {
    match variable % 4 {
        3 => format!("a variable with a long name, row {row}, number {variable}"),
        _ => format!("v {row} {variable}"),
    }
}

fn exists(state: u64) -> bool {
    state & 1 == 1
}

/// The next state of a variable that will exist, or will not.
fn next(state: u64, exists: bool) -> u64 {
    ((state >> 1) + 1) << 1 | u64::from(exists)
}

impl Owned {
    /// The bytes of a state that exists.
    fn fill(&self, plan: &Plan, row: usize, variable: usize, state: u64, value: &mut Vec<u8>) {
        let seed = mix(&[plan.seed, row as u64, variable as u64, state]);
        let mut random = fastrand::Rng::with_seed(seed);
        // Most are small, as most values are.
        let longest = if random.u8(0..4) == 0 { self.longest } else { self.longest.min(200) };
        value.clear();
        value.extend_from_slice(&state.to_le_bytes());
        value.resize(random.usize(STATE_BYTES..=longest.max(STATE_BYTES)), 0);
        random.fill(&mut value[STATE_BYTES..]);
    }

    /// Sets one of the worker's own variables.
    pub(super) fn set(&self, worker: &mut Worker<'_>, variable: usize) -> Result<Change> {
        let (row, ledger) = (worker.row, worker.ledger);
        let entry = ledger.variable(row, variable);
        let state = next(entry.acknowledged(), true);
        let mut value = std::mem::take(&mut worker.buffer);
        self.fill(worker.plan, row, variable, state, &mut value);
        let name = name_of(row, variable);
        entry.attempt(state);
        let result =
            unless_full(worker.perform(Kind::Set, |namespace| namespace.set(&name, &value)));
        worker.buffer = value;
        if result?.is_some() {
            entry.acknowledge();
            return Ok(Change::Done);
        }
        entry.withdraw();
        Ok(Change::NoRoom)
    }

    /// Deletes one of the worker's own variables, if it exists.
    pub(super) fn delete(&self, worker: &mut Worker<'_>, variable: usize) -> Result<()> {
        let (row, ledger) = (worker.row, worker.ledger);
        let entry = ledger.variable(row, variable);
        let was_there = exists(entry.acknowledged());
        let name = name_of(row, variable);
        entry.attempt(next(entry.acknowledged(), false));
        let existed = worker.perform(Kind::Delete, |namespace| namespace.delete(&name))?;
        if existed != was_there {
            return Err(format!(
                "{name:?}: the delete says that it existed: {existed}, but it was {}",
                describe(entry.acknowledged())
            )
            .into());
        }
        entry.acknowledge();
        Ok(())
    }

    /// After a kill: what was in flight has happened, or has not.
    pub(super) fn settle(&self, worker: &mut Worker<'_>) -> Result<()> {
        let row = worker.row;
        for variable in 0..self.names {
            let entry = worker.ledger.variable(row, variable);
            if entry.attempted() != entry.acknowledged() {
                let state = self.read(worker, row, variable)?;
                entry.settle(
                    state.unwrap_or_else(|| absence(entry.acknowledged(), entry.attempted())),
                );
            }
        }
        Ok(())
    }

    /// Reads anybody's variable and verifies what it finds.
    pub(super) fn verify(
        &self,
        worker: &mut Worker<'_>,
        row: usize,
        variable: usize,
    ) -> Result<()> {
        self.read(worker, row, variable)?;
        worker.count_verified(1);
        Ok(())
    }

    /// The state of a variable, none for absent, once it is proven to be a possible one.
    fn read(&self, worker: &mut Worker<'_>, row: usize, variable: usize) -> Result<Option<u64>> {
        let name = name_of(row, variable);
        let entry = worker.ledger.variable(row, variable);
        let mut value = std::mem::take(&mut worker.buffer);
        let before = entry.acknowledged();
        let found = worker.perform(Kind::Get, |namespace| namespace.get_into(&name, &mut value))?;
        let after = entry.attempted();
        let found = found.map(|_| value.as_slice());
        let state = self.judge_value(worker.plan, (row, variable), found, (before, after));
        worker.buffer = value;
        state.map_err(|complaint| format!("{name:?} {complaint}").into())
    }

    fn judge_value(
        &self,
        plan: &Plan,
        (row, variable): (usize, usize),
        found: Option<&[u8]>,
        (before, after): (u64, u64),
    ) -> std::result::Result<Option<u64>, String> {
        let expected = || format!("expected {} to {}", describe(before), describe(after));
        let Some(value) = found else {
            let changes = (after >> 1).saturating_sub(before >> 1);
            if !exists(before) || !exists(after) || changes >= 2 {
                return Ok(None);
            }
            return Err(format!("is absent; {}", expected()));
        };
        let Some((first, _)) = value.split_first_chunk::<STATE_BYTES>() else {
            return Err(format!("is {value:?}, which no set stored; {}", expected()));
        };
        let state = u64::from_le_bytes(*first);
        let mut whole = Vec::new();
        if exists(state) && (before >> 1..=after >> 1).contains(&(state >> 1)) {
            self.fill(plan, row, variable, state, &mut whole);
            if whole == value {
                return Ok(Some(state));
            }
            let equal = whole.iter().zip(value).take_while(|(one, other)| one == other).count();
            return Err(format!(
                "claims to be {} but differs behind byte {equal}; {} bytes instead of {}",
                describe(state),
                value.len(),
                whole.len()
            ));
        }
        Err(format!("claims to be {}; {}", describe(state), expected()))
    }

    /// At rest: every variable of every row is what the ledger says.
    pub(super) fn judge(&self, namespace: &Namespace, plan: &Plan, ledger: &Ledger) -> Result<()> {
        let mut value = Vec::new();
        for (row, variable) in
            (0..ledger.rows()).flat_map(|row| (0..self.names).map(move |number| (row, number)))
        {
            let entry = ledger.variable(row, variable);
            let states = (entry.acknowledged(), entry.attempted());
            let name = name_of(row, variable);
            let found = namespace.get_into(&name, &mut value)?.map(|_| value.as_slice());
            self.judge_value(plan, (row, variable), found, states)
                .map_err(|complaint| format!("at rest, {name:?} {complaint}"))?;
            if namespace.contains(&name)? != found.is_some() {
                return Err(format!("at rest, {name:?} comes and goes").into());
            }
        }
        Ok(())
    }
}

/// The state of an absence that was seen while something was in flight.
fn absence(acknowledged: u64, attempted: u64) -> u64 {
    if exists(attempted) { acknowledged } else { attempted }
}

fn describe(state: u64) -> String {
    let existence = if exists(state) { "a value" } else { "absent" };
    format!("change {} ({existence})", state >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Storage;

    const OWNED: Owned = Owned { names: 4, longest: 500 };
    /// Whose variable is looked at: a row and its variable.
    const PLACE: (usize, usize) = (2, 3);
    /// The third change, which sets, and the fourth, which deletes.
    const THIRD: u64 = 7;
    const FOURTH: u64 = 8;

    fn plan() -> Plan {
        Plan { seed: 1, storage: Storage::Memory, place: std::path::PathBuf::new(), capacity: 0 }
    }

    fn value(place: (usize, usize), state: u64) -> Vec<u8> {
        let mut value = Vec::new();
        OWNED.fill(&plan(), place.0, place.1, state, &mut value);
        value
    }

    fn is_accepted(found: Option<&[u8]>, before: u64, after: u64) -> bool {
        OWNED.judge_value(&plan(), PLACE, found, (before, after)).is_ok()
    }

    #[test]
    fn only_the_value_of_a_possible_state_is_accepted() {
        let third = value(PLACE, THIRD);
        assert!(is_accepted(Some(&third), THIRD, THIRD));
        assert!(is_accepted(Some(&third), THIRD, FOURTH));
        assert!(is_accepted(Some(&third), 2, THIRD));
        assert!(!is_accepted(Some(&third), FOURTH, FOURTH), "a value that was deleted");
        assert!(!is_accepted(Some(&third), 2, 5), "a value that nobody has begun to set");
        assert!(!is_accepted(Some(&value((2, 2), THIRD)), THIRD, THIRD), "another's value");
    }

    #[test]
    fn absence_is_accepted_only_where_a_delete_was() {
        assert!(is_accepted(None, FOURTH, FOURTH) && is_accepted(None, THIRD, FOURTH));
        assert!(is_accepted(None, 5, 9), "between two sets there may have been a delete");
        assert!(!is_accepted(None, THIRD, THIRD) && !is_accepted(None, 5, THIRD));
    }

    #[test]
    fn torn_and_mixed_values_are_found() {
        let whole = value(PLACE, THIRD);
        for byte in 0..whole.len() {
            let mut torn = whole.clone();
            torn[byte] ^= 1;
            assert!(!is_accepted(Some(&torn), THIRD, THIRD), "byte {byte} is another");
            assert!(!is_accepted(Some(&whole[..byte]), THIRD, THIRD), "cut at byte {byte}");
        }
    }
}
