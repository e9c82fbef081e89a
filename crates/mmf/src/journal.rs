//! The redo journal: several words change together or not at all (`docs/protocols.md`,
//! section 3).
//!
//! A structural operation reads and writes through a [`Journal`]. Nothing is changed before
//! [`Journal::commit`]; an error on the way drops the staged words, and nothing has happened.

use crate::error::{Error, ErrorKind, Result};
use crate::format::header::{JOURNAL, JOURNAL_ENTRIES, JOURNAL_LIMIT};
use crate::segment::Segment;
use crate::sync::{Ordering, keep_program_order};

/// Words staged by the owner of the structural lock.
pub(crate) struct Journal<'a> {
    segment: &'a Segment,
    staged: Vec<(u64, u64)>,
}

impl<'a> Journal<'a> {
    /// An empty journal. The caller owns the structural lock until the commit.
    pub(crate) fn begin(segment: &'a Segment) -> Self {
        Self { segment, staged: Vec::with_capacity(32) }
    }

    /// The journal that somebody has committed and not finished, or an empty one: for those who look
    /// without the lock, at words as they will be. A stopped owner may leave it for long.
    pub(crate) fn under_way(segment: &'a Segment) -> Result<Self> {
        let count = segment.word(JOURNAL)?.load(Ordering::Acquire).min(JOURNAL_LIMIT as u64);
        let mut staged = Vec::new();
        for index in 0..count {
            let entry = segment.words::<2>(JOURNAL_ENTRIES + index * 16)?;
            staged.push((entry[0].load(Ordering::Relaxed), entry[1].load(Ordering::Relaxed)));
        }
        Ok(Self { segment, staged })
    }

    /// The memory below.
    pub(crate) fn segment(&self) -> &'a Segment {
        self.segment
    }

    /// A word as this operation sees it: staged, or as it stands.
    pub(crate) fn read(&self, offset: u64) -> Result<u64> {
        match self.staged.iter().find(|(place, _)| *place == offset) {
            Some((_, word)) => Ok(*word),
            None => Ok(self.segment.word(offset)?.load(Ordering::Relaxed)),
        }
    }

    /// Stages a word. Words are applied in the order of their first staging.
    pub(crate) fn write(&mut self, offset: u64, word: u64) -> Result<()> {
        self.segment.word(offset)?;
        let has_room = self.staged.len() < JOURNAL_LIMIT;
        match self.staged.iter_mut().find(|(place, _)| *place == offset) {
            Some((_, staged)) => *staged = word,
            None if has_room => self.staged.push((offset, word)),
            None => {
                return Err(Error::new(
                    ErrorKind::LimitReached,
                    format!("one step would change more than {JOURNAL_LIMIT} words"),
                ));
            }
        }
        Ok(())
    }

    /// Makes all staged words happen: before the count is stored, none has; after it, all have.
    pub(crate) fn commit(self) -> Result<()> {
        self.segment.require_writable()?;
        let count = self.segment.word(JOURNAL)?;
        for (index, (offset, word)) in self.staged.iter().enumerate() {
            let entry = self.segment.words::<2>(JOURNAL_ENTRIES + index as u64 * 16)?;
            entry[0].store(*offset, Ordering::Relaxed);
            entry[1].store(*word, Ordering::Relaxed);
        }
        // Release: the entries come first in program order; the reaper reads them after death.
        count.store(self.staged.len() as u64, Ordering::Release);
        for (offset, word) in &self.staged {
            // Release: readers of the index load these words with acquire.
            self.segment.word(*offset)?.store(*word, Ordering::Release);
        }
        count.store(0, Ordering::Release);
        // The next journal's entries must not be written before this one is empty.
        keep_program_order();
        Ok(())
    }
}

/// Finishes the journal of a dead owner. The caller has taken the structural lock over.
pub(crate) fn replay(segment: &Segment) -> Result<bool> {
    let count = segment.word(JOURNAL)?;
    // Relaxed, as all loads of a dead owner's words: the kernel, which told of the death, has made
    // every store of it visible.
    let entries = count.load(Ordering::Relaxed);
    if entries == 0 {
        return Ok(false);
    }
    if entries > JOURNAL_LIMIT as u64 {
        return Err(Error::damaged(JOURNAL, "the journal claims more entries than it can hold"));
    }
    for index in 0..entries {
        let entry = segment.words::<2>(JOURNAL_ENTRIES + index * 16)?;
        let offset = entry[0].load(Ordering::Relaxed);
        if (JOURNAL..JOURNAL_ENTRIES + JOURNAL_LIMIT as u64 * 16).contains(&offset) {
            return Err(Error::damaged(JOURNAL, "the journal names a word of itself"));
        }
        segment.word(offset)?.store(entry[1].load(Ordering::Relaxed), Ordering::Release);
    }
    count.store(0, Ordering::Release);
    Ok(true)
}
