//! The larger or the smaller of what is there and a number.

use super::block::Prepared;
use super::write::{Locked, Locking};
use super::{Context, Payload, Seen, Target, Wanted};
use crate::error::Result;
use crate::value::{Extreme, FromValue, ToValue, Value};

impl Context {
    /// Keeps the larger or smaller of the variable's number and `candidate`; returns it.
    pub(crate) fn keep_extreme(
        &self,
        target: &Target<'_>,
        candidate: &Value,
        extreme: Extreme,
    ) -> Result<Value> {
        extreme.require_comparable(candidate)?;
        let (lease, seat) = self.own_seat()?;
        let mut patience = self.patience();
        loop {
            // A get says it, and waits for whoever holds the lock: most candidates change nothing.
            let decode = |seen: Seen<'_>| Value::decode(seen.value_type, seen.payload);
            if let Some(now) = self.read(target, &mut Payload::new(), decode)?.transpose()?
                && extreme.replacement(&now, candidate)?.is_none()
            {
                return Ok(now);
            }
            // Before the lock is taken: refilling may wait.
            let prepared = self.prepare(&seat, &lease, &candidate.encode()?)?;
            let Some(glimpse) = target.find(self.registry.segment())? else {
                match self.create(&seat, target, prepared, &mut patience)? {
                    Some(_) => return Ok(candidate.clone()),
                    None => continue,
                }
            };
            let identity = glimpse.identity;
            let locking = self.lock_record(&seat, glimpse.record, identity, &mut patience)?;
            let Locking::Locked(locked) = locking else { continue };
            let kept = match self.choose(&locked, prepared, candidate, extreme) {
                Ok((kept, Some(prepared))) => {
                    self.exchange(&seat, locked, identity, target.hash, prepared)?;
                    Ok(kept)
                }
                Ok((kept, None)) => {
                    locked.record.abandon(&seat);
                    Ok(kept)
                }
                Err(error) => {
                    locked.record.abandon(&seat);
                    Err(error)
                }
            };
            return kept;
        }
    }

    /// Under the publish lock: the number that is kept, and the block with it, if it is another.
    fn choose(
        &self,
        locked: &Locked<'_>,
        mut prepared: Prepared,
        candidate: &Value,
        extreme: Extreme,
    ) -> Result<(Value, Option<Prepared>)> {
        let mut payload = Payload::new();
        let Some((value_type, header)) = self.read_locked(locked, &mut payload)? else {
            return Ok((candidate.clone(), Some(prepared)));
        };
        let now = Value::decode(value_type, payload.payload())?;
        match extreme.replacement(&now, candidate)? {
            None => Ok((now, None)),
            Some(Value::Counter(number)) => {
                // A counter's header tells when it was made.
                self.refill_as_counter(&mut prepared, number, header)?;
                Ok((Value::Counter(number), Some(prepared)))
            }
            Some(other) => Ok((other, Some(prepared))),
        }
    }
}
