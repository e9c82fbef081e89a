//! One run of the program: how much to measure, and where.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::companion::Companion;
use crate::measure::Effort;
use crate::place::Place;
use crate::subject::Scratch;

/// How much to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Everything, as the committed figures were measured.
    Full,
    /// Within two minutes: the greatest counts scaled down, and named so.
    Quick,
    /// Within seconds: shows that everything runs and that values are right.
    Smoke,
}

impl Level {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Quick => "quick",
            Self::Smoke => "smoke",
        }
    }

    /// Repeats and their length.
    pub fn effort(self) -> Effort {
        match self {
            Self::Full => Effort::FULL,
            Self::Quick => Effort::QUICK,
            Self::Smoke => Effort::SMOKE,
        }
    }

    /// Variables of the rows "of 1M".
    pub fn many(self) -> u32 {
        if self == Self::Smoke { 10_000 } else { 1_000_000 }
    }

    /// Variables of the rows "to 10M".
    pub fn most(self) -> u32 {
        match self {
            Self::Full => 10_000_000,
            Self::Quick => 1_000_000,
            Self::Smoke => 20_000,
        }
    }
}

/// A count as names of rows have it: 10k, 1M.
pub fn count_name(count: u32) -> String {
    match count {
        count if count.is_multiple_of(1_000_000) => format!("{}M", count / 1_000_000),
        count if count.is_multiple_of(1_000) => format!("{}k", count / 1_000),
        count => count.to_string(),
    }
}

/// One run.
pub struct Session {
    /// How much it measures.
    pub level: Level,
    /// Gives its walks.
    pub seed: u64,
    repeats: Option<usize>,
    place: Place,
    names_given: Cell<u32>,
}

impl Session {
    /// Begins a run. To be called once, while the program has no other thread.
    ///
    /// # Errors
    ///
    /// When there is no place for its files.
    pub fn begin(level: Level, seed: u64) -> Result<Self> {
        let place = Place::take()?;
        Ok(Self { level, seed, repeats: None, place, names_given: Cell::new(0) })
    }

    /// The same run, with another number of repeats than its level has.
    pub fn with_repeats(self, repeats: Option<usize>) -> Self {
        Self { repeats, ..self }
    }

    /// Repeats and their length.
    pub fn effort(&self) -> Effort {
        let usual = self.level.effort();
        Effort { repeats: self.repeats.unwrap_or(usual.repeats), ..usual }
    }

    /// Where files of this run lie.
    pub fn directory(&self) -> &Path {
        self.place.path()
    }

    /// A name that nothing else of this run has.
    pub fn new_name(&self, what: &str) -> String {
        let number = self.names_given.get();
        self.names_given.set(number + 1);
        format!("{what}-{number}")
    }

    /// A path that no file has.
    pub fn new_path(&self, what: &str) -> PathBuf {
        self.directory().join(self.new_name(what))
    }

    /// A namespace with room for so many variables of 64 bytes, and some more.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn namespace(&self, variables: u32) -> Result<Scratch> {
        self.namespace_of_bytes(u64::from(variables) * 512 + (4 << 20))
    }

    /// A namespace of this capacity.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn namespace_of_bytes(&self, capacity: u64) -> Result<Scratch> {
        Scratch::create(&self.new_name("bench"), capacity)
    }

    /// Starts a second process in this role.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn companion(&self, role: &str, arguments: &[&str]) -> Result<Companion> {
        Companion::start(self.directory(), role, arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_short_names() {
        assert_eq!([10, 20_000, 10_000_000].map(count_name), ["10", "20k", "10M"]);
    }
}
