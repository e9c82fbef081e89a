//! Runs of pages: best-fitting list first, neighbours merged, the break moved when needed.

use crate::error::{Error, ErrorKind, Result};
use crate::format::PAGE;
use crate::format::header::{
    BREAK, CAPACITY, FREE_RUN_LISTS, FREE_RUNS, GRANULE, GREATEST_CAPACITY, HEAP_START,
    LAST_RUN_PAGES,
};
use crate::format::run::{INFO, Info, Kind, NEXT, PREVIOUS, PREVIOUS_PAGES};
use crate::journal::Journal;

/// Most runs of one list that an allocation looks at.
const LIST_WALK: usize = 64;
/// Largest growth of the break beyond what is needed, in bytes: bounds the time of one step.
const LARGEST_STEP: u64 = 1 << 18;

/// The header of the run at `base`, checked against the heap's bounds.
pub(crate) fn run_info(journal: &Journal<'_>, base: u64) -> Result<Info> {
    let (start, end) = bounds(journal)?;
    if !base.is_multiple_of(PAGE) || base < start || base >= end {
        return Err(Error::damaged(base, "a run of pages stands outside the heap"));
    }
    let info = Info(journal.read(base + INFO)?);
    let room = (end - base) / PAGE;
    if info.kind().is_none() || info.pages() == 0 || info.pages() > room {
        return Err(Error::damaged(base, "a run of pages has an impossible header"));
    }
    Ok(info)
}

/// Where the heap begins and ends, small enough to reckon with.
fn bounds(journal: &Journal<'_>) -> Result<(u64, u64)> {
    let (start, end) = (journal.read(HEAP_START)?, journal.read(BREAK)?);
    if start > end || end > GREATEST_CAPACITY || !end.is_multiple_of(PAGE) {
        return Err(Error::damaged(BREAK, "the heap's bounds are impossible"));
    }
    Ok((start, end))
}

/// Takes a run of `pages` pages for `kind` and returns its first byte's offset.
pub(crate) fn allocate_run(journal: &mut Journal<'_>, pages: u64, kind: Kind) -> Result<u64> {
    allocate_run_of_class(journal, pages, kind, 0)
}

pub(super) fn allocate_run_of_class(
    journal: &mut Journal<'_>,
    pages: u64,
    kind: Kind,
    class: usize,
) -> Result<u64> {
    let base = match find(journal, pages)? {
        Some(base) => base,
        None => grow(journal, pages)?,
    };
    let total = run_info(journal, base)?.pages();
    unlink_free(journal, base, total)?;
    if total > pages {
        let rest = base + pages * PAGE;
        journal.write(rest + PREVIOUS_PAGES, pages)?;
        set_pages_before(journal, base + total * PAGE, total - pages)?;
        link_free(journal, rest, total - pages)?;
    }
    journal.write(base + INFO, Info::new(kind, class, pages).0)?;
    Ok(base)
}

/// Gives a run back and merges it with free neighbours.
pub(crate) fn free_run(journal: &mut Journal<'_>, base: u64) -> Result<()> {
    let mut start = base;
    let mut pages = run_info(journal, base)?.pages();
    let next = base + pages * PAGE;
    if next < journal.read(BREAK)? {
        let info = run_info(journal, next)?;
        if info.kind() == Some(Kind::Free) {
            unlink_free(journal, next, info.pages())?;
            pages += info.pages();
        }
    }
    let before = journal.read(base + PREVIOUS_PAGES)?;
    if before > 0 {
        let previous = before
            .checked_mul(PAGE)
            .and_then(|bytes| base.checked_sub(bytes))
            .ok_or_else(|| Error::damaged(base, "the run before leads out of the heap"))?;
        let info = run_info(journal, previous)?;
        if info.pages() != before {
            return Err(Error::damaged(base, "neighbouring runs disagree about their sizes"));
        }
        if info.kind() == Some(Kind::Free) {
            unlink_free(journal, previous, before)?;
            start = previous;
            pages += before;
        }
    }
    set_pages_before(journal, start + pages * PAGE, pages)?;
    link_free(journal, start, pages)
}

/// Records the size of the run that ends at `end`, in the next run or the header.
fn set_pages_before(journal: &mut Journal<'_>, end: u64, pages: u64) -> Result<()> {
    if end == journal.read(BREAK)? {
        journal.write(LAST_RUN_PAGES, pages)
    } else {
        journal.write(end + PREVIOUS_PAGES, pages)
    }
}

fn list_of(pages: u64) -> u64 {
    FREE_RUNS + u64::from(pages.ilog2()).min(FREE_RUN_LISTS - 1) * 8
}

fn link_free(journal: &mut Journal<'_>, base: u64, pages: u64) -> Result<()> {
    let list = list_of(pages);
    let head = journal.read(list)?;
    journal.write(base + INFO, Info::new(Kind::Free, 0, pages).0)?;
    journal.write(base + NEXT, head)?;
    journal.write(base + PREVIOUS, 0)?;
    if head != 0 {
        free_run_at(journal, head)?;
        journal.write(head + PREVIOUS, base)?;
    }
    journal.write(list, base)
}

fn unlink_free(journal: &mut Journal<'_>, base: u64, pages: u64) -> Result<()> {
    let next = journal.read(base + NEXT)?;
    let previous = journal.read(base + PREVIOUS)?;
    if next != 0 {
        free_run_at(journal, next)?;
        journal.write(next + PREVIOUS, previous)?;
    }
    if previous != 0 {
        free_run_at(journal, previous)?;
        journal.write(previous + NEXT, next)
    } else {
        journal.write(list_of(pages), next)
    }
}

/// Pages of the free run at `base`; anything else there is damage.
fn free_run_at(journal: &Journal<'_>, base: u64) -> Result<u64> {
    let info = run_info(journal, base)?;
    if info.kind() != Some(Kind::Free) {
        return Err(Error::damaged(base, "a list of free runs leads to a run in use"));
    }
    Ok(info.pages())
}

/// A free run of at least `pages`, from the shortest list that has one.
fn find(journal: &Journal<'_>, pages: u64) -> Result<Option<u64>> {
    for list in u64::from(pages.ilog2())..FREE_RUN_LISTS {
        let mut base = journal.read(FREE_RUNS + list * 8)?;
        for _ in 0..LIST_WALK {
            if base == 0 {
                break;
            }
            if free_run_at(journal, base)? >= pages {
                return Ok(Some(base));
            }
            base = journal.read(base + NEXT)?;
        }
    }
    Ok(None)
}

/// Moves the break so that the last run is free and has at least `pages`; returns that run.
fn grow(journal: &mut Journal<'_>, pages: u64) -> Result<u64> {
    let (_, end) = bounds(journal)?;
    let last_pages = journal.read(LAST_RUN_PAGES)?;
    let last = last_pages.checked_mul(PAGE).and_then(|bytes| end.checked_sub(bytes));
    let tail = match last {
        Some(base) if last_pages > 0 => {
            let info = run_info(journal, base)?;
            (info.kind() == Some(Kind::Free)).then_some((base, info.pages()))
        }
        Some(_) => None,
        None => return Err(Error::damaged(LAST_RUN_PAGES, "the last run leads out of the heap")),
    };
    let tail_pages = tail.map_or(0, |(_, pages)| pages);
    let new_end = commit_more(journal, end, pages.saturating_sub(tail_pages))?;
    journal.write(BREAK, new_end)?;
    let added = (new_end - end) / PAGE;
    let (base, total) = match tail {
        Some((base, tail_pages)) => {
            unlink_free(journal, base, tail_pages)?;
            (base, tail_pages + added)
        }
        None => {
            journal.write(end + PREVIOUS_PAGES, last_pages)?;
            (end, added)
        }
    };
    journal.write(LAST_RUN_PAGES, total)?;
    link_free(journal, base, total)?;
    Ok(base)
}

/// Commits at least `needed` pages behind `end` and returns the new break.
fn commit_more(journal: &Journal<'_>, end: u64, needed: u64) -> Result<u64> {
    let limit = journal.read(CAPACITY)? / PAGE * PAGE;
    let least = needed
        .checked_mul(PAGE)
        .and_then(|bytes| end.checked_add(bytes))
        .filter(|least| *least <= limit)
        .ok_or_else(|| {
            out_of_space(format!(
                "it needs {} bytes more than the {limit} bytes of its capacity",
                (needed.saturating_mul(PAGE)).saturating_sub(limit.saturating_sub(end))
            ))
            .advise("delete variables or resize the namespace")
        })?;
    let generous = (end + (end / 8).clamp(GRANULE, LARGEST_STEP)).max(least);
    let rounded = |bytes: u64| bytes.next_multiple_of(GRANULE).min(limit);
    let mut outcome = journal.segment().commit(end, rounded(generous));
    let mut new_end = rounded(generous);
    if outcome.is_err() {
        new_end = rounded(least);
        outcome = journal.segment().commit(end, new_end);
    }
    match outcome {
        Ok(()) => Ok(new_end),
        Err(error) => {
            let error = Error::io("the file system gives no memory", error);
            Err(match error.kind() {
                ErrorKind::OutOfSpace => {
                    error.advise("make room on the file system that holds the namespace")
                }
                _ => error.advise("check the file system that holds the namespace"),
            })
        }
    }
}

fn out_of_space(reason: String) -> Error {
    Error::new(ErrorKind::OutOfSpace, reason)
}

/// Makes the bytes from `start` to the break one free run. For a namespace being created.
pub(crate) fn initialise(journal: &mut Journal<'_>, start: u64, end: u64) -> Result<()> {
    let pages = (end - start) / PAGE;
    journal.write(HEAP_START, start)?;
    journal.write(BREAK, end)?;
    journal.write(LAST_RUN_PAGES, pages)?;
    journal.write(start + PREVIOUS_PAGES, 0)?;
    link_free(journal, start, pages)
}
