//! The scenarios, one a file.

mod coming;
mod counting;
mod full;
mod growth;
mod locking;
mod mixed;
mod rewriting;
mod transfer;

use super::scenario::Scenario;

/// All of them, in the order in which they run.
pub(super) const ALL: [&dyn Scenario; 8] = [
    &mixed::Mixed,
    &rewriting::Rewriting,
    &counting::Counting,
    &locking::Locking,
    &transfer::Transfer,
    &growth::Growth,
    &full::Full,
    &coming::Coming,
];
