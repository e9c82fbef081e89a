//! What autolocked gets and sets ask of a lock word, and how they wait for it.

use crate::error::{Error, ErrorKind, Result};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::lock_word::{LockWord, Mode};
use crate::format::seat::{HeldMode, Phase};
use crate::record::{Record, record_of_lock};
use crate::registry::{Patience, Registry, Step, heal_shared};
use crate::seat::{Seat, counting_seat};
use crate::segment::sleep_on;
use crate::sync::Ordering;

/// What a lock word says to somebody who wants in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    Open,
    /// Somebody else holds the lock.
    Wait,
    /// The caller itself holds it shared and wants to write.
    OwnShared,
    /// The caller itself is inside an update under it.
    OwnUpdate,
}

impl Entry {
    /// The error for somebody who would wait for himself.
    pub(crate) fn refusal(self) -> Option<Error> {
        match self {
            Self::Open | Self::Wait => None,
            Self::OwnShared => Some(own_shared()),
            Self::OwnUpdate => Some(own_update()),
        }
    }
}

/// May `seat` write under a lock word? The barrier behind the seat's publish lock came before.
#[inline(always)]
pub(crate) fn writer_entry(word: LockWord, lock: u64, seat: &Seat<'_>) -> Entry {
    if word.is_free() {
        return Entry::Open;
    }
    entry_beside(word, lock, seat)
}

#[inline(never)]
fn entry_beside(word: LockWord, lock: u64, seat: &Seat<'_>) -> Entry {
    match word.owner() {
        Some(owner) if owner == seat.number => match seat.find_held(lock) {
            Some((_, held)) if held.is_updating() => Entry::OwnUpdate,
            _ => Entry::Open,
        },
        // Whoever wants it does not have it yet: he waits for those inside an update.
        _ if lock == NAMESPACE_LOCK && word.mode() != Mode::Exclusive && seat.is_updating() => {
            Entry::Open
        }
        Some(_) => Entry::Wait,
        None if seat.find_held(lock).is_some() => Entry::OwnShared,
        None => Entry::Wait,
    }
}

/// May a reader with seat `own`, if it has one, read under a lock word?
#[inline(always)]
pub(crate) fn reader_entry(word: LockWord, own: impl FnOnce() -> Option<u32>) -> Entry {
    if word.mode() != Mode::Exclusive {
        return Entry::Open;
    }
    if word.owner() == own() { Entry::Open } else { Entry::Wait }
}

/// The error for a write under the caller's own shared lock.
pub(crate) fn own_shared() -> Error {
    Error::new(ErrorKind::WouldDeadlock, "the caller holds it locked as shared")
        .advise("unlock first, or take the lock as exclusive")
}

/// The error for somebody who would wait for an update that he is inside of.
pub(super) fn own_update() -> Error {
    Error::new(ErrorKind::WouldDeadlock, "the calling thread is inside an update of it")
        .advise("let the update's closure return the new value, and do the rest behind it")
}

/// One step of waiting until the lock word at `lock` changes; called with nothing held.
///
/// Returns false when a read-only reader finds that the owner is dead: nobody will write.
pub(crate) fn wait_for_lock(
    registry: &Registry,
    lock: u64,
    patience: &mut Patience,
) -> Result<bool> {
    let segment = registry.segment();
    let word = segment.word(lock)?;
    // Acquire: the seat that the word names can be found.
    let seen = LockWord(word.load(Ordering::Acquire));
    if seen.is_free() {
        return Ok(true);
    }
    match patience.next() {
        Step::Spin => crate::sync::spin_hint(),
        Step::Sleep(slice) => {
            if is_own_update(registry, lock, seen)? {
                return Err(own_update());
            }
            let mut expected = seen.with_waiters();
            if !segment.is_writable() {
                expected = seen;
            } else if seen != expected {
                let announced =
                    word.compare_exchange(seen.0, expected.0, Ordering::Relaxed, Ordering::Relaxed);
                if announced.is_err() {
                    return Ok(true);
                }
            }
            let slice = if segment.is_writable() { slice } else { slice.min(READER_SLEEP) };
            sleep_on(word, expected.0, slice, patience.deadline());
            patience.after_sleep()?;
        }
        Step::Probe => return recover_lock(registry, lock, seen, patience),
        Step::GiveUp => {
            let holder = in_the_way(registry, lock, seen)?;
            return Err(patience.timed_out("it did not become free", holder));
        }
    }
    Ok(true)
}

/// Whether this thread is inside an update under the lock, by another handle.
fn is_own_update(registry: &Registry, lock: u64, seen: LockWord) -> Result<bool> {
    let Some(owner) = seen.owner() else { return Ok(false) };
    if !registry.is_of_this_thread(owner) {
        return Ok(false);
    }
    let held = Seat::existing(registry.segment(), owner)?.find_held(lock);
    Ok(held.is_some_and(|(_, held)| held.is_updating()))
}

/// Read-only waiters cannot announce themselves: they look this often.
const READER_SLEEP: std::time::Duration = std::time::Duration::from_millis(20);

/// Recovers a lock word from dead holders, or finds that they live.
fn recover_lock(
    registry: &Registry,
    lock: u64,
    seen: LockWord,
    patience: &mut Patience,
) -> Result<bool> {
    let segment = registry.segment();
    if let Some(owner) = seen.owner() {
        if registry.seat_is_dead(owner)? {
            if !segment.is_writable() {
                return Ok(false);
            }
            registry.recover(patience)?;
        }
        return Ok(true);
    }
    if !segment.is_writable() {
        return Ok(true);
    }
    recover_shared(registry, lock, None, patience)?;
    heal_shared(segment, lock, None)?;
    Ok(true)
}

/// Recovers if a dead seat other than `except` lists the lock as shared.
pub(super) fn recover_shared(
    registry: &Registry,
    lock: u64,
    except: Option<u32>,
    patience: &mut Patience,
) -> Result<()> {
    for seat in Seat::all(registry.segment()) {
        let seat = seat?;
        if seat.find_held(lock).is_some()
            && Some(seat.number) != except
            && registry.seat_is_dead(seat.number)?
        {
            registry.recover(patience)?;
            return Ok(());
        }
    }
    Ok(())
}

/// Who is in the way of somebody who wants in. Whoever is closing the lock waits like the rest, and
/// is named only when nobody is in its own way.
fn in_the_way(
    registry: &Registry,
    lock: u64,
    seen: LockWord,
) -> Result<Option<crate::error::Holder>> {
    let Some(owner) = seen.owner() else { return shared_holder(registry, lock) };
    if seen.mode() == Mode::Closing {
        if let Some(holder) = shared_holder(registry, lock)? {
            return Ok(Some(holder));
        }
        if let Some(setter) = setter_inside(registry, lock, owner)? {
            return Ok(registry.holder_of_seat(setter, None));
        }
    }
    Ok(registry.holder_of_seat(owner, Some(lock)))
}

/// A seat other than `except` that is inside a set, an add or an update under the lock. First those
/// who add or update: who sets may be waiting for one of them.
fn setter_inside(registry: &Registry, lock: u64, except: u32) -> Result<Option<u32>> {
    let segment = registry.segment();
    if let Some(record) = record_of_lock(lock) {
        let adder = counting_seat(segment, record)?;
        return Ok(adder.or(Record::at(segment, record)?.publish().owner()));
    }
    for seat in Seat::all(segment) {
        let seat = seat?;
        let is_inside = seat.is_updating() || seat.intent().phase() == Some(Phase::Counting);
        if is_inside && seat.number != except {
            return Ok(Some(seat.number));
        }
    }
    for seat in Seat::all(segment) {
        let seat = seat?;
        let intent = seat.intent();
        if intent.is_none() || seat.number == except {
            continue;
        }
        if Record::at(segment, intent.record())?.publish().owner() == Some(seat.number) {
            return Ok(Some(seat.number));
        }
    }
    Ok(None)
}

/// Somebody who holds the lock as shared, or else somebody who is about to: whoever has listed it
/// is waited for.
pub(super) fn shared_holder(
    registry: &Registry,
    lock: u64,
) -> Result<Option<crate::error::Holder>> {
    let mut entering = None;
    for seat in Seat::all(registry.segment()) {
        let seat = seat?;
        let Some((_, held)) = seat.find_held(lock) else { continue };
        if held.depth() > 0 {
            return Ok(registry.holder_of_seat(seat.number, Some(lock)));
        }
        if held.mode() == HeldMode::Shared {
            entering = entering.or(registry.holder_of_seat(seat.number, Some(lock)));
        }
    }
    Ok(entering)
}
