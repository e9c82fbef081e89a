//! mmf itself as a system that is measured.

use mmf::{Namespace, Variable};

use crate::Result;
use crate::system::{Kept, System};

impl System for &Namespace {
    #[inline(always)]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        Ok(self.get_into(name, buffer)?.is_some())
    }

    #[inline(always)]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        Namespace::set(self, name, value)?;
        Ok(())
    }
}

impl Kept for &Variable {
    #[inline(always)]
    fn get(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        Ok(self.get_into(buffer)?.is_some())
    }

    #[inline(always)]
    fn set(&mut self, value: &[u8]) -> Result<()> {
        Variable::set(self, value)?;
        Ok(())
    }
}

/// A namespace of the program's own, which is removed with this value.
pub struct Scratch(Namespace);

impl Scratch {
    /// Makes a namespace.
    ///
    /// # Errors
    ///
    /// When it exists or cannot be made.
    pub fn create(name: &str, capacity: u64) -> Result<Self> {
        Ok(Self(Namespace::builder(name).capacity(capacity).create()?))
    }
}

impl std::ops::Deref for Scratch {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays goes with the directory of the run.
        let _ = mmf::remove_namespace(self.0.name(), true);
    }
}
