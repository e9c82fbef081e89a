//! Locks held by a guard.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::format::block::Descriptor;
use crate::format::header::NAMESPACE_LOCK;
use crate::format::seat::{HeldMode, NO_PLACE};
use crate::lock::{Acquired, LockRequest, acquire, release};
use crate::platform::fork_epoch;
use crate::record::{NewVariable, Record, record_of_lock};
use crate::registry::{Interruption, Patience, SeatLease};
use crate::seat::Seat;
use crate::variable::{Context, Target};

/// How to lock.
///
/// ```
/// use std::time::Duration;
/// let patient = mmf::LockOptions::exclusive().timeout(Duration::from_secs(60));
/// let reader = mmf::LockOptions::shared();
/// # drop((patient, reader));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LockOptions {
    mode: HeldMode,
    timeout: Option<Option<Duration>>,
    interrupted_by: Option<Interruption>,
}

impl LockOptions {
    /// Nobody else may hold the lock; autolocked gets and sets of others wait.
    pub fn exclusive() -> Self {
        Self { mode: HeldMode::Exclusive, timeout: None, interrupted_by: None }
    }

    /// Others may hold it as shared too; autolocked sets wait.
    pub fn shared() -> Self {
        Self { mode: HeldMode::Shared, timeout: None, interrupted_by: None }
    }

    /// How long to wait; zero is for ever. The handle's timeout unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some((!timeout.is_zero()).then_some(timeout));
        self
    }

    /// Ends the wait with [`ErrorKind::Interrupted`] when `is_interrupted` says so, which is asked
    /// as by [`Namespace::wait_interruptibly`](crate::Namespace::wait_interruptibly).
    pub fn interrupted_by(mut self, is_interrupted: fn() -> bool) -> Self {
        self.interrupted_by = Some(is_interrupted);
        self
    }

    fn patience(&self, context: &Context) -> Patience {
        Patience::new(self.timeout.unwrap_or(context.timeout), self.interrupted_by)
    }
}

/// A held lock; dropping it gives it back.
///
/// Locks belong to the thread that took them: a guard cannot be sent to another, and in a forked
/// child the copy of a guard releases nothing.
#[must_use = "the lock is given back when the guard goes"]
pub struct LockGuard {
    context: Arc<Context>,
    lease: SeatLease,
    lock: u64,
    epoch: u64,
    previous_owner_died: bool,
    is_held: bool,
    /// Guards are bound to their thread.
    thread: PhantomData<*const ()>,
}

impl LockGuard {
    /// Whether the exclusive owner before died while holding the lock: what it protects may be
    /// half-way.
    pub fn previous_owner_died(&self) -> bool {
        self.previous_owner_died
    }

    /// Gives the lock back and reports what went wrong, which dropping cannot.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotHeld`] when the lock is not held any more.
    pub fn unlock(mut self) -> Result<()> {
        self.give_back()
    }

    /// Whether it was taken by this process, and not by one that forked it.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.epoch == fork_epoch()
    }

    /// Where the lock word stands.
    pub(super) fn lock(&self) -> u64 {
        self.lock
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// The seat that holds it.
    pub(super) fn seat(&self) -> Result<Seat<'_>> {
        self.context.registry.seat(&self.lease)
    }

    fn give_back(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.is_held) {
            return Ok(());
        }
        if !self.is_of_this_process() {
            return Err(Error::new(ErrorKind::NotHeld, "the lock is the parent process's"));
        }
        release(&self.context.registry, &self.seat()?, self.lock)
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if let Err(error) = self.give_back() {
            tracing::debug!(%error, "a lock was not given back");
        }
    }
}

impl std::fmt::Debug for LockGuard {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = record_of_lock(self.lock).map_or("namespace", |_| "variable");
        out.debug_struct("LockGuard").field("of", &of).finish_non_exhaustive()
    }
}

/// Locks the whole namespace.
pub(super) fn lock_namespace(context: &Arc<Context>, options: &LockOptions) -> Result<LockGuard> {
    let lease = context.registry.seat_lease(context.timeout)?;
    let request = LockRequest {
        registry: &context.registry,
        seat: context.registry.seat(&lease)?,
        lock: NAMESPACE_LOCK,
        variable: None,
        mode: options.mode,
    };
    match acquire(&request, &mut options.patience(context))? {
        Acquired::Held { previous_owner_died } => {
            Ok(guard(context, lease, NAMESPACE_LOCK, previous_owner_died))
        }
        Acquired::Stale => Err(Error::damaged(NAMESPACE_LOCK, "a namespace lock has no variable")),
    }
}

/// Locks one variable, which need not exist.
pub(super) fn lock_variable(
    context: &Arc<Context>,
    target: &Target<'_>,
    options: &LockOptions,
) -> Result<LockGuard> {
    lock_variable_within(context, target, options.mode, &mut options.patience(context))
}

/// The same as a part of a longer wait.
pub(super) fn lock_variable_within(
    context: &Arc<Context>,
    target: &Target<'_>,
    mode: HeldMode,
    patience: &mut Patience,
) -> Result<LockGuard> {
    let lease = context.registry.seat_lease(context.timeout)?;
    let seat = context.registry.seat(&lease)?;
    loop {
        let Some((record, identity)) = context.record_of(target)? else {
            let new = NewVariable {
                name: target.name.as_bytes(),
                hash: target.hash,
                value: Descriptor::NONE,
                place: NO_PLACE,
                seal: None,
            };
            context.make(&seat, target, new, patience)?;
            continue;
        };
        let lock = record.lock_offset();
        let request = LockRequest {
            registry: &context.registry,
            seat,
            lock,
            variable: Some((Record::at(context.registry.segment(), record.offset)?, identity)),
            mode,
        };
        if let Acquired::Held { previous_owner_died } = acquire(&request, patience)? {
            return Ok(guard(context, lease, lock, previous_owner_died));
        }
    }
}

fn guard(
    context: &Arc<Context>,
    lease: SeatLease,
    lock: u64,
    previous_owner_died: bool,
) -> LockGuard {
    LockGuard {
        context: Arc::clone(context),
        lease,
        lock,
        epoch: fork_epoch(),
        previous_owner_died,
        is_held: true,
        thread: PhantomData,
    }
}
