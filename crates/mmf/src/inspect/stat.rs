//! Statistics: sizes, counts, members, holders and waiters.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::account::{Account, account_runs, magazine_bytes};
use crate::error::{ErrorKind, Result};
use crate::format::header::{
    BREAK, CAPACITY, CREATED, NAMESPACE_LOCK, OPTION_WHILE_ATTACHED, OPTIONS, RECOVERIES,
    SLOT_COUNT,
};
use crate::format::seat::HeldMode;
use crate::journal::Journal;
use crate::record::{Glimpse, Record, name_of_record, record_of_lock, record_offsets};
use crate::registry::Registry;
use crate::seat::Seat;
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::variable::Context;

/// How long statistics wait for the structure to stand still.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// A namespace's statistics, as of one moment. Sizes are in bytes.
///
/// `committed = tables + live + spare + magazines + index + records + free`, but for operations
/// under way.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Statistics {
    /// Most bytes the namespace may take; its file's length.
    pub capacity: u64,
    /// Bytes that have memory or disk behind them.
    pub committed: u64,
    /// Values and long names.
    pub live: u64,
    /// Room inside pages that hold blocks of one size.
    pub spare: u64,
    /// Blocks that attached threads keep at hand for their next set.
    pub magazines: u64,
    /// The index of names.
    pub index: u64,
    /// Records, used or not.
    pub records: u64,
    /// Header, journal, and the tables of processes, threads and programs.
    pub tables: u64,
    /// Free pages.
    pub free: u64,
    /// Variables that have a value. (A listing of namespaces shows the header's count, which has
    /// those too that exist only because somebody locks them, or died doing so.)
    pub variables: u64,
    /// Processes that can be attached at once.
    pub slots: u64,
    /// Attached processes.
    pub members: Vec<Member>,
    /// Locks held at this moment.
    pub locks: Vec<HeldLock>,
    /// Threads that wait for variables at this moment; those of read-only handles do not show.
    pub waiters: u64,
    /// Dead processes that were recovered from since the namespace was made.
    pub recoveries: u64,
    /// When the namespace was made.
    pub created: SystemTime,
    /// Whether it goes with its last process.
    pub while_attached: bool,
}

/// An attached process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Member {
    /// Process id, by its own numbering.
    pub process: u32,
    /// Its program.
    pub program: String,
    /// When it attached.
    pub since: SystemTime,
    /// False when it has died and nobody has recovered from that yet.
    pub alive: bool,
}

/// A lock that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HeldLock {
    /// The variable's name; none for the lock of the whole namespace.
    pub variable: Option<String>,
    /// Whether others may hold it as well.
    pub shared: bool,
    /// The holder's process id, by its own numbering.
    pub process: u32,
    /// The holder's program.
    pub program: String,
    /// Since when.
    pub since: SystemTime,
    /// How often the thread has locked it.
    pub depth: u64,
}

fn time(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
}

/// Gathers the statistics.
pub(crate) fn statistics(context: &Context) -> Result<Statistics> {
    let registry = &context.registry;
    let segment = registry.segment();
    let load = |offset: u64| -> Result<u64> { Ok(segment.word(offset)?.load(Ordering::Acquire)) };
    let account = account(context)?;
    let slots = load(SLOT_COUNT)?;
    Ok(Statistics {
        capacity: load(CAPACITY)?,
        committed: load(BREAK)?,
        // What no magazine has is in use, or on its way. `check` looks at every owner.
        live: account.allocated.saturating_sub(account.magazines),
        spare: account.spare,
        magazines: account.magazines,
        index: account.index,
        records: account.records,
        tables: account.tables,
        free: account.free,
        variables: variables(segment)?,
        slots,
        members: members(registry, slots as u32)?,
        locks: locks(registry)?,
        waiters: waiters(registry)?,
        recoveries: load(RECOVERIES)?,
        created: time(load(CREATED)?),
        while_attached: load(OPTIONS)? & OPTION_WHILE_ATTACHED != 0,
    })
}

/// Where the bytes are. Under the structural lock the runs stand still. A reader without it takes its
/// chance, and so does everybody when its owner is stopped: who that is, is what they look for.
fn account(context: &Context) -> Result<Account> {
    let registry = &context.registry;
    let look = || -> Result<Account> {
        let view = Journal::under_way(registry.segment())?;
        let magazines = magazine_bytes(&view)?;
        Ok(Account { magazines, ..account_runs(&view)? })
    };
    if !registry.segment().is_writable() {
        return look();
    }
    let brief = context.timeout.map_or(LOOK_AFTER, |timeout| timeout.min(LOOK_AFTER));
    match registry.structural(Some(brief)) {
        Ok(_structural) => look(),
        // Seen in the middle of a change by one who lives and works: then wait for a rest.
        Err(error) if error.kind() == ErrorKind::TimedOut => look().or_else(|_| {
            let _structural = registry.structural(context.timeout)?;
            look()
        }),
        Err(error) => Err(error),
    }
}

fn variables(segment: &Segment) -> Result<u64> {
    let mut variables = 0;
    for offset in record_offsets(segment) {
        let glimpse = Glimpse::of(Record::at(segment, offset?)?);
        let is_variable = glimpse.identity.is_live() && !glimpse.descriptor().is_none();
        variables += u64::from(is_variable);
    }
    Ok(variables)
}

fn members(registry: &Registry, slots: u32) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    for slot in 0..slots {
        if let Some(information) = registry.slot_information(slot)? {
            members.push(Member {
                process: information.process,
                program: information.program,
                since: time(information.attached),
                alive: !registry.is_dead(slot)?,
            });
        }
    }
    Ok(members)
}

fn locks(registry: &Registry) -> Result<Vec<HeldLock>> {
    let segment = registry.segment();
    let mut locks = Vec::new();
    for seat in Seat::all(segment) {
        let seat = seat?;
        let Some(slot) = seat.slot() else { continue };
        for (index, held) in seat.held_entries().filter(|(_, held)| held.depth() > 0) {
            let information = registry.slot_information(slot)?;
            let variable = match record_of_lock(held.lock()) {
                Some(record) if held.lock() != NAMESPACE_LOCK => {
                    let name = name_of_record(segment, &Record::at(segment, record)?)?;
                    Some(String::from_utf8_lossy(&name).into_owned())
                }
                _ => None,
            };
            locks.push(HeldLock {
                variable,
                shared: held.mode() == HeldMode::Shared,
                process: information.as_ref().map_or(0, |information| information.process),
                program: information.map(|information| information.program).unwrap_or_default(),
                since: time(seat.held_since(index)),
                depth: held.depth(),
            });
        }
    }
    Ok(locks)
}

fn waiters(registry: &Registry) -> Result<u64> {
    let mut waiters = 0;
    for seat in Seat::all(registry.segment()) {
        waiters += u64::from(seat?.waiting().load(Ordering::Relaxed) != 0);
    }
    Ok(waiters)
}
