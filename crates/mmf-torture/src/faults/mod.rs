//! Faults: whatever the operating system may refuse is refused, one request at a time.
//!
//! `calls`: an operation runs under `ptrace`, and one of its system calls fails instead of being
//! made, with each error that this call can report; or all calls fail from one on that can report
//! the same error, as on a disk that stays full. What must be so:
//!
//! - the operation ends in time, in success or in an error of a kind that fits; an interruption is
//!   survived;
//! - after an error everything is as before it, after a success everything is done;
//! - every other variable is intact, and `check` finds nothing, so that all memory is accounted for;
//! - the process has no more descriptors, mappings and locks than before, and the directory no
//!   more files;
//! - a namespace that was sound after a crash of the system is not mended, and the mending of one
//!   that was not loses nothing; the dead are recovered from;
//! - the same operation then succeeds in the same process, and another process can use the
//!   namespace.
//!
//! `capacity` and `file-system`: the namespace, or the file system, has ever more pages free; see
//! `room`. `limits`: a process at its limits, file systems and directories that may not be
//! written, and a storm of signals; see `limits`.

mod calls;
mod command;
mod errors;
mod limits;
mod past;
mod places;
mod possessions;
mod room;
mod storm;
mod tracer;
mod verbs;
mod victim;

pub(crate) use command::Faults;
pub(crate) use limits::{Holder, Limited};
pub(crate) use room::Room;
pub(crate) use victim::Victim;
