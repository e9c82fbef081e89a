//! What was attempted and what was acknowledged: memory that all processes of a storm share, and
//! that is no part of a namespace.
//!
//! A killed process has executed a prefix of its program. A worker notes what it attempts before
//! it does so, and that it was done behind it; so the ledger says of any kill what was in flight.

#![allow(unsafe_code, reason = "processes share this memory, which no safe interface offers")]

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::Result;

/// Locks whose owners the ledger knows; the first is the namespace's.
pub(super) const LOCKS: usize = 4;
/// Words of a row: some cache lines, so that rows do not slow each other.
const ROW: usize = 64;

/// Words of the ledger's head.
const OVER: usize = 0;
const FINDING: usize = 1;
const OWNERS: usize = 8;

/// What a row says of its worker, beside the entries of its variables.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// How often the worker has been started.
    Incarnation,
    /// The last incarnation that has been killed or is about to be.
    Doomed,
    /// When the operation under way began, in nanoseconds; 0 between operations.
    Since,
    /// Which operation that is.
    Kind,
    /// The longest operation: nanoseconds and, in the low bits, its kind.
    Worst,
    /// Operations that have ended.
    Operations,
    /// Values that were read and verified.
    Verified,
    /// How far the scenario's own plans have got.
    Progress,
    /// Increments of the row's counter: acknowledged, then attempted.
    Own,
    /// Increments of everybody's counter since the last rest: acknowledged, then attempted.
    Shared = Word::Own as isize + 2,
    /// For each lock, the incarnation that shares it.
    Sharing = Word::Shared as isize + 2,
}

/// A number that one worker alone changes, and that survives the worker.
pub(super) struct Entry<'a> {
    acknowledged: &'a AtomicU64,
    attempted: &'a AtomicU64,
}

impl Entry<'_> {
    /// What has been acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// What has been attempted: the same, or the next when something is in flight.
    pub(super) fn attempted(&self) -> u64 {
        self.attempted.load(Ordering::SeqCst)
    }

    /// Notes what is about to be done.
    pub(super) fn attempt(&self, next: u64) {
        self.attempted.store(next, Ordering::SeqCst);
    }

    /// What was attempted has been done.
    pub(super) fn acknowledge(&self) {
        self.acknowledged.store(self.attempted(), Ordering::SeqCst);
    }

    /// What was attempted has not happened.
    pub(super) fn withdraw(&self) {
        self.attempted.store(self.acknowledged(), Ordering::SeqCst);
    }

    /// Nothing is in flight any more, and this is what came of it.
    pub(super) fn settle(&self, outcome: u64) {
        self.acknowledged.store(outcome, Ordering::SeqCst);
        self.attempted.store(outcome, Ordering::SeqCst);
    }
}

/// The shared memory.
pub(super) struct Ledger {
    words: &'static [AtomicU64],
    rows: usize,
    variables: usize,
    begin: Instant,
}

impl Ledger {
    /// A ledger of `rows` workers with `variables` each. It stays until the process ends.
    pub(super) fn new(rows: usize, variables: usize) -> Result<Self> {
        let length = ROW + rows * ROW + rows * variables * 2;
        let bytes = NonZeroUsize::new(length * size_of::<AtomicU64>()).ok_or("an empty ledger")?;
        let (protection, sharing) =
            (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
        // SAFETY: a new mapping at an address of the kernel's choice replaces nobody's memory.
        let memory = unsafe { mmap_anonymous(None, bytes, protection, sharing) }?;
        // SAFETY: `memory` begins a page and has `length` words, which are zero and so valid; it
        // is never unmapped, and everybody uses it through atomics alone.
        let words = unsafe { std::slice::from_raw_parts(memory.cast().as_ptr(), length) };
        Ok(Self { words, rows, variables, begin: Instant::now() })
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Time since the ledger was made, the same for every process.
    pub(super) fn now(&self) -> u64 {
        self.begin.elapsed().as_nanos() as u64
    }

    /// A word of a row.
    pub(super) fn word(&self, row: usize, word: Word) -> &AtomicU64 {
        &self.words[ROW * (1 + row) + word as usize]
    }

    /// The entry that begins at a word of a row.
    pub(super) fn entry(&self, row: usize, word: Word) -> Entry<'_> {
        let place = ROW * (1 + row) + word as usize;
        Entry { acknowledged: &self.words[place], attempted: &self.words[place + 1] }
    }

    /// The entry of one of a row's variables.
    pub(super) fn variable(&self, row: usize, variable: usize) -> Entry<'_> {
        assert!(variable < self.variables, "rows have {} variables", self.variables);
        let place = ROW * (1 + self.rows) + (row * self.variables + variable) * 2;
        Entry { acknowledged: &self.words[place], attempted: &self.words[place + 1] }
    }

    /// Who owns a lock exclusively: an identity, or 0.
    pub(super) fn owner(&self, lock: usize) -> &AtomicU64 {
        assert!(lock < LOCKS);
        &self.words[OWNERS + lock]
    }

    /// Which incarnation of a row's worker shares a lock, or 0.
    pub(super) fn sharing(&self, row: usize, lock: usize) -> &AtomicU64 {
        assert!(lock < LOCKS);
        &self.words[ROW * (1 + row) + Word::Sharing as usize + lock]
    }

    /// Who a worker is, for owners' words.
    pub(super) fn identity(&self, row: usize) -> u64 {
        let incarnation = self.word(row, Word::Incarnation).load(Ordering::SeqCst);
        (row as u64 + 1) << 40 | incarnation
    }

    /// Whether the worker with this identity has been killed, or is about to be.
    pub(super) fn is_doomed(&self, identity: u64) -> bool {
        let (row, incarnation) = ((identity >> 40) as usize - 1, identity & ((1 << 40) - 1));
        self.word(row, Word::Doomed).load(Ordering::SeqCst) >= incarnation
    }

    /// Whether everybody is to end what it is doing and go.
    pub(super) fn is_over(&self) -> bool {
        self.words[OVER].load(Ordering::SeqCst) != 0
    }

    /// Tells everybody to go, or that work goes on.
    pub(super) fn set_over(&self, over: u64) {
        self.words[OVER].store(over, Ordering::SeqCst);
    }

    /// Somebody has found something, even if it is killed before it says what.
    pub(super) fn note_finding(&self) {
        self.words[FINDING].store(1, Ordering::SeqCst);
    }

    /// Whether somebody has found something.
    pub(super) fn has_finding(&self) -> bool {
        self.words[FINDING].load(Ordering::SeqCst) != 0
    }

    /// The sum of a word over all rows.
    pub(super) fn sum(&self, word: Word) -> u64 {
        (0..self.rows).map(|row| self.word(row, word).load(Ordering::SeqCst)).sum()
    }
}

/// Kinds of operations, for people to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Set,
    Get,
    Delete,
    Add,
    Wait,
    List,
    LockExclusive,
    LockShared,
    Unlock,
}

impl Kind {
    const NAMES: [&str; 11] = [
        "open",
        "close",
        "set",
        "get",
        "delete",
        "add",
        "wait",
        "list",
        "lock (exclusive)",
        "lock (shared)",
        "unlock",
    ];

    /// The name of a kind that a word holds.
    pub(super) fn name(word: u64) -> &'static str {
        Self::NAMES.get(word as usize).copied().unwrap_or("none")
    }
}

/// Low bits of a row's worst time, which tell the kind.
const KIND_BITS: u32 = 8;

impl Ledger {
    /// A row's worker begins an operation.
    pub(super) fn begin(&self, row: usize, kind: Kind) {
        self.word(row, Word::Kind).store(kind as u64, Ordering::SeqCst);
        self.word(row, Word::Since).store(self.now(), Ordering::SeqCst);
    }

    /// A row's worker has ended its operation.
    pub(super) fn end(&self, row: usize) {
        let time = self.now() - self.word(row, Word::Since).swap(0, Ordering::SeqCst);
        let kind = self.word(row, Word::Kind).load(Ordering::SeqCst);
        self.word(row, Word::Worst).fetch_max(time << KIND_BITS | kind, Ordering::SeqCst);
        self.word(row, Word::Operations).fetch_add(1, Ordering::SeqCst);
    }

    /// The longest operation of all: how long it took, and what it was.
    pub(super) fn worst(&self) -> (Duration, &'static str) {
        let rows = 0..self.rows;
        let worst = rows.map(|row| self.word(row, Word::Worst).load(Ordering::SeqCst)).max();
        let worst = worst.unwrap_or(0);
        let kind = worst & ((1 << KIND_BITS) - 1);
        (Duration::from_nanos(worst >> KIND_BITS), Kind::name(kind))
    }
}
