//! Loom's atomics, one of whose orderings may be weakened from outside.
//!
//! `cargo xtask mutate` sets [`VARIABLE`] to the place of one call in the source and runs the
//! model that `docs/orderings.md` names for it, which has to fail. So one build serves for all.

use std::panic::Location;
use std::sync::OnceLock;

use loom::sync::atomic as modelled;
pub(crate) use loom::sync::atomic::Ordering;

/// `FILE:LINE:COLUMN:ARGUMENT:ORDERING`; the argument is 1 for the failure of an exchange, else 0.
const VARIABLE: &str = "MMF_WEAKENED";

/// The one ordering that is not as the source says.
struct Weakened {
    file: String,
    line: u32,
    column: u32,
    argument: usize,
    ordering: Ordering,
}

static WEAKENED: OnceLock<Option<Weakened>> = OnceLock::new();

impl Weakened {
    fn from_environment() -> Option<Self> {
        let text = std::env::var(VARIABLE).ok()?;
        let parsed = Self::parse(&text);
        assert!(parsed.is_some(), "{VARIABLE} is not FILE:LINE:COLUMN:ARGUMENT:ORDERING: {text}");
        parsed
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let weakened = Self {
            file: parts.next()?.to_owned(),
            line: parts.next()?.parse().ok()?,
            column: parts.next()?.parse().ok()?,
            argument: parts.next()?.parse().ok()?,
            ordering: match parts.next()? {
                "Relaxed" => Ordering::Relaxed,
                "Acquire" => Ordering::Acquire,
                "Release" => Ordering::Release,
                "AcqRel" => Ordering::AcqRel,
                _ => return None,
            },
        };
        parts.next().is_none().then_some(weakened)
    }
}

/// The ordering with which the caller's caller runs.
#[track_caller]
fn applied(written: Ordering, argument: usize) -> Ordering {
    let Some(weakened) = WEAKENED.get_or_init(Weakened::from_environment) else { return written };
    let place = Location::caller();
    let is_here = place.line() == weakened.line
        && place.column() == weakened.column
        && argument == weakened.argument
        && place.file() == weakened.file;
    if is_here { weakened.ordering } else { written }
}

/// A fence; none at all when it is weakened to nothing.
#[track_caller]
pub(crate) fn fence(ordering: Ordering) {
    match applied(ordering, 0) {
        Ordering::Relaxed => {}
        ordering => modelled::fence(ordering),
    }
}

/// A word of shared memory in a model.
pub(crate) struct AtomicU64(modelled::AtomicU64);

impl AtomicU64 {
    #[track_caller]
    pub(crate) fn new(word: u64) -> Self {
        Self(modelled::AtomicU64::new(word))
    }

    #[track_caller]
    pub(crate) fn load(&self, ordering: Ordering) -> u64 {
        self.0.load(applied(ordering, 0))
    }

    #[track_caller]
    pub(crate) fn store(&self, word: u64, ordering: Ordering) {
        self.0.store(word, applied(ordering, 0));
    }

    #[track_caller]
    pub(crate) fn swap(&self, word: u64, ordering: Ordering) -> u64 {
        self.0.swap(word, applied(ordering, 0))
    }

    #[track_caller]
    pub(crate) fn compare_exchange(
        &self,
        from: u64,
        to: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange(from, to, applied(success, 0), applied(failure, 1))
    }

    #[track_caller]
    pub(crate) fn fetch_add(&self, amount: u64, ordering: Ordering) -> u64 {
        self.0.fetch_add(amount, applied(ordering, 0))
    }

    #[track_caller]
    pub(crate) fn fetch_and(&self, mask: u64, ordering: Ordering) -> u64 {
        self.0.fetch_and(mask, applied(ordering, 0))
    }

    #[track_caller]
    pub(crate) fn fetch_or(&self, bits: u64, ordering: Ordering) -> u64 {
        self.0.fetch_or(bits, applied(ordering, 0))
    }
}
