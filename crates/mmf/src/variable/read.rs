//! Reading: no lock, no store to shared memory.

use std::mem::MaybeUninit;

use super::{Context, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::format::block::{Descriptor, VALUE_HEADER, ValueHeader};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::lock_word::LockWord;
use crate::lock::{Entry, reader_entry, wait_for_lock};
use crate::record::{Glimpse, LockAttempt, Record};
use crate::registry::{Patience, Step};
use crate::sync::Ordering;
use crate::value::ValueType;

/// Failed validations after which a reader takes the publish lock for one turn.
const TURNS: u32 = 64;
/// Values up to this many bytes are copied to the stack.
const SMALL: usize = 128;

/// A value as one set stored it.
pub(crate) struct Seen<'a> {
    pub(crate) value_type: ValueType,
    pub(crate) header: ValueHeader,
    pub(crate) version: u64,
    pub(crate) payload: &'a [u8],
}

/// Whether the payload is wanted, and where to.
pub(crate) enum Wanted<'b> {
    /// Only the header.
    Header,
    /// Whatever is fastest.
    Payload,
    /// In the caller's buffer.
    Into(&'b mut Vec<u8>),
}

/// Lock words as they were before a copy.
struct LocksBefore {
    namespace: LockWord,
    variable: LockWord,
}

enum Attempt<R> {
    Done(Option<R>),
    /// The value changed during the copy.
    Torn,
    /// A lock stands in the way.
    Locked(u64),
}

impl Context {
    /// Reads the variable and hands its value to `take`; none when it does not exist.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        target: &Target<'_>,
        mut wanted: Wanted<'_>,
        take: impl Fn(Seen<'_>) -> R,
    ) -> Result<Option<R>> {
        let mut patience = None;
        let mut failures = 0;
        loop {
            match self.attempt(target, &mut wanted, &take)? {
                Attempt::Done(result) => return Ok(result),
                Attempt::Torn => {
                    failures += 1;
                    if failures % TURNS == 0 {
                        let patience = patience.get_or_insert_with(|| self.patience());
                        if let Some(result) = self.turn(target, &mut wanted, &take, patience)? {
                            return Ok(result);
                        }
                    }
                }
                Attempt::Locked(lock) => {
                    let patience = patience.get_or_insert_with(|| self.patience());
                    if !wait_for_lock(&self.registry, lock, patience)? {
                        return self.unlocked_copy(target).read(target, wanted, take);
                    }
                }
            }
        }
    }

    /// The same handle without respect for locks: for a read-only reader that found the owner
    /// dead.
    fn unlocked_copy(&self, _target: &Target<'_>) -> Self {
        Self { registry: self.registry.clone(), autolock: false, ..*self }
    }

    #[inline(always)]
    fn attempt<R>(
        &self,
        target: &Target<'_>,
        wanted: &mut Wanted<'_>,
        take: &impl Fn(Seen<'_>) -> R,
    ) -> Result<Attempt<R>> {
        let namespace = if self.autolock { self.namespace_lock() } else { LockWord(0) };
        if self.is_foreign(namespace) {
            return Ok(Attempt::Locked(NAMESPACE_LOCK));
        }
        let Some(glimpse) = target.find(self)? else {
            return self.confirm_absent(namespace);
        };
        let variable = self.variable_lock(&glimpse.record);
        if self.is_foreign(variable) {
            return Ok(Attempt::Locked(glimpse.record.lock_offset()));
        }
        let before = LocksBefore { namespace, variable };
        let descriptor = glimpse.descriptor();
        if descriptor.is_none() {
            return Ok(match self.confirm(&glimpse, &before)? {
                Some(obstacle) => obstacle,
                None => Attempt::Done(None),
            });
        }
        let mut small = [MaybeUninit::uninit(); SMALL];
        let mut large = Vec::new();
        let copy = match self.copy(descriptor, wanted, &mut small, &mut large) {
            Ok(copy) => copy,
            Err(_) if !glimpse.still_holds() => return Ok(Attempt::Torn),
            Err(error) => return Err(error),
        };
        if let Some(obstacle) = self.confirm(&glimpse, &before)? {
            return Ok(obstacle);
        }
        let seen = copy.seen(glimpse.publish.version())?;
        Ok(Attempt::Done(Some(take(seen))))
    }

    #[inline(always)]
    fn namespace_lock(&self) -> LockWord {
        LockWord(self.registry.segment().header_word(NAMESPACE_LOCK).load(Ordering::Acquire))
    }

    #[inline(always)]
    fn variable_lock(&self, record: &Record<'_>) -> LockWord {
        let word = if self.autolock { record.lock_word().load(Ordering::Acquire) } else { 0 };
        LockWord(word)
    }

    #[inline(always)]
    fn is_foreign(&self, word: LockWord) -> bool {
        reader_entry(word, || self.registry.own_seat_number()) == Entry::Wait
    }

    /// Looks again behind the copy: at the version, and at the locks.
    #[inline(always)]
    fn confirm<R>(
        &self,
        glimpse: &Glimpse<'_>,
        before: &LocksBefore,
    ) -> Result<Option<Attempt<R>>> {
        if !glimpse.still_holds() {
            return Ok(Some(Attempt::Torn));
        }
        if !self.autolock {
            return Ok(None);
        }
        let namespace = self.namespace_lock();
        let variable = self.variable_lock(&glimpse.record);
        let unchanged = before.namespace.same_acquisition(namespace)
            && before.variable.same_acquisition(variable);
        Ok(if unchanged { None } else { Some(Attempt::Torn) })
    }

    fn confirm_absent<R>(&self, before: LockWord) -> Result<Attempt<R>> {
        if !self.autolock || before.same_acquisition(self.namespace_lock()) {
            return Ok(Attempt::Done(None));
        }
        Ok(Attempt::Torn)
    }

    /// Copies header and payload, which may be torn.
    #[inline(always)]
    fn copy<'b>(
        &self,
        descriptor: Descriptor,
        wanted: &'b mut Wanted<'_>,
        small: &'b mut [MaybeUninit<u8>; SMALL],
        large: &'b mut Vec<u8>,
    ) -> Result<Copy<'b>> {
        let segment = self.registry.segment();
        let offset = descriptor.offset();
        let words = segment.words::<2>(offset)?;
        let header = ValueHeader::decode(words.each_ref().map(|word| word.load(Ordering::Relaxed)));
        let length = header.length as usize;
        let from = offset + VALUE_HEADER;
        let payload: &[u8] = match wanted {
            Wanted::Header => &[],
            Wanted::Into(buffer) => {
                segment.copy_to_vector(from, length, buffer)?;
                buffer
            }
            Wanted::Payload if length <= SMALL => segment.copy_out(from, &mut small[..length])?,
            Wanted::Payload => {
                segment.copy_to_vector(from, length, large)?;
                large
            }
        };
        Ok(Copy { tag: descriptor.tag(), header, payload, offset })
    }

    /// One turn under the publish lock, for a reader that writers never let through; a read-only
    /// one rests instead.
    #[cold]
    fn turn<R>(
        &self,
        target: &Target<'_>,
        wanted: &mut Wanted<'_>,
        take: &impl Fn(Seen<'_>) -> R,
        patience: &mut Patience,
    ) -> Result<Option<Option<R>>> {
        if !self.registry.segment().is_writable() {
            return match patience.next() {
                Step::GiveUp => Err(Error::new(
                    ErrorKind::Contended,
                    "the value was rewritten during every attempt to read it",
                )),
                Step::Spin | Step::Probe => Ok(None),
                Step::Sleep(_) => {
                    std::thread::yield_now();
                    Ok(None)
                }
            };
        }
        let lease = self.registry.seat_lease(self.timeout)?;
        let seat = self.registry.seat(&lease)?;
        let Some(glimpse) = target.find(self)? else { return Ok(None) };
        let record = glimpse.record;
        let state = match record.try_lock(&seat) {
            LockAttempt::Taken(state) => state,
            LockAttempt::Busy(_) => {
                seat.set_intent(crate::format::seat::Intent::NONE);
                return Ok(None);
            }
        };
        // Under the lock the version stands still: this attempt can only fail at a lock word.
        let attempt = self.attempt(target, wanted, take);
        record.abandon(&seat, state);
        match attempt? {
            Attempt::Done(result) => Ok(Some(result)),
            Attempt::Torn | Attempt::Locked(_) => Ok(None),
        }
    }
}

struct Copy<'b> {
    tag: u8,
    header: ValueHeader,
    payload: &'b [u8],
    offset: u64,
}

impl<'b> Copy<'b> {
    #[inline]
    fn seen(self, version: u64) -> Result<Seen<'b>> {
        let value_type = ValueType::from_tag(self.tag)
            .ok_or_else(|| Error::damaged(self.offset, "a value has an unknown type"))?;
        Ok(Seen { value_type, header: self.header, version, payload: self.payload })
    }
}
