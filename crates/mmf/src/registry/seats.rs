//! Leasing seats: one for each thread that uses a handle.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use super::attachment::Attachment;
use super::slots::little_endian;
use super::{Registry, Structural};
use crate::error::{Error, ErrorKind, Holder, Result};
use crate::format::PAGE;
use crate::format::header::{
    PROGRAM_COUNT, PROGRAM_EXTENT_COUNT, PROGRAM_EXTENT_LIMIT, PROGRAM_EXTENTS, SEAT_EXTENT_COUNT,
    SEAT_EXTENT_LIMIT, SEAT_EXTENTS,
};
use crate::format::run::{HEADER, Kind};
use crate::format::seat::{FIRST_EXTENT, SIZE};
use crate::format::slot::{FIRST_PROGRAM_EXTENT, PROGRAM_BYTES, PROGRAM_ENTRY};
use crate::heap;
use crate::platform::{fork_epoch, hold_off_fork};
use crate::seat::{Seat, program_offset};
use crate::segment::Segment;
use crate::sync::{Ordering, fence};

/// A seat as its thread remembers it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeatLease {
    registry: u64,
    epoch: u64,
    pub(crate) number: u32,
    offset: u64,
    /// This process's number in the program table.
    pub(crate) program: u32,
    pub(crate) process: u32,
}

/// A lease with its way home: dropped when the thread ends.
struct Kept {
    lease: SeatLease,
    registry: Weak<Registry>,
}

thread_local! {
    /// The seat used last: most threads use one handle.
    static LAST: Cell<SeatLease> = const { Cell::new(SeatLease::NONE) };
    static LEASES: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Destructors of other thread-locals may still use the handle: not this seat.
        LAST.set(SeatLease::NONE);
        let Some(registry) = self.registry.upgrade() else { return };
        let is_ours = self.lease.epoch == fork_epoch();
        let Ok(seat) = Seat::at(registry.segment(), self.lease.number, self.lease.offset) else {
            return;
        };
        // A thread that ends while holding is not a death: its seat stays taken.
        if !is_ours || seat.held_entries().next().is_some() {
            return;
        }
        if let Ok(attachment) = registry.attachment() {
            keep_idle(&attachment, Some(self.lease.number));
        }
    }
}

impl SeatLease {
    /// No lease: no registry has this number.
    const NONE: Self = Self { registry: 0, epoch: 0, number: 0, offset: 0, program: 0, process: 0 };
}

impl Registry {
    /// This thread's seat if it has one already.
    #[inline]
    pub(crate) fn own_seat_number(&self) -> Option<u32> {
        let last = LAST.get();
        if self.is_current(&last) {
            return Some(last.number);
        }
        self.remembered().map(|lease| lease.number)
    }

    /// Whether a seat of this namespace is this thread's, by whichever handle.
    #[cold]
    pub(crate) fn is_of_this_thread(&self, seat: u32) -> bool {
        self.seats_of_this_thread().contains(&seat)
    }

    /// The seats that this thread has in this namespace, by whichever handles.
    pub(crate) fn seats_of_this_thread(&self) -> Vec<u32> {
        let current = |leases: &RefCell<Vec<Kept>>| {
            let leases = leases.borrow();
            let current = leases.iter().filter(|kept| kept.lease.epoch == fork_epoch());
            let upgraded = current.map(|kept| Some((kept.lease.number, kept.registry.upgrade()?)));
            upgraded.flatten().collect::<Vec<_>>()
        };
        // The registries are dropped behind the borrow: their drop may lease a seat.
        let seats = LEASES.try_with(current).unwrap_or_default();
        let of_this = seats.iter().filter(|(_, registry)| self.is_of_the_same_namespace(registry));
        of_this.map(|(number, _)| *number).collect()
    }

    /// Two handles on one namespace have one file; memory of its own has one handle.
    fn is_of_the_same_namespace(&self, other: &Self) -> bool {
        let identity = |registry: &Self| registry.segment().source().map(|source| source.identity);
        other.number() == self.number()
            || (identity(other).is_some() && identity(other) == identity(self))
    }

    #[inline(always)]
    fn is_current(&self, lease: &SeatLease) -> bool {
        lease.registry == self.number() && lease.epoch == fork_epoch()
    }

    fn remembered(&self) -> Option<SeatLease> {
        let find = |leases: &RefCell<Vec<Kept>>| {
            let leases = leases.borrow();
            leases.iter().map(|kept| kept.lease).find(|lease| self.is_current(lease))
        };
        LEASES.try_with(find).ok().flatten()
    }

    /// This thread's seat, if it was the one it used last.
    #[inline(always)]
    pub(crate) fn lease_at_hand(&self) -> Option<SeatLease> {
        let last = LAST.get();
        self.is_current(&last).then_some(last)
    }

    /// This thread's seat, leased at the first call.
    #[inline]
    pub(crate) fn seat_lease(self: &Arc<Self>, timeout: Option<Duration>) -> Result<SeatLease> {
        match self.lease_at_hand() {
            Some(lease) => Ok(lease),
            None => self.seat_lease_slowly(timeout),
        }
    }

    /// The seat of a lease.
    #[inline(always)]
    pub(crate) fn seat(&self, lease: &SeatLease) -> Result<Seat<'_>> {
        Seat::at(self.segment(), lease.number, lease.offset)
    }

    #[cold]
    fn seat_lease_slowly(self: &Arc<Self>, timeout: Option<Duration>) -> Result<SeatLease> {
        let lease = match self.remembered() {
            Some(lease) => lease,
            None => {
                // Asked first: a lease that the thread cannot keep would never come home.
                LEASES
                    .try_with(|_| ())
                    .map_err(|_| Error::new(ErrorKind::Unsupported, "the thread is ending"))?;
                let lease = self.lease(timeout)?;
                LEASES.with_borrow_mut(|leases| {
                    leases.retain(|kept| kept.registry.strong_count() > 0);
                    leases.push(Kept { lease, registry: Arc::downgrade(self) });
                });
                lease
            }
        };
        LAST.set(lease);
        Ok(lease)
    }

    fn lease(&self, timeout: Option<Duration>) -> Result<SeatLease> {
        let attachment = self.attachment()?;
        let slot = self.slot()?;
        let idle = {
            let _guard = hold_off_fork().map_err(|error| Error::io("holding off forks", error))?;
            attachment.idle_seats.lock().unwrap_or_else(PoisonError::into_inner).pop()
        };
        match self.take_seat(slot, idle, &attachment.identity.program, timeout) {
            Ok((seat, program)) => Ok(SeatLease {
                registry: self.number(),
                epoch: attachment.epoch,
                number: seat.number,
                offset: seat.offset(),
                program,
                process: attachment.identity.pid,
            }),
            Err(error) => {
                keep_idle(&attachment, idle);
                Err(error)
            }
        }
    }

    /// A seat for the slot, and the program's number.
    fn take_seat(
        &self,
        slot: u32,
        idle: Option<u32>,
        program: &str,
        timeout: Option<Duration>,
    ) -> Result<(Seat<'_>, u32)> {
        let structural = self.structural(timeout)?;
        // A program without a name in the table is a small loss: deleting must need no memory.
        let program = intern_program(&structural, program).unwrap_or(0);
        let seat = match idle {
            Some(number) => Seat::existing(self.segment(), number)?,
            None => match free_seat(&structural) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::OutOfSpace | ErrorKind::LimitReached) =>
                {
                    self.reap(&structural)?;
                    free_seat(&structural)?
                }
                seat => seat?,
            },
        };
        seat.set_slot(Some(slot));
        // One seat is kept ahead, so that a thread that comes when memory is full finds one.
        if let Err(error) = free_seat(&structural) {
            tracing::debug!(%error, "no seat is kept ahead");
        }
        Ok((seat, program))
    }

    /// Gives back every seat of this process's `slot`, with the blocks in their magazines.
    pub(super) fn return_everything(&self, slot: u32) -> Result<()> {
        let mut seats = Seat::all(self.segment());
        // Only its own process gives a slot seats: who has none to return waits for nobody.
        if !seats.any(|seat| seat.is_ok_and(|seat| seat.slot() == Some(slot))) {
            return Ok(());
        }
        let structural = self.structural(Some(Duration::from_secs(1)))?;
        for seat in Seat::all(self.segment()) {
            let seat = seat?;
            if seat.slot() == Some(slot) {
                self.recover_seat(&structural, &seat)?;
            }
        }
        Ok(())
    }

    /// Who sits there, for error messages.
    pub(crate) fn holder_of_seat(&self, number: u32, lock: Option<u64>) -> Option<Holder> {
        let seat = Seat::find(self.segment(), number).ok()??;
        let since =
            lock.and_then(|lock| seat.find_held(lock)).map(|(index, _)| seat.held_since(index));
        self.holder_of_slot(seat.slot()?, since)
    }

    /// Whether the owner of a seat is dead.
    pub(crate) fn seat_is_dead(&self, number: u32) -> Result<bool> {
        match Seat::existing(self.segment(), number)?.slot() {
            Some(slot) => self.is_dead(slot),
            None => Ok(false),
        }
    }

    /// The name of program `number`.
    pub(crate) fn program_name(&self, number: u32) -> Result<Option<String>> {
        program_name(self.segment(), number)
    }

    /// The number of a program of this name, which gets one if there is room; else 0.
    pub(crate) fn program_number(&self, name: &str, timeout: Option<Duration>) -> Result<u32> {
        intern_program(&self.structural(timeout)?, name)
    }
}

/// The name of program `number`.
pub(crate) fn program_name(segment: &Segment, number: u32) -> Result<Option<String>> {
    let known = segment.word(PROGRAM_COUNT)?.load(Ordering::Acquire);
    match u64::from(number).checked_sub(1) {
        Some(index) if index < known => read_program(segment, index).map(Some),
        _ => Ok(None),
    }
}

/// Puts a seat back that no thread uses.
fn keep_idle(attachment: &Attachment, seat: Option<u32>) {
    if let (Some(seat), Ok(_guard)) = (seat, hold_off_fork()) {
        attachment.idle_seats.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
    }
}

/// Seats of a namespace with every extent.
const MOST_SEATS: u64 = FIRST_EXTENT * ((1 << SEAT_EXTENT_LIMIT) - 1);

/// A seat that belongs to nobody; a new extent if need be.
fn free_seat<'a>(structural: &Structural<'a>) -> Result<Seat<'a>> {
    let segment = structural.segment();
    for seat in Seat::all(segment) {
        let seat = seat?;
        if seat.slot().is_none() {
            return Ok(seat);
        }
    }
    let extents = segment.word(SEAT_EXTENT_COUNT)?.load(Ordering::Relaxed);
    if extents >= SEAT_EXTENT_LIMIT {
        return Err(Error::new(
            ErrorKind::LimitReached,
            format!("all {MOST_SEATS} seats for threads are taken"),
        ));
    }
    let bytes = SIZE * (FIRST_EXTENT << extents);
    let table = (SEAT_EXTENTS, SEAT_EXTENT_COUNT);
    let base = add_extent(structural, Kind::Seats, bytes, table, extents)?;
    let number = 1 + FIRST_EXTENT * ((1 << extents) - 1);
    Seat::at(segment, number as u32, base + HEADER)
}

/// A zeroed run for a table's next extent, entered in the header: the next of the words at
/// `directory`, and the number of them at `count`, which was `extents`, change together.
fn add_extent(
    structural: &Structural<'_>,
    kind: Kind,
    bytes: u64,
    (directory, count): (u64, u64),
    extents: u64,
) -> Result<u64> {
    let mut journal = structural.journal();
    let base = heap::allocate_run(&mut journal, (HEADER + bytes).div_ceil(PAGE), kind)?;
    // Release fence: as before every refill of memory that readers may remember.
    fence(Ordering::Release);
    for word in structural.segment().word_range(base + HEADER, bytes / 8)? {
        word.store(0, Ordering::Relaxed);
    }
    journal.write(directory + extents * 8, base)?;
    journal.write(count, extents + 1)?;
    journal.commit()?;
    Ok(base)
}

/// This program's number in the table, from 1 on; 0 when the table is full.
fn intern_program(structural: &Structural<'_>, name: &str) -> Result<u32> {
    let segment = structural.segment();
    // Between characters: half of one would not be read as it was written, and never be known again.
    let name = &name[..name.floor_char_boundary(PROGRAM_BYTES)];
    let known = segment.word(PROGRAM_COUNT)?.load(Ordering::Relaxed);
    for index in 0..known.min(4095) {
        if read_program(segment, index)? == name {
            return Ok(index as u32 + 1);
        }
    }
    if known >= 4095 {
        return Ok(0);
    }
    let offset = match program_offset(segment, known)? {
        Some(offset) => offset,
        None => {
            let extents = segment.word(PROGRAM_EXTENT_COUNT)?.load(Ordering::Relaxed);
            if extents >= PROGRAM_EXTENT_LIMIT {
                return Ok(0);
            }
            let bytes = PROGRAM_ENTRY * (FIRST_PROGRAM_EXTENT << extents);
            let table = (PROGRAM_EXTENTS, PROGRAM_EXTENT_COUNT);
            add_extent(structural, Kind::Programs, bytes, table, extents)? + HEADER
        }
    };
    enter_program(segment, known, offset, name)?;
    Ok(known as u32 + 1)
}

/// Writes the entry at `offset` behind the `known` ones and counts it.
pub(super) fn enter_program(segment: &Segment, known: u64, offset: u64, name: &str) -> Result<()> {
    let entry = segment.words::<{ (PROGRAM_ENTRY / 8) as usize }>(offset)?;
    entry[0].store(name.len() as u64, Ordering::Relaxed);
    for (word, piece) in entry[1..].iter().zip(name.as_bytes().chunks(8)) {
        word.store(little_endian(piece), Ordering::Relaxed);
    }
    // Release: the entry is whole before the count says that it is there.
    segment.word(PROGRAM_COUNT)?.store(known + 1, Ordering::Release);
    Ok(())
}

fn read_program(segment: &Segment, index: u64) -> Result<String> {
    let Some(offset) = program_offset(segment, index)? else {
        return Err(Error::damaged(PROGRAM_COUNT, "the program table has a gap"));
    };
    let entry = segment.words::<{ (PROGRAM_ENTRY / 8) as usize }>(offset)?;
    let length = entry[0].load(Ordering::Relaxed).min(PROGRAM_BYTES as u64) as usize;
    let mut name: Vec<u8> =
        entry[1..].iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
    name.truncate(length);
    Ok(String::from_utf8_lossy(&name).into_owned())
}
