//! A traced process.

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::offset_of;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::personality::{self, Persona};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::Result;

/// The instruction `syscall`.
const SYSTEM_CALL: [u8; 2] = [0x0f, 0x05];

/// Where ptrace keeps the instruction pointer.
const INSTRUCTION_POINTER: usize = offset_of!(nix::libc::user_regs_struct, rip);
/// Where ptrace keeps the debug registers: the first breakpoint's address, and the control word.
const BREAKPOINT_ADDRESS: usize = offset_of!(nix::libc::user, u_debugreg);
const BREAKPOINT_CONTROL: usize = BREAKPOINT_ADDRESS + 7 * size_of::<u64>();
/// Control word: the first breakpoint is on, for executing one address.
const BREAK_ON_EXECUTION: i64 = 1;

/// A process stopped between two instructions; killed when dropped.
pub(crate) struct Tracee {
    child: Child,
    pid: Pid,
    /// Whether an instruction enters the kernel: code does not change.
    code: RefCell<HashMap<u64, bool>>,
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
        Ok(Self { child, pid, code: RefCell::default() })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Runs until the instruction at `address` is about to be executed.
    pub(crate) fn run_to(&self, address: u64) -> Result<Progress> {
        ptrace::write_user(self.pid, at(BREAKPOINT_ADDRESS), address as i64)?;
        ptrace::write_user(self.pid, at(BREAKPOINT_CONTROL), BREAK_ON_EXECUTION)?;
        ptrace::cont(self.pid, None)?;
        let progress = self.wait();
        ptrace::write_user(self.pid, at(BREAKPOINT_CONTROL), 0)?;
        progress
    }

    /// Kills it for good and waits until it has gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        match status.signal() {
            Some(nix::libc::SIGKILL) => Ok(()),
            _ => Err(format!("the victim ended otherwise than by the kill: {status}").into()),
        }
    }

    /// Runs at full speed until its operation is over, or fails at `limit`.
    pub(crate) fn run_to_end(&self, limit: Duration) -> Result<Progress> {
        ptrace::cont(self.pid, None)?;
        let status = within(limit, || {
            let status = waitpid(self.pid, Some(WaitPidFlag::WNOHANG))?;
            Ok((status != WaitStatus::StillAlive).then_some(status))
        })?;
        progress(status)
    }

    /// Ends the watch over a process whose operation is over, and waits until it has ended well.
    pub(crate) fn let_go(mut self, limit: Duration) -> Result<()> {
        ptrace::detach(self.pid, None)?;
        let status = within(limit, || Ok(self.child.try_wait()?))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the victim ended with {status}").into())
        }
    }

    /// Executes one instruction.
    pub(crate) fn step(&self) -> Result<Progress> {
        ptrace::step(self.pid, None)?;
        self.wait()
    }

    fn wait(&self) -> Result<Progress> {
        progress(waitpid(self.pid, None)?)
    }

    /// Where the next instruction is.
    pub(crate) fn position(&self) -> Result<Position> {
        let address = ptrace::read_user(self.pid, at(INSTRUCTION_POINTER))? as u64;
        if let Some(enters_kernel) = self.code.borrow().get(&address) {
            return Ok(Position { address, enters_kernel: *enters_kernel });
        }
        let code = ptrace::read(self.pid, address as ptrace::AddressType)?.to_le_bytes();
        let enters_kernel = code.starts_with(&SYSTEM_CALL);
        self.code.borrow_mut().insert(address, enters_kernel);
        Ok(Position { address, enters_kernel })
    }

    /// The number of the system call that is about to be made.
    pub(crate) fn system_call(&self) -> Result<u64> {
        Ok(ptrace::getregs(self.pid)?.rax)
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

fn progress(status: WaitStatus) -> Result<Progress> {
    match status {
        WaitStatus::Stopped(_, Signal::SIGTRAP) => Ok(Progress::Stepped),
        WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(Progress::Finished),
        other => Err(format!("the victim's operation failed: {other:?}").into()),
    }
}

/// Asks again and again until there is an answer; the kernel has no wait for a child with a limit.
fn within<T>(limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if started.elapsed() > limit {
            return Err(format!("the victim hangs: it did not end within {limit:?}").into());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Gives every process started from now on the same addresses.
pub(crate) fn fix_addresses() -> Result<()> {
    personality::set(personality::get()? | Persona::ADDR_NO_RANDOMIZE)?;
    Ok(())
}

/// Keeps the calling thread, and what it starts, on one processor: a stopped process and the one
/// that steps it change over twice as fast there.
pub(crate) fn stay_on_processor(number: usize) -> Result<()> {
    Ok(sched_setaffinity(Pid::from_raw(0), &one_processor(number)?)?)
}

fn one_processor(number: usize) -> Result<CpuSet> {
    let mut processors = CpuSet::new();
    processors.set(number)?;
    Ok(processors)
}

/// An offset as ptrace takes it.
fn at(offset: usize) -> ptrace::AddressType {
    std::ptr::without_provenance_mut(offset)
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
