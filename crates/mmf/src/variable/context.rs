//! A handle's manners, and how it finds a variable.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::format::index::Hash;
use crate::format::record::{Identity, LONGEST_NAME};
use crate::record::{Glimpse, Record, find};
use crate::registry::{Patience, Registry};

/// One handle on a namespace: its membership, and how it was opened.
pub(crate) struct Context {
    pub(crate) registry: Arc<Registry>,
    /// Gets and sets respect the locks of others.
    pub(crate) autolock: bool,
    /// How long operations wait; none is for ever.
    pub(crate) timeout: Option<Duration>,
    /// Publishers wake sleepers that could not announce themselves.
    pub(crate) wake_always: bool,
    /// Values get checksums.
    pub(crate) checksums: bool,
    /// Seed of the names' hash.
    pub(crate) seed: u64,
}

impl Context {
    /// A wait within the handle's timeout.
    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.timeout, None)
    }

    /// The record that bears the target's name, and its identity.
    pub(crate) fn record_of(&self, target: &Target<'_>) -> Result<Option<(Record<'_>, Identity)>> {
        Ok(target.find(self)?.map(|glimpse| (glimpse.record, glimpse.identity)))
    }

    /// The target with `name`, checked.
    #[inline]
    pub(crate) fn target<'n>(&self, name: &'n str) -> Result<Target<'n>> {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidName, "a variable's name is empty"));
        }
        if name.len() > LONGEST_NAME {
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!("a name of {} bytes is longer than {LONGEST_NAME}", name.len()),
            ));
        }
        Ok(Target { name, hash: Hash::of(name.as_bytes(), self.seed), hint: Cell::new(None) })
    }
}

/// A variable as its user names it, and where it was last seen.
pub(crate) struct Target<'n> {
    pub(crate) name: &'n str,
    pub(crate) hash: Hash,
    /// The record last seen under this name.
    pub(crate) hint: Cell<Option<Hint>>,
}

/// A record and the identity that it must still have.
#[derive(Clone, Copy)]
pub(crate) struct Hint {
    pub(crate) offset: u64,
    pub(crate) identity: Identity,
}

impl Target<'_> {
    /// The variable's record, if it has one.
    #[inline(always)]
    pub(super) fn find<'a>(&self, context: &'a Context) -> Result<Option<Glimpse<'a>>> {
        let segment = context.registry.segment();
        if let Some(hint) = self.hint.get() {
            let glimpse = Glimpse::of(Record::at(segment, hint.offset)?);
            if glimpse.identity == hint.identity {
                return Ok(Some(glimpse));
            }
        }
        let found = find(segment, self.hash, self.name.as_bytes())?;
        self.hint.set(
            found.map(|glimpse| Hint { offset: glimpse.record.offset, identity: glimpse.identity }),
        );
        Ok(found)
    }
}
