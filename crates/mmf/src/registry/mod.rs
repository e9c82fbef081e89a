//! Who is attached: slots, seats, the structural lock, and recovery from the dead
//! (`docs/protocols.md`, sections 3, 5 and 6).

mod attachment;
mod crash;
#[cfg(all(test, loom))]
mod models;
mod patience;
mod reap;
mod seats;
mod slots;
mod structural;

pub(crate) use attachment::Registry;
pub(crate) use patience::{Interruption, Patience, Step};
pub(crate) use reap::{heal_shared, is_listed_shared, return_block};
pub(crate) use seats::{SeatLease, program_name};
pub(crate) use structural::Structural;
