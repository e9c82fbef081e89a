//! What differs between operating systems: how processes end, and how signals are passed on.

#[cfg(unix)]
pub use unix::{catch_endings, caught_signal, exit_code, forward_to};

#[cfg(not(unix))]
pub use other::{catch_endings, caught_signal, exit_code, forward_to};

#[cfg(unix)]
mod unix {
    #![allow(unsafe_code, reason = "the standard library has no interface to signals")]

    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::sync::atomic::{AtomicI32, Ordering};

    use libc::c_int;

    use crate::failure::SIGNALLED;

    /// The last signal caught, or 0.
    static CAUGHT: AtomicI32 = AtomicI32::new(0);
    /// The process that is told to end when this one is, or 0.
    static COMMAND: AtomicI32 = AtomicI32::new(0);

    /// The exit code that a shell would report for a process.
    pub fn exit_code(status: ExitStatus) -> u8 {
        match (status.code(), status.signal()) {
            (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
            (None, Some(signal)) => SIGNALLED.saturating_add(u8::try_from(signal).unwrap_or(0)),
            (None, None) => u8::MAX,
        }
    }

    /// From now on signals that ask this process to end are noted instead, and the process goes
    /// on. Programs that it starts are not affected.
    pub fn catch_endings() {
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
            if !is_ignored(signal) {
                handle(signal);
            }
        }
    }

    /// A signal that asked this process to end.
    pub fn caught_signal() -> Option<u8> {
        u8::try_from(CAUGHT.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)
    }

    /// Passes requests to end on to a child process, also one that came a moment ago; `None` ends
    /// that. A terminal sends SIGINT and SIGQUIT to the child itself: they are not passed on.
    pub fn forward_to(child: Option<u32>) {
        let child = child.and_then(|id| c_int::try_from(id).ok()).unwrap_or(0);
        COMMAND.store(child, Ordering::SeqCst);
        pass_on(CAUGHT.load(Ordering::SeqCst));
    }

    fn is_ignored(signal: c_int) -> bool {
        // SAFETY: all zeros is a valid `sigaction`, a plain structure of integers.
        let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: without a new action the call only writes the old one to `before`, which lives
        // on this stack.
        let result = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut before) };
        result == 0 && before.sa_sigaction == libc::SIG_IGN
    }

    fn handle(signal: c_int) {
        let handler: extern "C" fn(c_int) = note;
        // SAFETY: all zeros is a valid `sigaction` with an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: `action` is a whole `sigaction`; its handler has the signature that flags
        // without SA_SIGINFO ask for, and calls only what is safe inside a handler.
        unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    }

    /// The handler: touches two atomics and calls `kill`, all of them safe inside a handler.
    extern "C" fn note(signal: c_int) {
        CAUGHT.store(signal, Ordering::SeqCst);
        pass_on(signal);
    }

    fn pass_on(signal: c_int) {
        let command = COMMAND.load(Ordering::SeqCst);
        if command > 0 && matches!(signal, libc::SIGTERM | libc::SIGHUP) {
            // SAFETY: `kill` has no memory to keep; the process is a child that was not waited
            // for yet, so its number is nobody else's.
            unsafe { libc::kill(command, signal) };
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::process::ExitStatus;

    /// The process's exit code, as far as one byte can say it.
    pub fn exit_code(status: ExitStatus) -> u8 {
        status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
    }

    /// There are no signals to catch.
    pub fn catch_endings() {}

    /// There are no signals to catch.
    pub fn caught_signal() -> Option<u8> {
        None
    }

    /// There are no signals to pass on.
    pub fn forward_to(_child: Option<u32>) {}
}
