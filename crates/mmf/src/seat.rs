//! A seat's private words: its intent, the locks it holds, its magazine of blocks.

use crate::error::{Error, Result};
use crate::format::block::CLASSES;
use crate::format::header::{
    PROGRAM_EXTENT_LIMIT, PROGRAM_EXTENTS, SEAT_EXTENT_LIMIT, SEAT_EXTENTS,
};
use crate::format::run::HEADER;
use crate::format::seat::{
    self, HELD, HELD_LIMIT, Held, Intent, MAGAZINE, MAGAZINE_PLACES, OLD, PLACES, PLACES_PER_CLASS,
    Phase, STATE, WAITING, WAKE, WORDS,
};
use crate::format::slot::{FIRST_PROGRAM_EXTENT, PROGRAM_ENTRY};
use crate::segment::{Segment, outside, wake};
use crate::sync::{AtomicU64, Ordering, barrier_after_read_modify_write};

/// What a seat's waiting word says when it waits for any of several variables.
pub(crate) const ANY: u64 = 1;

/// One seat.
#[derive(Clone, Copy)]
pub(crate) struct Seat<'a> {
    /// Its number: what publish and lock words name.
    pub(crate) number: u32,
    offset: u64,
    words: &'a [AtomicU64; WORDS],
}

/// Offset of seat `number`, or none when no extent holds it yet. Seat 0 means nobody.
pub(crate) fn offset_of(segment: &Segment, number: u32) -> Result<Option<u64>> {
    let Some(index) = u64::from(number).checked_sub(1) else { return Ok(None) };
    let (extent, index) = seat::locate(index);
    if extent >= SEAT_EXTENT_LIMIT {
        return Ok(None);
    }
    match segment.word(SEAT_EXTENTS + extent * 8)?.load(Ordering::Acquire) {
        0 => Ok(None),
        base => Ok(Some(base.wrapping_add(HEADER + index * seat::SIZE))),
    }
}

/// Offset of entry `number` of the program table, or none when no extent holds it yet.
pub(crate) fn program_offset(segment: &Segment, number: u64) -> Result<Option<u64>> {
    let (extent, index) = seat::locate_in_doubling_extents(number, FIRST_PROGRAM_EXTENT);
    if extent >= PROGRAM_EXTENT_LIMIT {
        return Ok(None);
    }
    match segment.word(PROGRAM_EXTENTS + extent * 8)?.load(Ordering::Acquire) {
        0 => Ok(None),
        base => Ok(Some(base.wrapping_add(HEADER + index * PROGRAM_ENTRY))),
    }
}

impl<'a> Seat<'a> {
    /// The seat with a number found in a publish or lock word.
    pub(crate) fn find(segment: &'a Segment, number: u32) -> Result<Option<Self>> {
        match offset_of(segment, number)? {
            Some(offset) => Self::at(segment, number, offset).map(Some),
            None => Ok(None),
        }
    }

    /// The seat with a number that must exist.
    pub(crate) fn existing(segment: &'a Segment, number: u32) -> Result<Self> {
        Self::find(segment, number)?
            .ok_or_else(|| Error::damaged(SEAT_EXTENTS, "a word names a seat that does not exist"))
    }

    /// The seat `number` at its known `offset`.
    #[inline(always)]
    pub(crate) fn at(segment: &'a Segment, number: u32, offset: u64) -> Result<Self> {
        let words = segment.word_range(offset, WORDS as u64)?;
        let words = words.first_chunk().ok_or_else(|| outside(offset))?;
        Ok(Self { number, offset, words })
    }

    /// Every seat of the namespace, used or not.
    pub(crate) fn all(segment: &'a Segment) -> impl Iterator<Item = Result<Self>> {
        let extents = (0..SEAT_EXTENT_LIMIT).map_while(move |extent| {
            let base = segment.header_word(SEAT_EXTENTS + extent * 8).load(Ordering::Acquire);
            (base != 0).then_some((extent, base.wrapping_add(HEADER)))
        });
        extents.flat_map(move |(extent, first)| {
            let (before, count) = seat::extent(extent);
            (0..count).map(move |index| {
                let number = (before + index + 1) as u32;
                Self::at(segment, number, first.wrapping_add(index * seat::SIZE))
            })
        })
    }

    /// Where word `index` stands, for the journal.
    pub(crate) fn word_offset(&self, index: usize) -> u64 {
        self.offset + index as u64 * 8
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The slot the seat belongs to, or none when it is free.
    pub(crate) fn slot(&self) -> Option<u32> {
        // Relaxed: whoever has met the seat in another word has acquired that one.
        (self.words[STATE].load(Ordering::Relaxed) as u32).checked_sub(1)
    }

    /// Leases the seat to a slot, or frees it. Under the structural lock. Release: a seat is free
    /// only when everything in it is.
    pub(crate) fn set_slot(&self, slot: Option<u32>) {
        let word = slot.map_or(0, |slot| u64::from(slot) + 1);
        self.words[STATE].store(word, Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn intent(&self) -> Intent {
        Intent(self.words[seat::INTENT].load(Ordering::Acquire))
    }

    /// Release: what the intent speaks of was stored before it, in program order; and whoever waits
    /// for the intent to go sees what was done under it.
    #[inline(always)]
    pub(crate) fn set_intent(&self, intent: Intent) {
        self.words[seat::INTENT].store(intent.0, Ordering::Release);
    }

    /// Stores an intent, and only then looks at what it is about.
    ///
    /// The barrier: whoever takes a lock stores its word and then looks at intents; one of the two
    /// sees the other.
    #[inline(always)]
    pub(crate) fn enter(&self, intent: Intent) {
        self.words[seat::INTENT].swap(intent.0, Ordering::Relaxed);
        barrier_after_read_modify_write();
    }

    /// Whether the seat may be adding to the record's counter in place.
    pub(crate) fn is_counting(&self, record: u64) -> bool {
        self.intent() == Intent::new(record, Phase::Counting)
    }

    pub(crate) fn old(&self) -> u64 {
        self.words[OLD].load(Ordering::Relaxed)
    }

    pub(crate) fn places(&self) -> (usize, usize) {
        seat::unpack_places(self.words[PLACES].load(Ordering::Relaxed))
    }

    /// Notes the replaced block and the magazine places of the new and the old one.
    #[inline(always)]
    pub(crate) fn note_exchange(&self, old: u64, new_place: usize, old_place: usize) {
        self.words[OLD].store(old, Ordering::Relaxed);
        self.words[PLACES].store(seat::pack_places(new_place, old_place), Ordering::Relaxed);
    }

    /// The block in a magazine place, 0 for none.
    #[inline(always)]
    pub(crate) fn magazine(&self, place: usize) -> u64 {
        self.words[MAGAZINE + place].load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set_magazine(&self, place: usize, block: u64) {
        self.words[MAGAZINE + place].store(block, Ordering::Release);
    }

    /// Where a magazine place stands, for the journal.
    pub(crate) fn magazine_offset(&self, place: usize) -> u64 {
        self.word_offset(MAGAZINE + place)
    }

    /// Word on which the seat sleeps when it waits for any of several variables.
    pub(crate) fn wake_word(&self) -> &'a AtomicU64 {
        &self.words[WAKE]
    }

    /// 1 while the seat waits for any of several variables, 2 while it waits for one, else 0.
    pub(crate) fn waiting(&self) -> &'a AtomicU64 {
        &self.words[WAITING]
    }

    /// Entry `index` of the held list.
    pub(crate) fn held(&self, index: usize) -> Held {
        Held(self.words[HELD + index * 2].load(Ordering::Acquire))
    }

    /// Since when, in milliseconds since 1970.
    pub(crate) fn held_since(&self, index: usize) -> u64 {
        self.words[HELD + index * 2 + 1].load(Ordering::Relaxed)
    }

    /// Stores entry `index`. Relaxed: the exchange of the lock word that follows releases it.
    pub(crate) fn set_held(&self, index: usize, held: Held, since: u64) {
        self.words[HELD + index * 2 + 1].store(since, Ordering::Relaxed);
        self.words[HELD + index * 2].store(held.0, Ordering::Relaxed);
    }

    /// Release: whoever finds the entry cleared comes after what was done under the lock.
    pub(crate) fn clear_held(&self, index: usize) {
        self.words[HELD + index * 2].store(0, Ordering::Release);
    }

    /// Notes an update under the lock of entry `index`. Relaxed: a fence follows, and then the look
    /// at the namespace's lock.
    pub(crate) fn begin_update(&self, index: usize) {
        let word = &self.words[HELD + index * 2];
        let held = Held(word.load(Ordering::Relaxed));
        word.store(held.updating().0, Ordering::Relaxed);
    }

    /// Release: whoever finds the note gone comes after the update.
    pub(crate) fn end_update(&self, index: usize) {
        let word = &self.words[HELD + index * 2];
        let held = Held(word.load(Ordering::Relaxed));
        word.store(held.without_update().0, Ordering::Release);
    }

    /// Whether the seat is inside an update of any variable. One that is nobody's is not: most are.
    pub(crate) fn is_updating(&self) -> bool {
        self.slot().is_some() && self.held_entries().any(|(_, held)| held.is_updating())
    }

    /// The entry for a lock word, if the seat lists it.
    pub(crate) fn find_held(&self, lock: u64) -> Option<(usize, Held)> {
        self.held_entries().find(|(_, held)| held.lock() == lock)
    }

    /// All entries in use.
    pub(crate) fn held_entries(&self) -> impl Iterator<Item = (usize, Held)> + '_ {
        (0..HELD_LIMIT).map(|index| (index, self.held(index))).filter(|(_, held)| !held.is_none())
    }

    /// A free entry's index.
    pub(crate) fn free_held(&self) -> Option<usize> {
        (0..HELD_LIMIT).find(|index| self.held(*index).is_none())
    }
}

/// A seat that may be adding to the record's counter in place, if there is one.
pub(crate) fn counting_seat(segment: &Segment, record: u64) -> Result<Option<u32>> {
    for seat in Seat::all(segment) {
        let seat = seat?;
        if seat.is_counting(record) {
            return Ok(Some(seat.number));
        }
    }
    Ok(None)
}

/// Tells every seat that waits for any of several variables to look again.
#[cold]
pub(crate) fn wake_those_who_wait_for_any(segment: &Segment) -> Result<()> {
    for seat in Seat::all(segment) {
        let seat = seat?;
        if seat.waiting().load(Ordering::Relaxed) == ANY {
            seat.wake_word().fetch_add(1, Ordering::Relaxed);
            wake(seat.wake_word());
        }
    }
    Ok(())
}

/// Magazine places for blocks of `class`; `CLASSES` stands for large ones.
#[inline(always)]
pub(crate) fn places_of(class: usize) -> std::ops::Range<usize> {
    let first = class.min(CLASSES) * PLACES_PER_CLASS;
    first..first + PLACES_PER_CLASS
}

/// Every magazine place.
pub(crate) fn all_places() -> std::ops::Range<usize> {
    0..MAGAZINE_PLACES
}
