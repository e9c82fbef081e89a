//! Waiting until a variable changes, appears, goes or has a value.

use std::time::Duration;

use super::read::Seen;
use super::wanted::{Nothing, Payload};
use super::{Context, Target};
use crate::error::Result;
use crate::format::publish::Publish;
use crate::record::Record;
use crate::registry::{Interruption, Patience, Step};
use crate::seat::{ANY, Seat};
use crate::segment::sleep_on;
use crate::sync::{AtomicU64, Ordering, barrier_after_read_modify_write};
use crate::value::{FromValue, Value};

/// What a seat's waiting word says when it waits for one: that one's own word wakes it.
const ONE: u64 = 2;

/// How long a waiter tries to be seen by `stat` before it goes on unseen.
const PATIENCE_TO_SHOW: Duration = Duration::from_millis(5);
/// Read-only waiters cannot announce themselves: they look this often.
const READER_SLEEP: Duration = Duration::from_millis(10);

/// What to wait for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// The variable's version differs from this one. Version 0 stands for "does not exist".
    ChangedSince(u64),
    /// The variable exists.
    Exists,
    /// The variable does not exist.
    Gone,
    /// The variable has this value.
    Equals(Value),
}

/// What a wait found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Which of the awaited variables it is, counted from 0.
    pub index: usize,
    /// The variable's version, or 0 when it does not exist.
    pub version: u64,
}

impl Context {
    /// Waits until the condition of one of the targets holds.
    pub(crate) fn wait(
        &self,
        wanted: &[(Target<'_>, &Condition)],
        timeout: Option<Duration>,
        interrupted_by: Option<Interruption>,
    ) -> Result<Outcome> {
        // One patience for the whole wait, for reads behind locks too.
        let mut patience = Some(Patience::new(timeout, interrupted_by));
        if let [(target, condition)] = wanted {
            if let Some(version) = self.holds(target, condition, &mut patience)? {
                return Ok(Outcome { index: 0, version });
            }
            let version = self.wait_for_one(target, condition, &mut patience)?;
            return Ok(Outcome { index: 0, version });
        }
        if !self.registry.segment().is_writable() {
            return self.look_until_any(wanted, &mut patience);
        }
        let (_, seat) = self.own_seat()?;
        // Relaxed: who is told of the wait by the WAITERS bit has acquired this as well.
        seat.waiting().store(ANY, Ordering::Relaxed);
        let outcome = self.wait_for_any(&seat, wanted, &mut patience);
        seat.waiting().store(0, Ordering::Relaxed);
        outcome
    }

    /// The version at which the condition holds, if it does.
    fn holds(
        &self,
        target: &Target<'_>,
        condition: &Condition,
        patience: &mut Option<Patience>,
    ) -> Result<Option<u64>> {
        let version = |seen: Seen<'_>| seen.version;
        Ok(match condition {
            Condition::ChangedSince(since) => {
                let now = self.read_within(target, &mut Nothing, patience, version)?.unwrap_or(0);
                (now != *since).then_some(now)
            }
            Condition::Exists => self.read_within(target, &mut Nothing, patience, version)?,
            Condition::Gone => match self.read_within(target, &mut Nothing, patience, version)? {
                None => Some(0),
                Some(_) => None,
            },
            Condition::Equals(value) => {
                let compare = |seen: Seen<'_>| {
                    Value::decode(seen.value_type, seen.payload)
                        .map(|now| (now == *value).then_some(seen.version))
                };
                self.read_within(target, &mut Payload::new(), patience, compare)?
                    .transpose()?
                    .flatten()
            }
        })
    }

    fn next_sleep(&self, patience: &mut Option<Patience>) -> Result<Option<Duration>> {
        let patience = patience.get_or_insert_with(|| self.patience());
        match patience.next() {
            Step::Spin => {
                crate::sync::spin_hint();
                Ok(None)
            }
            // Nobody's death keeps a condition from holding.
            Step::Probe => Ok(None),
            Step::Sleep(slice) => Ok(Some(slice)),
            Step::GiveUp => Err(patience.timed_out("the condition did not hold", None)),
        }
    }

    fn wait_for_one(
        &self,
        target: &Target<'_>,
        condition: &Condition,
        patience: &mut Option<Patience>,
    ) -> Result<u64> {
        // For people to see: a reader, or a thread that finds no seat, waits unseen.
        let lease = match self.registry.segment().is_writable() {
            true => self.registry.seat_lease(Some(PATIENCE_TO_SHOW)).ok(),
            false => None,
        };
        let seat = lease.and_then(|lease| self.registry.seat(&lease).ok());
        let show = |what| {
            if let Some(seat) = &seat {
                seat.waiting().store(what, Ordering::Relaxed);
            }
        };
        show(ONE);
        let outcome = loop {
            match self.holds(target, condition, patience) {
                Ok(None) => {}
                Ok(Some(version)) => break Ok(version),
                Err(error) => break Err(error),
            }
            if let Err(error) = self.sleep_for_one(target, condition, patience) {
                break Err(error);
            }
        };
        show(0);
        outcome
    }

    /// One step of waiting for one variable.
    fn sleep_for_one(
        &self,
        target: &Target<'_>,
        condition: &Condition,
        patience: &mut Option<Patience>,
    ) -> Result<()> {
        let Some(slice) = self.next_sleep(patience)? else { return Ok(()) };
        let writable = self.registry.segment().is_writable();
        let slice = if writable || self.wake_always { slice } else { slice.min(READER_SLEEP) };
        // Announce first, look again, then sleep: a change in between alters the word.
        let (word, expected) = match target.find(self.registry.segment())? {
            Some(glimpse) => {
                let seen = glimpse.publish;
                let expected =
                    if writable { announce(&glimpse.record, seen) } else { Some(seen.0) };
                let Some(expected) = expected else { return Ok(()) };
                (glimpse.record.publish_word(), expected)
            }
            None => {
                let word = self.arrival_word(target)?;
                let seen = if writable {
                    announce_for_arrival(word)
                } else {
                    word.load(Ordering::Relaxed)
                };
                (word, seen)
            }
        };
        if self.holds(target, condition, patience)?.is_some() {
            return Ok(());
        }
        let patience = patience.get_or_insert_with(|| self.patience());
        sleep_on(word, expected, slice, patience.deadline());
        patience.after_sleep()
    }

    fn first_that_holds(
        &self,
        wanted: &[(Target<'_>, &Condition)],
        patience: &mut Option<Patience>,
    ) -> Result<Option<Outcome>> {
        for (index, (target, condition)) in wanted.iter().enumerate() {
            if let Some(version) = self.holds(target, condition, patience)? {
                return Ok(Some(Outcome { index, version }));
            }
        }
        Ok(None)
    }

    fn wait_for_any(
        &self,
        seat: &Seat<'_>,
        wanted: &[(Target<'_>, &Condition)],
        patience: &mut Option<Patience>,
    ) -> Result<Outcome> {
        loop {
            if let Some(outcome) = self.first_that_holds(wanted, patience)? {
                return Ok(outcome);
            }
            let Some(slice) = self.next_sleep(patience)? else { continue };
            let expected = seat.wake_word().load(Ordering::Relaxed);
            if !self.announce_to_all(wanted.iter().map(|(target, _)| target))? {
                continue;
            }
            if let Some(outcome) = self.first_that_holds(wanted, patience)? {
                return Ok(outcome);
            }
            let patience = patience.get_or_insert_with(|| self.patience());
            sleep_on(seat.wake_word(), expected, slice, patience.deadline());
            patience.after_sleep()?;
        }
    }

    /// Announces the wait at each target; tells whether everybody who changes one will see it.
    pub(super) fn announce_to_all<'t>(
        &self,
        wanted: impl IntoIterator<Item = &'t Target<'t>>,
    ) -> Result<bool> {
        for target in wanted {
            match target.find(self.registry.segment())? {
                // Also when a lock was taken or given back meanwhile: nobody has been told then.
                Some(glimpse) if announce(&glimpse.record, glimpse.publish).is_none() => {
                    return Ok(false);
                }
                Some(_) => {}
                None => {
                    announce_for_arrival(self.arrival_word(target)?);
                }
            }
        }
        Ok(true)
    }

    fn look_until_any(
        &self,
        wanted: &[(Target<'_>, &Condition)],
        patience: &mut Option<Patience>,
    ) -> Result<Outcome> {
        loop {
            if let Some(outcome) = self.first_that_holds(wanted, patience)? {
                return Ok(outcome);
            }
            if let Some(slice) = self.next_sleep(patience)? {
                std::thread::sleep(slice.min(READER_SLEEP));
                let patience = patience.get_or_insert_with(|| self.patience());
                patience.after_sleep()?;
            }
        }
    }
}

/// Sets WAITERS at exactly the version looked at; returns the word to sleep on.
pub(super) fn announce(record: &Record<'_>, seen: Publish) -> Option<u64> {
    let announced = seen.with_waiters().0;
    // The publishing swap either returns the bit or comes first and makes this exchange fail.
    // Release: a publisher that finds the bit sees what the seat waits for.
    let stands = record
        .publish_word()
        .compare_exchange(seen.0, announced, Ordering::Release, Ordering::Relaxed)
        .is_ok();
    // Partner of the barrier behind an add in place, which leaves this word alone: the look that
    // follows sees the sum, or the adder the bit.
    barrier_after_read_modify_write();
    stands.then_some(announced)
}

/// Sets WAITERS in an arrival word; returns the word to sleep on. The caller looks again.
pub(super) fn announce_for_arrival(word: &AtomicU64) -> u64 {
    let announced = word.fetch_or(1, Ordering::Relaxed) | 1;
    // Partner of the barrier in `announce_arrival`: the linker sees the bit and what the seat waits
    // for, or the look that follows sees the variable.
    barrier_after_read_modify_write();
    announced
}
