//! A traced process.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::Result;

/// The instruction `syscall`.
const SYSTEM_CALL: [u8; 2] = [0x0f, 0x05];

/// A process stopped between two instructions; killed when dropped.
pub(crate) struct Tracee {
    child: Child,
    pid: Pid,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// One instruction, or one round of a repeated one, was executed.
    Stepped,
    /// The process has stopped itself: the operation is over.
    Finished,
}

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) address: u64,
    pub(crate) enters_kernel: bool,
}

impl Tracee {
    /// Starts a program and waits until it has asked to be traced and stopped itself.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let child = command.spawn()?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        match waitpid(pid, None)? {
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
            other => {
                return Err(format!("the victim did not get as far as to stop: {other:?}").into());
            }
        }
        ptrace::setoptions(pid, ptrace::Options::PTRACE_O_EXITKILL)?;
        Ok(Self { child, pid })
    }

    /// Executes one instruction.
    pub(crate) fn step(&self) -> Result<Progress> {
        ptrace::step(self.pid, None)?;
        match waitpid(self.pid, None)? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => Ok(Progress::Stepped),
            WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(Progress::Finished),
            other => Err(format!("the victim's operation failed: {other:?}").into()),
        }
    }

    /// Where the next instruction is.
    pub(crate) fn position(&self) -> Result<Position> {
        let address = ptrace::getregs(self.pid)?.rip;
        let code = ptrace::read(self.pid, address as ptrace::AddressType)?.to_le_bytes();
        Ok(Position { address, enters_kernel: code.starts_with(&SYSTEM_CALL) })
    }

    /// An address as `addr2line` wants it: file and offset.
    pub(crate) fn describe(&self, address: u64) -> String {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap_or_default();
        let mut base: Option<(&str, u64)> = None;
        for line in maps.lines() {
            let mut fields = line.split_ascii_whitespace();
            let (Some(range), Some(file)) = (fields.next(), fields.nth(4)) else { continue };
            let Some((first, last)) = range.split_once('-') else { continue };
            let parse = |digits| u64::from_str_radix(digits, 16).unwrap_or(0);
            let (first, last) = (parse(first), parse(last));
            let start = match base {
                Some((known, start)) if known == file => start,
                _ => first,
            };
            base = Some((file, start));
            if (first..last).contains(&address) {
                return format!("{file} {:#x}", address - start);
            }
        }
        format!("{address:#x}")
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        let _ = self.child.kill();
        // An interrupted wait would leave no more than a zombie until this process ends.
        while let Ok(status) = self.child.wait() {
            if status.code().is_some() || status.signal().is_some() {
                break;
            }
        }
    }
}
