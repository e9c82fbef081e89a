//! Segments of real memory: a mapped file, or anonymous memory for tests and private use.
#![allow(unsafe_code, reason = "the one place where checked offsets become references")]

use std::sync::Mutex;

use super::{Source, outside, read_only};
use crate::error::{Error, ErrorKind, Result};
use crate::format::PAGE;
use crate::format::header::GRANULE;
use crate::platform::{self, Access, Mapping};
use crate::sync::AtomicU64;
use crate::sync::process_local::{AtomicPtr, AtomicU64 as LocalU64, Ordering};

/// After so many glances at single pages, whole granules are populated.
const MOST_GLANCES: u64 = 256;
/// Places for the single pages known to exist: a glance is at two pages at most, so half of them stay
/// empty.
const SINGLE_PLACES: usize = 4 * MOST_GLANCES as usize;

/// Granules that are populated unasked, with each that is asked for.
const GRANULES_AHEAD: u64 = 4;

/// One mapping of the file with the list of granules known to exist.
struct View {
    /// The mapping's address and length, at hand for every access.
    base: *mut u8,
    /// Every granule below this offset, a multiple of the granule, is known to exist.
    populated_below: LocalU64,
    mapping: Mapping,
    populated: Box<[LocalU64]>,
    /// Pages that exist in granules not known to: page + 1, in the first place from its number on.
    /// None is ever forgotten: what has been reached once can be reached when nothing is to be had.
    single: Box<[LocalU64]>,
    /// How often something there was asked for: most openings look at a few pages and end.
    glances: LocalU64,
}

/// The memory of one namespace in this process.
pub(crate) struct Segment {
    /// The header page in the first view.
    header: *const [AtomicU64; (PAGE / 8) as usize],
    view: AtomicPtr<View>,
    /// Every view ever made: references into old ones stay good until the segment goes.
    views: Mutex<Vec<*mut View>>,
    source: Option<Source>,
    access: Access,
    /// How often bytes could not be reached although they are the file's.
    unreached: LocalU64,
    /// How often of these it was not for want of memory.
    unreadable: LocalU64,
}

// SAFETY: the raw view pointers come from `Box::into_raw`, are only read while the segment lives
// and are freed once, in `drop`; `View` itself is Send and Sync.
unsafe impl Send for Segment {}
// SAFETY: as above; the list is behind a mutex.
unsafe impl Sync for Segment {}

impl Segment {
    /// Maps `length` bytes of a file.
    pub(crate) fn of_file(source: Source, length: u64, access: Access) -> Result<Self> {
        let mapping = source
            .with_file(access, |file| Mapping::map_file(file, length, access))
            .map_err(|error| Error::io("mapping the file", error))?;
        Self::with_view(mapping, Some(source), access)
    }

    /// The content of a file, which stores through this segment do not change.
    pub(crate) fn copy_of_file(file: &std::fs::File, length: u64) -> Result<Self> {
        let mapping = Mapping::map_copy(file, length)
            .map_err(|error| Error::io("mapping the file", error))?;
        Self::with_view(mapping, None, Access::ReadWrite)
    }

    /// Anonymous memory of `length` bytes, private to this process.
    pub(crate) fn in_memory(length: u64) -> Result<Self> {
        let mapping =
            Mapping::anonymous(length).map_err(|error| Error::io("mapping memory", error))?;
        Self::with_view(mapping, None, Access::ReadWrite)
    }

    fn with_view(mapping: Mapping, source: Option<Source>, access: Access) -> Result<Self> {
        if mapping.length() < PAGE {
            return Err(outside(PAGE));
        }
        let view = View::new(mapping);
        view.populate(0, PAGE).map_err(|error| Error::io("reaching the header", error))?;
        let header = view.mapping.base().cast_const().cast();
        let view = Box::into_raw(Box::new(view));
        let views = Mutex::new(vec![view]);
        let (view, unreached) = (AtomicPtr::new(view), LocalU64::new(0));
        let unreadable = LocalU64::new(0);
        Ok(Self { header, view, views, source, access, unreached, unreadable })
    }

    /// The file behind the segment, if there is one.
    pub(crate) fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Whether this process may write.
    pub(crate) fn is_writable(&self) -> bool {
        matches!(self.access, Access::ReadWrite)
    }

    /// An error unless this process may write. Every store is behind this.
    pub(crate) fn require_writable(&self) -> Result<()> {
        if self.is_writable() { Ok(()) } else { Err(read_only()) }
    }

    /// Bytes mapped at present.
    pub(crate) fn length(&self) -> u64 {
        self.view().mapping.length()
    }

    #[inline(always)]
    fn view(&self) -> &View {
        let view = self.view.load(Ordering::Acquire);
        // SAFETY: obligation: the pointer is valid. It came from `Box::into_raw` in `with_view`
        // or `extend`, and views are freed only in `drop`.
        unsafe { &*view }
    }

    /// A word of the header page, which exists for as long as the segment does: `attach` has
    /// read it, and no mapping is shorter than a page.
    #[inline(always)]
    pub(crate) fn header_word(&self, offset: u64) -> &AtomicU64 {
        // SAFETY: obligation: a valid reference for as long as `self`. It came from the first
        // view, which `with_view` populated and only `drop` frees.
        let header = unsafe { &*self.header };
        &header[(offset / 8) as usize % header.len()]
    }

    /// One word.
    #[inline(always)]
    pub(crate) fn word(&self, offset: u64) -> Result<&AtomicU64> {
        self.words::<1>(offset).map(|words| &words[0])
    }

    /// `COUNT` words from `offset` on, a multiple of their size: a power of two up to a page, so
    /// that they never lie in two granules.
    #[inline(always)]
    pub(crate) fn words<const COUNT: usize>(&self, offset: u64) -> Result<&[AtomicU64; COUNT]> {
        const { assert!(COUNT.is_power_of_two() && COUNT as u64 * 8 <= PAGE) };
        let size = COUNT as u64 * 8;
        let view = self.view();
        let is_aligned = offset.is_multiple_of(size);
        let address = if is_aligned && offset < view.populated_below.load(Ordering::Relaxed) {
            view.base.wrapping_add(offset as usize)
        } else {
            self.words_slowly(offset, size)?
        };
        // SAFETY: obligation: address of COUNT valid, aligned, live words. It was checked against
        // the mapping, which lives as long as `self`, and is aligned because mappings are; words
        // of the file are only ever accessed as atomics.
        Ok(unsafe { &*address.cast::<[AtomicU64; COUNT]>() })
    }

    /// The same beyond the first granule that this process has not touched yet.
    #[inline(never)]
    fn words_slowly(&self, offset: u64, size: u64) -> Result<*mut u8> {
        let view = self.view();
        let inside = offset.is_multiple_of(size) && offset <= view.mapping.length() - size;
        if inside && view.granule_is_populated(offset / GRANULE) {
            return Ok(view.base.wrapping_add(offset as usize));
        }
        if !offset.is_multiple_of(size) {
            return Err(outside(offset));
        }
        self.checked_slowly(offset, size)
    }

    /// Words `offset .. offset + count * 8`.
    #[inline(always)]
    pub(crate) fn word_range(&self, offset: u64, count: u64) -> Result<&[AtomicU64]> {
        let bytes = count.checked_mul(8).ok_or_else(|| outside(offset))?;
        let address = self.checked(offset, bytes)?;
        // SAFETY: obligation: `count` valid, aligned, live words; as in `words`.
        Ok(unsafe { std::slice::from_raw_parts(address.cast::<AtomicU64>(), count as usize) })
    }

    /// How often it was an error of the device, not want of memory, that kept bytes from being reached.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// How often bytes inside the file could not be reached, as for want of memory. What a walk
    /// finds while this grows says nothing of the file.
    pub(crate) fn unreached(&self) -> u64 {
        self.unreached.load(Ordering::Relaxed)
    }

    /// The address of `length` bytes that exist and may be touched.
    #[inline(always)]
    pub(super) fn checked(&self, offset: u64, length: u64) -> Result<*mut u8> {
        let view = self.view();
        let end = offset.wrapping_add(length);
        let is_ordered = offset.is_multiple_of(8) && end >= offset;
        if is_ordered && end <= view.populated_below.load(Ordering::Relaxed) {
            return Ok(view.base.wrapping_add(offset as usize));
        }
        self.checked_by_granule(offset, length)
    }

    #[inline(never)]
    fn checked_by_granule(&self, offset: u64, length: u64) -> Result<*mut u8> {
        let view = self.view();
        let end = offset.wrapping_add(length);
        let is_ordered = offset.is_multiple_of(8) && end >= offset;
        if is_ordered && end <= view.mapping.length() && view.is_populated(offset, end) {
            return Ok(view.base.wrapping_add(offset as usize));
        }
        self.checked_slowly(offset, length)
    }

    #[cold]
    fn checked_slowly(&self, offset: u64, length: u64) -> Result<*mut u8> {
        self.populated(offset, length).inspect_err(|error| {
            match error.kind() {
                ErrorKind::Damaged => return,
                ErrorKind::OutOfSpace => {}
                _ => {
                    self.unreadable.fetch_add(1, Ordering::Relaxed);
                }
            }
            self.unreached.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn populated(&self, offset: u64, length: u64) -> Result<*mut u8> {
        let end = offset.checked_add(length).ok_or_else(|| outside(offset))?;
        if !offset.is_multiple_of(8) {
            return Err(outside(offset));
        }
        if end > self.length() {
            self.extend(end)?;
        }
        let view = self.view();
        view.populate(offset, end)
            .map_err(|error| Error::io(format!("reaching bytes {offset}..{end}"), error))?;
        Ok(view.mapping.base().wrapping_add(offset as usize))
    }

    /// Maps more when the file has been resized by somebody.
    fn extend(&self, end: u64) -> Result<()> {
        let source = self.source.as_ref().ok_or_else(|| outside(end))?;
        // A child forked while the list is locked could never lock it.
        let _guard =
            platform::hold_off_fork().map_err(|error| Error::io("holding off forks", error))?;
        let mut views = self.views.lock().unwrap_or_else(|poison| poison.into_inner());
        if end <= self.length() {
            return Ok(());
        }
        let mapping = source
            .with_file(self.access, |file| {
                let length = platform::length(file)?;
                if end > length {
                    return Ok(None);
                }
                Mapping::map_file(file, length, self.access).map(Some)
            })
            .map_err(|error| Error::io("mapping the resized file", error))?
            .ok_or_else(|| outside(end))?;
        let view = Box::into_raw(Box::new(View::new(mapping)));
        views.push(view);
        self.view.store(view, Ordering::Release);
        Ok(())
    }

    /// Makes sure that bytes `from..to` of the file have memory or disk behind them.
    pub(crate) fn commit(&self, from: u64, to: u64) -> std::io::Result<()> {
        match &self.source {
            Some(source) => {
                source.with_file(Access::ReadWrite, |file| platform::commit(file, from, to))
            }
            None => Ok(()),
        }
    }

    /// Whether the byte of a slot is locked, as the kernel knows it. Private memory has no other
    /// members who could be dead.
    pub(crate) fn slot_is_locked(&self, slot: u32) -> std::io::Result<bool> {
        let Some(source) = &self.source else { return Ok(true) };
        source.with_file(self.access, |file| platform::slot_is_locked(file, slot))
    }

    /// Writes everything below `end` back to the file's device.
    pub(crate) fn flush(&self, end: u64) -> Result<()> {
        if end > self.length() {
            self.extend(end)?;
        }
        self.view().mapping.flush(0, end).map_err(|error| Error::io("flushing", error))
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let views = self.views.get_mut().unwrap_or_else(|poison| poison.into_inner());
        for view in views.drain(..) {
            // SAFETY: obligation: freed once, and nobody uses it. The list holds each pointer
            // of `Box::into_raw` once, and `&mut self` proves that no reference is left.
            drop(unsafe { Box::from_raw(view) });
        }
    }
}

impl View {
    fn new(mapping: Mapping) -> Self {
        let granules = mapping.length().div_ceil(GRANULE);
        let populated = (0..granules.div_ceil(64)).map(|_| LocalU64::new(0)).collect();
        let (populated_below, glances) = (LocalU64::new(0), LocalU64::new(0));
        let single = (0..SINGLE_PLACES).map(|_| LocalU64::new(0)).collect();
        Self { base: mapping.base(), populated_below, mapping, populated, single, glances }
    }

    #[inline(always)]
    fn is_populated(&self, offset: u64, end: u64) -> bool {
        let first = offset / GRANULE;
        let last = end.saturating_sub(1).max(offset) / GRANULE;
        first == last && self.granule_is_populated(first)
    }

    #[inline(always)]
    fn granule_is_populated(&self, granule: u64) -> bool {
        self.populated
            .get((granule / 64) as usize)
            .is_some_and(|bits| bits.load(Ordering::Relaxed) & (1 << (granule % 64)) != 0)
    }

    /// Makes sure that `offset..end` exists: a page or two at first, whole granules for whoever
    /// comes again and again.
    fn populate(&self, offset: u64, end: u64) -> std::io::Result<()> {
        if end - offset > PAGE {
            return self.populate_granules(offset, end);
        }
        let (first, last) = (offset / PAGE, end.saturating_sub(1).max(offset) / PAGE);
        let is_known = || (first..=last).all(|page| self.page_is_known(page));
        if self.glances.fetch_add(1, Ordering::Relaxed) >= MOST_GLANCES {
            return match self.populate_granules(offset, end) {
                Err(_) if is_known() => Ok(()),
                populated => populated,
            };
        }
        if is_known() {
            return Ok(());
        }
        let (from, to) = (first * PAGE, ((last + 1) * PAGE).min(self.mapping.length()));
        self.mapping.populate(from, to - from)?;
        (first..=last).for_each(|page| self.remember_page(page));
        Ok(())
    }

    /// The places where a single page may be remembered, in the order in which they are filled.
    fn places_of_page(&self, page: u64) -> impl Iterator<Item = &LocalU64> {
        let (before, from) = self.single.split_at(page as usize % SINGLE_PLACES);
        from.iter().chain(before)
    }

    fn page_is_known(&self, page: u64) -> bool {
        let mut places = self.places_of_page(page).map(|place| place.load(Ordering::Relaxed));
        self.granule_is_populated(page * PAGE / GRANULE)
            || places.find(|place| *place == 0 || *place == page + 1) == Some(page + 1)
    }

    fn remember_page(&self, page: u64) {
        let takes = |place: &LocalU64| {
            let taken = place.compare_exchange(0, page + 1, Ordering::Relaxed, Ordering::Relaxed);
            taken.map_or_else(|there| there == page + 1, |_| true)
        };
        let is_remembered = self.places_of_page(page).any(takes);
        debug_assert!(is_remembered, "more glances than places");
    }

    /// Populates the granules of `offset..end` that are not yet known to exist, in one call for
    /// each gap.
    fn populate_granules(&self, offset: u64, end: u64) -> std::io::Result<()> {
        let last = end.saturating_sub(1).max(offset) / GRANULE;
        let mut granule = offset / GRANULE;
        while granule <= last {
            let first = granule;
            while granule <= last && !self.granule_is_populated(granule) {
                granule += 1;
            }
            if first < granule {
                let from = first * GRANULE;
                let to = (granule * GRANULE).min(self.mapping.length());
                self.mapping.populate(from, to - from)?;
                (first..granule).for_each(|done| self.mark_populated(done));
                self.raise_mark(first);
            }
            granule += 1;
        }
        Ok(())
    }

    /// Populates a little of what is not known to exist below granule `limit`, so that the mark
    /// comes to where the accesses are: a look at it is cheaper than one at the list. Nobody has
    /// asked for these bytes: whoever does is told if they cannot be had.
    fn raise_mark(&self, limit: u64) {
        let below = self.populated_below.load(Ordering::Relaxed) / GRANULE;
        let ahead = below..limit.min(below + GRANULES_AHEAD);
        let from = ahead.start * GRANULE;
        let to = (ahead.end * GRANULE).min(self.mapping.length());
        if ahead.start < ahead.end && self.mapping.populate(from, to - from).is_ok() {
            ahead.for_each(|done| self.mark_populated(done));
        }
    }

    fn mark_populated(&self, granule: u64) {
        if let Some(bits) = self.populated.get((granule / 64) as usize) {
            bits.fetch_or(1 << (granule % 64), Ordering::Relaxed);
        }
        let mut below = self.populated_below.load(Ordering::Relaxed);
        while below + GRANULE <= self.mapping.length() && self.granule_is_populated(below / GRANULE)
        {
            below += GRANULE;
        }
        self.populated_below.fetch_max(below, Ordering::Relaxed);
    }
}
