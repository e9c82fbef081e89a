//! Shared variables between processes, in any language, without a server.
//!
//! A *namespace* is a named block of memory-mapped shared memory. In it live *variables*, each
//! with a name and a typed value. Any process on the machine opens the namespace by name.
//!
//! - A get returns one whole value; it takes no lock and writes nothing to shared memory.
//! - A process may be killed at any instruction: nobody hangs, nothing stored is lost, nothing
//!   needs repair.
//! - Waiting sleeps in the kernel, with a timeout everywhere.
//! - Values have types that every language reads: scalars, text, bytes, any serde type.
//! - There is nothing to start and nothing to administer.
//!
//! ```
//! use mmf::{Condition, LockOptions, Namespace};
//! use std::time::Duration;
//!
//! # let namespace = Namespace::in_memory(1 << 20)?;
//! # /*
//! let namespace = Namespace::open_or_create("shop")?;
//! # */
//! namespace.set("price", &12.5)?;
//! assert_eq!(namespace.get::<f64>("price")?, Some(12.5));
//!
//! let visits = namespace.add("visits", 1)?;
//! assert_eq!(visits, 1);
//!
//! let lock = namespace.lock(&LockOptions::exclusive())?;
//! namespace.set("door", "open")?;
//! lock.unlock()?;
//! namespace.wait("door", &Condition::Exists, Duration::from_secs(5))?;
//! # Ok::<(), mmf::Error>(())
//! ```

#![cfg_attr(loom, allow(dead_code, unused_imports, reason = "models use a part"))]

mod error;
mod format;
mod heap;
mod index;
mod inspect;
mod journal;
mod lock;
mod namespace;
mod platform;
mod record;
mod registry;
mod seat;
mod segment;
mod sync;
#[cfg_attr(
    not(any(test, loom)),
    expect(dead_code, unused_imports, reason = "no verb uses collections yet")
)]
mod tree;
mod value;
mod variable;

pub use error::{Error, ErrorKind, Holder, Result};
pub use inspect::{Finding, HeldLock, Loss, Member, Statistics};
pub use namespace::{
    Builder, Lifetime, LockGuard, LockOptions, Metadata, Namespace, Options, Repair, Summary,
    Variable, list_namespaces, remove_namespace,
};
pub use value::{Encoded, FromValue, Structure, ToValue, Value, ValueType};
pub use variable::{AddOptions, Comparison, Condition, NameIterator, Outcome};
