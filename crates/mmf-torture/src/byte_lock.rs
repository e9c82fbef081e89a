//! The kernel's locks of single bytes: who holds one lives.

use std::fs::{File, OpenOptions};
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{self, flock};

use crate::Result;
use crate::layout::{PRESENCE_BYTE, live_slots};

/// A lock of one byte, in the kernel's terms.
fn byte_lock(kind: i32, byte: i64) -> flock {
    flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: byte,
        l_len: 1,
        l_pid: 0,
    }
}

/// Whether another open file than `file` holds the byte.
pub(crate) fn is_locked(file: &File, byte: i64) -> Result<bool> {
    let mut lock = byte_lock(libc::F_WRLCK, byte);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

/// Makes the owners of the live slots of a namespace file look alive until the result is closed.
pub(crate) fn pretend_alive(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    for (slot, _) in live_slots(&std::fs::read(path)?) {
        let lock = byte_lock(libc::F_WRLCK, PRESENCE_BYTE + 1 + slot as i64);
        fcntl(&file, FcntlArg::F_OFD_SETLK(&lock))?;
    }
    Ok(file)
}
