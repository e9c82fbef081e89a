//! What an actor does to itself as a process.
#![allow(unsafe_code, reason = "fork, close_range and sigaction have no safe form")]

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use mmf_processes::Answer;
use rustix::process::{DumpableBehavior, Gid, Uid};

/// Forks. The child takes its orders from the socket at `path`, and begins with its first answer.
pub(crate) fn fork(path: &Path) -> io::Result<Answer> {
    // SAFETY: obligation: after a fork of a program with several threads, the child may call only
    // functions that are safe in signal handlers. An actor has a single thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let socket = UnixStream::connect(path)?;
            rustix::stdio::dup2_stdin(&socket)?;
            Ok(Answer::Ready(std::process::id()))
        }
        child => Ok(Answer::Number(i64::from(child))),
    }
}

/// Waits until a dead child's process id is free and gives it to the next one.
pub(crate) fn fork_as(child: u32, path: &Path) -> io::Result<Answer> {
    let dead = rustix::process::Pid::from_raw(child as i32).ok_or(io::ErrorKind::InvalidInput)?;
    rustix::process::waitpid(Some(dead), rustix::process::WaitOptions::empty())?;
    // The kernel counts on from the id that it gave last.
    std::fs::write("/proc/sys/kernel/ns_last_pid", (child - 1).to_string())?;
    fork(path)
}

/// Ends the calling thread alone, with whatever it has.
pub(crate) fn end_thread() -> ! {
    // SAFETY: obligation: nobody relies on what the thread's stack holds. Its destructors do not
    // run, and no other thread has a reference to it.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("a thread that has ended goes on");
}

/// Closes every descriptor but the first three, as daemons do, and opens others in their place.
pub(crate) fn close_descriptors() -> io::Result<()> {
    // SAFETY: obligation: nobody relies on the descriptors closed. The actor owns none beyond the
    // first three, and the library promises to bear losing its own.
    if unsafe { libc::close_range(3, libc::c_uint::MAX, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    for _ in 0..16 {
        std::mem::forget(File::open("/dev/null")?);
    }
    Ok(())
}

/// Becomes a program that says it is there, and ends when the channel does.
pub(crate) fn become_another() -> io::Error {
    let script = r#"echo '"Done"' >&0; exec cat >/dev/null"#;
    Command::new("/bin/sh").args(["-c", script]).exec()
}

/// Gives up root's rights for those of `user`, who then owns the process like any other.
pub(crate) fn become_user(user: u32) -> io::Result<()> {
    // An actor has a single thread, so that its thread's ids are those of the process.
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_gid(Gid::from_raw(user))?;
    rustix::thread::set_thread_uid(Uid::from_raw(user))?;
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?)
}

/// Whether SIGUSR1 has been handled since the last time somebody asked or began to wait.
static SIGNALLED: AtomicBool = AtomicBool::new(false);

extern "C" fn take_note(_signal: libc::c_int) {
    SIGNALLED.store(true, Ordering::Relaxed);
}

/// Whether a signal has come since; forgets it.
pub(crate) fn was_signalled() -> bool {
    SIGNALLED.swap(false, Ordering::Relaxed)
}

/// Has a handler that takes note run at SIGUSR1, and system calls end with it.
pub(crate) fn handle_signal() -> io::Result<()> {
    let handler: extern "C" fn(libc::c_int) = take_note;
    // SAFETY: obligation: all zeros is a valid value. It is one of this C structure: an empty
    // mask, no flags, the default action.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    // SAFETY: obligation: valid structures, and a handler safe in signal handlers. The structure
    // is a local one, the old one is not asked for, and the handler stores one atomic word.
    match unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
