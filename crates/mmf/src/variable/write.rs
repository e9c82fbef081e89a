//! Setting: fill a block out of sight, then make it current with one swap.

use super::block::{Filled, Prepared, header_of};
use super::counter::is_counter;
use super::{Context, Hint, Target};
use crate::error::{ErrorKind, Result};
use crate::format::block::ValueHeader;
use crate::format::header::{ARRIVAL_COUNT, ARRIVALS, NAMESPACE_LOCK};
use crate::format::index::Hash;
use crate::format::lock_word::LockWord;
use crate::format::publish::Publish;
use crate::format::record::Identity;
use crate::format::seat::Intent;
use crate::lock::{Entry, wait_for_lock, writer_entry};
use crate::record::{Exchange, Glimpse, Linked, LockAttempt, NewVariable, Record, find, link};
use crate::registry::{Patience, SeatLease, Step, Structural};
use crate::seat::{Seat, wake_those_who_wait_for_any};
use crate::segment::{sleep_on, wake};
use crate::sync::{AtomicU64, Ordering, barrier_after_read_modify_write};
use crate::value::Encoded;

/// A record under the caller's publish lock.
#[derive(Clone, Copy)]
pub(super) struct Locked<'a> {
    pub(super) record: Record<'a>,
    /// Of the version that the next one comes after: that of the publish word, raised by what was
    /// added to a counter in place.
    pub(super) state: Publish,
    /// The version that everybody sees.
    pub(super) version: u64,
}

impl<'a> Locked<'a> {
    /// A record whose value is no counter.
    #[inline(always)]
    pub(super) fn new(record: Record<'a>, state: Publish) -> Self {
        Self { record, state, version: state.version() }
    }
}

/// What came of waiting for a record's publish lock.
pub(super) enum Locking<'a> {
    Locked(Locked<'a>),
    /// The record has another name by now.
    Stale,
}

impl Context {
    /// Stores a value; returns its version.
    #[inline]
    pub(crate) fn set(&self, target: &Target<'_>, value: &Encoded<'_>) -> Result<u64> {
        match self.registry.lease_at_hand() {
            Some(lease) if !self.checksums => self.set_with(&lease, target, value),
            _ => self.set_at_first(target, value),
        }
    }

    /// The same for a thread that has used another seat before, and in a namespace with checksums.
    #[inline(never)]
    fn set_at_first(&self, target: &Target<'_>, value: &Encoded<'_>) -> Result<u64> {
        let (lease, seat) = self.own_seat()?;
        let prepared = self.prepare(&seat, &lease, value)?;
        if let Some(Some(glimpse)) = target.find_at_once(self.registry.segment())
            && let Some(locked) = self.lock_at_once(&seat, &glimpse)
        {
            return self.exchange(&seat, locked, glimpse.identity, target.hash, prepared);
        }
        self.set_slowly(&seat, target, prepared)
    }

    #[inline(always)]
    fn set_with(&self, lease: &SeatLease, target: &Target<'_>, value: &Encoded<'_>) -> Result<u64> {
        let seat = self.registry.seat(lease)?;
        let filled = self.fill(&seat, header_of(lease, value), value)?;
        if let Some(Some(glimpse)) = target.find_at_once(self.registry.segment())
            && let Some(locked) = self.lock_at_once(&seat, &glimpse)
        {
            return self.publish(&seat, locked, filled);
        }
        self.set_slowly(&seat, target, Prepared { filled, seal: None })
    }

    /// Stores a prepared value as soon as nothing is in the way.
    #[cold]
    fn set_slowly(&self, seat: &Seat<'_>, target: &Target<'_>, prepared: Prepared) -> Result<u64> {
        let mut patience = self.patience();
        loop {
            let written = match target.find(self.registry.segment())? {
                Some(glimpse) => {
                    self.overwrite(seat, &glimpse, target.hash, prepared, &mut patience)?
                }
                None => self.create(seat, target, prepared, &mut patience)?,
            };
            if let Some(version) = written {
                return Ok(version);
            }
        }
    }

    /// Makes a variable as it was in another file: its time and setter are those of the header.
    pub(crate) fn restore(
        &self,
        target: &Target<'_>,
        value: &Encoded<'_>,
        header: ValueHeader,
    ) -> Result<()> {
        let (_, seat) = self.own_seat()?;
        let prepared = self.prepare_as(&seat, header, value)?;
        self.create(&seat, target, prepared, &mut self.patience()).map(drop)
    }

    /// Replaces the value of a record; none when the record is another variable's by now.
    #[inline]
    pub(super) fn overwrite(
        &self,
        seat: &Seat<'_>,
        glimpse: &Glimpse<'_>,
        name: Hash,
        prepared: Prepared,
        patience: &mut Patience,
    ) -> Result<Option<u64>> {
        let identity = glimpse.identity;
        match self.lock_record(seat, glimpse.record, identity, patience)? {
            Locking::Locked(locked) => {
                self.exchange(seat, locked, identity, name, prepared).map(Some)
            }
            Locking::Stale => Ok(None),
        }
    }

    /// Makes a prepared value current under the publish lock, which ends with it; returns the
    /// version.
    #[inline]
    pub(super) fn exchange(
        &self,
        seat: &Seat<'_>,
        locked: Locked<'_>,
        identity: Identity,
        name: Hash,
        prepared: Prepared,
    ) -> Result<u64> {
        let Locked { record, state, .. } = locked;
        if let Some(seal) = prepared.seal {
            record.seal_next(seal, state, identity, name);
        }
        self.publish(seat, locked, prepared.filled)
    }

    /// Makes a filled block current under the publish lock, which ends with it; returns the
    /// version.
    #[inline(always)]
    fn publish(&self, seat: &Seat<'_>, locked: Locked<'_>, filled: Filled) -> Result<u64> {
        let Locked { record, state, .. } = locked;
        let old = record.descriptor(state.current());
        let old_place = match self.place_for_old(seat, old, Some(filled)) {
            Ok(place) => place,
            Err(error) => {
                record.abandon(seat);
                return Err(error);
            }
        };
        let exchange = Exchange { new_place: filled.place, old_place };
        let has_waiters = record.publish_value(seat, state, filled.descriptor, exchange);
        self.after_publication(record.publish_word(), has_waiters)?;
        self.trim(seat, old_place);
        Ok(Publish::free(state.version() + 1).version())
    }

    /// Makes the variable; none when somebody else has made it meanwhile.
    #[cold]
    pub(super) fn create(
        &self,
        seat: &Seat<'_>,
        target: &Target<'_>,
        prepared: Prepared,
        patience: &mut Patience,
    ) -> Result<Option<u64>> {
        let new = NewVariable {
            name: target.name.as_bytes(),
            hash: target.hash,
            value: prepared.filled.descriptor,
            place: prepared.filled.place,
            seal: prepared.seal,
        };
        Ok(self.make(seat, target, new, patience)?.map(|linked| linked.version))
    }

    /// Links a record for the target; none when there is one already.
    pub(crate) fn make(
        &self,
        seat: &Seat<'_>,
        target: &Target<'_>,
        new: NewVariable<'_>,
        patience: &mut Patience,
    ) -> Result<Option<Linked>> {
        let segment = self.registry.segment();
        let namespace = segment.header_word(NAMESPACE_LOCK);
        loop {
            // Only a look: it spares the structural lock to those who would wait here. The one
            // behind the publish lock counts.
            if self.entry(namespace, NAMESPACE_LOCK, seat) == Entry::Wait {
                wait_for_lock(&self.registry, NAMESPACE_LOCK, patience)?;
                continue;
            }
            let structural = self.registry.structural_with(patience)?;
            if find(segment, target.hash, target.name.as_bytes())?.is_some() {
                return Ok(None);
            }
            let mut entry = Entry::Open;
            let linked = self.link_or_make_room(&structural, seat, new, || {
                entry = self.entry(namespace, NAMESPACE_LOCK, seat);
                entry == Entry::Open
            })?;
            drop(structural);
            if let Some(linked) = linked {
                target.remember(Some(Hint { offset: linked.record, identity: linked.identity }));
                self.announce_arrival(target)?;
                return Ok(Some(linked));
            }
            if let Some(refusal) = entry.refusal() {
                return Err(refusal);
            }
            wait_for_lock(&self.registry, NAMESPACE_LOCK, patience)?;
        }
    }

    /// Links; when memory is short, makes room and tries once more.
    fn link_or_make_room(
        &self,
        structural: &Structural<'_>,
        seat: &Seat<'_>,
        new: NewVariable<'_>,
        mut may_enter: impl FnMut() -> bool,
    ) -> Result<Option<Linked>> {
        let segment = self.registry.segment();
        match link(segment, seat, new, &mut may_enter) {
            Err(error) if error.kind() == ErrorKind::OutOfSpace => {
                self.make_room(structural, seat, new.place)?;
                link(segment, seat, new, &mut may_enter)
            }
            linked => linked,
        }
    }

    #[inline(always)]
    pub(super) fn entry(&self, word: &AtomicU64, lock: u64, seat: &Seat<'_>) -> Entry {
        if !self.autolock {
            return Entry::Open;
        }
        // Acquire: a writer that finds the lock free comes after what was done under it.
        writer_entry(LockWord(word.load(Ordering::Acquire)), lock, seat)
    }

    /// Takes the publish lock of a record if nobody holds any lock in the way. Else nothing is
    /// held or announced.
    #[inline(always)]
    pub(super) fn lock_at_once<'a>(
        &self,
        seat: &Seat<'_>,
        glimpse: &Glimpse<'a>,
    ) -> Option<Locked<'a>> {
        let record = glimpse.record;
        let LockAttempt::Taken(state) = record.try_lock(seat) else {
            // Nobody who locks the namespace shall wait for somebody who may come to wait for him.
            seat.set_intent(Intent::NONE);
            return None;
        };
        let namespace = self.registry.segment().header_word(NAMESPACE_LOCK);
        // Whoever adds to a counter in place is waited for.
        if !is_counter(record.descriptor(state.current()))
            && record.identity() == glimpse.identity
            && self.entry(namespace, NAMESPACE_LOCK, seat) == Entry::Open
            && self.entry(record.lock_word(), record.lock_offset(), seat) == Entry::Open
        {
            return Some(Locked::new(record, state));
        }
        record.abandon(seat);
        None
    }

    /// Takes the publish lock of a record, once the locks of others allow it.
    #[inline]
    pub(super) fn lock_record<'a>(
        &'a self,
        seat: &Seat<'_>,
        record: Record<'_>,
        identity: Identity,
        patience: &mut Patience,
    ) -> Result<Locking<'a>> {
        let segment = self.registry.segment();
        let record = Record::at(segment, record.offset)?;
        let namespace = segment.header_word(NAMESPACE_LOCK);
        loop {
            let state = match record.try_lock(seat) {
                LockAttempt::Taken(state) => state,
                LockAttempt::Busy(seen) => {
                    self.wait_for_publish_lock(seat, &record, seen, patience)?;
                    continue;
                }
            };
            if record.identity() != identity {
                record.abandon(seat);
                return Ok(Locking::Stale);
            }
            let whole = self.entry(namespace, NAMESPACE_LOCK, seat);
            let (lock, entry) = match whole {
                Entry::Open => {
                    let lock = record.lock_offset();
                    (lock, self.entry(record.lock_word(), lock, seat))
                }
                other => (NAMESPACE_LOCK, other),
            };
            if entry == Entry::Open {
                if !is_counter(record.descriptor(state.current())) {
                    return Ok(Locking::Locked(Locked::new(record, state)));
                }
                match self.await_adders(seat, record, state, patience)? {
                    Some(locked) => return Ok(Locking::Locked(locked)),
                    None => continue,
                }
            }
            record.abandon(seat);
            if let Some(refusal) = entry.refusal() {
                return Err(refusal);
            }
            wait_for_lock(&self.registry, lock, patience)?;
        }
    }

    #[cold]
    pub(super) fn wait_for_publish_lock(
        &self,
        seat: &Seat<'_>,
        record: &Record<'_>,
        seen: Publish,
        patience: &mut Patience,
    ) -> Result<()> {
        let step = patience.next();
        if step != Step::Spin {
            // Nobody who locks the namespace shall wait for a sleeper.
            seat.set_intent(Intent::NONE);
        }
        let owner = match seen.owner() {
            Some(owner) => owner,
            None if step == Step::GiveUp => {
                return Err(patience.timed_out("the variable was changed all the time", None));
            }
            None => return Ok(()),
        };
        match step {
            Step::Spin => crate::sync::spin_hint(),
            Step::Sleep(slice) => {
                let word = record.publish_word();
                let announced = seen.with_waiters();
                let stands = word
                    .compare_exchange(seen.0, announced.0, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok();
                if stands {
                    sleep_on(word, announced.0, slice, patience.deadline());
                    patience.after_sleep()?;
                }
            }
            Step::Probe => {
                if self.registry.seat_is_dead(owner)? {
                    self.registry.recover(patience)?;
                }
            }
            Step::GiveUp => {
                let holder = self.registry.holder_of_seat(owner, None);
                return Err(patience.timed_out("another set did not end", holder));
            }
        }
        Ok(())
    }

    /// Wakes those who wait for any of several variables, and those who could not say so.
    #[inline]
    pub(super) fn after_publication(&self, word: &AtomicU64, has_waiters: bool) -> Result<()> {
        if has_waiters {
            wake_those_who_wait_for_any(self.registry.segment())?;
        } else if self.wake_always {
            wake(word);
        }
        Ok(())
    }

    /// The arrival word of the target's name.
    pub(super) fn arrival_word(&self, target: &Target<'_>) -> Result<&AtomicU64> {
        let index = target.hash.0 % ARRIVAL_COUNT;
        self.registry.segment().word(ARRIVALS + index * 8)
    }

    fn announce_arrival(&self, target: &Target<'_>) -> Result<()> {
        let word = self.arrival_word(target)?;
        // Behind the exchange that freed the structural lock; partner of the barrier in
        // `announce_for_arrival`.
        barrier_after_read_modify_write();
        let seen = word.load(Ordering::Relaxed);
        if seen & 1 == 0 && !self.wake_always {
            return Ok(());
        }
        // The next count, nobody waiting: sleepers see another value and look again.
        let _ = word.compare_exchange(
            seen,
            (seen | 1).wrapping_add(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        wake(word);
        wake_those_who_wait_for_any(self.registry.segment())
    }

    /// A lease and its seat.
    pub(super) fn own_seat(&self) -> Result<(SeatLease, Seat<'_>)> {
        let lease = self.registry.seat_lease(self.timeout)?;
        Ok((lease, self.registry.seat(&lease)?))
    }
}
