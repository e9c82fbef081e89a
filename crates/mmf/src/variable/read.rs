//! Reading: no lock, no store to shared memory.

use super::counter::{Standing, is_counter};
use super::{Context, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::format::block::{Descriptor, VALUE_HEADER, ValueHeader};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::lock_word::LockWord;
use crate::format::publish::Publish;
use crate::format::seat::Intent;
use crate::lock::{Entry, reader_entry, wait_for_lock};
use crate::record::{Glimpse, LockAttempt, Record};
use crate::registry::{Patience, Step};
use crate::segment::outside;
use crate::sync::Ordering;
use crate::value::ValueType;

/// Failed validations after which a reader takes the publish lock for one turn.
const TURNS: u32 = 64;
/// Values up to this many bytes are copied to the stack.
const SMALL: usize = 64;

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

/// What one attempt came to.
enum Attempt {
    /// One whole value, copied, or none.
    Done(Option<Copied>),
    /// The value changed during the copy.
    Torn,
    /// A lock stands in the way.
    Locked(u64),
}

/// A value's header; its payload is in one of the buffers.
struct Copied {
    descriptor: Descriptor,
    header: ValueHeader,
    version: u64,
}

/// Where payloads are copied to.
struct Buffers<'b, 'w> {
    wanted: &'b mut Wanted<'w>,
    small: [u8; SMALL],
    large: Vec<u8>,
}

impl Context {
    /// Reads the variable and hands its value to `take`; none when it does not exist.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        target: &Target<'_>,
        wanted: Wanted<'_>,
        take: impl FnOnce(Seen<'_>) -> R,
    ) -> Result<Option<R>> {
        self.read_within(target, wanted, &mut None, take)
    }

    /// As [`Context::read`], as a part of a longer wait.
    #[inline]
    pub(super) fn read_within<R>(
        &self,
        target: &Target<'_>,
        mut wanted: Wanted<'_>,
        patience: &mut Option<Patience>,
        take: impl FnOnce(Seen<'_>) -> R,
    ) -> Result<Option<R>> {
        let mut buffers = Buffers { wanted: &mut wanted, small: [0; SMALL], large: Vec::new() };
        let copied = match self.attempt(target, &mut buffers, self.autolock)? {
            Attempt::Done(copied) => copied,
            obstacle => self.read_slowly(target, &mut buffers, patience, obstacle)?,
        };
        // Nothing is held here: `take` may be the user's own code.
        copied.map(|copied| buffers.seen(&copied).map(take)).transpose()
    }

    #[cold]
    fn read_slowly(
        &self,
        target: &Target<'_>,
        buffers: &mut Buffers<'_, '_>,
        patience: &mut Option<Patience>,
        mut obstacle: Attempt,
    ) -> Result<Option<Copied>> {
        let patience = patience.get_or_insert_with(|| self.patience());
        let mut autolock = self.autolock;
        let mut failures = 0;
        loop {
            match obstacle {
                Attempt::Done(copied) => return Ok(copied),
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
            obstacle = if failures % TURNS == 0 && failures > 0 {
                self.attempt_under_lock(target, buffers, autolock)?
            } else {
                self.attempt(target, buffers, autolock)?
            };
        }
    }

    #[inline(always)]
    fn attempt(
        &self,
        target: &Target<'_>,
        buffers: &mut Buffers<'_, '_>,
        autolock: bool,
    ) -> Result<Attempt> {
        let namespace = if autolock { self.namespace_lock() } else { LockWord(0) };
        if self.is_foreign(namespace) {
            return Ok(Attempt::Locked(NAMESPACE_LOCK));
        }
        let Some(glimpse) = target.find(self)? else {
            let unchanged = !autolock || namespace.same_acquisition(self.namespace_lock());
            return Ok(if unchanged { Attempt::Done(None) } else { Attempt::Torn });
        };
        let variable = if autolock { variable_lock(&glimpse.record) } else { LockWord(0) };
        if self.is_foreign(variable) {
            return Ok(Attempt::Locked(glimpse.record.lock_offset()));
        }
        let descriptor = glimpse.descriptor();
        let copied = match self.copy(descriptor, &glimpse, buffers) {
            Ok(copied) => copied,
            Err(_) if !glimpse.still_holds() => return Ok(Attempt::Torn),
            Err(error) => return Err(error),
        };
        // Behind the copy: the version, and the locks. A lock, two sets and an unlock fit between
        // one look and the copy; the count of acquisitions tells.
        let unchanged = glimpse.still_holds()
            && (!autolock
                || (namespace.same_acquisition(self.namespace_lock())
                    && variable.same_acquisition(variable_lock(&glimpse.record))));
        if !unchanged {
            return Ok(Attempt::Torn);
        }
        Ok(Attempt::Done(copied))
    }

    #[inline(always)]
    fn namespace_lock(&self) -> LockWord {
        // Acquire: a search that begins behind a lock does not miss what was made under it.
        LockWord(self.registry.segment().header_word(NAMESPACE_LOCK).load(Ordering::Acquire))
    }

    #[inline(always)]
    fn is_foreign(&self, word: LockWord) -> bool {
        reader_entry(word, || self.registry.own_seat_number()) == Entry::Wait
    }

    /// Copies header and payload, which may be torn, and the version; none when there is no value.
    #[inline(always)]
    fn copy(
        &self,
        descriptor: Descriptor,
        glimpse: &Glimpse<'_>,
        buffers: &mut Buffers<'_, '_>,
    ) -> Result<Option<Copied>> {
        if descriptor.is_none() {
            return Ok(None);
        }
        let version = glimpse.publish.version();
        if is_counter(descriptor) {
            return self.copy_counter(descriptor, version, buffers).map(Some);
        }
        let segment = self.registry.segment();
        let offset = descriptor.offset();
        let words = segment.words::<2>(offset)?;
        let header = ValueHeader::decode(words.each_ref().map(|word| word.load(Ordering::Relaxed)));
        let length = header.length as usize;
        let from = offset + VALUE_HEADER;
        match &mut *buffers.wanted {
            Wanted::Header => {}
            Wanted::Payload if length <= SMALL => {
                segment.copy_out(from, &mut buffers.small[..length])?;
            }
            Wanted::Into(buffer) if length <= SMALL => {
                segment.copy_to_vector(from, length, buffer)?;
            }
            large => {
                // Before memory is asked for: a torn header's length may be anything.
                if !glimpse.still_holds() {
                    return Err(outside(offset));
                }
                let buffer = match large {
                    Wanted::Into(buffer) => buffer,
                    _ => &mut buffers.large,
                };
                segment.copy_to_vector(from, length, buffer)?;
            }
        }
        Ok(Some(Copied { descriptor, header, version }))
    }

    /// Copies a counter's number. One load gives what was added, and how many versions that made.
    #[inline(never)]
    fn copy_counter(
        &self,
        descriptor: Descriptor,
        version: u64,
        buffers: &mut Buffers<'_, '_>,
    ) -> Result<Copied> {
        let Standing { header, base, added } = self.standing(descriptor)?;
        let number = added.number(base).to_le_bytes();
        match &mut *buffers.wanted {
            Wanted::Header => {}
            Wanted::Payload => buffers.small[..number.len()].copy_from_slice(&number),
            Wanted::Into(buffer) => {
                buffer.clear();
                buffer.extend_from_slice(&number);
            }
        }
        let version = Publish::free(version + added.count()).version();
        Ok(Copied { descriptor, header, version })
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
        buffers: &mut Buffers<'_, '_>,
        autolock: bool,
    ) -> Result<Attempt> {
        if !self.registry.segment().is_writable() {
            return self.attempt(target, buffers, autolock);
        }
        let lease = self.registry.seat_lease(self.timeout)?;
        let seat = self.registry.seat(&lease)?;
        let Some(glimpse) = target.find(self)? else {
            return self.attempt(target, buffers, autolock);
        };
        match glimpse.record.try_lock(&seat) {
            LockAttempt::Taken(_) => {
                let attempt = self.attempt(target, buffers, autolock);
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

#[inline(always)]
fn variable_lock(record: &Record<'_>) -> LockWord {
    // Relaxed: the fence of `still_holds` stands between the two looks.
    LockWord(record.lock_word().load(Ordering::Relaxed))
}

impl Buffers<'_, '_> {
    /// The copied value as its user sees it.
    #[inline]
    fn seen(&mut self, copied: &Copied) -> Result<Seen<'_>> {
        let Copied { descriptor, header, version } = *copied;
        let value_type = ValueType::from_tag(descriptor.tag())
            .ok_or_else(|| Error::damaged(descriptor.offset(), "a value has an unknown type"))?;
        let length = header.length as usize;
        let payload: &[u8] = match self.wanted {
            Wanted::Header => &[],
            Wanted::Into(buffer) => buffer,
            Wanted::Payload if length <= SMALL => &self.small[..length],
            Wanted::Payload => &self.large,
        };
        Ok(Seen { value_type, header, version, payload })
    }
}
