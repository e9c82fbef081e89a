//! Random kills at scale: workers that are killed and started again, thousands of times.
//!
//! A supervisor starts workers, kills each after a random time, often while it starts, while it
//! holds a lock, or together with all the others, and starts it again. One worker and a read-only
//! reader are never killed: what happens to them is what would happen to a user. Whatever a worker
//! attempts and what has been acknowledged to it stands in a ledger that is no part of the
//! namespace and that a kill leaves as it is. What must be so in every scenario:
//!
//! - every value that anybody reads is, byte for byte, the one that was set last or is being set;
//! - what was being done at a kill has happened wholly or not at all, and nothing else changed;
//! - no operation of a living worker takes longer than [`supervisor::LIMIT`];
//! - whenever everybody rests, every few hundred kills, `check` finds nothing, each byte is
//!   accounted for, and nobody holds a lock, waits or is attached;
//! - at the end everything can be deleted, and nothing is left.
//!
//! Everything random is drawn from the seed: what the workers do, who is killed, and after which
//! time. When exactly a kill strikes is up to the machine, so the same seed gives the same storm
//! but not the same moments.

mod clock;
mod command;
mod counters;
mod ledger;
mod locks;
mod owned;
mod plan;
mod processes;
mod scenario;
mod scenarios;
mod supervisor;
mod worker;

pub(crate) use command::Storm;
