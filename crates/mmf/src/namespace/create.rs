//! Laying out a new namespace.

use std::path::Path;
use std::sync::OnceLock;

use super::builder::{Builder, Lifetime};
use crate::error::{Error, ErrorKind, Result};
use crate::format::PAGE;
use crate::format::header::{
    BREAK, CAPACITY, CREATED, FORMAT_VERSION, GRANULE, HASH_SEED, MAGIC, MAGIC_UNFINISHED,
    MAGIC_WORD, NAMESPACE_ID, OPTION_WAKE_ALWAYS, OPTION_WHILE_ATTACHED, OPTIONS, SLOT_COUNT,
    SLOTS, VERSION, slot_count,
};
use crate::format::slot;
use crate::heap;
use crate::index;
use crate::journal::Journal;
use crate::platform::{self, Access, FileIdentity, FileSystem, UnnamedFile};
use crate::segment::{Segment, Source};
use crate::sync::Ordering;

/// A finished namespace in a file without a name, in `directory`.
pub(super) fn build_unnamed(builder: &Builder, directory: &Path) -> Result<UnnamedFile> {
    let unnamed = platform::create_unnamed(directory, builder.mode, builder.capacity)
        .map_err(|error| Error::io(format!("making a file in {}", directory.display()), error))?;
    check_file_system(unnamed.file())?;
    let segment = map(unnamed.file(), builder.capacity)?;
    lay_out(&segment, builder)?;
    Ok(unnamed)
}

/// Makes an empty file a namespace, or goes on where somebody was killed doing so. Returns whether
/// it did: somebody else may have come first.
pub(super) fn initialise_in_place(builder: &Builder, file: &std::fs::File) -> Result<bool> {
    use std::os::unix::fs::FileExt;
    let failed = |what: &'static str| move |error| Error::io(what, error);
    platform::lock_initialisation(file)
        .map_err(failed("waiting for another who initialises it"))?;
    let length = platform::length(file).map_err(failed("asking for its length"))?;
    let unfinished = length == 0 || is_unfinished(file);
    let result = if unfinished {
        check_file_system(file)
            .and_then(|()| {
                // The mark comes first: a file that bears it is ours to begin again.
                file.write_all_at(&MAGIC_UNFINISHED.to_le_bytes(), 0)
                    .map_err(failed("writing to the file"))
            })
            .and_then(|()| platform::set_length(file, 8).map_err(failed("shortening it")))
            .and_then(|()| {
                platform::set_length(file, builder.capacity).map_err(failed("lengthening it"))
            })
            .and_then(|()| lay_out(&map(file, builder.capacity)?, builder))
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
    lay_out(&segment, builder)?;
    Ok(segment)
}

/// A segment over a file that has no name yet: it is reached by its descriptor alone.
fn map(file: &std::fs::File, capacity: u64) -> Result<Segment> {
    let file = file.try_clone().map_err(|error| Error::io("duplicating a descriptor", error))?;
    let identity =
        FileIdentity::of(&file).map_err(|error| Error::io("identifying the file", error))?;
    let source = Source { file, path: "/nonexistent".into(), identity, link: OnceLock::new() };
    Segment::of_file(source, capacity, Access::ReadWrite)
}

/// Refuses file systems whose mappings are not coherent between processes.
fn check_file_system(file: &std::fs::File) -> Result<()> {
    match platform::file_system_of(file)
        .map_err(|error| Error::io("asking for the file system", error))?
    {
        FileSystem::Memory | FileSystem::Disk => Ok(()),
        FileSystem::CopyOnWrite(name) => {
            tracing::warn!(name, "a copy-on-write file system may run out of space during a set");
            Ok(())
        }
        FileSystem::Network(name) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the file is on {name}, which does not keep mappings coherent"),
        )
        .advise("use a local file system, or no swapfile")),
    }
}

/// Writes everything; the magic comes last.
fn lay_out(segment: &Segment, builder: &Builder) -> Result<()> {
    let slots = slot_count(builder.capacity);
    let heap_start = (SLOTS + slots * slot::SIZE).next_multiple_of(PAGE);
    let limit = builder.capacity / PAGE * PAGE;
    let end = (heap_start + 8 * PAGE).next_multiple_of(GRANULE).min(limit);
    segment.commit(0, end).map_err(|error| {
        let mut error = Error::io("taking the first memory", error);
        if error.kind() != ErrorKind::OutOfSpace {
            error = error.advise("check the file system that holds the namespace");
        }
        error
    })?;
    let random = platform::random_bytes::<24>()
        .map_err(|error| Error::io("asking for random bytes", error))?;
    let word = |index: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&random[index * 8..index * 8 + 8]);
        u64::from_le_bytes(bytes)
    };
    let mut options = 0;
    if builder.lifetime == Lifetime::WhileAttached {
        options |= OPTION_WHILE_ATTACHED;
    }
    if builder.wake_always {
        options |= OPTION_WAKE_ALWAYS;
    }
    let store = |offset: u64, value: u64| -> Result<()> {
        segment.word(offset)?.store(value, Ordering::Relaxed);
        Ok(())
    };
    store(VERSION, FORMAT_VERSION)?;
    store(NAMESPACE_ID, word(0))?;
    store(NAMESPACE_ID + 8, word(1))?;
    store(HASH_SEED, word(2))?;
    store(CREATED, platform::wall_clock_milliseconds())?;
    store(OPTIONS, options)?;
    store(SLOT_COUNT, slots)?;
    store(CAPACITY, builder.capacity)?;
    store(BREAK, end)?;
    let mut journal = Journal::begin(segment);
    heap::initialise(&mut journal, heap_start, end)?;
    index::initialise(&mut journal)?;
    journal.commit()?;
    // Release: whoever sees the magic sees a whole namespace.
    segment.word(MAGIC_WORD)?.store(MAGIC, Ordering::Release);
    Ok(())
}
