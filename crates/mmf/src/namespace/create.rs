//! Laying out a new namespace.

use std::path::Path;

use super::builder::{Builder, Lifetime};
use crate::error::{Error, ErrorKind, Result};
use crate::format::PAGE;
use crate::format::header::{
    BOOT, BREAK, CAPACITY, CREATED, FORMAT_VERSION, GRANULE, HASH_SEED, MAGIC, MAGIC_UNFINISHED,
    MAGIC_WORD, NAMESPACE_ID, OPTION_CHECKSUMS, OPTION_WAKE_ALWAYS, OPTION_WHILE_ATTACHED, OPTIONS,
    SLOT_COUNT, SLOTS, VERSION, VERSION_FLOOR, slot_count,
};
use crate::format::slot;
use crate::heap;
use crate::index;
use crate::journal::Journal;
use crate::platform::{self, Access, FileIdentity, FileSystem, ProcessIdentity, UnnamedFile};
use crate::segment::{Segment, Source};
use crate::sync::Ordering;

/// The path of a file that gets none from us.
pub(super) const NOWHERE: &str = "/nonexistent";

/// A finished namespace in a file without a name, which is to stand at `path`: the file, and its
/// memory to attach to once it does.
pub(super) fn build_unnamed(builder: &Builder, path: &Path) -> Result<(UnnamedFile, Segment)> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let unnamed = platform::create_unnamed(directory, builder.mode, builder.capacity)
        .map_err(|error| Error::io(format!("making a file in {}", directory.display()), error))?;
    let origin = Origin::new(builder, check_file_system(unnamed.file())?)?;
    let segment = map(unnamed.file(), path, builder.capacity)?;
    lay_out_durably(&segment, builder.capacity, &origin)?;
    Ok((unnamed, segment))
}

/// Makes an empty file a namespace, or goes on where somebody was killed doing so. Returns whether
/// it did: somebody else may have come first.
pub(super) fn initialise_in_place(builder: &Builder, file: &std::fs::File) -> Result<bool> {
    use std::os::unix::fs::FileExt;
    let failed = |what: &'static str| move |error| Error::io(what, error);
    platform::lock_initialisation(file, builder.timeout)
        .map_err(failed("waiting for another who initialises it"))?;
    let length = platform::length(file).map_err(failed("asking for its length"))?;
    let unfinished = length == 0 || is_unfinished(file);
    let result = if unfinished {
        check_file_system(file).and_then(|file_system| {
            let origin = Origin::new(builder, file_system)?;
            platform::check_length(builder.capacity).map_err(failed("lengthening it"))?;
            // The mark comes first: a file that bears it is ours to begin again.
            file.write_all_at(&MAGIC_UNFINISHED.to_le_bytes(), 0)
                .map_err(failed("writing to the file"))?;
            platform::set_length(file, 8).map_err(failed("shortening it"))?;
            platform::set_length(file, builder.capacity).map_err(failed("lengthening it"))?;
            lay_out_file(file, builder.capacity, &origin)
        })
    } else {
        Ok(())
    };
    platform::unlock_initialisation(file).map_err(failed("letting others open it"))?;
    result.map(|()| unfinished)
}

/// Whether somebody was killed while initialising the file.
pub(super) fn is_unfinished(file: &std::fs::File) -> bool {
    use std::os::unix::fs::FileExt;
    let mut first = [0; 8];
    file.read_exact_at(&mut first, 0).is_ok() && u64::from_le_bytes(first) == MAGIC_UNFINISHED
}

/// Anonymous memory with a namespace in it.
pub(super) fn build_in_memory(builder: &Builder) -> Result<Segment> {
    let segment = Segment::in_memory(builder.capacity)?;
    lay_out(&segment, builder.capacity, &Origin::new(builder, FileSystem::Memory)?)?;
    Ok(segment)
}

/// Makes a file of this length a namespace.
pub(super) fn lay_out_file(file: &std::fs::File, capacity: u64, origin: &Origin) -> Result<()> {
    lay_out_durably(&map(file, Path::new(NOWHERE), capacity)?, capacity, origin)
}

/// Makes a segment a namespace. One with checksums is on its device when it gets its name, so that
/// no crash leaves a name that leads to zeros.
fn lay_out_durably(segment: &Segment, capacity: u64, origin: &Origin) -> Result<()> {
    lay_out(segment, capacity, origin)?;
    if origin.options & OPTION_CHECKSUMS != 0 {
        segment.flush(segment.word(BREAK)?.load(Ordering::Relaxed))?;
    }
    Ok(())
}

/// A segment over a file that will stand at `path`: before it does, it is reached by its
/// descriptor alone.
pub(super) fn map(file: &std::fs::File, path: &Path, capacity: u64) -> Result<Segment> {
    let file = file.try_clone().map_err(|error| Error::io("duplicating a descriptor", error))?;
    let identity =
        FileIdentity::of(&file).map_err(|error| Error::io("identifying the file", error))?;
    Segment::of_file(Source::new(file, path.to_owned(), identity), capacity, Access::ReadWrite)
}

/// Refuses file systems whose mappings are not coherent between processes.
fn check_file_system(file: &std::fs::File) -> Result<FileSystem> {
    let file_system = platform::file_system_of(file)
        .map_err(|error| Error::io("asking for the file system", error))?;
    match file_system {
        FileSystem::Memory | FileSystem::Disk => Ok(file_system),
        FileSystem::CopyOnWrite(name) => {
            tracing::warn!(name, "a copy-on-write file system may run out of space during a set");
            Ok(file_system)
        }
        FileSystem::Network(name) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the file is on {name}, which does not keep mappings coherent"),
        )
        .advise("use a local file system, or no swapfile")),
    }
}

/// What a namespace is given at its beginning and keeps.
pub(super) struct Origin {
    pub(super) id: [u64; 2],
    pub(super) seed: u64,
    pub(super) created: u64,
    pub(super) options: u64,
    pub(super) version_floor: u64,
}

impl Origin {
    /// That of a new namespace.
    fn new(builder: &Builder, file_system: FileSystem) -> Result<Self> {
        let random = platform::random_bytes::<24>()
            .map_err(|error| Error::io("asking for random bytes", error))?;
        let mut words = [0; 3];
        for (word, piece) in words.iter_mut().zip(random.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*piece);
        }
        let [low, high, seed] = words;
        let mut options = 0;
        if builder.lifetime == Lifetime::WhileAttached {
            options |= OPTION_WHILE_ATTACHED;
        }
        if builder.wake_always {
            options |= OPTION_WAKE_ALWAYS;
        }
        // What may outlive the system needs a way to tell whether it did so whole.
        if builder.swapfile.is_some() || file_system != FileSystem::Memory {
            options |= OPTION_CHECKSUMS;
        }
        let created = platform::wall_clock_milliseconds();
        Ok(Self { id: [low, high], seed, created, options, version_floor: 0 })
    }
}

/// Writes everything; the magic comes last.
fn lay_out(segment: &Segment, capacity: u64, origin: &Origin) -> Result<()> {
    let slots = slot_count(capacity);
    let heap_start = (SLOTS + slots * slot::SIZE).next_multiple_of(PAGE);
    let limit = capacity / PAGE * PAGE;
    let end = (heap_start + 8 * PAGE).next_multiple_of(GRANULE).min(limit);
    segment.commit(0, end).map_err(|error| {
        let mut error = Error::io("taking the first memory", error);
        if error.kind() != ErrorKind::OutOfSpace {
            error = error.advise("check the file system that holds the namespace");
        }
        error
    })?;
    let [first_of_boot, second_of_boot] = if origin.options & OPTION_CHECKSUMS != 0 {
        platform::boot_id()
    } else {
        // It decides nothing here: what the process knows of it will do.
        ProcessIdentity::current().boot_id
    };
    let words = [
        (VERSION, FORMAT_VERSION),
        (NAMESPACE_ID, origin.id[0]),
        (NAMESPACE_ID + 8, origin.id[1]),
        (HASH_SEED, origin.seed),
        (CREATED, origin.created),
        (OPTIONS, origin.options),
        (SLOT_COUNT, slots),
        (BOOT, first_of_boot),
        (BOOT + 8, second_of_boot),
        (CAPACITY, capacity),
        (BREAK, end),
        (VERSION_FLOOR, origin.version_floor),
    ];
    for (offset, word) in words {
        segment.word(offset)?.store(word, Ordering::Relaxed);
    }
    let mut journal = Journal::begin(segment);
    heap::initialise(&mut journal, heap_start, end)?;
    index::initialise(&mut journal)?;
    journal.commit()?;
    // Release: whoever sees the magic sees a whole namespace.
    segment.word(MAGIC_WORD)?.store(MAGIC, Ordering::Release);
    Ok(())
}
