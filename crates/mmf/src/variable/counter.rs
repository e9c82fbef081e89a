//! Counters: a kind of value that is changed in place.

use super::write::{Locked, Locking};
use super::{Context, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::format::block::VALUE_HEADER;
use crate::format::seat::NO_PLACE;
use crate::record::Exchange;
use crate::seat::Seat;
use crate::sync::Ordering;
use crate::value::{Encoded, ValueType};

impl Context {
    /// Adds to the counter, which begins at 0 when it does not exist; returns the new number.
    pub(crate) fn add(&self, target: &Target<'_>, amount: i64) -> Result<i64> {
        let (lease, seat) = self.own_seat()?;
        let mut patience = self.patience();
        loop {
            let Some(glimpse) = target.find(self.registry.segment())? else {
                let prepared = self.prepare(&seat, &lease, &Encoded::counter(amount))?;
                match self.create(&seat, target, prepared, &mut patience)? {
                    Some(_) => return Ok(amount),
                    None => continue,
                }
            };
            if glimpse.descriptor().is_none() {
                // Prepared before the lock is taken: refilling may wait.
                let prepared = self.prepare(&seat, &lease, &Encoded::counter(amount))?;
                let locking =
                    self.lock_record(&seat, glimpse.record, glimpse.identity, &mut patience)?;
                let Locking::Locked(Locked { record, state }) = locking else { continue };
                if !record.descriptor(state.current()).is_none() {
                    record.abandon(&seat);
                    continue;
                }
                if let Some(seal) = prepared.seal {
                    record.seal_next(seal, state, glimpse.identity, target.hash);
                }
                let exchange = Exchange { new_place: prepared.filled.place, old_place: NO_PLACE };
                let has_waiters =
                    record.publish_value(&seat, state, prepared.filled.descriptor, exchange);
                self.after_publication(record.publish_word(), has_waiters)?;
                return Ok(amount);
            }
            let locking =
                self.lock_record(&seat, glimpse.record, glimpse.identity, &mut patience)?;
            let Locking::Locked(locked) = locking else { continue };
            if let Some(sum) = self.add_locked(&seat, &locked, amount)? {
                return Ok(sum);
            }
        }
    }

    /// Adds under the publish lock and gives it back; none when the value is gone.
    pub(super) fn add_locked(
        &self,
        seat: &Seat<'_>,
        locked: &Locked<'_>,
        amount: i64,
    ) -> Result<Option<i64>> {
        let Locked { record, state } = locked;
        let descriptor = record.descriptor(state.current());
        if descriptor.is_none() {
            record.abandon(seat);
            return Ok(None);
        }
        let checked = self.counter_word(descriptor).and_then(|word| {
            let now = word.load(Ordering::Relaxed) as i64;
            let sum = now.checked_add(amount).ok_or_else(|| {
                Error::new(
                    ErrorKind::Overflow,
                    format!("{now} and {amount} exceed the range of a counter"),
                )
            })?;
            Ok((word, sum))
        });
        let (word, sum) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                record.abandon(seat);
                return Err(error);
            }
        };
        // Release: the intent that says so stands before the add.
        let add = || word.fetch_add(amount as u64, Ordering::Release);
        let (_, has_waiters) = record.publish_counter(seat, *state, add);
        self.after_publication(record.publish_word(), has_waiters)?;
        Ok(Some(sum))
    }

    fn counter_word(
        &self,
        descriptor: crate::format::block::Descriptor,
    ) -> Result<&crate::sync::AtomicU64> {
        match ValueType::from_tag(descriptor.tag()) {
            Some(ValueType::Counter) => {
                self.registry.segment().word(descriptor.offset() + VALUE_HEADER)
            }
            Some(other) => {
                Err(Error::new(ErrorKind::WrongType, format!("it holds {other}, not a counter"))
                    .advise("set it as a counter first, or delete it"))
            }
            None => Err(Error::damaged(descriptor.offset(), "a value has an unknown type")),
        }
    }
}
