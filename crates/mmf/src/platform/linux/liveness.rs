//! Proof of life: byte locks that the kernel holds for exactly as long as a process lives.
//!
//! Every byte locked lies far beyond the end of any file. The locks belong to an open file
//! description (`F_OFD_SETLK`), and the last thing that refers to the description is a mapping
//! of one inaccessible page. So they go when the address space goes: at death, at exec, or when
//! the [`Anchor`] is dropped. Closing descriptors does not touch them, and a forked child does
//! not inherit them, since the page is `MADV_DONTFORK`.

#![allow(unsafe_code, reason = "file locks without a safe wrapper, and the anchor's mapping")]

use core::ffi::{c_int, c_void};
use core::ptr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use super::files::{FileIdentity, open_with_facts, remove_file};
use super::fork::{ForkGuard, fork_epoch, hold_off_fork};
use super::identity::random_bytes;
use super::mapping::Access;

/// The byte that everybody attached holds shared, and the last one out exclusively.
pub(crate) const PRESENCE_BYTE: u64 = 1 << 62;
/// The byte held by whoever initialises or verifies the file.
const INITIALISATION_BYTE: u64 = PRESENCE_BYTE - 1;
/// Where witness bytes begin, above the byte of every slot; the length of their range.
const WITNESS_BYTES: (u64, u64) = (PRESENCE_BYTE + (1 << 33), 1 << 61);

/// The shortest and the longest sleep between two attempts of [`lock_initialisation`].
const INITIALISATION_STEPS: (Duration, Duration) =
    (Duration::from_millis(1), Duration::from_millis(10));

/// The byte whose lock says that the owner of `slot` is alive.
const fn slot_byte(slot: u32) -> u64 {
    PRESENCE_BYTE + 1 + slot as u64
}

/// A process's hold on its slot and its presence, until it is dropped or the process is gone.
#[derive(Debug)]
pub(crate) struct Anchor {
    /// Held for its drop.
    _page: AnchorPage,
}

/// An anchor whose locks are still being taken.
#[derive(Debug)]
pub(crate) struct AnchorBuilder {
    file: File,
    slot: Option<u32>,
    /// Dropped last: no child may inherit the descriptor above.
    _fork: ForkGuard,
}

impl Anchor {
    /// Begins an anchor on a fresh description of the file at `path`. Forks in other threads wait
    /// until the builder is sealed or dropped.
    ///
    /// # Errors
    ///
    /// `NotFound` if the path no longer leads to the file `expected`.
    pub(crate) fn open(
        path: &Path,
        expected: FileIdentity,
        access: Access,
    ) -> io::Result<AnchorBuilder> {
        let fork = hold_off_fork()?;
        let file = open_expected(path, expected, access)?;
        Ok(AnchorBuilder { file, slot: None, _fork: fork })
    }
}

impl AnchorBuilder {
    /// Shares the presence byte; false if somebody holds it exclusively.
    pub(crate) fn share_presence(&mut self) -> io::Result<bool> {
        set_lock(&self.file, LockKind::Shared, PRESENCE_BYTE)
    }

    /// Takes the slot's byte exclusively; false if somebody holds it. Needs write access.
    pub(crate) fn try_take_slot(&mut self, slot: u32) -> io::Result<bool> {
        let taken = set_lock(&self.file, LockKind::Exclusive, slot_byte(slot))?;
        if taken {
            self.slot = Some(slot);
        }
        Ok(taken)
    }

    /// Gives the slot's byte back.
    pub(crate) fn release_slot(&mut self, slot: u32) -> io::Result<()> {
        set_lock(&self.file, LockKind::None, slot_byte(slot))?;
        self.slot = self.slot.filter(|held| *held != slot);
        Ok(())
    }

    /// Ties the locks to the address space and closes the descriptor. `probe` is any other
    /// description of the same file.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the locks did not outlive the descriptor. Stacked file systems such as
    /// overlayfs map the file below, whose description is another one.
    pub(crate) fn seal(self, probe: &File) -> io::Result<Anchor> {
        let evidence = match self.slot {
            Some(slot) => slot_byte(slot),
            None => self.lock_witness()?,
        };
        let page = AnchorPage::map(&self.file)?;
        let AnchorBuilder { file, .. } = self;
        drop(file);
        if !is_locked(probe, evidence)? {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the file system does not keep a file's locks with its mapping (overlayfs?)",
            ));
        }
        Ok(Anchor { _page: page })
    }

    /// Locks a byte that nobody else is likely to, since the shared presence byte cannot show
    /// whose lock it is.
    fn lock_witness(&self) -> io::Result<u64> {
        let (first, count) = WITNESS_BYTES;
        let byte = first + u64::from_le_bytes(random_bytes()?) % count;
        set_lock(&self.file, LockKind::Shared, byte)?;
        Ok(byte)
    }
}

/// An inaccessible page that refers to an open file description.
#[derive(Debug)]
struct AnchorPage {
    address: *mut c_void,
    /// The fork epoch of the process that has the page; forked children do not.
    epoch: u64,
}

// SAFETY: the page belongs to the process, not to a thread, and is never touched.
unsafe impl Send for AnchorPage {}
// SAFETY: as above; it has no shared methods.
unsafe impl Sync for AnchorPage {}

impl AnchorPage {
    /// Maps a page of `file`. The caller holds off forks: until the advice a child would get it.
    fn map(file: &File) -> io::Result<Self> {
        let epoch = fork_epoch();
        let size = rustix::param::page_size();
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a new mapping must not replace one in use. The null hint lets the kernel choose.
        let address = unsafe { mmap(ptr::null_mut(), size, ProtFlags::empty(), flags, file, 0) }?;
        let page = Self { address, epoch };
        // SAFETY: the advice must be about memory of ours. It is the page mapped just above.
        unsafe { madvise(address, size, Advice::LinuxDontFork) }?;
        Ok(page)
    }
}

impl Drop for AnchorPage {
    fn drop(&mut self) {
        if fork_epoch() != self.epoch {
            return;
        }
        // SAFETY: the range must be ours and unused. `map` mapped it and nobody touches it; a
        // forked child, where the address may by now be something else, has returned above.
        let _ = unsafe { munmap(self.address, rustix::param::page_size()) };
    }
}

/// Whether a process that holds `slot` lives. Asks about other descriptions than `file`'s own.
pub(crate) fn slot_is_locked(file: &File, slot: u32) -> io::Result<bool> {
    is_locked(file, slot_byte(slot))
}

/// Whether anybody is attached, or holds the presence exclusively, by another description.
pub(crate) fn presence_is_held(file: &File) -> io::Result<bool> {
    is_locked(file, PRESENCE_BYTE)
}

/// Takes the presence byte exclusively for `file`'s description, until all of its descriptors are
/// closed; false if anybody is attached, which includes an [`Anchor`] of this process.
pub(crate) fn try_exclusive_presence(file: &File) -> io::Result<bool> {
    set_lock(file, LockKind::Exclusive, PRESENCE_BYTE)
}

/// Gives up an exclusive presence.
pub(crate) fn release_presence(file: &File) -> io::Result<()> {
    set_lock(file, LockKind::None, PRESENCE_BYTE).map(drop)
}

/// Removes a name that leads to `file`, which must be open for writing. False if it leads elsewhere
/// by now, if somebody is attached, or if somebody else is removing it.
///
/// Whoever takes a name from a file holds the file's presence byte exclusively while looking where
/// the name leads and until it is gone: so nobody takes away what another has put there meanwhile.
pub(crate) fn remove_name(path: &Path, file: &File) -> io::Result<bool> {
    if !try_exclusive_presence(file)? {
        return Ok(false);
    }
    let is_removed = FileIdentity::of(file).and_then(|identity| {
        let is_named = identity.is_named(path)?;
        if is_named {
            remove_file(path)?;
        }
        Ok(is_named)
    });
    if !matches!(is_removed, Ok(true)) {
        // The descriptor may live on, in a forked child too.
        release_presence(file)?;
    }
    is_removed
}

/// Waits until `file`'s description has the initialisation byte. Needs write access.
///
/// # Errors
///
/// `TimedOut` after `timeout`; none is for ever.
pub(crate) fn lock_initialisation(file: &File, timeout: Option<Duration>) -> io::Result<()> {
    lock_byte_within(file, INITIALISATION_BYTE, timeout)
}

/// Gives the initialisation byte back.
pub(crate) fn unlock_initialisation(file: &File) -> io::Result<()> {
    set_lock(file, LockKind::None, INITIALISATION_BYTE).map(drop)
}

/// Takes `byte` exclusively, with growing sleeps between the attempts.
fn lock_byte_within(file: &File, byte: u64, timeout: Option<Duration>) -> io::Result<()> {
    let begin = Instant::now();
    let (mut step, longest) = INITIALISATION_STEPS;
    while !set_lock(file, LockKind::Exclusive, byte)? {
        if timeout.is_some_and(|timeout| begin.elapsed() >= timeout) {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "another process is still initialising or verifying the file",
            ));
        }
        std::thread::sleep(step);
        step = (step * 2).min(longest);
    }
    Ok(())
}

/// Opens the file at `path` anew and makes sure that it is the expected one.
fn open_expected(path: &Path, expected: FileIdentity, access: Access) -> io::Result<File> {
    let (file, facts) = open_with_facts(path, access)?;
    if facts.identity != expected {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name leads to another file by now",
        ));
    }
    Ok(file)
}

/// What a description may hold on a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LockKind {
    /// Nothing.
    None,
    /// A lock beside other shared ones.
    Shared,
    /// A lock beside no other.
    Exclusive,
}

/// The kernel's form of a lock on one byte.
fn byte_lock(kind: LockKind, byte: u64) -> libc::flock {
    let kind = match kind {
        LockKind::None => libc::F_UNLCK,
        LockKind::Shared => libc::F_RDLCK,
        LockKind::Exclusive => libc::F_WRLCK,
    };
    libc::flock {
        l_type: kind as _,
        l_whence: libc::SEEK_SET as _,
        l_start: byte as i64,
        l_len: 1,
        l_pid: 0,
    }
}

/// Changes what `file`'s description holds on `byte`; false if another description is in the way.
fn set_lock(file: &File, kind: LockKind, byte: u64) -> io::Result<bool> {
    match lock_command(file, libc::F_OFD_SETLK, &mut byte_lock(kind, byte)) {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EACCES) => Ok(false),
            _ => Err(error),
        },
    }
}

/// Whether another description than `file`'s holds `byte` in any way.
fn is_locked(file: &File, byte: u64) -> io::Result<bool> {
    let mut lock = byte_lock(LockKind::Exclusive, byte);
    lock_command(file, libc::F_OFD_GETLK, &mut lock)?;
    Ok(c_int::from(lock.l_type) != libc::F_UNLCK)
}

/// One lock command of `fcntl`. None of those used here sleeps.
fn lock_command(file: &File, command: c_int, lock: &mut libc::flock) -> io::Result<()> {
    loop {
        // SAFETY: the descriptor must be open and the third argument must be a `flock`, as both
        // commands of this file want it. The two references guarantee that.
        let status = unsafe { libc::fcntl(file.as_raw_fd(), command, ptr::from_mut(lock)) };
        if status != -1 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::open_existing;
    use super::*;

    #[test]
    fn the_initialisation_lock_has_one_holder_and_a_bound() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let first = open_existing(&path, Access::ReadWrite).unwrap();
        let second = open_existing(&path, Access::ReadWrite).unwrap();
        lock_initialisation(&first, None).unwrap();
        let bound = Some(Duration::from_millis(20));
        let error = lock_byte_within(&second, INITIALISATION_BYTE, bound).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        unlock_initialisation(&first).unwrap();
        lock_initialisation(&second, bound).unwrap();
        unlock_initialisation(&second).unwrap();
    }

    #[test]
    fn no_two_purposes_share_a_byte() {
        assert_eq!(slot_byte(0), PRESENCE_BYTE + 1);
        let (first_witness, witnesses) = WITNESS_BYTES;
        assert!(slot_byte(u32::MAX) < first_witness);
        assert!(first_witness + witnesses < i64::MAX as u64);
    }
}
