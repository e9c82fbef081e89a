//! The living are not robbed: a process stands still at every state of an operation, alive, and
//! others go on beside it.
//!
//! An *onlooker* is attached before a victim is stepped to a state of its operation and left there,
//! stopped like under a debugger. With timeouts of some hundredths of a second the onlooker then
//! tries everything: it reads, sets, adds, makes, deletes, locks, waits, attaches and verifies.
//! What the victim holds is read from the file, so each attempt has one right ending:
//!
//! - reads end at once, but under an exclusive lock;
//! - whatever needs what the victim holds ends in a timeout that names the victim;
//! - everything else succeeds;
//! - afterwards the victim holds what it held before, to the bit.
//!
//! Then the victim goes on, and must come to the end of its operation, which has happened. Nobody
//! has recovered from anything, no lock tells of a death, and `check` finds nothing.

mod command;
mod company;
mod holdings;
mod onlooker;
mod stand;
mod stopwatch;
mod trials;

pub(crate) use command::Living;
pub(crate) use onlooker::LookOn;
