//! Slabs: pages cut into blocks of one size, or into records, with a bitmap of those in use.

use super::runs::{allocate_run_of_class, free_run, run_info};
use crate::error::{Error, ErrorKind, Result};
use crate::format::block::{CLASS_SIZES, CLASSES, blocks_per_slab};
use crate::format::header::{BREAK, PARTIAL_SLABS, RECORD_PARTIAL, RECORD_SLABS};
use crate::format::run::{BITMAP, HEADER, Info, Kind, NEXT, NEXT_RECORD_SLAB, PREVIOUS};
use crate::format::{PAGE, record};
use crate::journal::Journal;
use crate::segment::Segment;
use crate::sync::{Ordering, fence};

/// Most slabs of records added at once: bounds the words of a journal.
const MOST_RECORD_SLABS: u64 = 8;

/// How a kind of slab is cut, and where the list of its slabs with room begins.
#[derive(Clone, Copy)]
struct Shape {
    unit: u64,
    count: u64,
    list: u64,
}

impl Shape {
    fn of_class(class: usize) -> Self {
        let list = PARTIAL_SLABS + class as u64 * 8;
        Self { unit: CLASS_SIZES[class], count: blocks_per_slab(class), list }
    }

    const RECORDS: Self =
        Self { unit: record::SIZE, count: (PAGE - HEADER) / record::SIZE, list: RECORD_PARTIAL };

    /// Which unit of the slab at `base` the offset is.
    fn index(self, base: u64, offset: u64) -> Result<u64> {
        let distance = offset
            .checked_sub(base + HEADER)
            .filter(|distance| distance % self.unit == 0)
            .map(|distance| distance / self.unit);
        distance
            .filter(|index| *index < self.count)
            .ok_or_else(|| Error::damaged(offset, "an offset leads between the units of a slab"))
    }
}

fn bitmap_word(base: u64, index: u64) -> (u64, u64) {
    (base + BITMAP + index / 64 * 8, 1 << (index % 64))
}

/// The first unused unit at or after `from`.
fn first_unused(journal: &Journal<'_>, base: u64, shape: Shape, from: u64) -> Result<Option<u64>> {
    let mut index = from;
    while index < shape.count {
        let word = journal.read(base + BITMAP + index / 64 * 8)?;
        let skipped = u64::from((!word >> (index % 64)).trailing_zeros());
        let candidate = index + skipped;
        if candidate / 64 == index / 64 {
            return Ok((candidate < shape.count).then_some(candidate));
        }
        index = (index / 64 + 1) * 64;
    }
    Ok(None)
}

fn is_empty(journal: &Journal<'_>, base: u64, shape: Shape) -> Result<bool> {
    for word in 0..shape.count.div_ceil(64) {
        if journal.read(base + BITMAP + word * 8)? != 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn mark_used(journal: &mut Journal<'_>, base: u64, shape: Shape, index: u64) -> Result<()> {
    let (offset, bit) = bitmap_word(base, index);
    let word = journal.read(offset)?;
    journal.write(offset, word | bit)?;
    if first_unused(journal, base, shape, 0)?.is_none() {
        unlink(journal, base, shape)?;
    }
    Ok(())
}

/// Clears the bit; the slab hangs in its list afterwards.
fn mark_unused(journal: &mut Journal<'_>, base: u64, shape: Shape, index: u64) -> Result<()> {
    let was_full = first_unused(journal, base, shape, 0)?.is_none();
    let (offset, bit) = bitmap_word(base, index);
    let word = journal.read(offset)?;
    if word & bit == 0 {
        return Err(Error::damaged(offset, "a block is freed that is free already"));
    }
    journal.write(offset, word & !bit)?;
    if was_full { link(journal, base, shape) } else { Ok(()) }
}

fn link(journal: &mut Journal<'_>, base: u64, shape: Shape) -> Result<()> {
    let head = journal.read(shape.list)?;
    journal.write(base + NEXT, head)?;
    journal.write(base + PREVIOUS, 0)?;
    if head != 0 {
        run_info(journal, head)?;
        journal.write(head + PREVIOUS, base)?;
    }
    journal.write(shape.list, base)
}

fn unlink(journal: &mut Journal<'_>, base: u64, shape: Shape) -> Result<()> {
    let next = journal.read(base + NEXT)?;
    let previous = journal.read(base + PREVIOUS)?;
    if next != 0 {
        run_info(journal, next)?;
        journal.write(next + PREVIOUS, previous)?;
    }
    if previous != 0 {
        run_info(journal, previous)?;
        journal.write(previous + NEXT, next)
    } else {
        journal.write(shape.list, next)
    }
}

/// The slab at the head of the list, if there is one.
fn listed_slab(
    journal: &Journal<'_>,
    shape: Shape,
    kind: Kind,
    class: usize,
) -> Result<Option<u64>> {
    let head = journal.read(shape.list)?;
    if head == 0 {
        return Ok(None);
    }
    let info = run_info(journal, head)?;
    if info.kind() != Some(kind) || info.class() != class {
        return Err(Error::damaged(head, "a list of slabs leads to something else"));
    }
    Ok(Some(head))
}

/// A new, empty slab at the head of its list.
fn add_slab(journal: &mut Journal<'_>, shape: Shape, kind: Kind, class: usize) -> Result<u64> {
    let base = allocate_run_of_class(journal, 1, kind, class)?;
    for word in 0..4 {
        journal.write(base + BITMAP + word * 8, 0)?;
    }
    link(journal, base, shape)?;
    Ok(base)
}

pub(super) fn allocate_small(journal: &mut Journal<'_>, class: usize) -> Result<u64> {
    let shape = Shape::of_class(class);
    let base = match listed_slab(journal, shape, Kind::Slab, class)? {
        Some(base) => base,
        None => add_slab(journal, shape, Kind::Slab, class)?,
    };
    let index = first_unused(journal, base, shape, 0)?
        .ok_or_else(|| Error::damaged(base, "a full slab hangs among those with room"))?;
    mark_used(journal, base, shape, index)?;
    Ok(base + HEADER + index * shape.unit)
}

pub(super) fn free_small(journal: &mut Journal<'_>, base: u64, offset: u64) -> Result<()> {
    let class = run_info(journal, base)?.class();
    if class >= CLASSES {
        return Err(Error::damaged(base, "a slab has an impossible class"));
    }
    let shape = Shape::of_class(class);
    let index = shape.index(base, offset)?;
    mark_unused(journal, base, shape, index)?;
    // One empty slab of each class is kept, so that a value that comes and goes costs no page.
    let alone = journal.read(base + NEXT)? == 0 && journal.read(base + PREVIOUS)? == 0;
    if !alone && is_empty(journal, base, shape)? {
        unlink(journal, base, shape)?;
        free_run(journal, base)?;
    }
    Ok(())
}

/// Whether the unit at `offset` of a slab or record slab is marked as used.
pub(crate) fn slab_is_used(journal: &Journal<'_>, offset: u64) -> Result<bool> {
    let base = offset & !(PAGE - 1);
    let info = run_info(journal, base)?;
    let shape = match info.kind() {
        Some(Kind::Records) => Shape::RECORDS,
        Some(Kind::Slab) if info.class() < CLASSES => Shape::of_class(info.class()),
        _ => return Err(Error::damaged(offset, "an offset leads to no slab")),
    };
    let (word, bit) = bitmap_word(base, shape.index(base, offset)?);
    Ok(journal.read(word)? & bit != 0)
}

/// Bytes that the block at `offset` can hold, by its run's header.
pub(crate) fn block_capacity(info: Info) -> u64 {
    match info.kind() {
        Some(Kind::Slab) => CLASS_SIZES.get(info.class()).copied().unwrap_or(0),
        Some(Kind::Large) => (info.pages() * PAGE).saturating_sub(HEADER),
        _ => 0,
    }
}

/// When to add slabs of records.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stock {
    /// When there is no free record.
    IfNone,
    /// In any case.
    More,
}

/// Makes sure of free records, in a journal of its own.
pub(crate) fn stock_records(segment: &Segment, stock: Stock) -> Result<()> {
    let mut journal = Journal::begin(segment);
    let listed = listed_slab(&journal, Shape::RECORDS, Kind::Records, 0)?;
    if stock == Stock::More || listed.is_none() {
        add_record_slabs(&mut journal)?;
        journal.commit()?;
    }
    Ok(())
}

/// Up to `limit` unused records, from one slab with room.
pub(crate) fn free_record_candidates(journal: &Journal<'_>, limit: usize) -> Result<Vec<u64>> {
    let shape = Shape::RECORDS;
    let Some(base) = listed_slab(journal, shape, Kind::Records, 0)? else {
        return Ok(Vec::new());
    };
    let mut candidates = Vec::with_capacity(limit);
    let mut from = 0;
    while candidates.len() < limit {
        match first_unused(journal, base, shape, from)? {
            Some(index) => {
                candidates.push(base + HEADER + index * shape.unit);
                from = index + 1;
            }
            None => break,
        }
    }
    Ok(candidates)
}

/// Adds slabs of records, several in a row: they stay for ever, and spread over the heap one by
/// one they would leave no room for large values between them.
fn add_record_slabs(journal: &mut Journal<'_>) -> Result<()> {
    let wanted = (journal.read(BREAK)? / PAGE / 16).clamp(1, MOST_RECORD_SLABS);
    let first = journal.read(RECORD_SLABS)?;
    let mut base = add_record_slab(journal, first)?;
    for _ in 1..wanted {
        match add_record_slab(journal, base) {
            Ok(another) => base = another,
            Err(error) if error.kind() == ErrorKind::OutOfSpace => break,
            Err(error) => return Err(error),
        }
    }
    // Staged last: whoever walks the chain meanwhile finds it whole.
    journal.write(RECORD_SLABS, base)
}

/// Adds one slab of records whose chain goes on at `next`; returns its offset.
fn add_record_slab(journal: &mut Journal<'_>, next: u64) -> Result<u64> {
    let base = add_slab(journal, Shape::RECORDS, Kind::Records, 0)?;
    // Nobody reaches the page before the commit; records begin as zeros. Release fence: as before
    // every refill of memory that readers may remember.
    fence(Ordering::Release);
    for word in journal.segment().word_range(base + HEADER, (PAGE - HEADER) / 8)? {
        word.store(0, Ordering::Relaxed);
    }
    journal.write(base + NEXT_RECORD_SLAB, next)?;
    Ok(base)
}

/// Marks a candidate as used.
pub(crate) fn take_record(journal: &mut Journal<'_>, offset: u64) -> Result<()> {
    let base = record_slab_of(journal, offset)?;
    let index = Shape::RECORDS.index(base, offset)?;
    mark_used(journal, base, Shape::RECORDS, index)
}

/// Marks a record as unused. Its slab stays a record slab for ever.
pub(crate) fn free_record(journal: &mut Journal<'_>, offset: u64) -> Result<()> {
    let base = record_slab_of(journal, offset)?;
    let index = Shape::RECORDS.index(base, offset)?;
    mark_unused(journal, base, Shape::RECORDS, index)
}

/// The record slab around `offset`.
fn record_slab_of(journal: &Journal<'_>, offset: u64) -> Result<u64> {
    let base = offset & !(PAGE - 1);
    if run_info(journal, base)?.kind() != Some(Kind::Records) {
        return Err(Error::damaged(offset, "a record stands in no record slab"));
    }
    Shape::RECORDS.index(base, offset)?;
    Ok(base)
}
