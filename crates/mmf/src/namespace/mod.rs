//! Namespaces: finding, making, opening, listing and removing them, and the handles people use.

mod builder;
mod changes;
mod create;
mod directory;
mod guard;
mod handle;
mod location;
mod name;
mod open;
mod options;
mod repair;
mod update;
mod variable;
mod verify;

pub use builder::{Builder, Lifetime};
pub use directory::{Summary, list_namespaces, remove_namespace};
pub use guard::{LockGuard, LockOptions};
pub use handle::{Metadata, Namespace};
pub use options::Options;
pub use repair::Repair;
pub use variable::Variable;
