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
//! - the same operation then succeeds in the same process, and another process can use the
//!   namespace.

mod calls;
mod command;
mod errors;
mod possessions;
mod tracer;
mod victim;

pub(crate) use command::Faults;
pub(crate) use victim::Victim;
