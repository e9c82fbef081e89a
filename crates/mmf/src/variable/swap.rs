//! Setting, and telling what was there.

use super::write::Locking;
use super::{Context, Target, Wanted};
use crate::error::Result;
use crate::value::{Encoded, ValueType};

impl Context {
    /// Stores a value; `before` takes the payload that it replaces, whose type is returned.
    pub(crate) fn swap(
        &self,
        target: &Target<'_>,
        value: &Encoded<'_>,
        before: &mut impl Wanted,
    ) -> Result<Option<ValueType>> {
        let (lease, seat) = self.own_seat()?;
        let prepared = self.prepare(&seat, &lease, value)?;
        let mut patience = self.patience();
        loop {
            let Some(glimpse) = target.find(self.registry.segment())? else {
                match self.create(&seat, target, prepared, &mut patience)? {
                    Some(_) => return Ok(None),
                    None => continue,
                }
            };
            let identity = glimpse.identity;
            let locking = self.lock_record(&seat, glimpse.record, identity, &mut patience)?;
            let Locking::Locked(locked) = locking else { continue };
            // Under the lock, so that nobody can be quicker again and again.
            let found = match self.read_locked(&locked, before) {
                Ok(found) => found,
                Err(error) => {
                    locked.record.abandon(&seat);
                    return Err(error);
                }
            };
            self.exchange(&seat, locked, identity, target.hash, prepared)?;
            return Ok(found.map(|(value_type, _)| value_type));
        }
    }
}
