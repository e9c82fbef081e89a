//! How everybody waits: spin a moment, sleep, look whether the owner has died, and give up at
//! the deadline.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Holder, Result};
use crate::platform::LONGEST_SLEEP;

/// Turns of spinning before the first sleep.
const SPINS: u32 = if cfg!(loom) { 0 } else { 200 };
/// First sleep: a dead owner is noticed after this.
const FIRST_SLEEP: Duration = Duration::from_millis(5);

/// What to do next in a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Try again at once.
    Spin,
    /// Announce the wait and sleep for this long at most.
    Sleep(Duration),
    /// See whether the owner is dead.
    Probe,
    /// The deadline has passed.
    GiveUp,
}

/// Tells whether a wait is to end before its time, as after a signal.
pub(crate) type Interruption = fn() -> bool;

/// The course of one wait.
pub(crate) struct Patience {
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    interrupted_by: Option<Interruption>,
    spins: u32,
    sleep: Duration,
    probe_next: bool,
}

impl Patience {
    /// Waits for `timeout`, or for ever, until `interrupted_by` says that the wait is to end.
    pub(crate) fn new(timeout: Option<Duration>, interrupted_by: Option<Interruption>) -> Self {
        Self {
            timeout,
            deadline: None,
            interrupted_by,
            spins: 0,
            sleep: FIRST_SLEEP,
            probe_next: false,
        }
    }

    /// The next step. The clock is first looked at when the spinning is over.
    pub(crate) fn next(&mut self) -> Step {
        if self.spins < SPINS {
            self.spins += 1;
            return Step::Spin;
        }
        let deadline = match (self.deadline, self.timeout) {
            (None, Some(timeout)) => {
                // A timeout beyond the clock's range is for ever.
                self.deadline = Instant::now().checked_add(timeout);
                self.deadline
            }
            (deadline, _) => deadline,
        };
        if self.probe_next {
            self.probe_next = false;
            return Step::Probe;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Step::GiveUp;
        }
        let slice = self.sleep;
        self.sleep = (self.sleep * 4).min(LONGEST_SLEEP);
        self.probe_next = true;
        Step::Sleep(slice)
    }

    /// When the wait ends, if it does and has begun to sleep.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Asks after each sleep, however it ended: a signal that was handled while the waiter was
    /// awake has ended no sleep.
    pub(crate) fn after_sleep(&self) -> Result<()> {
        if self.interrupted_by.is_some_and(|is_interrupted| is_interrupted()) {
            return Err(Error::new(ErrorKind::Interrupted, "a signal ended the wait"));
        }
        Ok(())
    }

    /// Takes note that others were quicker to change a word. Should they always be, this ends.
    pub(crate) fn after_defeat(&mut self) -> Result<()> {
        match self.next() {
            Step::GiveUp => Err(self.timed_out("others were quicker all the time", None)),
            _ => Ok(()),
        }
    }

    /// The error at the deadline.
    pub(crate) fn timed_out(&self, what: &str, holder: Option<Holder>) -> Error {
        Error::timed_out(what, self.timeout.unwrap_or_default(), holder)
    }
}
