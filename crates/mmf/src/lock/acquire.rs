//! Taking a lock.

use std::time::Duration;

use super::enter::{own_shared, own_update, recover_shared, shared_holder, wait_for_lock};
use super::release::{leave_shared, update};
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::lock_word::{LockWord, Mode};
use crate::format::record::Identity;
use crate::format::seat::{HELD_LIMIT, Held, HeldMode};
use crate::platform::wall_clock_milliseconds;
use crate::record::Record;
use crate::registry::{Patience, Registry, Step, is_listed_shared};
use crate::seat::Seat;
use crate::segment::{Segment, sleep_on};
use crate::sync::{AtomicU64, Ordering, fence, spin_hint};

/// What to lock, and how.
pub(crate) struct LockRequest<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) seat: Seat<'a>,
    /// Where the lock word stands.
    pub(crate) lock: u64,
    /// The variable, when the lock is one variable's.
    pub(crate) variable: Option<(Record<'a>, Identity)>,
    pub(crate) mode: HeldMode,
}

/// How an acquisition ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Acquired {
    /// Held now.
    Held {
        /// The exclusive owner before died while holding it.
        previous_owner_died: bool,
    },
    /// The record has another name by now: look the variable up again.
    Stale,
}

/// How one attempt ended.
enum Attempt {
    Ended(Acquired),
    /// This seat is inside an update. That may wait for others, whom a locker keeps out: the lock
    /// is given back before the locker waits.
    Behind(u32),
}

/// Longest sleep while those inside leave: nobody wakes a locker when a set ends.
const DRAIN_SLEEP: Duration = Duration::from_millis(1);

/// Takes the lock, or fails at the deadline with nothing held.
pub(crate) fn acquire(request: &LockRequest<'_>, patience: &mut Patience) -> Result<Acquired> {
    let LockRequest { seat, lock, mode, .. } = request;
    if let Some((index, held)) = seat.find_held(*lock) {
        return nest(seat, index, held, *mode);
    }
    if *lock == NAMESPACE_LOCK && is_updating_here(request)? {
        return Err(own_update());
    }
    let Some(index) = seat.free_held() else {
        return Err(Error::new(
            ErrorKind::LimitReached,
            format!("a thread can hold {HELD_LIMIT} locks at most"),
        ));
    };
    loop {
        let attempt = match mode {
            HeldMode::Exclusive => acquire_exclusive(request, index, patience),
            HeldMode::Shared => acquire_shared(request, index, patience),
        };
        if let Ok(Attempt::Ended(Acquired::Held { previous_owner_died })) = attempt {
            seat.set_held(index, Held::new(*lock, *mode, 1), wall_clock_milliseconds());
            return Ok(Acquired::Held { previous_owner_died });
        }
        if let Some((index, _)) = seat.find_held(*lock) {
            seat.clear_held(index);
        }
        leave_shared(request.registry.segment(), seat, *lock)?;
        match attempt? {
            Attempt::Ended(acquired) => return Ok(acquired),
            Attempt::Behind(updater) => wait_for_update(request, updater, patience)?,
        }
    }
}

/// Waits, with nothing held, until a seat is not inside an update.
#[cold]
fn wait_for_update(request: &LockRequest<'_>, updater: u32, patience: &mut Patience) -> Result<()> {
    let segment = request.registry.segment();
    let seat = Seat::existing(segment, updater)?;
    let word = segment.word(request.lock)?;
    drain(request, word, patience, || Ok(seat.is_updating().then_some(updater)))
}

/// Takes a lock once more that the seat holds already.
fn nest(seat: &Seat<'_>, index: usize, held: Held, mode: HeldMode) -> Result<Acquired> {
    if held.is_updating() {
        return Err(own_update());
    }
    if mode == HeldMode::Exclusive && held.mode() == HeldMode::Shared {
        return Err(own_shared());
    }
    seat.set_held(index, held.with_depth(held.depth() + 1), seat.held_since(index));
    Ok(Acquired::Held { previous_owner_died: false })
}

/// Whether this thread is inside an update, by whichever handle: the locker would wait for itself.
fn is_updating_here(request: &LockRequest<'_>) -> Result<bool> {
    for number in request.registry.seats_of_this_thread() {
        if Seat::existing(request.registry.segment(), number)?.is_updating() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn acquire_exclusive(
    request: &LockRequest<'_>,
    index: usize,
    patience: &mut Patience,
) -> Result<Attempt> {
    let segment = request.registry.segment();
    let word = segment.word(request.lock)?;
    let entry = Held::new(request.lock, HeldMode::Exclusive, 0);
    request.seat.set_held(index, entry, wall_clock_milliseconds());
    loop {
        let seen = LockWord(word.load(Ordering::Relaxed));
        if matches!(seen.mode(), Mode::Free | Mode::Shared) {
            let claimed = seen.closing(request.seat.number);
            if update(word, seen, claimed) {
                break;
            }
            patience.after_defeat()?;
        } else {
            wait_for_lock(request.registry, request.lock, patience)?;
        }
    }
    // SeqCst fence: partner of the barrier behind a writer's publish lock.
    fence(Ordering::SeqCst);
    let drained = drain_shared(request, word, patience)
        .and_then(|()| drain_writers(request, word, patience))
        .map(|updater| (updater, is_still_named(request)));
    if let Ok((None, true)) = drained {
        let previous_owner_died = fulfil(word, request);
        return Ok(Attempt::Ended(Acquired::Held { previous_owner_died }));
    }
    give_up_closing(segment, request, word)?;
    Ok(match drained? {
        (Some(updater), _) => Attempt::Behind(updater),
        (None, _) => Attempt::Ended(Acquired::Stale),
    })
}

/// From closing to exclusive; tells whether the owner before died.
fn fulfil(word: &AtomicU64, request: &LockRequest<'_>) -> bool {
    loop {
        let seen = LockWord(word.load(Ordering::Relaxed));
        if seen.owner() != Some(request.seat.number) || update(word, seen, seen.exclusive()) {
            return seen.owner_died();
        }
    }
}

fn give_up_closing(segment: &Segment, request: &LockRequest<'_>, word: &AtomicU64) -> Result<()> {
    loop {
        let seen = LockWord(word.load(Ordering::Relaxed));
        let is_ours = seen.owner() == Some(request.seat.number);
        if !is_ours || update(word, seen, seen.shared()) {
            break;
        }
    }
    leave_shared(segment, &request.seat, request.lock)
}

fn acquire_shared(
    request: &LockRequest<'_>,
    index: usize,
    patience: &mut Patience,
) -> Result<Attempt> {
    let segment = request.registry.segment();
    let word = segment.word(request.lock)?;
    let entry = Held::new(request.lock, HeldMode::Shared, 0);
    loop {
        let look = LockWord(word.load(Ordering::Relaxed));
        if matches!(look.mode(), Mode::Closing | Mode::Exclusive) {
            // Not listed meanwhile: the locker waits for lists to empty.
            wait_for_lock(request.registry, request.lock, patience)?;
            continue;
        }
        request.seat.set_held(index, entry, wall_clock_milliseconds());
        // No fence: both sides change this one word, so that the later of the two sees the other.
        let seen = LockWord(word.load(Ordering::Relaxed));
        if matches!(seen.mode(), Mode::Free | Mode::Shared) && update(word, seen, seen.shared()) {
            break;
        }
        request.seat.clear_held(index);
        leave_shared(segment, &request.seat, request.lock)?;
        patience.after_defeat()?;
    }
    // SeqCst fence: partner of the barrier behind a writer's publish lock.
    fence(Ordering::SeqCst);
    if let Some(updater) = drain_writers(request, word, patience)? {
        return Ok(Attempt::Behind(updater));
    }
    if !is_still_named(request) {
        return Ok(Attempt::Ended(Acquired::Stale));
    }
    let previous_owner_died = LockWord(word.load(Ordering::Relaxed)).owner_died();
    Ok(Attempt::Ended(Acquired::Held { previous_owner_died }))
}

/// Whether the record still bears the variable's name. Asked when nobody can be unlinking it.
fn is_still_named(request: &LockRequest<'_>) -> bool {
    request.variable.is_none_or(|(record, identity)| record.identity() == identity)
}

/// Waits until no other seat lists the lock as shared.
fn drain_shared(
    request: &LockRequest<'_>,
    word: &AtomicU64,
    patience: &mut Patience,
) -> Result<()> {
    let LockRequest { registry, seat, lock, .. } = request;
    while is_listed_shared(registry.segment(), *lock, Some(seat.number))? {
        match patience.next() {
            Step::Spin => spin_hint(),
            Step::Sleep(slice) => {
                let seen = word.load(Ordering::Relaxed);
                sleep_on(word, seen, slice.min(DRAIN_SLEEP * 5), patience.deadline());
                patience.after_sleep()?;
            }
            Step::Probe => recover_shared(registry, *lock, Some(seat.number), patience)?,
            Step::GiveUp => {
                let holder = shared_holder(registry, *lock)?;
                return Err(patience.timed_out("shared holders did not leave", holder));
            }
        }
    }
    Ok(())
}

/// Waits until everybody who may have found the lock free is out, but for who is inside an update,
/// which may take long: that seat is returned at once.
fn drain_writers(
    request: &LockRequest<'_>,
    word: &AtomicU64,
    patience: &mut Patience,
) -> Result<Option<u32>> {
    match request.variable {
        Some((record, _)) => {
            drain(request, word, patience, || Ok(record.publish().owner()))?;
            for seat in Seat::all(request.registry.segment()) {
                let seat = seat?;
                let busy = || Ok(seat.is_counting(record.offset).then_some(seat.number));
                drain(request, word, patience, busy)?;
            }
        }
        None => {
            for seat in Seat::all(request.registry.segment()) {
                let seat = seat?;
                if seat.number == request.seat.number {
                    continue;
                }
                if seat.is_updating() {
                    return Ok(Some(seat.number));
                }
                let busy = || Ok((!seat.intent().is_none()).then_some(seat.number));
                drain(request, word, patience, busy)?;
            }
        }
    }
    Ok(None)
}

/// Waits until `busy` names nobody, once.
fn drain(
    request: &LockRequest<'_>,
    word: &AtomicU64,
    patience: &mut Patience,
    busy: impl Fn() -> Result<Option<u32>>,
) -> Result<()> {
    while let Some(owner) = busy()? {
        match patience.next() {
            Step::Spin => spin_hint(),
            Step::Sleep(slice) => {
                let seen = word.load(Ordering::Relaxed);
                sleep_on(word, seen, slice.min(DRAIN_SLEEP), patience.deadline());
                patience.after_sleep()?;
            }
            Step::Probe => {
                if request.registry.seat_is_dead(owner)? {
                    request.registry.recover(patience)?;
                }
            }
            Step::GiveUp => {
                let holder = request.registry.holder_of_seat(owner, None);
                return Err(patience.timed_out("a set or update under way did not end", holder));
            }
        }
    }
    Ok(())
}
