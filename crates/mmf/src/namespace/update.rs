//! Reading, computing and storing as one step, under the variable's lock.

use std::result::Result as StdResult;
use std::sync::Arc;

use super::guard::{LockGuard, lock_variable_within};
use super::handle::decode;
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::seat::HeldMode;
use crate::lock::{Entry, begin_update, end_update, keep_untold_death, wait_for_lock};
use crate::registry::Patience;
use crate::value::{FromValue, ToValue};
use crate::variable::{Context, Payload, Target};

/// Lets `change` make the next value of the current one, once; returns the new version, or 0 when
/// there is no value. `explain` completes the library's own errors.
pub(super) fn update<T, R, E>(
    context: &Arc<Context>,
    target: &Target<'_>,
    change: impl FnOnce(Option<T>) -> StdResult<Option<R>, E>,
    explain: impl Fn(Error) -> E,
) -> StdResult<u64, E>
where
    T: FromValue,
    R: ToValue,
{
    let update = Update::begin(context, target).map_err(&explain)?;
    let current = context
        .read(target, &mut Payload::new(), decode::<T>)
        .and_then(Option::transpose)
        .map_err(&explain)?;
    let next = change(current)?;
    update.store(target, next.as_ref()).map_err(&explain)
}

/// An update under way; dropping it gives the lock back.
struct Update {
    guard: LockGuard,
}

impl Update {
    fn begin(context: &Arc<Context>, target: &Target<'_>) -> Result<Self> {
        let registry = &context.registry;
        let mut patience = Patience::new(context.timeout, None);
        loop {
            let mode = HeldMode::Exclusive;
            let guard = lock_variable_within(context, target, mode, &mut patience)?;
            if guard.previous_owner_died() {
                // More than this value may be half-way: that is for the next locker to know.
                keep_untold_death(registry, guard.lock())?;
            }
            let entry = begin_update(registry, &guard.seat()?, guard.lock(), context.autolock)?;
            if entry == Entry::Open {
                return Ok(Self { guard });
            }
            drop(guard);
            if let Some(refusal) = entry.refusal() {
                return Err(refusal);
            }
            wait_for_lock(registry, NAMESPACE_LOCK, &mut patience)?;
        }
    }

    /// Stores what the variable is to hold. Nobody's lock is in the way: who wants the namespace's
    /// waits for the end of the update.
    fn store<R: ToValue>(&self, target: &Target<'_>, next: Option<&R>) -> Result<u64> {
        if !self.guard.is_of_this_process() {
            return Err(Error::new(ErrorKind::NotHeld, "the update is the parent process's"));
        }
        let context = self.guard.context().past_locks();
        match next {
            Some(value) => context.set(target, &value.encode()?),
            None => context.delete(target).map(|_| 0),
        }
    }
}

impl Drop for Update {
    fn drop(&mut self) {
        if !self.guard.is_of_this_process() {
            return;
        }
        match self.guard.seat() {
            Ok(seat) => end_update(&seat, self.guard.lock()),
            Err(error) => tracing::debug!(%error, "an update was not ended"),
        }
    }
}
