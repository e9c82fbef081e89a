//! The floors: raw memory without any promise, and a map inside one process.

use std::sync::atomic::Ordering;

use mmf_bench::Result;
use mmf_bench::floors::futex::{Before, signal, wait};
use mmf_bench::floors::{LockedMap, Locking, Pages, RawTable, RawVariable, SharedMemory};
use mmf_bench::names::Name;
use mmf_bench::system::System;
use mmf_bench::values::{fill, stamp_of};
use mmf_bench::workloads::HOT_LENGTH;

use crate::contract::Call;
use crate::program::{Awaiting, Capacity, NoVariable, Peer, STOP, cannot};

/// A raw hash table in a mapping; whoever attaches maps as many bytes and reads one value.
pub enum Table<const LENGTH: usize> {
    /// Of the first process.
    Made {
        /// The table.
        table: RawTable<LENGTH>,
        /// What the second process maps, with the value that it reads at its begin.
        other: SharedMemory,
    },
    /// Of the second.
    Attached(SharedMemory),
}

impl<const LENGTH: usize> System for Table<LENGTH> {
    #[inline]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        match self {
            Self::Made { table, .. } => { &*table }.get(name, buffer),
            Self::Attached(memory) => {
                buffer.resize(LENGTH, 0);
                memory.copy_out(0, buffer);
                Ok(true)
            }
        }
    }

    #[inline]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        match self {
            Self::Made { table, .. } => { &*table }.set(name, value),
            Self::Attached(_) => Err(cannot("who attaches only reads")),
        }
    }
}

impl<const LENGTH: usize> Peer for Table<LENGTH> {
    type Variable<'a> = RawVariable<'a, LENGTH>;

    fn create(call: &Call, capacity: Capacity) -> Result<Self> {
        let path = call.directory.join("table");
        let table = RawTable::create(&path, capacity.count, Locking::SwapBothWays)?;
        let path = call.directory.join("attached");
        let other = SharedMemory::create(&path, table.bytes(), Pages::OnDemand)?;
        Ok(Self::Made { table, other })
    }

    fn attach(call: &Call, _capacity: Capacity) -> Result<Self> {
        let path = call.directory.join("attached");
        Ok(Self::Attached(SharedMemory::open(&path, Pages::OnDemand)?))
    }

    fn kept(&mut self, name: &str) -> Result<Option<(&'static str, Self::Variable<'_>)>> {
        match self {
            Self::Made { table, .. } => Ok(Some(("by pointer", table.variable(name)?))),
            Self::Attached(_) => Ok(None),
        }
    }

    fn bytes_used(&mut self) -> Result<u64> {
        let Self::Made { table, other } = self else {
            return Err(cannot("who attaches does not count"));
        };
        let mut buffer = Vec::new();
        if { &*table }.get(Name::of(0).as_str(), &mut buffer)? {
            other.copy_in(0, &buffer);
        }
        Ok(table.bytes())
    }
}

/// Where the words of a [`Bare`] memory lie, each on lines of its own, and its large value.
const WORD: usize = 0;
const WAY: [usize; 2] = [256, 512];
const STOPPED: usize = 768;
const BYTES: usize = 4096;

/// One word, one counter, room for a large value: no names.
pub struct Bare<const SPINS: bool> {
    memory: SharedMemory,
    /// The number sent last.
    sent: u64,
}

impl<const SPINS: bool> Bare<SPINS> {
    const BEFORE: Before = if SPINS { Before::SpinningFirst } else { Before::Sleeping };
}

impl<const SPINS: bool> System for Bare<SPINS> {
    #[inline]
    fn get(&mut self, _name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        if self.memory.len() > 2 * BYTES {
            buffer.resize(self.memory.len() - BYTES, 0);
            self.memory.copy_out(BYTES, buffer);
            return Ok(true);
        }
        buffer.resize(HOT_LENGTH, 0);
        fill(buffer, self.memory.word(WORD).load(Ordering::Acquire));
        Ok(true)
    }

    #[inline]
    fn set(&mut self, _name: &str, value: &[u8]) -> Result<()> {
        if value.len() == HOT_LENGTH {
            self.memory.word(WORD).store(stamp_of(value), Ordering::Release);
        } else {
            self.memory.copy_in(BYTES, value);
        }
        Ok(())
    }
}

impl<const SPINS: bool> Peer for Bare<SPINS> {
    type Variable<'a> = NoVariable;

    const AWAITING: Awaiting = Awaiting::Waits;

    fn create(call: &Call, capacity: Capacity) -> Result<Self> {
        let bytes = BYTES + capacity.length.next_multiple_of(BYTES);
        let path = call.directory.join("memory");
        let memory = SharedMemory::create(&path, bytes as u64, Pages::Present)?;
        Ok(Self { memory, sent: 0 })
    }

    fn attach(call: &Call, _capacity: Capacity) -> Result<Self> {
        let path = call.directory.join("memory");
        Ok(Self { memory: SharedMemory::open(&path, Pages::Present)?, sent: 0 })
    }

    fn kept(&mut self, _name: &str) -> Result<Option<(&'static str, NoVariable)>> {
        Ok(None)
    }

    fn add(&mut self, _name: &str) -> Result<()> {
        self.memory.word(WORD).fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn total(&mut self, _name: &str) -> Result<u64> {
        Ok(self.memory.word(WORD).load(Ordering::Relaxed))
    }

    fn send(&mut self, way: usize, number: u64) -> Result<()> {
        let mut count = number;
        if number == STOP {
            self.memory.word(STOPPED).store(1, Ordering::Relaxed);
            count = self.sent + 1;
        }
        self.sent = count;
        signal(self.memory.half_word(WAY[way]), as_count(count));
        Ok(())
    }

    /// The number after `last`: who signals counts up by one.
    fn receive(&mut self, way: usize, last: u64) -> Result<u64> {
        let word = self.memory.half_word(WAY[way]);
        wait(word, as_count(last + 1), Self::BEFORE)?;
        let has_stopped = self.memory.word(STOPPED).load(Ordering::Relaxed) != 0;
        Ok(if has_stopped { STOP } else { last + 1 })
    }

    fn bytes_used(&mut self) -> Result<u64> {
        Err(cannot("it has no variables"))
    }
}

/// Signals are counted in fewer bits.
fn as_count(number: u64) -> u32 {
    number as u32 & 0x7fff_ffff
}

/// The map of the standard library behind a lock, in one process.
pub struct Map {
    map: LockedMap,
    before: u64,
}

impl System for Map {
    #[inline]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        { &self.map }.get(name, buffer)
    }

    #[inline]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        { &self.map }.set(name, value)
    }
}

impl Peer for Map {
    type Variable<'a> = NoVariable;

    fn create(_call: &Call, _capacity: Capacity) -> Result<Self> {
        Ok(Self { map: LockedMap::default(), before: resident()? })
    }

    fn attach(_call: &Call, _capacity: Capacity) -> Result<Self> {
        Err(cannot("it is inside one process"))
    }

    fn kept(&mut self, _name: &str) -> Result<Option<(&'static str, NoVariable)>> {
        Ok(None)
    }

    fn bytes_used(&mut self) -> Result<u64> {
        Ok(resident()? - self.before)
    }
}

/// Bytes of memory that this process has.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let kibibytes: u64 = number.ok_or("/proc/self/status has no VmRSS")?.parse()?;
    Ok(kibibytes * 1024)
}
