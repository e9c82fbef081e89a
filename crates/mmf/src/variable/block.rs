//! Blocks on their way: from the magazine, filled, and back into it.

use super::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::format::PAGE;
use crate::format::block::{CLASSES, Descriptor, VALUE_HEADER, ValueHeader, class_for, pages_for};
use crate::format::checksum::{Seal, payload_hash};
use crate::format::header::CAPACITY;
use crate::format::run::{INFO, Info};
use crate::format::seat::NO_PLACE;
use crate::heap;
use crate::platform::wall_clock_milliseconds;
use crate::record::{Record, UntoldDeath, name_of_record, record_offsets, unlink_if_unused};
use crate::registry::{SeatLease, Structural, return_block};
use crate::seat::{Seat, all_places, places_of};
use crate::segment::SMALL_COPY;
use crate::sync::{Ordering, fence};
use crate::value::{Encoded, ValueType};

/// Large runs of at most this many pages stay in the magazine for the next set, whatever the
/// capacity.
const ALWAYS_KEPT_PAGES: u64 = 16;
/// So do those that take this part of the capacity: what a seat that sets nothing more keeps from
/// the others is little.
const KEPT_PART: u64 = 256;
/// But none of more pages than this: beside the copy, giving one back and taking it again is nothing.
const LARGEST_KEPT_PAGES: u64 = 256;

/// A filled block that nobody reaches yet.
#[derive(Clone, Copy)]
pub(super) struct Filled {
    pub(super) place: usize,
    pub(super) class: usize,
    pub(super) descriptor: Descriptor,
}

/// A filled block with what its checksum covers, in a namespace with checksums.
#[derive(Clone, Copy)]
pub(super) struct Prepared {
    pub(super) filled: Filled,
    pub(super) seal: Option<Seal>,
}

#[inline(always)]
fn class_or_large(bytes: u64) -> usize {
    class_for(bytes).unwrap_or(CLASSES)
}

impl Context {
    /// Fills a block of the seat's magazine with a value that is set now, by this process.
    pub(super) fn prepare(
        &self,
        seat: &Seat<'_>,
        lease: &SeatLease,
        value: &Encoded<'_>,
    ) -> Result<Prepared> {
        self.prepare_as(seat, header_of(lease, value), value)
    }

    /// Fills a block of the seat's magazine with a value and this header.
    pub(super) fn prepare_as(
        &self,
        seat: &Seat<'_>,
        header: ValueHeader,
        value: &Encoded<'_>,
    ) -> Result<Prepared> {
        let filled = self.fill(seat, header, value)?;
        let seal = self.checksums.then(|| {
            let is_counter = value.value_type() == ValueType::Counter;
            let payload = payload_hash(value.as_bytes(), self.seed);
            let (tag, seed) = (value.value_type().tag(), self.seed);
            Seal { payload, header: header.encode(), tag, is_counter, seed }
        });
        Ok(Prepared { filled, seal })
    }

    /// The same without a checksum.
    #[inline(always)]
    pub(super) fn fill(
        &self,
        seat: &Seat<'_>,
        header: ValueHeader,
        value: &Encoded<'_>,
    ) -> Result<Filled> {
        let payload = value.as_bytes();
        let length = payload.len() as u64;
        let bytes = VALUE_HEADER + length;
        let class = class_or_large(bytes);
        let place = match self.stocked_place(seat, class, bytes)? {
            Some(place) => place,
            None => self.refill(seat, class, bytes)?,
        };
        let block = seat.magazine(place);
        self.require_block(seat, place, block, (class, bytes))?;
        let segment = self.registry.segment();
        // Release fence: a reader of the value that stood here before, who sees a byte of the new
        // one, sees that its version is gone.
        fence(Ordering::Release);
        let words = segment.words::<2>(block)?;
        for (word, value) in words.iter().zip(header.encode()) {
            word.store(value, Ordering::Relaxed);
        }
        if payload.len() <= SMALL_COPY {
            // Of a counter, this makes the word behind the payload 0, in the same store: a crash of
            // the system leaves no payload with what was added to another.
            segment.copy_small_in(block + VALUE_HEADER, payload)?;
        } else {
            segment.copy_in(block + VALUE_HEADER, payload)?;
        }
        let descriptor = Descriptor::new(block, value.value_type().tag(), length);
        Ok(Filled { place, class, descriptor })
    }

    /// A place of the magazine that holds a block for `bytes`.
    #[inline(always)]
    fn stocked_place(&self, seat: &Seat<'_>, class: usize, bytes: u64) -> Result<Option<usize>> {
        if class == CLASSES {
            return self.stocked_large_place(seat, bytes);
        }
        Ok(places_of(class).find(|place| seat.magazine(*place) != 0))
    }

    #[inline(never)]
    fn stocked_large_place(&self, seat: &Seat<'_>, bytes: u64) -> Result<Option<usize>> {
        for place in places_of(CLASSES) {
            let block = seat.magazine(place);
            if block != 0 && self.large_pages(block)? == pages_for(bytes) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    fn large_pages(&self, block: u64) -> Result<u64> {
        let info = self.registry.segment().word((block & !(PAGE - 1)) + INFO)?;
        Ok(Info(info.load(Ordering::Relaxed)).pages())
    }

    /// The most pages of a large run that stays in the magazine.
    fn kept_pages(&self) -> u64 {
        let capacity = self.registry.segment().header_word(CAPACITY).load(Ordering::Relaxed);
        (capacity / PAGE / KEPT_PART).clamp(ALWAYS_KEPT_PAGES, LARGEST_KEPT_PAGES)
    }

    /// Takes blocks from the heap into the magazine; returns a place that holds one.
    #[cold]
    fn refill(&self, seat: &Seat<'_>, class: usize, bytes: u64) -> Result<usize> {
        let segment = self.registry.segment();
        let capacity = segment.word(CAPACITY)?.load(Ordering::Relaxed);
        if bytes > capacity {
            return Err(Error::new(
                ErrorKind::ValueTooLarge,
                format!("{bytes} bytes never fit into a capacity of {capacity} bytes"),
            )
            .advise("resize the namespace first"));
        }
        let structural = self.registry.structural(self.timeout)?;
        let wanted = if class < CLASSES { places_of(class).len() } else { 1 };
        match stock(&structural, seat, class, bytes, wanted) {
            Err(error) if error.kind() == ErrorKind::OutOfSpace => {
                self.make_room(&structural, seat, NO_PLACE)?;
                stock(&structural, seat, class, bytes, 1)
            }
            place => place,
        }
    }

    /// Gets back what can be had: from the dead, from the seat's magazine except `keep`, from
    /// records without value.
    #[cold]
    pub(super) fn make_room(
        &self,
        structural: &Structural<'_>,
        seat: &Seat<'_>,
        keep: usize,
    ) -> Result<()> {
        self.registry.reap(structural)?;
        for place in all_places().filter(|place| *place != keep) {
            return_block(structural, seat, place)?;
        }
        sweep(structural, seat)
    }

    /// The place for the block that a set of class `class` replaces; makes room if need be.
    ///
    /// The caller holds the record's publish lock.
    #[inline]
    pub(super) fn place_for_old(
        &self,
        seat: &Seat<'_>,
        old: Descriptor,
        new: Option<Filled>,
    ) -> Result<usize> {
        if old.is_none() {
            return Ok(NO_PLACE);
        }
        let class = self.class_of_value(old)?;
        match new {
            Some(new) if new.class == class => Ok(new.place),
            _ => match places_of(class).find(|place| seat.magazine(*place) == 0) {
                Some(place) => Ok(place),
                None => self.make_place(seat, class),
            },
        }
    }

    /// The class of the block that a value stands in, by its length: `require_block` asks the run
    /// before anything is written there.
    #[inline]
    fn class_of_value(&self, value: Descriptor) -> Result<usize> {
        let length = match value.small_length() {
            Some(length) => length,
            None => {
                let first = self.registry.segment().word(value.offset())?.load(Ordering::Relaxed);
                ValueHeader::length_of(first)
            }
        };
        Ok(class_or_large(VALUE_HEADER + length))
    }

    /// An error unless the run in which a magazine's block stands has blocks for so many bytes: in
    /// a damaged namespace a value's length may have been another, and the set would write beyond
    /// the block. The block is given up, which `check` tells, so that this happens once.
    #[inline(always)]
    fn require_block(
        &self,
        seat: &Seat<'_>,
        place: usize,
        block: u64,
        (class, bytes): (usize, u64),
    ) -> Result<()> {
        let info = self.registry.segment().word((block & !(PAGE - 1)) + INFO)?;
        let info = Info(info.load(Ordering::Relaxed));
        let is_right = match class {
            CLASSES => heap::is_block_for(info, block, bytes),
            class => info.is_slab_of(class),
        };
        if is_right {
            return Ok(());
        }
        seat.set_magazine(place, 0);
        Err(Error::damaged(block, "a value's length is not one for its block"))
    }

    #[cold]
    fn make_place(&self, seat: &Seat<'_>, class: usize) -> Result<usize> {
        let structural = self.registry.structural(self.timeout)?;
        let place = places_of(class).start;
        return_block(&structural, seat, place)?;
        Ok(place)
    }

    /// Gives a large block that a set has replaced back to the heap, unless it is small enough
    /// to keep. What cannot be given back now is given back later.
    #[inline]
    pub(super) fn trim(&self, seat: &Seat<'_>, place: usize) {
        if places_of(CLASSES).contains(&place) {
            self.trim_large(seat, place);
        }
    }

    #[cold]
    fn trim_large(&self, seat: &Seat<'_>, place: usize) {
        let block = seat.magazine(place);
        if block == 0 || self.large_pages(block).is_ok_and(|pages| pages <= self.kept_pages()) {
            return;
        }
        let trimmed = self
            .registry
            .structural(self.timeout)
            .and_then(|structural| return_block(&structural, seat, place));
        if let Err(error) = trimmed {
            tracing::debug!(%error, "kept a large block in the magazine");
        }
    }
}

/// The header of a value that is set now, by the process that holds the lease.
#[inline(always)]
pub(super) fn header_of(lease: &SeatLease, value: &Encoded<'_>) -> ValueHeader {
    ValueHeader {
        length: value.as_bytes().len() as u64,
        process: lease.process,
        time: wall_clock_milliseconds(),
        program: lease.program,
    }
}

/// Fills up to `wanted` empty places of a class; returns one that holds a block.
fn stock(
    structural: &Structural<'_>,
    seat: &Seat<'_>,
    class: usize,
    bytes: u64,
    wanted: usize,
) -> Result<usize> {
    let first = places_of(class).start;
    if class == CLASSES {
        // Those that stand there have another size.
        return_block(structural, seat, first)?;
    }
    let mut journal = structural.journal();
    let empty = places_of(class).filter(|place| seat.magazine(*place) == 0);
    for place in empty.take(wanted) {
        let block = heap::allocate(&mut journal, bytes)?;
        journal.write(seat.magazine_offset(place), block)?;
    }
    journal.commit()?;
    Ok(first)
}

/// Unmakes every record that has neither value nor lock: leftovers of interrupted unlocks.
fn sweep(structural: &Structural<'_>, seat: &Seat<'_>) -> Result<()> {
    let segment = structural.segment();
    for offset in record_offsets(segment) {
        let record = Record::at(segment, offset?)?;
        let publish = record.publish();
        if record.identity().is_live() && record.descriptor(publish.current()).is_none() {
            tracing::debug!(name = ?name_of_record(segment, &record), "sweeping a record");
            unlink_if_unused(segment, seat, record.offset, UntoldDeath::Goes)?;
        }
    }
    Ok(())
}
