//! A handle's manners, and how it finds a variable.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::format::index::Hash;
use crate::format::record::{Identity, LONGEST_NAME};
use crate::record::{Glimpse, Record, find, find_at_once};
use crate::registry::{Patience, Registry};
use crate::segment::Segment;

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

    /// The same membership for what passes every lock.
    pub(crate) fn past_locks(&self) -> Self {
        Self { registry: Arc::clone(&self.registry), autolock: false, ..*self }
    }

    /// The record that bears the target's name, and its identity.
    pub(crate) fn record_of(&self, target: &Target<'_>) -> Result<Option<(Record<'_>, Identity)>> {
        Ok(target.find(self.registry.segment())?.map(|glimpse| (glimpse.record, glimpse.identity)))
    }

    /// The target with `name`, checked.
    #[inline(always)]
    pub(crate) fn target<'n>(&self, name: &'n str) -> Result<Target<'n>> {
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(invalid_name(name));
        }
        Ok(Target { name, hash: Hash::of(name.as_bytes(), self.seed), hint: None })
    }
}

/// A variable as its user names it.
#[derive(Clone, Copy)]
pub(crate) struct Target<'n> {
    pub(crate) name: &'n str,
    pub(crate) hash: Hash,
    /// Where a handle remembers the record.
    pub(crate) hint: Option<&'n Cell<Option<Hint>>>,
}

/// The record last seen under a name, and the identity that it must still have.
#[derive(Clone, Copy)]
pub(crate) struct Hint {
    pub(crate) offset: u64,
    pub(crate) identity: Identity,
}

impl Target<'_> {
    /// The variable's record, if it has one.
    pub(super) fn find<'a>(&self, segment: &'a Segment) -> Result<Option<Glimpse<'a>>> {
        if let Some(hint) = self.hint.and_then(Cell::get) {
            let glimpse = Glimpse::of(Record::at(segment, hint.offset)?);
            if glimpse.identity == hint.identity {
                return Ok(Some(glimpse));
            }
        }
        let found = find(segment, self.hash, self.name.as_bytes())?;
        self.remember(
            found.map(|glimpse| Hint { offset: glimpse.record.offset, identity: glimpse.identity }),
        );
        Ok(found)
    }

    /// The same when it is where it was, or is found at the first attempt; none when
    /// [`Target::find`] is to look.
    #[inline(always)]
    pub(super) fn find_at_once<'a>(&self, segment: &'a Segment) -> Option<Option<Glimpse<'a>>> {
        let Some(memory) = self.hint else {
            return find_at_once(segment, self.hash, self.name.as_bytes());
        };
        let hint = memory.get()?;
        let glimpse = Glimpse::of(Record::at(segment, hint.offset).ok()?);
        (glimpse.identity == hint.identity).then_some(Some(glimpse))
    }

    /// Takes note of where the variable is, for a handle's next look-up.
    #[inline(always)]
    pub(super) fn remember(&self, found: Option<Hint>) {
        if let Some(hint) = self.hint {
            hint.set(found);
        }
    }
}

#[cold]
fn invalid_name(name: &str) -> Error {
    let reason = match name.len() {
        0 => "a variable's name is empty".to_owned(),
        length => format!("a name of {length} bytes is longer than {LONGEST_NAME}"),
    };
    Error::new(ErrorKind::InvalidName, reason)
}
