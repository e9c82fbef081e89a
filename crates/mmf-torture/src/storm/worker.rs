//! One thread of a worker: its handle, its row of the ledger, and its random numbers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mmf::{ErrorKind, Namespace};

use super::ledger::{Kind, Ledger, Word};
use super::plan::Plan;
use crate::Result;

/// A thread that works.
pub(super) struct Worker<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ledger: &'a Ledger,
    pub(super) namespace: Namespace,
    pub(super) row: usize,
    pub(super) random: fastrand::Rng,
    pub(super) buffer: Vec<u8>,
}

impl<'a> Worker<'a> {
    /// A worker whose program follows from the plan's seed, its row and its incarnation.
    pub(super) fn new(
        plan: &'a Plan,
        ledger: &'a Ledger,
        namespace: Namespace,
        row: usize,
    ) -> Self {
        let incarnation = ledger.word(row, Word::Incarnation).load(Ordering::SeqCst);
        let random = fastrand::Rng::with_seed(plan.seed_of(row, incarnation));
        Self { plan, ledger, namespace, row, random, buffer: Vec::new() }
    }

    /// Does one operation under the eyes of the supervisor, who minds how long it takes.
    pub(super) fn perform<T>(
        &mut self,
        kind: Kind,
        operation: impl FnOnce(&Namespace) -> mmf::Result<T>,
    ) -> mmf::Result<T> {
        self.ledger.begin(self.row, kind);
        let result = operation(&self.namespace);
        self.ledger.end(self.row);
        result
    }

    /// Opens the namespace once more and lets go of the handle so far; or the other way round.
    pub(super) fn reopen(&mut self) -> Result<()> {
        let plan = self.plan;
        let next = self.perform(Kind::Open, |_| plan.open())?;
        let last = std::mem::replace(&mut self.namespace, next);
        self.perform(Kind::Close, |_| {
            drop(last);
            Ok(())
        })?;
        Ok(())
    }

    /// Leaves everything alone for a moment. Nobody is promised a turn while others take a lock
    /// without ever pausing: a read-only reader, which cannot announce that it waits, looks every
    /// 20 ms only.
    pub(super) fn think(&mut self) {
        std::thread::sleep(Duration::from_micros(self.random.u64(0..100)));
    }

    /// One of a row's variables: often one of the first two, which are changed while they are read.
    pub(super) fn any_of(&mut self, names: usize) -> usize {
        if self.random.bool() {
            self.random.usize(0..names.min(2))
        } else {
            self.random.usize(0..names)
        }
    }

    /// Anybody's row but the reader's, which is the last, and one of its variables.
    pub(super) fn any_variable(&mut self, names: usize) -> (usize, usize) {
        (self.random.usize(0..self.ledger.rows() - 1), self.any_of(names))
    }

    /// Takes note of values that were verified.
    pub(super) fn count_verified(&self, values: u64) {
        self.ledger.word(self.row, Word::Verified).fetch_add(values, Ordering::SeqCst);
    }
}

/// None when the operation failed for want of room.
pub(super) fn unless_full<T>(result: mmf::Result<T>) -> mmf::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::OutOfSpace => Ok(None),
        Err(error) => Err(error),
    }
}
