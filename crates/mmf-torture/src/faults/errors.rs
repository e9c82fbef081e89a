//! Which errors a system call can report, and which errors of the library fit them.

use mmf::ErrorKind;
use nix::errno::Errno;
use nix::libc::{
    self, AT_EMPTY_PATH, FUTEX_CMD_MASK, FUTEX_WAIT, FUTEX_WAKE, MADV_DONTFORK, MADV_POPULATE_READ,
    MADV_POPULATE_WRITE, MADV_WIPEONFORK, MAP_ANONYMOUS, O_CREAT, O_TMPFILE,
};

/// A system call about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) number: i64,
    pub(super) arguments: [u64; 6],
    pub(super) place: Place,
}

/// What a path leads to, as far as its errors depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// What the system tells of itself, which may not be mounted.
    System,
    /// A file that is there: only a lie would say that it is not.
    Elsewhere,
}

/// Whether a failing call has been made all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// The error comes instead of the call.
    Instead,
    /// The call is made, and its result replaced: closing frees the descriptor whatever it says.
    Afterwards,
}

/// What a call is for, as far as its errors depend on it.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) errors: &'static [Errno],
    pub(super) manner: Manner,
}

const fn instead(name: &'static str, errors: &'static [Errno]) -> Option<Kind> {
    Some(Kind { name, errors, manner: Manner::Instead })
}

impl Call {
    /// What the call is for; none for calls that are not failed.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.number {
            libc::SYS_open | libc::SYS_openat => self.opening(),
            libc::SYS_stat | libc::SYS_lstat | libc::SYS_statx | libc::SYS_newfstatat => {
                self.looking_up()
            }
            libc::SYS_fstat => instead("fstat", &[Errno::EIO, Errno::ENOMEM]),
            libc::SYS_fstatfs => instead("fstatfs", &[Errno::EIO, Errno::EINTR, Errno::ENOMEM]),
            libc::SYS_fcntl => self.locking(),
            libc::SYS_mmap => self.mapping(),
            libc::SYS_madvise => self.advising(),
            libc::SYS_futex => self.sleeping(),
            libc::SYS_close => {
                let errors = &[Errno::EIO, Errno::EINTR];
                Some(Kind { name: "close", errors, manner: Manner::Afterwards })
            }
            libc::SYS_munmap => instead(UNMAPPING, &[Errno::ENOMEM]),
            libc::SYS_nanosleep | libc::SYS_clock_nanosleep => instead("sleep", &[Errno::EINTR]),
            _ => self.changing(),
        }
    }

    fn opening(&self) -> Option<Kind> {
        let flags = self.arguments[if self.number == libc::SYS_open { 1 } else { 2 }];
        let has = |flag: i32| flags & flag as u64 == flag as u64;
        if has(O_TMPFILE) {
            return instead(
                "open without name",
                &[
                    Errno::ENOSPC,
                    Errno::EDQUOT,
                    Errno::EMFILE,
                    Errno::ENFILE,
                    Errno::ENOMEM,
                    Errno::EACCES,
                    Errno::EROFS,
                    Errno::EIO,
                    Errno::EINTR,
                    Errno::EOPNOTSUPP,
                ],
            );
        }
        if has(O_CREAT) {
            return instead(
                "open new",
                &[Errno::ENOSPC, Errno::EDQUOT, Errno::EMFILE, Errno::EROFS, Errno::EINTR],
            );
        }
        if self.place == Place::System {
            return instead(
                "open in /proc",
                &[Errno::ENOENT, Errno::EACCES, Errno::EMFILE, Errno::EINTR],
            );
        }
        instead(
            "open",
            &[Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::EACCES, Errno::EIO, Errno::EINTR],
        )
    }

    fn looking_up(&self) -> Option<Kind> {
        let at_descriptor = match self.number {
            libc::SYS_statx => self.arguments[2] & AT_EMPTY_PATH as u64 != 0,
            libc::SYS_newfstatat => self.arguments[3] & AT_EMPTY_PATH as u64 != 0,
            _ => false,
        };
        if at_descriptor {
            return instead("fstat", &[Errno::EIO, Errno::ENOMEM]);
        }
        if self.place == Place::System {
            return instead("stat in /proc", &[Errno::ENOENT, Errno::EACCES]);
        }
        instead("stat", &[Errno::EIO, Errno::ENOMEM, Errno::EACCES])
    }

    fn locking(&self) -> Option<Kind> {
        match self.arguments[1] as i32 {
            libc::F_OFD_SETLK => instead(
                "fcntl lock",
                &[Errno::ENOLCK, Errno::EINTR, Errno::EAGAIN, Errno::ENOMEM, Errno::EIO],
            ),
            libc::F_OFD_GETLK => instead("fcntl query", &[Errno::ENOLCK, Errno::EINTR, Errno::EIO]),
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => instead("fcntl duplicate", &[Errno::EMFILE]),
            _ => None,
        }
    }

    fn mapping(&self) -> Option<Kind> {
        let anonymous = self.arguments[3] & MAP_ANONYMOUS as u64 != 0;
        // What is larger is the allocator's: a Rust program ends when that fails.
        if anonymous && self.arguments[1] != 4096 {
            return None;
        }
        if anonymous {
            return instead("mmap page", &[Errno::ENOMEM, Errno::EAGAIN]);
        }
        instead(
            "mmap file",
            &[Errno::ENOMEM, Errno::EAGAIN, Errno::ENFILE, Errno::EACCES, Errno::EPERM],
        )
    }

    fn advising(&self) -> Option<Kind> {
        match self.arguments[2] as i32 {
            MADV_POPULATE_READ | MADV_POPULATE_WRITE => instead(
                "madvise populate",
                &[
                    Errno::ENOMEM,
                    Errno::EFAULT,
                    Errno::EHWPOISON,
                    Errno::EINTR,
                    Errno::EAGAIN,
                    Errno::EIO,
                    Errno::EINVAL,
                ],
            ),
            MADV_DONTFORK | MADV_WIPEONFORK => {
                instead("madvise fork", &[Errno::ENOMEM, Errno::EAGAIN, Errno::EINVAL])
            }
            _ => None,
        }
    }

    fn sleeping(&self) -> Option<Kind> {
        match self.arguments[1] as i32 & FUTEX_CMD_MASK {
            FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => instead(
                "futex wait",
                &[Errno::EINTR, Errno::EAGAIN, Errno::ETIMEDOUT, Errno::EFAULT, Errno::ENOMEM],
            ),
            FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => {
                instead("futex wake", &[Errno::EFAULT, Errno::EINVAL])
            }
            _ => None,
        }
    }

    /// Calls that change files or their names, and those that need no look at their arguments.
    fn changing(&self) -> Option<Kind> {
        const NAMING: &[Errno] = &[
            Errno::ENOSPC,
            Errno::EDQUOT,
            Errno::EROFS,
            Errno::EEXIST,
            Errno::EACCES,
            Errno::EPERM,
            Errno::EIO,
            Errno::ENOENT,
            Errno::ENOMEM,
        ];
        match self.number {
            libc::SYS_fallocate => instead(
                "fallocate",
                &[
                    Errno::ENOSPC,
                    Errno::EDQUOT,
                    Errno::EINTR,
                    Errno::EIO,
                    Errno::EFBIG,
                    Errno::EOPNOTSUPP,
                    Errno::ENOMEM,
                ],
            ),
            libc::SYS_ftruncate => instead(
                "ftruncate",
                &[Errno::ENOSPC, Errno::EINTR, Errno::EIO, Errno::EFBIG, Errno::EPERM],
            ),
            libc::SYS_write | libc::SYS_pwrite64 => instead(
                "write",
                &[Errno::ENOSPC, Errno::EDQUOT, Errno::EINTR, Errno::EIO, Errno::EFBIG],
            ),
            libc::SYS_read | libc::SYS_pread64 => {
                instead("read", &[Errno::EIO, Errno::EINTR, Errno::ENOMEM])
            }
            libc::SYS_linkat | libc::SYS_link => instead("link", NAMING),
            libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => {
                instead("rename", NAMING)
            }
            libc::SYS_unlink | libc::SYS_unlinkat => instead(
                "unlink",
                &[Errno::EROFS, Errno::EIO, Errno::EBUSY, Errno::EPERM, Errno::EACCES],
            ),
            libc::SYS_mkdir | libc::SYS_mkdirat => {
                instead("mkdir", &[Errno::ENOSPC, Errno::EDQUOT, Errno::EROFS, Errno::EACCES])
            }
            libc::SYS_fchmod => instead("fchmod", &[Errno::EPERM, Errno::EIO, Errno::EROFS]),
            libc::SYS_fchown => instead("fchown", &[Errno::EPERM, Errno::EIO]),
            libc::SYS_getrandom => instead("getrandom", &[Errno::EINTR]),
            libc::SYS_msync | libc::SYS_fsync | libc::SYS_fdatasync => {
                instead("sync", &[Errno::EIO, Errno::ENOSPC, Errno::ENOMEM, Errno::EINTR])
            }
            libc::SYS_readlink | libc::SYS_readlinkat => {
                instead("readlink", &[Errno::EACCES, Errno::ENOENT, Errno::ENOMEM])
            }
            libc::SYS_getdents64 => instead("getdents", &[Errno::EIO, Errno::ENOENT]),
            _ => None,
        }
    }
}

/// The name of a call whose failure leaves mappings.
pub(super) const UNMAPPING: &str = "munmap";

/// Calls that find no memory while a process or a group of them is at its limit.
const WANTING_MEMORY: &[&str] =
    &["mmap file", "mmap page", "madvise populate", "madvise fork", "fallocate", "open"];

/// Calls that fail for as long as a device does.
const WRITING: &[&str] = &["fallocate", "ftruncate", "write", "sync"];

impl Kind {
    /// Whether the error, once reported, is reported by all such calls for some time.
    pub(super) fn lasts(&self, errno: Errno) -> bool {
        match errno {
            Errno::ENOSPC | Errno::EMFILE => self.errors.contains(&errno),
            Errno::ENOMEM => WANTING_MEMORY.contains(&self.name),
            Errno::EIO => WRITING.contains(&self.name),
            _ => false,
        }
    }
}

/// Whether an operation may fail in this way because a system call failed in that way.
pub(super) fn fits(errno: Errno, kind: ErrorKind) -> bool {
    match errno {
        Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG | Errno::ENOMEM | Errno::EFAULT => {
            kind == ErrorKind::OutOfSpace
        }
        Errno::EACCES | Errno::EPERM | Errno::EROFS => kind == ErrorKind::PermissionDenied,
        // What is repeated at once has not failed.
        Errno::EINTR => false,
        Errno::ETIMEDOUT => kind == ErrorKind::TimedOut,
        // Somebody else came first, or holds the lock that is wanted.
        Errno::EEXIST => matches!(kind, ErrorKind::AlreadyExists | ErrorKind::Contended),
        Errno::EAGAIN => {
            matches!(kind, ErrorKind::Io | ErrorKind::InUse | ErrorKind::LimitReached)
        }
        Errno::ENOENT => matches!(kind, ErrorKind::NotFound | ErrorKind::AlreadyExists),
        Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS => {
            matches!(kind, ErrorKind::Unsupported | ErrorKind::Io)
        }
        Errno::EMFILE | Errno::ENFILE => matches!(kind, ErrorKind::Io | ErrorKind::LimitReached),
        _ => kind == ErrorKind::Io,
    }
}
