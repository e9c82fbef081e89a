//! Counters: one for each row, which its worker alone counts with, and one for everybody.
//!
//! A row's counter equals what was acknowledged to its worker, or is one more when a kill struck
//! between the attempt and the acknowledgement: then the next worker sees which. Everybody's
//! counter has grown since the last rest by what was acknowledged, and at most by one for each
//! worker that was killed in between.

use std::sync::atomic::Ordering;

use mmf::Namespace;

use super::ledger::{Kind, Ledger, Word};
use super::worker::{Worker, unless_full};
use crate::Result;

/// Everybody's counter.
const SHARED: &str = "everybody's counter";

/// Counter of the row.
fn name_of(row: usize) -> String {
    format!("count {row}")
}

/// Counts one, with the worker's own counter.
pub(super) fn count_own(worker: &mut Worker<'_>) -> Result<()> {
    let name = name_of(worker.row);
    let entry = worker.ledger.entry(worker.row, Word::Own);
    let next = entry.acknowledged() + 1;
    entry.attempt(next);
    let sum = unless_full(worker.perform(Kind::Add, |namespace| namespace.add(&name, 1)))?;
    match sum {
        None => entry.withdraw(),
        Some(sum) if sum as u64 == next => entry.acknowledge(),
        Some(sum) => {
            return Err(format!("{name:?} is {sum} after an add that made it {next}").into());
        }
    }
    Ok(())
}

/// Counts one, with everybody's counter.
pub(super) fn count_shared(worker: &mut Worker<'_>) -> Result<()> {
    let entry = worker.ledger.entry(worker.row, Word::Shared);
    // What a killed predecessor left in flight stays so until the next rest.
    let (acknowledged, in_flight) =
        (entry.acknowledged(), entry.attempted() - entry.acknowledged());
    entry.attempt(acknowledged + in_flight + 1);
    let sum = unless_full(worker.perform(Kind::Add, |namespace| namespace.add(SHARED, 1)))?;
    match sum {
        Some(_) => acknowledge_one(worker.ledger, worker.row),
        None => entry.attempt(acknowledged + in_flight),
    }
    Ok(())
}

fn acknowledge_one(ledger: &Ledger, row: usize) {
    ledger.word(row, Word::Shared).fetch_add(1, Ordering::SeqCst);
}

/// After a kill: the row's counter is one of two numbers, and from now on it is this one.
pub(super) fn settle(worker: &mut Worker<'_>) -> Result<()> {
    let name = name_of(worker.row);
    let count: Option<i64> = worker.perform(Kind::Get, |namespace| namespace.get(&name))?;
    settle_as(worker.ledger, worker.row, count.unwrap_or(0) as u64)
}

fn settle_as(ledger: &Ledger, row: usize, count: u64) -> Result<()> {
    let entry = ledger.entry(row, Word::Own);
    let (acknowledged, attempted) = (entry.acknowledged(), entry.attempted());
    if count != acknowledged && count != attempted {
        return Err(format!(
            "{:?} is {count}, with {acknowledged} increments acknowledged and {attempted} attempted",
            name_of(row)
        )
        .into());
    }
    entry.settle(count);
    Ok(())
}

/// Reads anybody's counter: no less than was acknowledged before, no more than was attempted
/// afterwards.
pub(super) fn verify(worker: &mut Worker<'_>, row: usize) -> Result<()> {
    let name = name_of(row);
    let entry = worker.ledger.entry(row, Word::Own);
    let least = entry.acknowledged();
    let count: Option<i64> = worker.perform(Kind::Get, |namespace| namespace.get(&name))?;
    let (count, most) = (count.unwrap_or(0) as u64, entry.attempted());
    if !(least..=most).contains(&count) {
        return Err(format!("{name:?} is {count}, not {least} to {most}").into());
    }
    worker.count_verified(1);
    Ok(())
}

/// At rest: each counter is what the ledger says. `base` is what everybody's was at the last rest;
/// returns what it is now.
pub(super) fn judge(namespace: &Namespace, ledger: &Ledger, base: u64) -> Result<u64> {
    for row in 0..ledger.rows() {
        let count: Option<i64> = namespace.get(&name_of(row))?;
        settle_as(ledger, row, count.unwrap_or(0) as u64)?;
    }
    let rows = || (0..ledger.rows()).map(|row| ledger.entry(row, Word::Shared));
    let acknowledged: u64 = rows().map(|entry| entry.acknowledged()).sum();
    let attempted: u64 = rows().map(|entry| entry.attempted()).sum();
    let count: Option<i64> = namespace.get(SHARED)?;
    let count = count.unwrap_or(0) as u64;
    if !(base + acknowledged..=base + attempted).contains(&count) {
        return Err(format!(
            "everybody's counter went from {base} to {count}, with {acknowledged} increments \
             acknowledged and {attempted} attempted"
        )
        .into());
    }
    rows().for_each(|entry| entry.settle(0));
    Ok(count)
}
