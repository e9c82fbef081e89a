//! The demonstration: real processes, which are this program again with the hidden verb
//! `demo-part`, in a namespace of its own.

mod counting;
mod part;
mod rescue;
mod sharing;
mod show;
mod signalling;
mod stage;

pub use part::Part;
pub use show::show;
