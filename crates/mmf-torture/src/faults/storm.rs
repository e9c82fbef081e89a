//! Signals that arrive thousands of times a second and restart no system call.

#![allow(unsafe_code, reason = "installing a signal handler")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::signal::{
    SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction,
};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::Result;

/// Signals that have arrived.
static ARRIVED: AtomicU64 = AtomicU64::new(0);

/// A storm that lasts until it is dropped.
pub(super) struct Storm {
    _timer: Timer,
}

impl Storm {
    /// Begins: this process gets a signal at every `interval`.
    pub(super) fn begin(interval: Duration) -> Result<Self> {
        let action =
            SigAction::new(SigHandler::Handler(note_arrival), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler must be safe to run at any instruction. It adds to an atomic word.
        unsafe { sigaction(Signal::SIGALRM, &action) }?;
        let event =
            SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGALRM, si_value: 0 });
        let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, event)?;
        timer.set(Expiration::Interval(interval.into()), TimerSetTimeFlags::empty())?;
        Ok(Self { _timer: timer })
    }

    /// How many signals have arrived.
    pub(super) fn arrived() -> u64 {
        ARRIVED.load(Ordering::Relaxed)
    }
}

extern "C" fn note_arrival(_signal: i32) {
    ARRIVED.fetch_add(1, Ordering::Relaxed);
}
