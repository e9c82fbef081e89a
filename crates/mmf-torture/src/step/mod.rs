//! The stepper: a kill after every single instruction of an operation.
//!
//! A *victim* process executes one operation under `ptrace`, one instruction at a time. After
//! each instruction the *stepper* looks at everything a kill would leave: the namespace's bytes,
//! its length and the names in its directory. Every state not seen before is copied (the copy is
//! a namespace whose only user has just died, since no kernel lock comes along) and given to a
//! *judge*, a fresh process that must find, within a second:
//!
//! - the operation wholly done or not begun, and never undone once it was done;
//! - every other variable intact, for a read-only opener before any recovery as well as after;
//! - a namespace that can be read, written, locked and deleted in;
//! - nothing for `check` to report, which includes that every byte is accounted for.
//!
//! Each state is judged twice: by a process that opens the namespace after the death, and by one
//! that was attached already when it happened and finds the dead one's locks in its way.
//!
//! While the victim lives, each slot that says LIVE must be backed by the kernel's lock.
//!
//! Each state is also reached by another victim, killed there for good beside a *bystander*: a
//! process with kept handles, a lock and waits under way, which must go on unharmed.
//!
//! With `--depth 2` the process that recovers from the first death is stepped in the same way from
//! every state; with `--depth 3` also who recovers from that one's death.

mod beside;
mod bystander;
mod command;
mod history;
mod judge;
pub(crate) mod jury;
pub(crate) mod normal;
pub(crate) mod oracle;
pub(crate) mod reach;
pub(crate) mod snapshot;
pub(crate) mod stepper;
pub(crate) mod walk;

pub(crate) use command::{Judge, StandBy, Step};
pub(crate) use oracle::{Outcome, Verdict, compare, look_for_findings, read_all};
pub(crate) use snapshot::Snapshot;
