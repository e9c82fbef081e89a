//! What only several processes can show: death, fork, exec and waking across address spaces.

#![allow(unsafe_code, reason = "forking, and a word in a mapping that processes share")]

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus, kill_process, waitid, waitpid,
};
use tempfile::TempPath;

use super::*;

mod death;
mod forking;

/// The longest that any test waits for another process.
const PATIENCE: Duration = Duration::from_secs(20);
/// The length of a test's file in bytes.
const FILE_LENGTH: u64 = 4096;

/// A file that processes attach to, whose first word says how far a child has come.
struct Stage {
    path: TempPath,
    file: File,
    mapping: Mapping,
}

impl Stage {
    /// A fresh file, mapped here and in every child forked later.
    fn new() -> Self {
        let (file, path) = tempfile::NamedTempFile::new().unwrap().into_parts();
        set_length(&file, FILE_LENGTH).unwrap();
        commit(&file, 0, FILE_LENGTH).unwrap();
        let mapping = Mapping::map_file(&file, FILE_LENGTH, Access::ReadWrite).unwrap();
        mapping.populate(0, FILE_LENGTH).unwrap();
        Self { path, file, mapping }
    }

    /// The word shared by parent and child.
    fn word(&self) -> &AtomicU32 {
        // SAFETY: the word must be mapped, aligned and only accessed atomically. `new` populated
        // the page, and nothing in these tests writes to it in another way.
        unsafe { AtomicU32::from_ptr(self.mapping.base().cast()) }
    }

    /// Says that step `number` is reached.
    fn reach(&self, number: u32) {
        self.word().store(number, SeqCst);
        wake_all(self.word());
    }

    /// Waits until somebody says that step `number` is reached.
    fn await_step(&self, number: u32) {
        let begin = Instant::now();
        loop {
            let now = self.word().load(SeqCst);
            if now >= number {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "step {number} is not reached");
            wait_on(self.word(), now, PATIENCE);
        }
    }

    /// Begins an anchor on the file.
    fn open_anchor(&self, access: Access) -> AnchorBuilder {
        let identity = FileIdentity::of(&self.file).unwrap();
        Anchor::open(&self.path, identity, access).unwrap()
    }

    /// An anchor that holds `slot` and shares the presence.
    fn anchor(&self, slot: u32) -> Anchor {
        let mut builder = self.open_anchor(Access::ReadWrite);
        assert!(builder.share_presence().unwrap());
        assert!(builder.try_take_slot(slot).unwrap());
        builder.seal(&self.file).unwrap()
    }

    /// Whether the slot's owner lives.
    fn locked(&self, slot: u32) -> bool {
        slot_is_locked(&self.file, slot).unwrap()
    }

    /// Waits until the slot's owner is seen dead.
    fn await_free(&self, slot: u32) {
        let begin = Instant::now();
        while self.locked(slot) {
            assert!(begin.elapsed() < PATIENCE, "slot {slot} stays locked");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A forked child, killed and buried when it is dropped.
struct Child {
    pid: Pid,
    buried: bool,
}

impl Child {
    /// Forks. The child runs `work` and ends with 0, or 101 if that panics.
    fn fork(work: impl FnOnce()) -> Self {
        // SAFETY: the child of a program with threads may only do what works in one thread. It
        // runs this layer's code and ends by `_exit` below.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let status = if catch_unwind(AssertUnwindSafe(work)).is_ok() { 0 } else { 101 };
            // SAFETY: ends the process at once; no obligation.
            unsafe { libc::_exit(status) };
        }
        assert!(pid > 0, "cannot fork");
        Self { pid: Pid::from_raw(pid).unwrap(), buried: false }
    }

    /// Sends a signal to the child.
    fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Waits for the child to end without burying it.
    fn await_zombie(&self) {
        waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    }

    /// Waits for the child to end well.
    fn succeeds(mut self) {
        assert_eq!(self.bury().exit_status(), Some(0));
    }

    /// Waits for the child to end.
    fn bury(&mut self) -> WaitStatus {
        let (_, status) = waitpid(Some(self.pid), WaitOptions::empty()).unwrap().unwrap();
        self.buried = true;
        status
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.buried {
            self.signal(Signal::KILL);
            self.bury();
        }
    }
}
