//! The header page: fixed facts, the words readers look at, and the structural state.

use super::PAGE;

/// "mmf-shm\n" in little-endian bytes: the first word of every namespace.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"mmf-shm\n");
/// First word while a namespace is being written into an existing empty file.
pub(crate) const MAGIC_UNFINISHED: u64 = u64::from_le_bytes(*b"mmf-new\n");
/// Version of the format; a file of another version is refused.
pub(crate) const FORMAT_VERSION: u64 = 2;

/// Least capacity in bytes.
pub(crate) const LEAST_CAPACITY: u64 = 64 * 1024;
/// Greatest capacity in bytes: block offsets have 40 bits.
pub(crate) const GREATEST_CAPACITY: u64 = 1 << 40;
/// Bytes are committed in multiples of this, but for the last step up to the capacity.
pub(crate) const GRANULE: u64 = 64 * 1024;

// Fixed at creation.
pub(crate) const MAGIC_WORD: u64 = 0;
pub(crate) const VERSION: u64 = 8;
#[cfg(test)] // Ignored by every version: named for the specification alone.
pub(crate) const COMPATIBLE_FEATURES: u64 = 16;
pub(crate) const READ_COMPATIBLE_FEATURES: u64 = 24;
pub(crate) const INCOMPATIBLE_FEATURES: u64 = 32;
pub(crate) const NAMESPACE_ID: u64 = 40;
pub(crate) const CREATED: u64 = 56;
pub(crate) const HASH_SEED: u64 = 64;
pub(crate) const OPTIONS: u64 = 72;
pub(crate) const SLOT_COUNT: u64 = 80;
pub(crate) const HEAP_START: u64 = 88;

// Of the system's boot in which the namespace was last known to be sound.
pub(crate) const BOOT: u64 = 96;

// Read by every operation.
pub(crate) const NAMESPACE_LOCK: u64 = 128;
pub(crate) const INDEX_ROOT: u64 = 136;
#[cfg(test)] // Reserved, see `docs/protocols.md`, section 10.
pub(crate) const SNAPSHOT_EPOCH: u64 = 144;
pub(crate) const CAPACITY: u64 = 152;

pub(crate) const STRUCTURAL_LOCK: u64 = 192;

// Structural state.
pub(crate) const BREAK: u64 = 256;
pub(crate) const LAST_RUN_PAGES: u64 = 264;
pub(crate) const RECORD_COUNT: u64 = 272;
pub(crate) const VERSION_FLOOR: u64 = 280;
pub(crate) const RECORD_SLABS: u64 = 288;
pub(crate) const RECORD_PARTIAL: u64 = 296;
pub(crate) const RECOVERIES: u64 = 304;
pub(crate) const PROGRAM_COUNT: u64 = 312;
pub(crate) const SEAT_EXTENT_COUNT: u64 = 320;
pub(crate) const PROGRAM_EXTENT_COUNT: u64 = 328;
pub(crate) const SEAT_EXTENTS: u64 = 384;
pub(crate) const SEAT_EXTENT_LIMIT: u64 = 10;
pub(crate) const PROGRAM_EXTENTS: u64 = 480;
pub(crate) const PROGRAM_EXTENT_LIMIT: u64 = 8;
pub(crate) const FREE_RUNS: u64 = 576;
pub(crate) const FREE_RUN_LISTS: u64 = 29;
pub(crate) const PARTIAL_SLABS: u64 = 832;
pub(crate) const ARRIVALS: u64 = 1024;
pub(crate) const ARRIVAL_COUNT: u64 = 64;

/// The journal's page: a count word, then (offset, word) pairs.
pub(crate) const JOURNAL: u64 = PAGE;
pub(crate) const JOURNAL_ENTRIES: u64 = JOURNAL + 16;
/// Most entries one journal holds.
pub(crate) const JOURNAL_LIMIT: usize = 254;

/// Where the slot table begins.
pub(crate) const SLOTS: u64 = 2 * PAGE;

/// Bit of the options word: the file goes with its last process.
pub(crate) const OPTION_WHILE_ATTACHED: u64 = 1;
/// Bit of the options word: publishers wake sleepers even if none has announced itself.
pub(crate) const OPTION_WAKE_ALWAYS: u64 = 2;
/// Bit of the options word: values bear checksums, and the last process to detach flushes.
pub(crate) const OPTION_CHECKSUMS: u64 = 4;

/// Processes that can be attached at once to a namespace of `capacity` bytes.
pub(crate) const fn slot_count(capacity: u64) -> u64 {
    if capacity < 1 << 20 {
        64
    } else if capacity < 64 << 20 {
        256
    } else {
        1024
    }
}
