//! Where every committed byte is: one walk over the heap's runs, one over records and seats.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::format::PAGE;
use crate::format::block::{CLASS_SIZES, CLASSES, blocks_per_slab};
use crate::format::header::{BREAK, GREATEST_CAPACITY, HEAP_START};
use crate::format::record::INLINE_NAME;
use crate::format::run::{BITMAP, HEADER, Info, Kind, PREVIOUS_PAGES};
use crate::format::seat::Phase;
use crate::heap::block_capacity;
use crate::journal::Journal;
use crate::record::{Glimpse, Record, record_offsets};
use crate::seat::{Seat, all_places};
use crate::segment::Segment;

/// Committed bytes by use.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) committed: u64,
    pub(crate) tables: u64,
    pub(crate) index: u64,
    pub(crate) records: u64,
    pub(crate) free: u64,
    pub(crate) spare: u64,
    pub(crate) live: u64,
    pub(crate) magazines: u64,
    /// Blocks that are marked as used.
    pub(crate) allocated: u64,
    /// Blocks that a stopped or running operation is moving at this moment.
    pub(crate) in_transit: u64,
}

impl Account {
    /// Bytes that nobody owns: 0 in a sound namespace at rest.
    pub(crate) fn remainder(&self) -> i64 {
        let owned = self.live + self.magazines + self.in_transit;
        let by_use = self.tables + self.index + self.records + self.free + self.spare + owned;
        self.committed as i64 - by_use as i64
    }
}

/// One run as the walk meets it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) base: u64,
    pub(crate) info: Info,
    pub(crate) kind: Kind,
}

/// Visits every run of the heap in order, as a journal sees them; stops at the first impossible header.
pub(crate) fn walk_runs(
    view: &Journal<'_>,
    mut visit: impl FnMut(Run) -> Result<()>,
) -> Result<()> {
    let load = |offset: u64| view.read(offset);
    let end = load(BREAK)?.min(GREATEST_CAPACITY);
    let mut base = load(HEAP_START)?;
    let mut pages_before = 0;
    while base < end {
        let info = Info(load(base)?);
        let room = (end - base) / PAGE;
        let kind = info.kind().filter(|_| info.pages() > 0 && info.pages() <= room);
        let Some(kind) = kind else {
            return Err(Error::damaged(base, "a run of pages has an impossible header"));
        };
        if load(base + PREVIOUS_PAGES)? != pages_before {
            return Err(Error::damaged(base, "a run misstates the size of the run before it"));
        }
        visit(Run { base, info, kind })?;
        pages_before = info.pages();
        base += info.pages() * PAGE;
    }
    Ok(())
}

/// Number of used blocks of a slab.
pub(crate) fn used_blocks(view: &Journal<'_>, run: Run) -> Result<u64> {
    let count = blocks_per_slab(run.info.class().min(CLASSES - 1));
    let mut used = 0;
    for word in 0..count.div_ceil(64) {
        let bits = view.read(run.base + BITMAP + word * 8)?;
        let valid = (count - word * 64).min(64);
        used += u64::from((bits & (u64::MAX >> (64 - valid))).count_ones());
    }
    Ok(used)
}

/// Adds up what the runs are used for.
pub(crate) fn account_runs(view: &Journal<'_>) -> Result<Account> {
    let load = |offset: u64| view.read(offset);
    let (committed, tables) = (load(BREAK)?, load(HEAP_START)?);
    if tables > committed.min(GREATEST_CAPACITY) {
        return Err(Error::damaged(HEAP_START, "the heap begins behind its end"));
    }
    let mut account = Account { committed, tables, ..Account::default() };
    walk_runs(view, |run| {
        let bytes = run.info.pages() * PAGE;
        match run.kind {
            Kind::Free => account.free += bytes,
            Kind::Segment | Kind::Directory => account.index += bytes,
            Kind::Seats | Kind::Programs => account.tables += bytes,
            Kind::Records => account.records += bytes,
            Kind::Large => account.allocated += bytes,
            Kind::Slab => {
                let size = CLASS_SIZES[run.info.class().min(CLASSES - 1)];
                let used = used_blocks(view, run)? * size;
                account.allocated += used;
                account.spare += bytes - used;
            }
        }
        Ok(())
    })?;
    Ok(account)
}

/// Who owns a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    Value {
        record: u64,
    },
    Name {
        record: u64,
    },
    Magazine {
        seat: u32,
        place: usize,
    },
    /// An operation under way has it in its hands.
    Transit {
        seat: u32,
    },
}

/// Every block that somebody owns, with its owners. More than one is a finding.
pub(crate) fn owned_blocks(segment: &Segment) -> Result<HashMap<u64, Vec<Owner>>> {
    let mut owners: HashMap<u64, Vec<Owner>> = HashMap::new();
    for offset in record_offsets(segment) {
        let record = Record::at(segment, offset?)?;
        let glimpse = Glimpse::of(record);
        if !glimpse.identity.is_live() {
            continue;
        }
        let value = glimpse.descriptor();
        if !value.is_none() {
            owners.entry(value.offset()).or_default().push(Owner::Value { record: record.offset });
        }
        if glimpse.identity.name_length() > INLINE_NAME {
            let block = record.name_block();
            owners.entry(block).or_default().push(Owner::Name { record: record.offset });
        }
    }
    for seat in Seat::all(segment) {
        let seat = seat?;
        if seat.slot().is_none() {
            continue;
        }
        for place in all_places() {
            let block = seat.magazine(place);
            if block != 0 {
                let owner = Owner::Magazine { seat: seat.number, place };
                owners.entry(block).or_default().push(owner);
            }
        }
        if seat.intent().phase() == Some(Phase::Prepared) {
            let (new_place, _) = seat.places();
            let moving =
                [seat.old(), all_places().nth(new_place).map_or(0, |at| seat.magazine(at))];
            for block in moving.into_iter().filter(|block| *block != 0) {
                owners.entry(block).or_default().push(Owner::Transit { seat: seat.number });
            }
        }
    }
    Ok(owners)
}

/// Bytes that the block at `offset` takes of its run.
fn block_bytes(view: &Journal<'_>, offset: u64) -> Result<u64> {
    let base = offset & !(PAGE - 1);
    let info = Info(view.read(base)?);
    Ok(match info.kind() {
        Some(Kind::Large) => block_capacity(info) + HEADER,
        _ => block_capacity(info),
    })
}

/// Bytes of the blocks in all magazines.
pub(crate) fn magazine_bytes(view: &Journal<'_>) -> Result<u64> {
    let mut bytes = 0;
    for seat in Seat::all(view.segment()) {
        let seat = seat?;
        for place in all_places() {
            let block = view.read(seat.magazine_offset(place))?;
            if block != 0 {
                bytes += block_bytes(view, block)?;
            }
        }
    }
    Ok(bytes)
}

/// Adds the owners' bytes to the account.
pub(crate) fn account_owners(
    view: &Journal<'_>,
    owners: &HashMap<u64, Vec<Owner>>,
    account: &mut Account,
) -> Result<()> {
    for (block, owners) in owners {
        let bytes = block_bytes(view, *block)?;
        match owners.first() {
            Some(_) if owners.iter().any(|owner| matches!(owner, Owner::Transit { .. })) => {
                account.in_transit += bytes;
            }
            Some(Owner::Magazine { .. }) => account.magazines += bytes,
            _ => account.live += bytes,
        }
    }
    Ok(())
}
