//! Finding a record without a lock.

use super::checked_root;
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::INDEX_ROOT;
use crate::format::index::{FREE, Hash, LINE_WORDS, LINES, TAG_BITS, matches, record_offset};
use crate::format::{LINE, run};
use crate::segment::{Segment, words_that_match};
use crate::sync::{Ordering, fence};

/// Most times a search starts again because the index changed under it.
const ATTEMPTS: usize = 1_000_000;

/// Who is looked for.
pub(crate) trait Wanted<T> {
    /// What the search is to return, if the record at `offset` is the wanted one.
    fn accept(&self, offset: u64) -> Result<Option<T>>;
}

/// What one search came to.
#[must_use]
pub(crate) enum Search<T> {
    Ended(Option<T>),
    /// The index moved meanwhile: what was found means nothing.
    Moved,
}

/// Offers every record whose tag fits `hash` to `wanted` until it returns something.
///
/// The result is certain: the index did not move while the search ran.
pub(crate) fn lookup<T>(
    segment: &Segment,
    hash: Hash,
    wanted: &impl Wanted<T>,
) -> Result<Option<T>> {
    for _ in 0..ATTEMPTS {
        if let Search::Ended(result) = search(segment, hash, wanted)? {
            return Ok(result);
        }
    }
    Err(Error::new(ErrorKind::Contended, "the index kept changing during the search"))
}

/// One attempt at [`lookup`].
#[inline(always)]
pub(crate) fn search<T>(
    segment: &Segment,
    hash: Hash,
    wanted: &impl Wanted<T>,
) -> Result<Search<T>> {
    let root_word = segment.header_word(INDEX_ROOT);
    // Acquire: pairs with the journal's store of the root. The directory is filled, and an entry
    // that the search then finds is not from before this generation.
    let seen_root = root_word.load(Ordering::Acquire);
    let root = checked_root(seen_root)?;
    let entry_offset = root.directory() + hash.directory_index(root.depth()) * 8;
    let entry = match segment.word(entry_offset) {
        Ok(entry) => entry,
        Err(_) if root_word.load(Ordering::Relaxed) != seen_root => return Ok(Search::Moved),
        Err(error) => return Err(error),
    };
    // Relaxed: an entry that is newer than the root shows, behind the fence, the later root.
    let seen_entry = entry.load(Ordering::Relaxed);
    let result = search_segment(segment, seen_entry, hash, wanted);
    // Acquire fence: if the search saw a word stored after this page was given up, the loads
    // below see what replaced the page. Hits and errors of such a page mean nothing either.
    fence(Ordering::Acquire);
    // The entry first, with acquire: if a later move has brought it back to what it was, the
    // root's generation, stored before it, tells.
    let moved = entry.load(Ordering::Acquire) != seen_entry
        || root_word.load(Ordering::Relaxed) != seen_root;
    if moved { Ok(Search::Moved) } else { result.map(Search::Ended) }
}

#[inline(always)]
fn search_segment<T>(
    segment: &Segment,
    base: u64,
    hash: Hash,
    wanted: &impl Wanted<T>,
) -> Result<Option<T>> {
    let tag = hash.tag();
    let mut line = hash.line();
    for _ in 0..LINES {
        let words = segment.words::<LINE_WORDS>(base.wrapping_add(run::HEADER + line * LINE))?;
        let mut candidates = words_that_match::<TAG_BITS>(words, tag);
        while candidates != 0 {
            let candidate = candidates.trailing_zeros() as usize % LINE_WORDS;
            candidates &= candidates - 1;
            // Looked at again: it may have gone since.
            let word = words[candidate].load(Ordering::Relaxed);
            if matches(word, tag) {
                // Acquire: pairs with the journal's store of the word, so the record is filled.
                fence(Ordering::Acquire);
                if let Some(found) = wanted.accept(record_offset(word))? {
                    return Ok(Some(found));
                }
            }
        }
        // A line that has a free word was never full: no name of this line lies beyond it. A word
        // that became free since the look above had been removed, and its line was never full.
        if words.iter().any(|word| word.load(Ordering::Relaxed) == FREE) {
            return Ok(None);
        }
        line = if line + 1 == LINES { 0 } else { line + 1 };
    }
    Ok(None)
}
