//! The verbs, one file each.

mod add;
mod check;
mod completions;
mod create;
mod debug;
mod delete;
mod demo;
mod exists;
mod export;
mod get;
mod import;
mod list;
mod lock;
mod man;
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
