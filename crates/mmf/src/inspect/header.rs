//! What a file's first page says, read before anything is mapped: nothing of it is trusted.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::error::{Error, ErrorKind, Result};
use crate::format::PAGE;
use crate::format::header::{
    BOOT, BREAK, CAPACITY, CREATED, FORMAT_VERSION, GREATEST_CAPACITY, HASH_SEED, HEAP_START,
    INCOMPATIBLE_FEATURES, LEAST_CAPACITY, MAGIC, MAGIC_UNFINISHED, MAGIC_WORD, NAMESPACE_ID,
    OPTION_CHECKSUMS, OPTIONS, READ_COMPATIBLE_FEATURES, RECORD_COUNT, SLOT_COUNT, SLOTS, VERSION,
    slot_count,
};
use crate::format::slot;
use crate::platform::{self, Access};

/// A header's facts.
#[derive(Debug, Clone)]
pub(crate) struct HeaderFacts {
    pub(crate) id: u128,
    pub(crate) capacity: u64,
    pub(crate) committed: u64,
    pub(crate) options: u64,
    pub(crate) variables: u64,
    pub(crate) slots: u64,
    pub(crate) boot: [u64; 2],
    pub(crate) seed: u64,
    pub(crate) created: u64,
    heap_start: u64,
    read_compatible: u64,
    incompatible: u64,
    version: u64,
}

/// Reads and verifies the header of a namespace file.
pub(crate) fn read_header(file: &File) -> Result<HeaderFacts> {
    let (facts, length) = read_any_header(file)?;
    facts.check_sizes(length)?;
    Ok(facts)
}

/// Reads the header of a namespace file whose sizes may be damaged; also the file's length.
pub(crate) fn read_any_header(file: &File) -> Result<(HeaderFacts, u64)> {
    let failed = |error| Error::io("reading the header", error);
    let mut page = [0; PAGE as usize];
    let mut filled = 0;
    while filled < page.len() {
        match file.read_at(&mut page[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    // Asked for behind the page: a resize lengthens the file before the capacity says so.
    let length = platform::length(file).map_err(failed)?;
    let word = |offset: u64| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&page[offset as usize..offset as usize + 8]);
        u64::from_le_bytes(bytes)
    };
    match word(MAGIC_WORD) {
        MAGIC => {}
        MAGIC_UNFINISHED => {
            return Err(Error::new(ErrorKind::NotANamespace, "somebody began to make it and died")
                .advise("open it with create or open_or_create: that finishes it"));
        }
        _ => {
            return Err(Error::new(ErrorKind::NotANamespace, "the file is not an mmf namespace"));
        }
    }
    let facts = HeaderFacts {
        id: u128::from(word(NAMESPACE_ID)) | u128::from(word(NAMESPACE_ID + 8)) << 64,
        capacity: word(CAPACITY),
        committed: word(BREAK),
        options: word(OPTIONS),
        variables: word(RECORD_COUNT),
        slots: word(SLOT_COUNT),
        boot: [word(BOOT), word(BOOT + 8)],
        seed: word(HASH_SEED),
        created: word(CREATED),
        heap_start: word(HEAP_START),
        read_compatible: word(READ_COMPATIBLE_FEATURES),
        incompatible: word(INCOMPATIBLE_FEATURES),
        version: word(VERSION),
    };
    Ok((facts, length))
}

impl HeaderFacts {
    /// Verifies capacity, slots, heap and break against each other and the file's length.
    pub(crate) fn check_sizes(&self, length: u64) -> Result<()> {
        if self.version != FORMAT_VERSION {
            return Ok(());
        }
        if !(LEAST_CAPACITY..=GREATEST_CAPACITY).contains(&self.capacity) {
            return Err(Error::damaged(CAPACITY, "the capacity is impossible"));
        }
        if length < self.capacity {
            return Err(Error::damaged(
                length,
                "the file is shorter than the namespace's capacity: it was truncated",
            ));
        }
        // `resize` raises the capacity but not the number of slots.
        if self.slots == 0 || self.slots > slot_count(self.capacity) {
            return Err(Error::damaged(SLOT_COUNT, "the number of slots is impossible"));
        }
        let start = (SLOTS + self.slots * slot::SIZE).next_multiple_of(PAGE);
        if self.heap_start != start {
            return Err(Error::damaged(HEAP_START, "the heap begins at an impossible place"));
        }
        if self.committed < start
            || self.committed > self.capacity
            || !self.committed.is_multiple_of(PAGE)
        {
            return Err(Error::damaged(BREAK, "the end of the committed bytes is impossible"));
        }
        Ok(())
    }

    /// Whether the system may have crashed since the namespace was last known to be sound.
    pub(crate) fn is_unverified(&self) -> bool {
        if self.options & OPTION_CHECKSUMS == 0 {
            return false;
        }
        let current = platform::boot_id();
        // Without an id of the boot nothing is known of the time before.
        self.boot != current || current == [0; 2]
    }

    /// Refuses what this library does not understand.
    pub(crate) fn check_usable(&self, access: Access) -> Result<()> {
        let refuse = |reason: String| {
            Err(Error::new(ErrorKind::UnsupportedFormat, reason)
                .advise("open it with the version of mmf that made it"))
        };
        if self.version != FORMAT_VERSION {
            return refuse(format!(
                "it has format version {}, this library reads version {FORMAT_VERSION}",
                self.version
            ));
        }
        if self.incompatible != 0 {
            return refuse(format!("it uses unknown features {:#x}", self.incompatible));
        }
        if self.read_compatible != 0 && access == Access::ReadWrite {
            return refuse(format!(
                "it uses features {:#x} that only newer versions can write",
                self.read_compatible
            ));
        }
        Ok(())
    }
}
