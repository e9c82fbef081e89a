//! The index: from names to records (`docs/protocols.md`, section 7).

mod lookup;
#[cfg(all(test, loom))]
mod models;
mod update;

pub(crate) use lookup::{Search, Wanted, lookup, search};
pub(crate) use update::{initialise, insert, make_room, remove};

use crate::error::{Error, Result};
use crate::format::header::INDEX_ROOT;
use crate::format::index::{GREATEST_DEPTH, Root};

/// The root with an impossible depth refused.
fn checked_root(word: u64) -> Result<Root> {
    let root = Root(word);
    if root.depth() > GREATEST_DEPTH {
        return Err(Error::damaged(INDEX_ROOT, "the index root has an impossible depth"));
    }
    Ok(root)
}
