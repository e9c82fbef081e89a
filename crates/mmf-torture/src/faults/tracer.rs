//! A victim whose system calls are counted and made to fail.

use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::errors::{Call, Manner, Place};
use crate::Result;

/// What is to fail.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan {
    /// Nothing.
    Look,
    /// The call of this number alone.
    Once(usize, Errno),
    /// That call, and all later ones that can report the error.
    From(usize, Errno),
}

/// What a traced victim has done.
pub(super) struct Traced {
    /// The calls of its operation, in order.
    pub(super) calls: Vec<Call>,
    /// How many of them failed by plan.
    pub(super) failed: u64,
    /// What it printed afterwards.
    pub(super) said: String,
}

/// A child that is killed when it is dropped before its end.
struct Guarded(Option<Child>);

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs a victim that stops itself before and after its operation. It bounds its own time.
pub(super) fn trace(mut command: Command, plan: Plan) -> Result<Traced> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    let mut child = Guarded(Some(child));
    match waitpid(pid, None)? {
        WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
        other => return Err(format!("did not get as far as its operation: {other:?}").into()),
    }
    ptrace::setoptions(pid, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD)?;
    let mut operation = Operation { pid, plan, calls: Vec::new(), failed: 0, inside: None };
    operation.run()?;
    let Operation { calls, failed, .. } = operation;
    ptrace::detach(pid, None)?;
    let output = child.0.take().ok_or("the victim has gone")?.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{said}\n{} ({})", complaint.trim_end(), output.status).into());
    }
    Ok(Traced { calls, failed, said })
}

struct Operation {
    pid: Pid,
    plan: Plan,
    calls: Vec<Call>,
    failed: u64,
    /// The call that the kernel is at work on: how it is to end, when by plan.
    inside: Option<Option<Errno>>,
}

impl Operation {
    fn run(&mut self) -> Result<()> {
        loop {
            ptrace::syscall(self.pid, None)?;
            match waitpid(self.pid, None)? {
                WaitStatus::PtraceSyscall(_) => match self.inside.take() {
                    None => self.inside = Some(self.enter()?),
                    Some(planned) => self.leave(planned)?,
                },
                WaitStatus::Stopped(_, Signal::SIGSTOP) => return Ok(()),
                WaitStatus::Stopped(_, Signal::SIGALRM) => {
                    return Err("the operation hangs".into());
                }
                // Children that the operation does not have, and windows that do not change.
                WaitStatus::Stopped(_, Signal::SIGCHLD | Signal::SIGWINCH) => {}
                other => return Err(format!("the operation ended the process: {other:?}").into()),
            }
        }
    }

    fn enter(&mut self) -> Result<Option<Errno>> {
        let mut registers = ptrace::getregs(self.pid)?;
        let call = Call {
            number: registers.orig_rax as i64,
            arguments: [
                registers.rdi,
                registers.rsi,
                registers.rdx,
                registers.r10,
                registers.r8,
                registers.r9,
            ],
            place: self.place_of(registers.orig_rax as i64, registers.rdi, registers.rsi)?,
        };
        let number = self.calls.len();
        self.calls.push(call);
        let Some(kind) = call.kind() else { return Ok(None) };
        let errno = match self.plan {
            Plan::Once(at, errno) if number == at => errno,
            Plan::From(at, errno) if number >= at && kind.lasts(errno) => errno,
            _ => return Ok(None),
        };
        self.failed += 1;
        if kind.manner == Manner::Instead {
            registers.orig_rax = u64::MAX;
            ptrace::setregs(self.pid, registers)?;
        }
        Ok(Some(errno))
    }

    /// Where the path of a call leads that takes one.
    fn place_of(&self, number: i64, first: u64, second: u64) -> Result<Place> {
        let path = match number {
            libc::SYS_open | libc::SYS_stat | libc::SYS_lstat => first,
            libc::SYS_openat | libc::SYS_statx | libc::SYS_newfstatat => second,
            _ => return Ok(Place::Elsewhere),
        };
        if path == 0 {
            return Ok(Place::Elsewhere);
        }
        // A path shorter than eight bytes may end with its page: then it is not below /proc.
        let address = std::ptr::without_provenance_mut(path as usize);
        let beginning = ptrace::read(self.pid, address).unwrap_or(0).to_le_bytes();
        let is_below_proc = beginning.starts_with(b"/proc/");
        Ok(if is_below_proc { Place::System } else { Place::Elsewhere })
    }

    fn leave(&self, planned: Option<Errno>) -> Result<()> {
        if let Some(errno) = planned {
            let mut registers = ptrace::getregs(self.pid)?;
            registers.rax = i64::from(-(errno as i32)) as u64;
            ptrace::setregs(self.pid, registers)?;
        }
        Ok(())
    }
}
