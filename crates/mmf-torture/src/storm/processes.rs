//! Starting and ending processes.
//!
//! A worker is a fork of the supervisor: a started program would spend most of a short life on its
//! way to the first operation.

#![allow(unsafe_code, reason = "a fork is cheap enough to be killed a hundred thousand times")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getppid};

use super::plan::Plan;
use crate::Result;

/// Forks a process that works and ends; what it finds it writes into a file of the plan.
pub(super) fn start(plan: &Plan, work: impl FnOnce() -> Result<()>) -> Result<Pid> {
    let parent = Pid::this();
    // SAFETY: the supervisor has one thread, so the child may do whatever the parent may.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                set_pdeathsig(Signal::SIGKILL)?;
                if getppid() != parent {
                    return Err("the supervisor has ended".into());
                }
                work()
            }));
            let finding = match outcome {
                Ok(Ok(())) => std::process::exit(0),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "a panic".to_owned(),
            };
            leave_with(plan, &finding)
        }
    }
}

/// Ends this process, and says why.
pub(super) fn leave_with(plan: &Plan, finding: &str) -> ! {
    if std::fs::write(plan.finding(std::process::id()), finding).is_err() {
        eprintln!("{finding}");
    }
    std::process::exit(1)
}

/// How a process has ended, if it has.
pub(super) fn has_ended(process: Pid) -> Result<Option<WaitStatus>> {
    let status = waitpid(process, Some(WaitPidFlag::WNOHANG))?;
    Ok(matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)).then_some(status))
}

/// Whether it was killed by the signal that nobody survives.
pub(super) fn was_killed(status: WaitStatus) -> bool {
    matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _))
}

/// Whether it has ended as it was told.
pub(super) fn is_done(status: WaitStatus) -> bool {
    matches!(status, WaitStatus::Exited(_, 0))
}

/// Sends the signal that nobody survives.
pub(super) fn strike(process: Pid) -> Result<()> {
    Ok(kill(process, Signal::SIGKILL)?)
}

/// What a process is doing, as the kernel sees each of its threads.
pub(super) fn evidence(process: Pid) -> String {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return format!("process {process} is gone");
    };
    let mut lines = Vec::new();
    for thread in threads.flatten() {
        let read = |file: &str| {
            let content = std::fs::read_to_string(thread.path().join(file));
            content.map_or_else(|error| error.to_string(), |content| content.trim().to_owned())
        };
        let status = read("status");
        let state = status.lines().find(|line| line.starts_with("State:")).unwrap_or("State: ?");
        lines.push(format!(
            "  thread {}: {state}; wchan {}; syscall {}; stack {}",
            thread.file_name().to_string_lossy(),
            read("wchan"),
            read("syscall"),
            read("stack").replace('\n', " ")
        ));
    }
    lines.join("\n")
}
