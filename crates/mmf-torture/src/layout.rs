//! What `docs/format.md` says of a namespace file, as far as these programs need it.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Result;

/// First bytes of a namespace file and of a link to one.
pub(crate) const MAGIC: &[u8] = b"mmf-shm\n";
pub(crate) const LINK_MAGIC: &[u8] = b"mmf-link 1\n";
/// The byte whose lock says that somebody is attached; a slot's byte follows at 1 + its number.
pub(crate) const PRESENCE_BYTE: i64 = 1 << 62;

pub(crate) const PAGE: usize = 4096;
/// Bytes of a run's header.
pub(crate) const RUN_HEADER: usize = 64;

pub(crate) const HASH_SEED: usize = 64;
const SLOT_COUNT: usize = 80;
const HEAP_START: usize = 88;
/// The words that name the boot of the system in which the namespace was last known to be sound.
pub(crate) const BOOT: usize = 96;
pub(crate) const NAMESPACE_LOCK: usize = 128;
pub(crate) const INDEX_ROOT: usize = 136;
pub(crate) const STRUCTURAL_LOCK: usize = 192;
const BREAK: usize = 256;
pub(crate) const RECOVERIES: usize = 304;
pub(crate) const ARRIVALS: Range<usize> = 1024..1024 + 64 * 8;
const JOURNAL: usize = PAGE;
const JOURNAL_LIMIT: usize = 254;
const SLOTS: usize = 2 * PAGE;
const SLOT_BYTES: usize = 128;
pub(crate) const SEAT_BYTES: usize = 768;
const RECORD_BYTES: usize = 64;
const INDEX_LINES: u64 = 63;
pub(crate) const INDEX_LINE_WORDS: usize = 8;
/// Words in use at which the next insertion splits or cleans a segment.
pub(crate) const INDEX_SPLIT_AT: usize = 441;
/// The hash seed of namespaces that are stepped, so that names go to known places: under this one the
/// operations' target goes to a line that `clean-index` does not crowd.
pub(crate) const STEPPED_SEED: u64 = 13;

/// What a run of pages is for, as the first byte of its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Free,
    Values,
    Seats,
    Records,
    Other,
}

/// The word at `offset`, 0 behind the end.
pub(crate) fn word(content: &[u8], offset: usize) -> u64 {
    let bytes = content.get(offset..offset + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_le_bytes)
}

/// Stores a word; nothing behind the end.
pub(crate) fn set_word(content: &mut [u8], offset: usize, value: u64) {
    if let Some(bytes) = content.get_mut(offset..offset + 8) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
}

/// Changes a word of a file.
pub(crate) fn change_word(path: &Path, offset: usize, change: fn(u64) -> u64) -> Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, offset as u64)?;
    let changed = change(u64::from_le_bytes(bytes));
    Ok(file.write_all_at(&changed.to_le_bytes(), offset as u64)?)
}

/// Committed bytes of a namespace file; none if it is no such file.
pub(crate) fn committed(content: &[u8]) -> Option<usize> {
    content.starts_with(MAGIC).then(|| usize::try_from(word(content, BREAK)).ok()).flatten()
}

/// Where the slots begin in a namespace file.
pub(crate) fn slots(content: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let is_namespace = content.starts_with(MAGIC);
    let count = usize::try_from(word(content, SLOT_COUNT)).unwrap_or(0).min(4096);
    (0..if is_namespace { count } else { 0 }).map(|slot| SLOTS + slot * SLOT_BYTES)
}

/// The words of a slot behind its state: they are for people to read.
pub(crate) fn slot_description(slot: usize) -> Range<usize> {
    slot + 8..slot + SLOT_BYTES
}

/// Slots that say LIVE, with their state words.
pub(crate) fn live_slots(content: &[u8]) -> Vec<(usize, u64)> {
    let states = slots(content).map(|offset| word(content, offset)).enumerate();
    states.filter(|(_, state)| state & 3 == 1).collect()
}

/// The entries of the journal: how many are committed, and where the area of all begins and ends.
pub(crate) fn journal(content: &[u8]) -> (usize, Range<usize>) {
    let count = usize::try_from(word(content, JOURNAL)).unwrap_or(0).min(JOURNAL_LIMIT);
    (count, JOURNAL + 16..JOURNAL + 16 + JOURNAL_LIMIT * 16)
}

/// The content as it is when a journal under way has been finished.
pub(crate) fn settled(content: &[u8]) -> Vec<u8> {
    let mut settled = content.to_vec();
    let (count, entries) = journal(content);
    for entry in entries.step_by(16).take(count) {
        if let Ok(offset) = usize::try_from(word(content, entry)) {
            set_word(&mut settled, offset, word(content, entry + 8));
        }
    }
    settled
}

/// The runs of the heap: kind, and bytes from the header on.
pub(crate) fn runs(content: &[u8]) -> Vec<(Kind, Range<usize>)> {
    let mut found = Vec::new();
    let mut base = usize::try_from(word(content, HEAP_START)).unwrap_or(usize::MAX);
    let end = committed(content).unwrap_or(0).min(content.len());
    while base < end {
        let info = word(content, base);
        let pages = ((info >> 16) & 0xffff_ffff) as usize;
        if pages == 0 {
            break;
        }
        let kind = match info & 0xff {
            1 => Kind::Free,
            2 | 3 => Kind::Values,
            6 => Kind::Seats,
            8 => Kind::Records,
            _ => Kind::Other,
        };
        let next = base.saturating_add(pages * PAGE).min(end);
        found.push((kind, base..next));
        base = next;
    }
    found
}

/// The seats of a run of them.
pub(crate) fn seats(run: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    let first = run.start + RUN_HEADER;
    (first..run.end).step_by(SEAT_BYTES).filter({
        let end = run.end;
        move |seat| seat + SEAT_BYTES <= end
    })
}

/// Where a seat keeps the times of its locks, and its wake word.
pub(crate) fn seat_times(seat: usize) -> impl Iterator<Item = usize> {
    (17..48).step_by(2).map(move |index| seat + index * 8).chain([seat + 64])
}

/// The lock words of a run of records.
pub(crate) fn record_locks(run: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    records(run).map(|record| record + 24)
}

/// The words of a run of records that have the values' checksums.
pub(crate) fn record_sums(run: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    records(run).map(|record| record + 40)
}

fn records(run: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    (run.start + RUN_HEADER..run.end).step_by(RECORD_BYTES)
}

/// The hash of a name under the seed of stepped namespaces.
pub(crate) fn index_hash(name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), STEPPED_SEED)
}

/// The line of its segment where a name's word belongs.
pub(crate) fn index_line(name: &str) -> u64 {
    (((index_hash(name) >> 12) & 0xffff_ffff) * INDEX_LINES) >> 32
}
