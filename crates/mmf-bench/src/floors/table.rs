//! A raw hash table in a shared mapping: open addressing, names and values in place, nothing that
//! would survive a kill or let a reader know that a value is torn.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::{Pages, SharedMemory};
use crate::names::NAME_LENGTH;
use crate::system::{Kept, System};
use crate::{Error, Result};

/// Before the value: a lock's word, the name.
const VALUE: usize = 8 + NAME_LENGTH;

/// What a set does beside storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// Nothing: there is one writer.
    Nothing,
    /// A compare-and-swap before and a swap after, the least that any lock between writers costs.
    SwapBothWays,
}

/// A table of names of 16 bytes and values of `LENGTH` bytes.
pub struct RawTable<const LENGTH: usize> {
    memory: SharedMemory,
    mask: u64,
    locking: Locking,
}

impl<const LENGTH: usize> RawTable<LENGTH> {
    /// Bytes of an entry: a multiple of 16, so that short ones do not straddle lines needlessly.
    pub const ENTRY: usize = (VALUE + LENGTH).next_multiple_of(16);

    /// A table for `count` names, at most half full.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn create(path: &Path, count: u64, locking: Locking) -> Result<Self> {
        let entries = (count * 2).next_power_of_two();
        let memory = SharedMemory::create(path, entries * Self::ENTRY as u64, Pages::Present)?;
        Ok(Self { memory, mask: entries - 1, locking })
    }

    /// The table, with sets that lock otherwise than it was made for.
    pub fn locking(&self, locking: Locking) -> RawAccess<'_, LENGTH> {
        RawAccess { table: self, locking }
    }

    /// Bytes that the table takes.
    pub fn bytes(&self) -> u64 {
        self.memory.len() as u64
    }

    /// Offset of the entry of a name, or of the free entry for it.
    #[inline(always)]
    fn find(&self, name: &[u8; NAME_LENGTH]) -> (usize, bool) {
        let name = u128::from_le_bytes(*name);
        let mut position = hash(name);
        loop {
            let entry = (position & self.mask) as usize * Self::ENTRY;
            let mut found = [0; NAME_LENGTH];
            self.memory.copy_out(entry + 8, &mut found);
            let found = u128::from_le_bytes(found);
            if found == name {
                return (entry, true);
            }
            if found == 0 {
                return (entry, false);
            }
            position += 1;
        }
    }

    #[inline(always)]
    fn read(&self, entry: usize, buffer: &mut Vec<u8>) {
        let mut value = [0; LENGTH];
        self.memory.copy_out(entry + VALUE, &mut value);
        buffer.clear();
        buffer.extend_from_slice(&value);
    }

    #[inline(always)]
    fn write(&self, entry: usize, value: &[u8], locking: Locking) -> Result<()> {
        let value: &[u8; LENGTH] = value.try_into().map_err(|_| wrong_length(LENGTH))?;
        if locking == Locking::Nothing {
            self.memory.copy_in(entry + VALUE, value);
            return Ok(());
        }
        let lock = self.memory.word(entry);
        let is_taken = lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err();
        if is_taken {
            return Err("a raw table's lock is taken".into());
        }
        self.memory.copy_in(entry + VALUE, value);
        lock.swap(0, Ordering::AcqRel);
        Ok(())
    }

    /// One entry, found once.
    ///
    /// # Errors
    ///
    /// When the name is not there.
    pub fn variable(&self, name: &str) -> Result<RawVariable<'_, LENGTH>> {
        match self.find(as_name(name)?) {
            (entry, true) => Ok(RawVariable { table: self, entry }),
            _ => Err(format!("{name} is not in the table").into()),
        }
    }
}

/// A hash of two words: their mixed product folded, about the least that spreads names.
#[inline(always)]
fn hash(name: u128) -> u64 {
    let (low, high) = (name as u64, (name >> 64) as u64);
    let low = u128::from(low ^ 0x9e37_79b9_7f4a_7c15);
    let product = low * u128::from(high ^ 0xbf58_476d_1ce4_e5b9);
    product as u64 ^ (product >> 64) as u64
}

#[inline(always)]
fn as_name(name: &str) -> Result<&[u8; NAME_LENGTH]> {
    name.as_bytes().try_into().map_err(|_| wrong_length(NAME_LENGTH))
}

#[cold]
fn wrong_length(length: usize) -> Error {
    format!("a raw table takes names and values of one length, here {length}").into()
}

impl<const LENGTH: usize> System for &RawTable<LENGTH> {
    #[inline(always)]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        self.locking(self.locking).get(name, buffer)
    }

    #[inline(always)]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.locking(self.locking).set(name, value)
    }
}

/// A [`RawTable`] whose sets lock in one way.
#[derive(Clone, Copy)]
pub struct RawAccess<'a, const LENGTH: usize> {
    table: &'a RawTable<LENGTH>,
    locking: Locking,
}

impl<const LENGTH: usize> System for RawAccess<'_, LENGTH> {
    #[inline(always)]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        let (entry, is_there) = self.table.find(as_name(name)?);
        if is_there {
            self.table.read(entry, buffer);
        }
        Ok(is_there)
    }

    #[inline(always)]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        let name = as_name(name)?;
        let (entry, is_there) = self.table.find(name);
        if !is_there {
            self.table.memory.copy_in(entry + 8, name);
        }
        self.table.write(entry, value, self.locking)
    }
}

/// An entry of a [`RawTable`]: a pointer to the value, and nothing to verify.
pub struct RawVariable<'a, const LENGTH: usize> {
    table: &'a RawTable<LENGTH>,
    entry: usize,
}

impl<const LENGTH: usize> Kept for RawVariable<'_, LENGTH> {
    #[inline(always)]
    fn get(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        self.table.read(self.entry, buffer);
        Ok(true)
    }

    #[inline(always)]
    fn set(&mut self, value: &[u8]) -> Result<()> {
        self.table.write(self.entry, value, self.table.locking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Name;
    use crate::workloads::{HOT_INDEX, MANY_LENGTH, get_random, populate, set_random};

    #[test]
    fn a_table_keeps_what_was_set() {
        let place = tempfile::tempdir().unwrap();
        for locking in [Locking::Nothing, Locking::SwapBothWays] {
            let path = place.path().join(format!("{locking:?}"));
            let table = RawTable::<MANY_LENGTH>::create(&path, 1000, locking).unwrap();
            populate(&mut &table, 1000, MANY_LENGTH).unwrap();
            get_random(&table, 1000, 1)(3000).unwrap();
            set_random(&table, 1000, 1)(3000).unwrap();
            let mut buffer = Vec::new();
            assert!(!(&table).get(Name::of(1000).as_str(), &mut buffer).unwrap());
            assert!(table.variable(Name::of(1000).as_str()).is_err());
            assert!((&table).set("short", &[0; MANY_LENGTH]).is_err());
        }
    }

    /// Or the hot rows would measure probing.
    #[test]
    fn the_hot_variable_is_found_at_once() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("table");
        let table = RawTable::<16>::create(&path, 10, Locking::Nothing).unwrap();
        populate(&mut &table, 10, 16).unwrap();
        let name = *Name::of(HOT_INDEX).as_bytes();
        let first = (hash(u128::from_le_bytes(name)) & table.mask) as usize;
        assert_eq!(table.find(&name), (first * RawTable::<16>::ENTRY, true));
    }

    #[test]
    fn a_million_take_the_bytes_that_they_are_said_to() {
        assert_eq!(RawTable::<16>::ENTRY, 48);
        assert_eq!(RawTable::<64>::ENTRY, 96);
    }
}
