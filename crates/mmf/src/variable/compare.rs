//! Setting on condition: only if nobody else has set since.

use super::write::{Locked, Locking};
use super::{Context, Nothing, Payload, Seen, Target};
use crate::error::Result;
use crate::value::{Encoded, FromValue, Value};

/// What came of a set on condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The variable was as expected; the value is stored, with this new version.
    Stored(u64),
    /// The variable is another, with this version, or does not exist (0); nothing has changed.
    Differs(u64),
}

impl Context {
    /// Stores a value if the variable still has the version `expected`; 0 is "does not exist".
    pub(crate) fn compare_and_set(
        &self,
        target: &Target<'_>,
        expected: u64,
        value: &Encoded<'_>,
    ) -> Result<Comparison> {
        let lease = self.registry.seat_lease(self.timeout)?;
        let seat = self.registry.seat(&lease)?;
        let mut patience = self.patience();
        loop {
            let Some(glimpse) = target.find(self.registry.segment())? else {
                // A get says it, and waits for whoever holds the lock: the answer is for good.
                if expected != 0 {
                    if self.read(target, &mut Nothing, |_| ())?.is_none() {
                        return Ok(Comparison::Differs(0));
                    }
                    // It has come meanwhile, and may have gone again: not to be made.
                    patience.after_defeat()?;
                    continue;
                }
                let prepared = self.prepare(&seat, &lease, value)?;
                match self.create(&seat, target, prepared, &mut patience)? {
                    Some(version) => return Ok(Comparison::Stored(version)),
                    None => continue,
                }
            };
            let prepared = self.prepare(&seat, &lease, value)?;
            let locking =
                self.lock_record(&seat, glimpse.record, glimpse.identity, &mut patience)?;
            let Locking::Locked(locked) = locking else { continue };
            let Locked { record, state, version } = &locked;
            let exists = !record.descriptor(state.current()).is_none();
            let version = if exists { *version } else { 0 };
            if version != expected {
                record.abandon(&seat);
                return Ok(Comparison::Differs(version));
            }
            let stored = self.exchange(&seat, locked, glimpse.identity, target.hash, prepared);
            return stored.map(Comparison::Stored);
        }
    }

    /// Stores a value if the variable has the value `expected`, or does not exist if that is none.
    pub(crate) fn compare_value_and_set(
        &self,
        target: &Target<'_>,
        expected: Option<&Value>,
        value: &Encoded<'_>,
    ) -> Result<Comparison> {
        // Who may not write is told so, whatever the value.
        self.own_seat()?;
        let mut patience = self.patience();
        loop {
            let decode = |seen: Seen<'_>| {
                Value::decode(seen.value_type, seen.payload).map(|value| (value, seen.version))
            };
            let now = self.read(target, &mut Payload::new(), decode)?.transpose()?;
            let version = match (&now, expected) {
                (Some((value, version)), Some(expected))
                    if value.has_number_or_equals(expected) =>
                {
                    *version
                }
                (None, None) => 0,
                _ => return Ok(Comparison::Differs(now.map_or(0, |(_, version)| version))),
            };
            // At exactly that version it still has the value.
            let stored = self.compare_and_set(target, version, value)?;
            if let Comparison::Stored(_) = stored {
                return Ok(stored);
            }
            patience.after_defeat()?;
        }
    }
}
