//! The map of the standard library behind a lock, in one process: for scale.

use std::collections::HashMap;
use std::sync::RwLock;

use crate::Result;
use crate::system::System;

/// A `HashMap` behind an `RwLock`.
#[derive(Default)]
pub struct LockedMap(RwLock<HashMap<String, Vec<u8>>>);

impl System for &LockedMap {
    #[inline(always)]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        let map = self.0.read().map_err(|_| "a map's lock is poisoned")?;
        let Some(value) = map.get(name) else { return Ok(false) };
        buffer.clear();
        buffer.extend_from_slice(value);
        Ok(true)
    }

    #[inline(always)]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        let mut map = self.0.write().map_err(|_| "a map's lock is poisoned")?;
        match map.get_mut(name) {
            Some(kept) => {
                kept.clear();
                kept.extend_from_slice(value);
            }
            None => {
                map.insert(name.to_owned(), value.to_vec());
            }
        }
        Ok(())
    }
}
