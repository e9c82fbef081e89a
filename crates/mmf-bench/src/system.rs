//! What is measured: anything that keeps values under names.

use crate::Result;

/// A system that keeps values under names, as one process uses it.
pub trait System {
    /// Reads the value of `name` into `buffer`, whose content is replaced; false when there is none.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool>;

    /// Stores a value under `name`, which may exist.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()>;
}

/// One variable of a system, found once and used many times.
pub trait Kept {
    /// Reads the value into `buffer`, whose content is replaced; false when there is none.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn get(&mut self, buffer: &mut Vec<u8>) -> Result<bool>;

    /// Stores a value.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn set(&mut self, value: &[u8]) -> Result<()>;
}

/// A variable that is looked up by its name each time.
pub struct ByName<S> {
    /// The system.
    pub system: S,
    /// The name.
    pub name: String,
}

impl<S: System> Kept for ByName<S> {
    #[inline(always)]
    fn get(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        self.system.get(std::hint::black_box(&self.name), buffer)
    }

    #[inline(always)]
    fn set(&mut self, value: &[u8]) -> Result<()> {
        self.system.set(std::hint::black_box(&self.name), value)
    }
}
