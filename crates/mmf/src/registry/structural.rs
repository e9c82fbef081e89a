//! The structural lock: one owner, taken over from the dead (`docs/protocols.md`, section 3).

use std::time::Duration;

use super::{Patience, Registry, Step};
use crate::error::Result;
use crate::format::header::{JOURNAL, STRUCTURAL_LOCK};
use crate::format::structural::StructuralWord;
use crate::journal::{self, Journal};
use crate::segment::{Segment, sleep_on, wake};
use crate::sync::{AtomicU64, Ordering};

/// Ownership of everything structural, until dropped.
#[must_use]
pub(crate) struct Structural<'a> {
    registry: &'a Registry,
    slot: u32,
}

impl Registry {
    /// Takes the structural lock within `timeout`.
    pub(crate) fn structural(&self, timeout: Option<Duration>) -> Result<Structural<'_>> {
        self.structural_with(&mut Patience::new(timeout, None))
    }

    /// Takes the structural lock within what is left of a wait.
    pub(crate) fn structural_with(&self, patience: &mut Patience) -> Result<Structural<'_>> {
        let slot = self.slot()?;
        let word = self.segment().header_word(STRUCTURAL_LOCK);
        loop {
            let seen = StructuralWord(word.load(Ordering::Relaxed));
            let Some(owner) = seen.owner() else {
                if exchange(word, seen, seen.owned_by(slot)) {
                    let structural = Structural { registry: self, slot };
                    structural.finish_what_was_left()?;
                    return Ok(structural);
                }
                patience.after_defeat()?;
                continue;
            };
            match patience.next() {
                Step::Spin => crate::sync::spin_hint(),
                Step::Sleep(slice) => {
                    let announced = seen.with_waiters();
                    if seen == announced || exchange(word, seen, announced) {
                        sleep_on(word, announced.0, slice, patience.deadline());
                        patience.after_sleep()?;
                    }
                }
                Step::Probe => {
                    // `seen` was loaded before the probe: if the owner has changed since, the
                    // exchange fails on the count.
                    if self.is_dead(owner)? && exchange(word, seen, seen.owned_by(slot)) {
                        let structural = Structural { registry: self, slot };
                        structural.finish_what_was_left()?;
                        // At once: the dead owner's intent may name memory that is free again.
                        self.reap(&structural)?;
                        return Ok(structural);
                    }
                }
                Step::GiveUp => {
                    let holder = self.holder_of_slot(owner, None);
                    return Err(
                        patience.timed_out("could not enter the namespace's structure", holder)
                    );
                }
            }
        }
    }
}

/// Acquire: the next owner sees everything that was changed under the lock.
fn exchange(word: &AtomicU64, from: StructuralWord, to: StructuralWord) -> bool {
    word.compare_exchange(from.0, to.0, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

impl<'a> Structural<'a> {
    /// An empty journal.
    pub(crate) fn journal(&self) -> Journal<'a> {
        Journal::begin(self.segment())
    }

    /// The memory.
    pub(crate) fn segment(&self) -> &'a Segment {
        self.registry.segment()
    }

    /// The slot that owns the lock.
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// Replays the journal of a dead owner. A free lock has an empty journal, unless the file was
    /// tampered with: the same replay then makes it consistent or says that it is damaged.
    fn finish_what_was_left(&self) -> Result<()> {
        if self.segment().word(JOURNAL)?.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let replayed = journal::replay(self.segment())?;
        tracing::info!(replayed, "finished the structural change of a dead process");
        Ok(())
    }
}

impl Drop for Structural<'_> {
    fn drop(&mut self) {
        let word = self.segment().header_word(STRUCTURAL_LOCK);
        loop {
            let seen = StructuralWord(word.load(Ordering::Relaxed));
            // A word that names somebody else was overwritten by a stranger: leave it alone.
            if seen.owner() != Some(self.slot) {
                return;
            }
            // Release: everything changed under the lock is seen by the next owner.
            let freed =
                word.compare_exchange(seen.0, seen.free().0, Ordering::Release, Ordering::Relaxed);
            if freed.is_ok() {
                if seen.has_waiters() {
                    wake(word);
                }
                return;
            }
        }
    }
}
