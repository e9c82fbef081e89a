//! Counters: a kind of value that is added to in place (`docs/protocols.md`, section 1).

use std::time::Duration;

use super::adding::AddOptions;
use super::block::Prepared;
use super::write::{Locked, Locking};
use super::{Context, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::format::block::{Descriptor, VALUE_HEADER, ValueHeader};
use crate::format::checksum::payload_hash;
use crate::format::counter::{Added, COUNTER_PAYLOAD};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::publish::Publish;
use crate::format::seat::{Intent, Phase};
use crate::lock::Entry;
use crate::record::{Glimpse, Record};
use crate::registry::{Patience, SeatLease, Step};
use crate::seat::{Seat, counting_seat, wake_those_who_wait_for_any};
use crate::segment::{prefetch_to_write, sleep_on};
use crate::sync::{AtomicU64, Ordering, barrier_after_read_modify_write, spin_hint};
use crate::value::{Encoded, ValueType};

/// Looks under the publish lock before it is given back to those who add.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 100 };
/// Longest sleep while somebody is inside an add: nobody wakes a sleeper when an add ends.
const DRAIN_SLEEP: Duration = Duration::from_millis(1);

/// What came of an add in place.
pub(super) enum InPlace {
    /// It has happened.
    Added {
        /// The number now.
        sum: i64,
        /// Somebody sleeps on the publish word.
        has_waiters: bool,
    },
    /// Somebody holds the publish lock.
    Busy(Publish),
    /// It takes a new block, or somebody's permission.
    Refused,
}

/// What came of waiting until nobody adds.
enum Rest<'a> {
    Reached(Locked<'a>),
    /// This seat is inside still.
    Inside(u32),
}

/// A counter as it stands: who looks may be beside those who add.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) header: ValueHeader,
    pub(super) base: i64,
    pub(super) added: Added,
}

/// Whether a descriptor's value is a counter.
#[inline(always)]
pub(super) fn is_counter(descriptor: Descriptor) -> bool {
    descriptor.tag() == ValueType::Counter.tag()
}

impl Context {
    /// Adds to the counter, which begins at 0 when it does not exist; returns the new number.
    #[inline]
    pub(crate) fn add(&self, target: &Target<'_>, amount: i64) -> Result<i64> {
        let lease = self.registry.seat_lease(self.timeout)?;
        let seat = self.registry.seat(&lease)?;
        if let Some(Some(glimpse)) = target.find_at_once(self.registry.segment())
            && let InPlace::Added { sum, .. } = self.add_in_place(&seat, &glimpse, amount)?
        {
            return Ok(sum);
        }
        self.add_slowly(&lease, target, amount, AddOptions::checked())
    }

    /// The same with options. What has room in place neither overflows nor wraps.
    pub(crate) fn add_with(
        &self,
        target: &Target<'_>,
        amount: i64,
        options: AddOptions,
    ) -> Result<i64> {
        let lease = self.registry.seat_lease(self.timeout)?;
        self.add_slowly(&lease, target, amount, options)
    }

    #[cold]
    fn add_slowly(
        &self,
        lease: &SeatLease,
        target: &Target<'_>,
        amount: i64,
        options: AddOptions,
    ) -> Result<i64> {
        let seat = self.registry.seat(lease)?;
        let mut patience = self.patience();
        loop {
            let Some(glimpse) = target.find(self.registry.segment())? else {
                let first = options.sum(None, amount)?;
                let prepared = self.prepare(&seat, lease, &Encoded::counter(first))?;
                match self.create(&seat, target, prepared, &mut patience)? {
                    Some(_) => return Ok(first),
                    None => continue,
                }
            };
            match self.add_in_place(&seat, &glimpse, amount)? {
                InPlace::Added { sum, .. } => return Ok(sum),
                InPlace::Busy(seen) => {
                    self.wait_for_publish_lock(&seat, &glimpse.record, seen, &mut patience)?;
                    continue;
                }
                InPlace::Refused => {}
            }
            let sum = |now| options.sum(now, amount);
            let sum = self.replace_sum((&seat, lease), target, &glimpse, sum, &mut patience)?;
            if let Some(sum) = sum {
                return Ok(sum);
            }
        }
    }

    /// Adds to the word behind the payload, unless anything is in the way.
    #[inline(always)]
    pub(super) fn add_in_place(
        &self,
        seat: &Seat<'_>,
        glimpse: &Glimpse<'_>,
        amount: i64,
    ) -> Result<InPlace> {
        let descriptor = glimpse.descriptor();
        // Read-only waiters who are always woken sleep on the publish word: it has to change.
        if self.wake_always || !Added::takes(amount) || !is_counter(descriptor) {
            return Ok(InPlace::Refused);
        }
        if glimpse.publish.is_locked() {
            // Whoever holds it may be waiting for intents like the one that would be stored now.
            return Ok(InPlace::Busy(glimpse.publish));
        }
        let words = match self.registry.segment().words::<4>(descriptor.offset()) {
            Ok(words) => words,
            Err(_) if !glimpse.still_holds() => return Ok(InPlace::Busy(glimpse.publish)),
            Err(error) => return Err(error),
        };
        prefetch_to_write(&words[3]);
        seat.enter(Intent::new(glimpse.record.offset, Phase::Counting));
        let outcome = self.add_inside(seat, glimpse, words, amount);
        seat.set_intent(Intent::NONE);
        if let InPlace::Added { has_waiters: true, .. } = outcome {
            self.tell_of_add(&glimpse.record)?;
        }
        Ok(outcome)
    }

    /// Adds while the seat's intent says so.
    #[inline(always)]
    fn add_inside(
        &self,
        seat: &Seat<'_>,
        glimpse: &Glimpse<'_>,
        [header, _, base, added]: &[AtomicU64; 4],
        amount: i64,
    ) -> InPlace {
        let record = &glimpse.record;
        let publish = record.publish();
        // At the version of the glimpse, whatever it showed is still so.
        if publish.is_locked() || !publish.same_version(glimpse.publish) {
            return InPlace::Busy(publish);
        }
        let namespace = self.registry.segment().header_word(NAMESPACE_LOCK);
        let may_add = self.entry(namespace, NAMESPACE_LOCK, seat) == Entry::Open
            && self.entry(record.lock_word(), record.lock_offset(), seat) == Entry::Open;
        if !may_add {
            return InPlace::Refused;
        }
        if ValueHeader::length_of(header.load(Ordering::Relaxed)) != COUNTER_PAYLOAD {
            // Damage, which the look before a replacement tells.
            return InPlace::Refused;
        }
        let base = base.load(Ordering::Relaxed) as i64;
        if !Added(added.load(Ordering::Relaxed)).has_room(base) {
            return InPlace::Refused;
        }
        // Relaxed, between two barriers: who adds, or reads the number, comes after those who added
        // before.
        let before = added.fetch_add(Added::step(amount), Ordering::Relaxed);
        // Partner of the barrier in `announce`: the waiter sees the sum, or this load its bit.
        barrier_after_read_modify_write();
        let has_waiters = Publish(record.publish_word().load(Ordering::Relaxed)).has_waiters();
        let sum = Added(before).number(base).wrapping_add(amount);
        InPlace::Added { sum, has_waiters }
    }

    /// Wakes those who have announced themselves at a counter's record.
    #[cold]
    fn tell_of_add(&self, record: &Record<'_>) -> Result<()> {
        if record.take_waiters() {
            wake_those_who_wait_for_any(self.registry.segment())?;
        }
        Ok(())
    }

    /// Adds by a new block; none when the record is another variable's by now.
    #[cold]
    fn replace_sum(
        &self,
        (seat, lease): (&Seat<'_>, &SeatLease),
        target: &Target<'_>,
        glimpse: &Glimpse<'_>,
        sum: impl Fn(Option<i64>) -> Result<i64>,
        patience: &mut Patience,
    ) -> Result<Option<i64>> {
        // Prepared before the lock is taken: refilling may wait. The number follows below.
        let mut prepared = self.prepare(seat, lease, &Encoded::counter(0))?;
        let identity = glimpse.identity;
        let locking = self.lock_record(seat, glimpse.record, identity, patience)?;
        let Locking::Locked(locked) = locking else { return Ok(None) };
        let old = locked.record.descriptor(locked.state.current());
        let refilled = self.number_of(old).and_then(|standing| {
            let sum = sum(standing.map(|(now, _)| now))?;
            let header = standing.map(|(_, header)| header);
            self.refill_as_counter(&mut prepared, sum, header).map(|()| sum)
        });
        let sum = match refilled {
            Ok(sum) => sum,
            Err(error) => {
                locked.record.abandon(seat);
                return Err(error);
            }
        };
        self.exchange(seat, locked, identity, target.hash, prepared)?;
        Ok(Some(sum))
    }

    /// Makes of a prepared block with one word of payload, which nobody reaches yet, one of a
    /// counter; `header` is that of the counter at rest that it replaces.
    pub(super) fn refill_as_counter(
        &self,
        prepared: &mut Prepared,
        number: i64,
        header: Option<ValueHeader>,
    ) -> Result<()> {
        let block = prepared.filled.descriptor.offset();
        // It was filled behind a fence, with zero behind the payload: see `prepare`.
        let words = self.registry.segment().words::<4>(block)?;
        words[2].store(number as u64, Ordering::Relaxed);
        if let Some(header) = header {
            for (word, value) in words.iter().zip(header.encode()) {
                word.store(value, Ordering::Relaxed);
            }
        }
        let tag = ValueType::Counter.tag();
        prepared.filled.descriptor = Descriptor::new(block, tag, COUNTER_PAYLOAD);
        if let Some(seal) = &mut prepared.seal {
            seal.header = header.map_or(seal.header, ValueHeader::encode);
            seal.payload = payload_hash(&number.to_le_bytes(), self.seed);
            seal.tag = tag;
            seal.is_counter = true;
        }
        Ok(())
    }

    /// The number of a counter at rest, and its header; none where there is no value.
    fn number_of(&self, counter: Descriptor) -> Result<Option<(i64, ValueHeader)>> {
        if counter.is_none() {
            return Ok(None);
        }
        match ValueType::from_tag(counter.tag()) {
            Some(ValueType::Counter) => {}
            Some(other) => {
                return Err(Error::new(
                    ErrorKind::WrongType,
                    format!("it holds {other}, not a counter"),
                )
                .advise("set it as a counter first, or delete it"));
            }
            None => return Err(Error::damaged(counter.offset(), "a value has an unknown type")),
        }
        let Standing { header, base, added } = self.standing(counter)?;
        Ok(Some((added.number(base), header)))
    }

    /// A counter's words.
    #[inline]
    pub(super) fn standing(&self, counter: Descriptor) -> Result<Standing> {
        let words = self.registry.segment().words::<4>(counter.offset())?;
        let [first, second, base, added] =
            words.each_ref().map(|word| word.load(Ordering::Relaxed));
        let header = ValueHeader::decode([first, second]);
        if header.length != COUNTER_PAYLOAD {
            return Err(Error::damaged(counter.offset(), "a counter's payload is not one word"));
        }
        Ok(Standing { header, base: base as i64, added: Added(added) })
    }

    /// Under a counter's publish lock: waits until nobody adds in place, so that it stands still.
    /// None when that took long: then the lock is given back, so that others go on adding.
    #[cold]
    pub(super) fn await_adders<'a>(
        &self,
        seat: &Seat<'_>,
        record: Record<'a>,
        state: Publish,
        patience: &mut Patience,
    ) -> Result<Option<Locked<'a>>> {
        let rest = self.look_for_adders(&record).and_then(|inside| match inside {
            Some(inside) => Ok(Rest::Inside(inside)),
            None => self.at_rest(record, state).map(Rest::Reached),
        });
        if let Ok(Rest::Reached(locked)) = rest {
            return Ok(Some(locked));
        }
        record.abandon(seat);
        if let Rest::Inside(inside) = rest? {
            self.wait_for_adder(&record, inside, patience)?;
        }
        Ok(None)
    }

    /// A seat that is inside an add, and stays there.
    fn look_for_adders(&self, record: &Record<'_>) -> Result<Option<u32>> {
        let mut looks = 0;
        loop {
            let inside = counting_seat(self.registry.segment(), record.offset)?;
            looks += 1;
            if inside.is_none() || looks == LOOKS {
                return Ok(inside);
            }
            spin_hint();
        }
    }

    /// A counter that nobody adds to: its version goes on from what was counted.
    fn at_rest<'a>(&self, record: Record<'a>, state: Publish) -> Result<Locked<'a>> {
        let block = record.descriptor(state.current()).offset();
        let added = self.registry.segment().word(block + VALUE_HEADER + COUNTER_PAYLOAD)?;
        let count = Added(added.load(Ordering::Relaxed)).count();
        // An even number more: the same descriptor stays the current one.
        let raised = state.version() + count.next_multiple_of(2);
        Ok(Locked {
            record,
            state: Publish::free(raised),
            version: Publish::free(state.version() + count).version(),
        })
    }

    /// One step of waiting for a seat that is inside an add, with nothing held.
    #[cold]
    pub(super) fn wait_for_adder(
        &self,
        record: &Record<'_>,
        inside: u32,
        patience: &mut Patience,
    ) -> Result<()> {
        match patience.next() {
            Step::Spin => spin_hint(),
            Step::Sleep(slice) => {
                let word = record.publish_word();
                let seen = word.load(Ordering::Relaxed);
                sleep_on(word, seen, slice.min(DRAIN_SLEEP), patience.deadline());
                patience.after_sleep()?;
            }
            Step::Probe => {
                if self.registry.seat_is_dead(inside)? {
                    self.registry.recover(patience)?;
                }
            }
            Step::GiveUp => {
                let holder = self.registry.holder_of_seat(inside, None);
                return Err(patience.timed_out("an add under way did not end", holder));
            }
        }
        Ok(())
    }
}
