//! The verbs, one file each.

mod add;
mod check;
mod create;
mod debug;
mod delete;
mod demo;
mod exists;
mod get;
mod list;
mod lock;
mod max;
mod min;
mod remove;
mod resize;
mod set;
mod stat;
mod swap;
mod update;
mod verb;
mod wait;

pub use verb::Verb;
