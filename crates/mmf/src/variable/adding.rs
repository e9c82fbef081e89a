//! How to add to a counter.

use crate::error::{Error, ErrorKind, Result};

/// What becomes of a sum that leaves the range of a counter, -2^63 to 2^63 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Refused,
    Wraps,
}

/// How to add to a counter: [`Namespace::add_with`](crate::Namespace::add_with).
///
/// ```
/// let numbers = mmf::AddOptions::checked().initial(1000);
/// let hash = mmf::AddOptions::wrapping();
/// # drop((numbers, hash));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct AddOptions {
    overflow: Overflow,
    initial: i64,
}

impl AddOptions {
    /// A sum that needs more than 64 bits is an error, and changes nothing.
    pub fn checked() -> Self {
        Self { overflow: Overflow::Refused, initial: 0 }
    }

    /// A sum that needs more than 64 bits goes on at the other end of the range.
    pub fn wrapping() -> Self {
        Self { overflow: Overflow::Wraps, initial: 0 }
    }

    /// What a counter that does not exist begins at, before the amount is added; 0 unless set.
    pub fn initial(mut self, initial: i64) -> Self {
        self.initial = initial;
        self
    }

    /// The number that an add makes of a counter, or of none.
    #[inline]
    pub(super) fn sum(self, now: Option<i64>, amount: i64) -> Result<i64> {
        let now = now.unwrap_or(self.initial);
        match self.overflow {
            Overflow::Wraps => Ok(now.wrapping_add(amount)),
            Overflow::Refused => now.checked_add(amount).ok_or_else(|| {
                Error::new(
                    ErrorKind::Overflow,
                    format!("{now} and {amount} exceed the range of a counter"),
                )
            }),
        }
    }
}
