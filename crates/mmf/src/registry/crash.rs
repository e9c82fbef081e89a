//! What a crash of the operating system leaves of locks and seats (`docs/protocols.md`, section 12).

use super::{Patience, Registry, slots};
use crate::error::Result;
use crate::format::header::NAMESPACE_LOCK;
use crate::format::lock_word::{LockWord, Mode};
use crate::format::slot::{STATE, SlotState};
use crate::record::{Record, record_offsets};
use crate::seat::Seat;
use crate::sync::{AtomicU64, Ordering};

impl Registry {
    /// Frees whatever says that somebody holds it, unless somebody else is there: then the system
    /// has not crashed since that process attached. The caller has leased no seat yet.
    ///
    /// Pages of different moments contradict each other: a lock names a seat that does not list
    /// it, a seat belongs to a slot that is free. No recovery from a dead process would find them,
    /// and whoever wants the lock would wait for nobody.
    ///
    /// Only a seat's owner locks anything, and seats are leased under the structural lock: who
    /// attaches meanwhile holds nothing before this ends.
    pub(crate) fn settle_after_crash(&self, patience: &mut Patience) -> Result<()> {
        let structural = self.structural_with(patience)?;
        self.reap(&structural)?;
        let segment = self.segment();
        for slot in (0..slots::count(segment)?).filter(|slot| *slot != structural.slot()) {
            let state = &slots::words(segment, slot)?[STATE];
            // The dead are not LIVE any more.
            if SlotState(state.load(Ordering::Relaxed)).is_live() {
                return Ok(());
            }
        }
        for seat in Seat::all(segment) {
            // Free ones, too: a seat may stand on two pages.
            self.recover_seat(&structural, &seat?)?;
        }
        free_lock(segment.header_word(NAMESPACE_LOCK));
        for offset in record_offsets(segment) {
            let record = Record::at(segment, offset?)?;
            record.free_publish_lock();
            free_lock(record.lock_word());
        }
        Ok(())
    }
}

/// Frees a lock word in the name of an owner whom nobody finds. Relaxed: nobody else is there.
fn free_lock(word: &AtomicU64) {
    let seen = LockWord(word.load(Ordering::Relaxed));
    let free = match seen.mode() {
        Mode::Free => return,
        Mode::Exclusive => seen.free_after_death(),
        Mode::Closing | Mode::Shared => seen.free(),
    };
    word.store(free.0, Ordering::Relaxed);
}
