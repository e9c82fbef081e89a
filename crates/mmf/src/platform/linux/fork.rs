//! Noticing forks, and holding them off for a moment.
//!
//! | word | meaning | written by |
//! |---|---|---|
//! | `GUARDS` | threads that hold a guard and are not inside `fork` | guards, fork handlers |
//! | `FORKING` | threads inside `fork`, from its first handler to its last | fork handlers |
//!
//! A guard announces itself in `GUARDS`, then looks at `FORKING`; a fork announces itself in
//! `FORKING`, then looks at `GUARDS`. Both sides are sequentially consistent, so one sees the
//! other, and it is the guard that steps back. A forking thread that itself holds a guard is not
//! counted, so nobody ever waits for a thread that waits.
//!
//! Forks that bypass the C library's `fork` (raw system calls, `vfork`) are not held off.

#![allow(unsafe_code, reason = "fork handlers, and a page that the kernel wipes in children")]

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize};
use std::io;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use rustix::thread::sched_yield;

/// Threads that hold a guard and are not inside `fork`.
static GUARDS: AtomicUsize = AtomicUsize::new(0);
/// Threads inside `fork`.
static FORKING: AtomicUsize = AtomicUsize::new(0);
/// Whether the fork handlers are registered, perhaps more than once.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// The page whose first word is this process's epoch, zero in a fresh child.
static EPOCH_PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
/// The highest epoch that this process or an ancestor has assigned. A child inherits it.
static LAST_EPOCH: AtomicU64 = AtomicU64::new(0);
/// Set for good when no epoch page could be had: epochs are then made from process ids.
static EPOCH_BY_PID: AtomicBool = AtomicBool::new(false);
/// Tells epochs made from process ids from counted ones.
const PID_EPOCH: u64 = 1 << 63;

thread_local! {
    /// How many guards this thread holds.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Whether this thread is inside `fork`.
    static IN_FORK: Cell<bool> = const { Cell::new(false) };
}

/// A non-zero number that differs between a process and its forked children.
///
/// Two loads, the second of them relaxed, except at the first call in a process.
#[inline]
pub(crate) fn fork_epoch() -> u64 {
    if let Some(page) = NonNull::new(EPOCH_PAGE.load(Acquire)) {
        // SAFETY: the pointer must lead to a live AtomicU64. `epoch_page` stored it after mapping
        // the page, which nothing unmaps and which a child inherits wiped to zeros.
        let word = unsafe { page.as_ref() };
        let epoch = word.load(Relaxed);
        if epoch != 0 {
            return epoch;
        }
    }
    assign_epoch()
}

/// Gives this process its epoch, once.
#[cold]
fn assign_epoch() -> u64 {
    // Without the handlers a fork in another thread could copy the old count meanwhile; the
    // count itself stays right, so a failed registration is no reason to fail.
    let _guard = hold_off_fork();
    let Some(page) = epoch_page() else {
        return PID_EPOCH | u64::from(std::process::id());
    };
    // Counted before it is published, so that a child always counts on from beyond it.
    let next = LAST_EPOCH.fetch_add(1, AcqRel) + 1;
    match page.compare_exchange(0, next, AcqRel, Acquire) {
        Ok(_) => next,
        Err(assigned) => assigned,
    }
}

/// The word of the epoch page, which is mapped at the first call; none if it cannot be had.
fn epoch_page() -> Option<&'static AtomicU64> {
    if EPOCH_BY_PID.load(Acquire) {
        return None;
    }
    if EPOCH_PAGE.load(Acquire).is_null() {
        match map_wiped_page() {
            Ok(fresh) => {
                let raced = EPOCH_PAGE
                    .compare_exchange(ptr::null_mut(), fresh.cast(), AcqRel, Acquire)
                    .is_err();
                if raced {
                    unmap_page(fresh);
                }
            }
            Err(_) => EPOCH_BY_PID.store(true, Release),
        }
    }
    // SAFETY: the pointer must be null or lead to a live AtomicU64 for good. Only the exchange
    // above stores it, with a fresh page of zeros that is never unmapped.
    unsafe { EPOCH_PAGE.load(Acquire).as_ref() }
}

/// Maps a private page of zeros that reads as zeros again in every forked child.
fn map_wiped_page() -> io::Result<*mut core::ffi::c_void> {
    let size = rustix::param::page_size();
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping must not replace one in use. The null hint lets the kernel choose.
    let page = unsafe { mmap_anonymous(ptr::null_mut(), size, protection, MapFlags::PRIVATE) }?;
    // SAFETY: the advice must be about memory of ours. It is the page mapped just above.
    match unsafe { madvise(page, size, Advice::LinuxWipeOnFork) } {
        Ok(()) => Ok(page),
        Err(error) => {
            unmap_page(page);
            Err(error.into())
        }
    }
}

/// Unmaps a page of [`map_wiped_page`] that nobody else has seen.
fn unmap_page(page: *mut core::ffi::c_void) {
    // SAFETY: nothing may use the page any more. Both callers own it and never published it.
    let _ = unsafe { munmap(page, rustix::param::page_size()) };
}

/// While it lives, `fork` in another thread waits.
///
/// To be held for moments only. A fork by the thread that holds it goes ahead.
#[must_use = "a dropped guard holds off nothing"]
#[derive(Debug)]
pub(crate) struct ForkGuard {
    /// A guard is counted for its thread and must end on it.
    not_send: PhantomData<*const ()>,
}

/// Makes forks in other threads wait until the guard is dropped, and waits for those under way.
///
/// Guards nest. Fails only when the fork handlers cannot be registered.
pub(crate) fn hold_off_fork() -> io::Result<ForkGuard> {
    if !REGISTERED.load(Acquire) {
        register_handlers()?;
    }
    if DEPTH.get() == 0 && !IN_FORK.get() {
        announce_guard();
    }
    DEPTH.set(DEPTH.get() + 1);
    Ok(ForkGuard { not_send: PhantomData })
}

impl Drop for ForkGuard {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 && !IN_FORK.get() {
            GUARDS.fetch_sub(1, SeqCst);
        }
    }
}

/// Counts this thread in `GUARDS` at a moment when nobody forks.
fn announce_guard() {
    loop {
        GUARDS.fetch_add(1, SeqCst);
        if FORKING.load(SeqCst) == 0 {
            return;
        }
        GUARDS.fetch_sub(1, SeqCst);
        while FORKING.load(SeqCst) != 0 {
            sched_yield();
        }
    }
}

/// Registers the fork handlers. Threads may race to it: the handlers bear being registered twice,
/// while a lock here could be inherited locked by a child.
#[cold]
fn register_handlers() -> io::Result<()> {
    // SAFETY: the handlers must be callable at any fork. They are functions without captures that
    // touch only the statics above, and the C library drops them if this code is unloaded.
    let status = unsafe {
        libc::pthread_atfork(
            Some(before_fork),
            Some(after_fork_in_parent),
            Some(after_fork_in_child),
        )
    };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(status));
    }
    REGISTERED.store(true, Release);
    Ok(())
}

/// Runs in the forking thread before the fork: waits until no other thread holds a guard.
extern "C" fn before_fork() {
    if IN_FORK.replace(true) {
        return;
    }
    FORKING.fetch_add(1, SeqCst);
    if DEPTH.get() > 0 {
        GUARDS.fetch_sub(1, SeqCst);
    }
    while GUARDS.load(SeqCst) != 0 {
        sched_yield();
    }
}

/// Runs in the parent after the fork, also after a failed one.
extern "C" fn after_fork_in_parent() {
    if !IN_FORK.replace(false) {
        return;
    }
    if DEPTH.get() > 0 {
        GUARDS.fetch_add(1, SeqCst);
    }
    FORKING.fetch_sub(1, SeqCst);
}

/// Runs in the child after the fork: of all threads only this one is left.
extern "C" fn after_fork_in_child() {
    IN_FORK.set(false);
    GUARDS.store(usize::from(DEPTH.get() > 0), SeqCst);
    FORKING.store(0, SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_not_zero_and_stays() {
        let epoch = fork_epoch();
        assert_ne!(epoch, 0);
        assert_eq!(std::thread::spawn(fork_epoch).join().unwrap(), epoch);
    }

    #[test]
    fn guards_nest() {
        let outer = hold_off_fork().unwrap();
        let inner = hold_off_fork().unwrap();
        assert_eq!(DEPTH.get(), 2);
        drop(outer);
        drop(inner);
        assert_eq!(DEPTH.get(), 0);
    }
}
