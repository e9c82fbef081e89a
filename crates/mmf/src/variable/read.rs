//! Reading: no lock, no store to shared memory.

use std::cell::Cell;

use super::counter::{Standing, is_counter};
use super::wanted::Unverified;
use super::write::Locked;
use super::{Context, Hint, Target, Wanted};
use crate::error::{Error, ErrorKind, Result};
use crate::format::block::{Descriptor, ValueHeader};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::index::Hash;
use crate::format::lock_word::{LockWord, Mode};
use crate::format::publish::Publish;
use crate::format::seat::Intent;
use crate::lock::{Entry, reader_entry, wait_for_lock};
use crate::record::{Glimpse, LockAttempt};
use crate::registry::{Patience, Step};
use crate::sync::{AtomicU64, Ordering};
use crate::value::ValueType;

/// Failed validations after which a reader takes the publish lock for one turn.
const TURNS: u32 = 64;

/// A value as one set stored it.
pub(crate) struct Seen<'a> {
    pub(crate) value_type: ValueType,
    pub(crate) version: u64,
    /// What was copied of the payload.
    pub(crate) payload: &'a [u8],
}

/// What one attempt came to.
enum Attempt {
    /// One whole value, copied as far as it was wanted, or none.
    Done(Option<Found>),
    /// The value changed during the copy.
    Torn,
    /// A lock stands in the way.
    Locked(u64),
}

/// A value that was whole.
struct Found {
    descriptor: Descriptor,
    version: u64,
}

/// The namespace's lock, and how it looked before the search.
#[derive(Clone, Copy)]
struct Gate<'a> {
    lock: &'a AtomicU64,
    /// 0 when locks are none of this reader's business.
    mask: u64,
    namespace: LockWord,
}

impl Gate<'_> {
    /// Acquire: a search that begins behind a lock does not miss what was made under it.
    #[inline(always)]
    fn look(&self, word: &AtomicU64) -> LockWord {
        LockWord(word.load(Ordering::Acquire) & self.mask)
    }
}

impl Context {
    /// Reads the variable: `wanted` takes what it wants, and `take` sees it once it is known to be
    /// whole; none when the variable does not exist.
    #[inline(always)]
    pub(crate) fn read<R>(
        &self,
        target: &Target<'_>,
        wanted: &mut impl Wanted,
        take: impl FnOnce(Seen<'_>) -> R,
    ) -> Result<Option<R>> {
        let found = match self.read_at_once(target, wanted) {
            Some(found) => found,
            None => self.read_slowly(target.name, target.hash, target.hint, wanted, &mut None)?,
        };
        hand_over(found, wanted, take)
    }

    /// As [`Context::read`], as a part of a longer wait.
    pub(super) fn read_within<R>(
        &self,
        target: &Target<'_>,
        wanted: &mut impl Wanted,
        patience: &mut Option<Patience>,
        take: impl FnOnce(Seen<'_>) -> R,
    ) -> Result<Option<R>> {
        let Target { name, hash, hint } = *target;
        let found = self.read_slowly(name, hash, hint, wanted, patience)?;
        hand_over(found, wanted, take)
    }

    /// Attempts until one succeeds. (The target comes in parts so that the attempt before, which
    /// as a rule succeeds, has it in registers.)
    #[cold]
    #[inline(never)]
    fn read_slowly(
        &self,
        name: &str,
        hash: Hash,
        hint: Option<&Cell<Option<Hint>>>,
        wanted: &mut impl Wanted,
        patience: &mut Option<Patience>,
    ) -> Result<Option<Found>> {
        let target = Target { name, hash, hint };
        let mut autolock = self.autolock;
        let mut failures = 0;
        loop {
            let obstacle = if failures % TURNS == 0 && failures > 0 {
                self.attempt_under_lock(&target, wanted, autolock)?
            } else {
                self.attempt(&target, wanted, autolock)?
            };
            let patience = patience.get_or_insert_with(|| self.patience());
            match obstacle {
                Attempt::Done(found) => return Ok(found),
                Attempt::Torn => {
                    failures += 1;
                    if failures % TURNS == 0 {
                        self.turn(patience)?;
                    }
                }
                Attempt::Locked(lock) => {
                    // A read-only reader that finds the owner dead goes on: nobody will write.
                    autolock = wait_for_lock(&self.registry, lock, patience)?;
                }
            }
        }
    }

    /// What the first attempt finds, if nothing unusual is in its way.
    #[inline(always)]
    fn read_at_once(&self, target: &Target<'_>, wanted: &mut impl Wanted) -> Option<Option<Found>> {
        let gate = self.gate(self.autolock);
        if gate.namespace.mode() == Mode::Exclusive {
            return None;
        }
        let glimpse = target.find_at_once(self.registry.segment())?;
        match self.read_behind(gate, glimpse, wanted) {
            Ok(Attempt::Done(found)) => Some(found),
            _ => None,
        }
    }

    fn attempt(
        &self,
        target: &Target<'_>,
        wanted: &mut impl Wanted,
        autolock: bool,
    ) -> Result<Attempt> {
        let gate = self.gate(autolock);
        if self.is_foreign(gate.namespace) {
            return Ok(Attempt::Locked(NAMESPACE_LOCK));
        }
        let glimpse = target.find(self.registry.segment())?;
        self.read_behind(gate, glimpse, wanted)
    }

    /// The first look at the namespace's lock.
    #[inline(always)]
    fn gate(&self, autolock: bool) -> Gate<'_> {
        let lock = self.registry.segment().header_word(NAMESPACE_LOCK);
        let gate = Gate { lock, mask: if autolock { u64::MAX } else { 0 }, namespace: LockWord(0) };
        Gate { namespace: gate.look(lock), ..gate }
    }

    /// Copies the value of the record that was found behind the gate, and looks whether it was
    /// whole and nobody locked it meanwhile.
    #[inline(always)]
    fn read_behind(
        &self,
        gate: Gate<'_>,
        glimpse: Option<Glimpse<'_>>,
        wanted: &mut impl Wanted,
    ) -> Result<Attempt> {
        let namespace = gate.namespace;
        let Some(glimpse) = glimpse else {
            let unchanged = namespace.same_acquisition(gate.look(gate.lock));
            return Ok(if unchanged { Attempt::Done(None) } else { Attempt::Torn });
        };
        let variable = gate.look(glimpse.record.lock_word());
        if self.is_foreign(variable) {
            return Ok(Attempt::Locked(glimpse.record.lock_offset()));
        }
        let descriptor = glimpse.descriptor();
        let mut version = glimpse.publish.version();
        if !descriptor.is_none() {
            let segment = self.registry.segment();
            let copied = if is_counter(descriptor) {
                self.copy_counter(descriptor, &mut version, wanted)
            } else {
                wanted.copy(Unverified { segment, glimpse, descriptor })
            };
            match copied {
                Ok(()) => {}
                Err(_) if !glimpse.still_holds() => return Ok(Attempt::Torn),
                Err(error) => return Err(error),
            }
        }
        // Behind the copy: the version, and the locks. A lock, two sets and an unlock fit between
        // one look and the copy; the count of acquisitions tells.
        let unchanged = glimpse.still_holds()
            && namespace.same_acquisition(gate.look(gate.lock))
            && variable.same_acquisition(gate.look(glimpse.record.lock_word()));
        if !unchanged {
            return Ok(Attempt::Torn);
        }
        let found = Found { descriptor, version };
        Ok(Attempt::Done((!descriptor.is_none()).then_some(found)))
    }

    /// Copies the value of a record under its publish lock, nobody adding to it; returns its type,
    /// and the header of a counter. None where there is no value.
    pub(super) fn read_locked(
        &self,
        locked: &Locked<'_>,
        wanted: &mut impl Wanted,
    ) -> Result<Option<(ValueType, Option<ValueHeader>)>> {
        let descriptor = locked.record.descriptor(locked.state.current());
        if descriptor.is_none() {
            return Ok(None);
        }
        let Some(value_type) = ValueType::from_tag(descriptor.tag()) else {
            return Err(unknown_type(descriptor));
        };
        if is_counter(descriptor) {
            let Standing { header, base, added } = self.standing(descriptor)?;
            wanted.copy_number(header, added.number(base).to_le_bytes());
            return Ok(Some((value_type, Some(header))));
        }
        let (segment, glimpse) = (self.registry.segment(), Glimpse::of(locked.record));
        wanted.copy(Unverified { segment, glimpse, descriptor })?;
        Ok(Some((value_type, None)))
    }

    /// Copies a counter's number. One load gives what was added, and how many versions that made.
    #[inline(never)]
    fn copy_counter(
        &self,
        descriptor: Descriptor,
        version: &mut u64,
        wanted: &mut impl Wanted,
    ) -> Result<()> {
        let Standing { header, base, added } = self.standing(descriptor)?;
        wanted.copy_number(header, added.number(base).to_le_bytes());
        *version = Publish::free(*version + added.count()).version();
        Ok(())
    }

    #[inline(always)]
    fn is_foreign(&self, word: LockWord) -> bool {
        word.mode() == Mode::Exclusive && self.is_held_by_others(word)
    }

    #[inline(never)]
    fn is_held_by_others(&self, word: LockWord) -> bool {
        reader_entry(word, || self.registry.own_seat_number()) == Entry::Wait
    }

    /// After many failures: a pause for a read-only reader, and the end of everybody's patience.
    fn turn(&self, patience: &mut Patience) -> Result<()> {
        match patience.next() {
            Step::GiveUp => Err(Error::new(
                ErrorKind::Contended,
                "the value was rewritten during every attempt to read it",
            )),
            Step::Sleep(_) => {
                std::thread::yield_now();
                Ok(())
            }
            Step::Spin | Step::Probe => Ok(()),
        }
    }

    /// One turn under the publish lock, which writers wait for; a read-only reader has none.
    fn attempt_under_lock(
        &self,
        target: &Target<'_>,
        wanted: &mut impl Wanted,
        autolock: bool,
    ) -> Result<Attempt> {
        if !self.registry.segment().is_writable() {
            return self.attempt(target, wanted, autolock);
        }
        let lease = self.registry.seat_lease(self.timeout)?;
        let seat = self.registry.seat(&lease)?;
        let Some(glimpse) = target.find(self.registry.segment())? else {
            return self.attempt(target, wanted, autolock);
        };
        match glimpse.record.try_lock(&seat) {
            LockAttempt::Taken(_) => {
                let attempt = self.attempt(target, wanted, autolock);
                glimpse.record.abandon(&seat);
                attempt
            }
            LockAttempt::Busy(_) => {
                seat.set_intent(Intent::NONE);
                Ok(Attempt::Torn)
            }
        }
    }
}

/// Shows a value that was whole to its user. Nothing is held here: `take` may be the user's own code.
#[inline(always)]
fn hand_over<R>(
    found: Option<Found>,
    wanted: &impl Wanted,
    take: impl FnOnce(Seen<'_>) -> R,
) -> Result<Option<R>> {
    let Some(Found { descriptor, version }) = found else { return Ok(None) };
    match ValueType::from_tag(descriptor.tag()) {
        Some(value_type) => Ok(Some(take(Seen { value_type, version, payload: wanted.payload() }))),
        None => Err(unknown_type(descriptor)),
    }
}

#[cold]
fn unknown_type(descriptor: Descriptor) -> Error {
    Error::damaged(descriptor.offset(), "a value has an unknown type")
}
