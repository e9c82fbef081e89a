//! Changing the index, under the structural lock.

use super::checked_root;
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::INDEX_ROOT;
use crate::format::index::{
    DEPTH, FREE, GREATEST_DEPTH, GREATEST_LEAD, Hash, LINE_WORDS, LINES, REMOVED, Root,
    SEGMENT_WORDS, SPLIT_AT, USED, names_record, record_offset,
};
use crate::format::run::{HEADER, Kind};
use crate::format::{LINE, PAGE};
use crate::heap::{allocate_run, free_run, run_info};
use crate::journal::Journal;
use crate::segment::{Segment, prefetch_to_read};
use crate::sync::{Ordering, fence};

/// Where a hash leads: its directory entry and segment.
struct Place {
    root: Root,
    entry: u64,
    base: u64,
}

fn locate(journal: &Journal<'_>, hash: Hash) -> Result<Place> {
    let root = checked_root(journal.read(INDEX_ROOT)?)?;
    let entry = root.directory() + hash.directory_index(root.depth()) * 8;
    let base = journal.read(entry)?;
    if run_info(journal, base)?.kind() != Some(Kind::Segment) {
        return Err(Error::damaged(entry, "a directory word leads to no segment"));
    }
    Ok(Place { root, entry, base })
}

/// Stages the word for a record. Room was made before.
pub(crate) fn insert(journal: &mut Journal<'_>, hash: Hash, record: u64) -> Result<()> {
    let place = locate(journal, hash)?;
    let (offset, word) = vacancy(journal, &place, hash)?;
    if word == FREE {
        let used = journal.read(place.base + USED)?;
        journal.write(place.base + USED, used.wrapping_add(1))?;
    }
    journal.write(offset, hash.word(record))
}

/// The word that a name's insertion takes, and whether it is free or removed.
fn vacancy(journal: &Journal<'_>, place: &Place, hash: Hash) -> Result<(u64, u64)> {
    let mut line = hash.line();
    for _ in 0..LINES {
        let first = place.base + HEADER + line * LINE;
        for offset in (first..first + LINE).step_by(8) {
            let word = journal.read(offset)?;
            if word == FREE || word == REMOVED {
                return Ok((offset, word));
            }
        }
        line = (line + 1) % LINES;
    }
    Err(Error::damaged(place.base, "a segment has no room although its count says so"))
}

/// Stages the removal of a record's word.
pub(crate) fn remove(journal: &mut Journal<'_>, hash: Hash, record: u64) -> Result<()> {
    let place = locate(journal, hash)?;
    let wanted = hash.word(record);
    let mut line = hash.line();
    for _ in 0..LINES {
        let first = place.base + HEADER + line * LINE;
        let mut found = None;
        let mut has_free = false;
        for offset in (first..first + LINE).step_by(8) {
            let word = journal.read(offset)?;
            has_free |= word == FREE;
            if word == wanted {
                found = Some(offset);
            }
        }
        match found {
            // A line with a free word was never full: nobody has gone past it.
            Some(offset) if has_free => {
                let used = journal.read(place.base + USED)?;
                journal.write(place.base + USED, used.saturating_sub(1))?;
                return journal.write(offset, FREE);
            }
            Some(offset) => return journal.write(offset, REMOVED),
            None if has_free => break,
            None => line = (line + 1) % LINES,
        }
    }
    Err(Error::damaged(record, "a record that is in use is missing from the index"))
}

/// Splits, cleans or doubles until the segment of `hash` has room, each in a journal of its own.
///
/// `hash_of` gives the hash of a record's name.
pub(crate) fn make_room(
    segment: &Segment,
    hash: Hash,
    hash_of: &dyn Fn(u64) -> Result<Hash>,
) -> Result<()> {
    for _ in 0..GREATEST_DEPTH * 2 {
        let mut journal = Journal::begin(segment);
        let place = locate(&journal, hash)?;
        let has_room = journal.read(place.base + USED)? < SPLIT_AT;
        // A word in the place of a removed one makes the segment no fuller: names that come back
        // find the room that they had.
        if has_room || vacancy(&journal, &place, hash)?.1 == REMOVED {
            return Ok(());
        }
        let depth = segment_depth(&journal, &place)?;
        let words = live_words(segment, place.base)?;
        if words.len() as u64 * 2 <= SPLIT_AT {
            rebuild(&mut journal, &place, depth, hash_all(segment, &words, hash_of)?)?;
        } else if depth == place.root.depth() {
            double(&mut journal, place.root)?;
        } else {
            split(&mut journal, &place, depth, hash_all(segment, &words, hash_of)?)?;
        }
        journal.commit()?;
    }
    Err(Error::new(ErrorKind::LimitReached, "the index cannot spread these names any further"))
}

fn segment_depth(journal: &Journal<'_>, place: &Place) -> Result<u32> {
    let depth = journal.read(place.base + DEPTH)?;
    if depth > u64::from(place.root.depth()) {
        return Err(Error::damaged(place.base, "a segment is deeper than its directory"));
    }
    Ok(depth as u32)
}

/// The words of a segment that name records. Only the structural lock's owner changes them.
fn live_words(segment: &Segment, base: u64) -> Result<Vec<u64>> {
    let words = segment.word_range(base + HEADER, SEGMENT_WORDS)?;
    let loaded = words.iter().map(|word| word.load(Ordering::Relaxed));
    Ok(loaded.filter(|word| names_record(*word)).collect())
}

/// Takes a page for a segment and fills it, unreached; returns its offset.
fn fill(
    journal: &mut Journal<'_>,
    depth: u32,
    members: impl Iterator<Item = (Hash, u64)>,
) -> Result<u64> {
    let base = allocate_run(journal, 1, Kind::Segment)?;
    let mut content = [FREE; SEGMENT_WORDS as usize];
    let mut used = 0;
    for (hash, record) in members {
        let start = hash.line() as usize * LINE_WORDS;
        let free = (0..content.len())
            .map(|step| (start + step) % content.len())
            .find(|index| content[*index] == FREE)
            .ok_or_else(|| Error::damaged(base, "a segment holds more words than it has room"))?;
        content[free] = hash.word(record);
        used += 1;
    }
    let words = journal.segment().word_range(base + HEADER, SEGMENT_WORDS)?;
    // Release fence: a reader that sees one of these words in a page's former life sees, behind
    // its acquire fence, that the page was given up.
    fence(Ordering::Release);
    for (word, value) in words.iter().zip(content) {
        word.store(value, Ordering::Relaxed);
    }
    journal.write(base + DEPTH, u64::from(depth))?;
    journal.write(base + USED, used)?;
    Ok(base)
}

fn rebuild(
    journal: &mut Journal<'_>,
    place: &Place,
    depth: u32,
    members: Vec<(Hash, u64)>,
) -> Result<()> {
    let base = fill(journal, depth, members.into_iter())?;
    redirect(journal, place, depth, |_| base)?;
    free_run(journal, place.base)
}

fn split(
    journal: &mut Journal<'_>,
    place: &Place,
    depth: u32,
    members: Vec<(Hash, u64)>,
) -> Result<()> {
    let is_upper = |hash: Hash| hash.directory_index(depth + 1) & 1 == 1;
    let (upper, lower): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|(hash, _)| is_upper(*hash));
    let lower = fill(journal, depth + 1, lower.into_iter())?;
    let upper = fill(journal, depth + 1, upper.into_iter())?;
    redirect(journal, place, depth, |is_upper_half| if is_upper_half { upper } else { lower })?;
    free_run(journal, place.base)
}

/// The hashes of a segment's records, which lie anywhere: they are asked for all at once.
fn hash_all(
    segment: &Segment,
    words: &[u64],
    hash_of: &dyn Fn(u64) -> Result<Hash>,
) -> Result<Vec<(Hash, u64)>> {
    for word in words {
        prefetch_to_read(segment.word(record_offset(*word))?);
    }
    words.iter().map(|word| record_offset(*word)).map(|at| Ok((hash_of(at)?, at))).collect()
}

/// Stages every directory word of the segment at `place`.
fn redirect(
    journal: &mut Journal<'_>,
    place: &Place,
    depth: u32,
    target: impl Fn(bool) -> u64,
) -> Result<()> {
    let lead = place.root.depth() - depth;
    if lead > GREATEST_LEAD {
        return Err(Error::new(ErrorKind::LimitReached, "the names' hashes are too uneven"));
    }
    let span = 1u64 << lead;
    let index = (place.entry - place.root.directory()) / 8;
    let first = index / span * span;
    // The root's generation changes with every segment, so that a reader that stalled while a
    // page was given up, reused and came back does not take a miss in it for certain.
    let root = Root::new(
        place.root.directory(),
        place.root.depth(),
        place.root.generation().wrapping_add(1),
    );
    journal.write(INDEX_ROOT, root.0)?;
    for step in 0..span {
        let entry = place.root.directory() + (first + step) * 8;
        journal.write(entry, target(step >= span / 2 && span > 1))?;
    }
    Ok(())
}

/// Stages a directory of twice the size.
fn double(journal: &mut Journal<'_>, root: Root) -> Result<()> {
    let depth = root.depth() + 1;
    if depth > GREATEST_DEPTH {
        return Err(Error::new(ErrorKind::LimitReached, "the index has its greatest depth"));
    }
    let pages = (HEADER + (8 << depth)).div_ceil(PAGE);
    let base = allocate_run(journal, pages, Kind::Directory)?;
    let old = journal.segment().word_range(root.directory(), 1 << root.depth())?;
    let new = journal.segment().word_range(base + HEADER, 1 << depth)?;
    fence(Ordering::Release);
    for (pair, word) in new.chunks_exact(2).zip(old) {
        let word = word.load(Ordering::Relaxed);
        pair[0].store(word, Ordering::Relaxed);
        pair[1].store(word, Ordering::Relaxed);
    }
    let generation = root.generation() + 1;
    journal.write(INDEX_ROOT, Root::new(base + HEADER, depth, generation).0)?;
    free_run(journal, root.directory().wrapping_sub(HEADER))
}

/// Stages an index of one segment. For a namespace being created.
pub(crate) fn initialise(journal: &mut Journal<'_>) -> Result<()> {
    let segment = fill(journal, 0, std::iter::empty())?;
    let directory = allocate_run(journal, 1, Kind::Directory)?;
    journal.segment().word(directory + HEADER)?.store(segment, Ordering::Relaxed);
    journal.write(INDEX_ROOT, Root::new(directory + HEADER, 0, 0).0)
}
