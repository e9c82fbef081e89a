//! Recovery from the dead (`docs/protocols.md`, section 6). Everything here runs under the
//! structural lock, allocates nothing, and may be done again from the start.

use super::{Registry, Structural, slots};
use crate::error::{ErrorKind, Result};
use crate::format::header::RECOVERIES;
use crate::format::lock_word::{LockWord, Mode};
use crate::format::seat::{Held, HeldMode};
use crate::format::slot::STATE;
use crate::heap;
use crate::record::{UntoldDeath, record_of_lock, resolve_intent, unlink_if_unused};
use crate::seat::{Seat, all_places};
use crate::segment::{Segment, wake};
use crate::sync::Ordering;

impl Registry {
    /// Takes the structural lock and recovers from every dead process. Returns how many.
    pub(crate) fn recover(&self, patience: &mut super::Patience) -> Result<u32> {
        let structural = self.structural_with(patience)?;
        self.reap(&structural)
    }

    /// A quick look, and recovery if it finds a dead process.
    pub(crate) fn reap_if_any_is_dead(&self) -> Result<()> {
        let own = self.attachment()?.slot;
        for slot in slots::touched(self.segment())? {
            let slot = slot?;
            if Some(slot) != own && self.is_dead(slot)? {
                let patience =
                    &mut super::Patience::new(Some(std::time::Duration::from_secs(1)), None);
                self.recover(patience)?;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Recovers from every dead process. Returns how many.
    pub(crate) fn reap(&self, structural: &Structural<'_>) -> Result<u32> {
        let mut reaped = 0;
        for slot in 0..slots::count(self.segment())? {
            if slot != structural.slot() && self.is_dead(slot)? {
                self.recover_slot(structural, slot)?;
                reaped += 1;
            }
        }
        Ok(reaped)
    }

    fn recover_slot(&self, structural: &Structural<'_>, slot: u32) -> Result<()> {
        tracing::info!(slot, "recovering from a dead process");
        for seat in Seat::all(self.segment()) {
            let seat = seat?;
            if seat.slot() == Some(slot) {
                self.recover_seat(structural, &seat)?;
            }
        }
        let recoveries = self.segment().word(RECOVERIES)?;
        recoveries.store(recoveries.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        let state = &slots::words(self.segment(), slot)?[STATE];
        // Last: the slot may be taken by somebody as soon as it says FREE.
        slots::free(state);
        Ok(())
    }

    /// Frees a seat whose thread will not use it again: what it was doing is finished or undone,
    /// its locks released, its blocks given back.
    pub(super) fn recover_seat(&self, structural: &Structural<'_>, seat: &Seat<'_>) -> Result<()> {
        let segment = self.segment();
        resolve_intent(segment, seat)?;
        for (index, held) in seat.held_entries().collect::<Vec<_>>() {
            release_for(segment, seat, held)?;
            if let Some(record) = record_of_lock(held.lock()) {
                // In the seat's own name: if we die here, its intent says what we were doing. A
                // record whose owner died stays for the next owner, who is told; if nobody comes,
                // it goes when memory is short.
                unlink_if_unused(segment, seat, record, UntoldDeath::Keeps)?;
            }
            seat.clear_held(index);
        }
        for place in all_places() {
            return_block(structural, seat, place)?;
        }
        seat.waiting().store(0, Ordering::Relaxed);
        seat.set_slot(None);
        Ok(())
    }
}

/// Gives the block of one magazine place back to the heap. What is no block, since the descriptor
/// of the value that stood there was damaged, is dropped: it must not keep a seat from being freed,
/// and `check` tells what belongs to nobody.
pub(crate) fn return_block(
    structural: &Structural<'_>,
    seat: &Seat<'_>,
    place: usize,
) -> Result<()> {
    let block = seat.magazine(place);
    if block == 0 {
        return Ok(());
    }
    let mut journal = structural.journal();
    match heap::free(&mut journal, block) {
        Err(error) if error.kind() == ErrorKind::Damaged => {
            tracing::warn!(%error, "dropped what stood in the place of a block");
            journal = structural.journal();
        }
        freed => freed?,
    }
    journal.write(seat.magazine_offset(place), 0)?;
    journal.commit()
}

/// Releases a lock that a dead seat lists.
fn release_for(segment: &Segment, seat: &Seat<'_>, held: Held) -> Result<()> {
    let word = segment.word(held.lock())?;
    loop {
        let seen = LockWord(word.load(Ordering::Relaxed));
        let is_owner = seen.owner() == Some(seat.number);
        let next = match seen.mode() {
            Mode::Exclusive if is_owner => seen.free_after_death(),
            Mode::Closing if is_owner => seen.shared(),
            _ => break,
        };
        // Release: the next owner sees what the dead one did under the lock.
        if word.compare_exchange(seen.0, next.0, Ordering::Release, Ordering::Relaxed).is_ok() {
            wake(word);
            break;
        }
    }
    heal_shared(segment, held.lock(), Some(seat.number))
}

/// Frees a lock word that says SHARED although nobody lists it, as a holder's or a giver-up's
/// death may leave it. `except` does not count as a holder.
///
/// A newcomer writes its entry first and changes the count then: either the scan sees the entry
/// (acquire: of everybody whose count is seen) or the exchange fails.
pub(crate) fn heal_shared(segment: &Segment, lock: u64, except: Option<u32>) -> Result<()> {
    let word = segment.word(lock)?;
    loop {
        let seen = LockWord(word.load(Ordering::Acquire));
        match seen.mode() {
            Mode::Shared => {}
            Mode::Closing => {
                // Its owner waits for shared holders to go.
                wake(word);
                return Ok(());
            }
            Mode::Free | Mode::Exclusive => return Ok(()),
        }
        if is_listed_shared(segment, lock, except)? {
            return Ok(());
        }
        // Relaxed: whoever locks next looks at the lists itself.
        let free = seen.free();
        if word.compare_exchange(seen.0, free.0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            wake(word);
            return Ok(());
        }
    }
}

/// Whether a seat other than `except` lists the lock as shared.
pub(crate) fn is_listed_shared(segment: &Segment, lock: u64, except: Option<u32>) -> Result<bool> {
    for seat in Seat::all(segment) {
        let seat = seat?;
        // Most are nobody's. Who comes to have one stores that before the entry: whoever would see
        // the entry sees that too.
        let lists = seat.slot().is_some()
            && seat.find_held(lock).is_some_and(|(_, held)| held.mode() == HeldMode::Shared);
        if lists && Some(seat.number) != except {
            return Ok(true);
        }
    }
    Ok(false)
}
