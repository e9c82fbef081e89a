//! Making and unmaking records: the index, the slab and the record's identity change together,
//! in one journal, while the record's publish lock is held.

use super::read::inline_words;
use super::{LockAttempt, Record};
use crate::error::{Error, ErrorKind, Result};
use crate::format::block::Descriptor;
use crate::format::checksum::{Place, Seal, with_half};
use crate::format::header::{HASH_SEED, RECORD_COUNT, VERSION_FLOOR};
use crate::format::index::Hash;
use crate::format::lock_word::{LockWord, OWNER_DIED};
use crate::format::publish::{Publish, VERSION_LIMIT, is_later};
use crate::format::record::{INLINE_NAME, Identity, LONGEST_NAME};
use crate::format::seat::{Intent, NO_PLACE, Phase};
use crate::heap;
use crate::index;
use crate::journal::Journal;
use crate::seat::{Seat, wake_those_who_wait_for_any};
use crate::segment::Segment;
use crate::sync::{Ordering, barrier_after_read_modify_write};

/// Free records tried before giving up on the momentary locks of stale handles.
const CANDIDATES: usize = 8;

/// A variable to be made.
#[derive(Clone, Copy)]
pub(crate) struct NewVariable<'n> {
    pub(crate) name: &'n [u8],
    pub(crate) hash: Hash,
    /// Its first value, or [`Descriptor::NONE`] when it is made to be locked.
    pub(crate) value: Descriptor,
    /// The magazine place that the value's block leaves.
    pub(crate) place: usize,
    /// What its checksum covers, in a namespace with checksums.
    pub(crate) seal: Option<Seal>,
}

/// A variable that was made, as it was then: by the time its maker looks at it, the record may be
/// another's.
#[derive(Clone, Copy)]
pub(crate) struct Linked {
    pub(crate) record: u64,
    pub(crate) identity: Identity,
    pub(crate) version: u64,
}

/// Makes a variable that does not exist. The caller owns the structural lock and has looked.
///
/// `may_enter` is asked once the intent stands and the record is locked; if it says no, nothing
/// has happened and `None` is returned. On success the record is unlocked and the intent cleared.
pub(crate) fn link(
    segment: &Segment,
    seat: &Seat<'_>,
    new: NewVariable<'_>,
    may_enter: impl FnOnce() -> bool,
) -> Result<Option<Linked>> {
    let seed = segment.word(HASH_SEED)?.load(Ordering::Relaxed);
    index::make_room(segment, new.hash, &|record| hash_of_record(segment, record, seed))?;
    let (mut journal, record, version) = claim(segment, seat)?;
    if !may_enter() {
        record.abandon_free(seat, version);
        return Ok(None);
    }
    let staged = stage_link(&mut journal, seat, &record, version, new);
    match staged.and_then(|identity| journal.commit().map(|()| identity)) {
        Ok(identity) => {
            // Found already, it may already be waited on: the bit stays for the first set.
            record.unlock_unchanged();
            seat.set_intent(Intent::NONE);
            Ok(Some(Linked { record: record.offset, identity, version }))
        }
        Err(error) => {
            record.abandon_free(seat, version);
            Err(error)
        }
    }
}

impl Record<'_> {
    /// Unlocks a record that stays, or has become, nobody's.
    fn abandon_free(&self, seat: &Seat<'_>, version: u64) {
        self.unlock_at(version + 1);
        seat.set_intent(Intent::NONE);
    }
}

/// A journal in which a record is taken that `seat` has locked.
fn claim<'s>(segment: &'s Segment, seat: &Seat<'_>) -> Result<(Journal<'s>, Record<'s>, u64)> {
    // In a journal of its own: an intent never names memory that is no record for certain.
    heap::stock_records(segment, heap::Stock::IfNone)?;
    if let Some(claimed) = try_claim(segment, seat)? {
        return Ok(claimed);
    }
    // Stale handles hold every candidate for a moment, or died doing so: new ones nobody holds.
    heap::stock_records(segment, heap::Stock::More)?;
    try_claim(segment, seat)?
        .ok_or_else(|| Error::new(ErrorKind::Contended, "no free record could be claimed"))
}

/// Locks a free record at a version that its next name has never had.
fn try_claim<'s>(
    segment: &'s Segment,
    seat: &Seat<'_>,
) -> Result<Option<(Journal<'s>, Record<'s>, u64)>> {
    let mut journal = Journal::begin(segment);
    let floor = journal.read(VERSION_FLOOR)? % VERSION_LIMIT;
    for offset in heap::free_record_candidates(&journal, CANDIDATES)? {
        let record = Record::at(segment, offset)?;
        seat.set_intent(Intent::new(offset, Phase::Announced));
        let seen = record.publish();
        let own = seen.version();
        let version = (if is_later(floor, own) { floor } else { own } + 1) % VERSION_LIMIT;
        let claimed = Publish::locked(version, seat.number);
        let claimed = if seen.has_waiters() { claimed.with_waiters().0 } else { claimed.0 };
        let is_free = !seen.is_locked() && !record.identity().is_live();
        // Release and the barrier: as in `try_lock`, the namespace lock is looked at behind this.
        let taken = is_free
            && record
                .publish_word()
                .compare_exchange(seen.0, claimed, Ordering::Release, Ordering::Relaxed)
                .is_ok();
        if taken {
            barrier_after_read_modify_write();
            if let Err(error) = heap::take_record(&mut journal, offset) {
                record.abandon_free(seat, version);
                return Err(error);
            }
            return Ok(Some((journal, record, version)));
        }
        seat.set_intent(Intent::NONE);
    }
    Ok(None)
}

fn stage_link(
    journal: &mut Journal<'_>,
    seat: &Seat<'_>,
    record: &Record<'_>,
    version: u64,
    new: NewVariable<'_>,
) -> Result<Identity> {
    let current = Publish::free(version).current();
    // A reader of the record's former life that sees a name word of the new one sees that its
    // identity is gone: the barrier behind the claim is a release fence as well.
    let words = if new.name.len() <= INLINE_NAME {
        inline_words(new.name)
    } else {
        let block = heap::allocate(journal, new.name.len() as u64)?;
        journal.segment().copy_in(block, new.name)?;
        [block, new.hash.0]
    };
    // The death of a former variable's locker is nothing to this one's.
    record.lock_word().fetch_and(!OWNER_DIED, Ordering::Relaxed);
    for (index, word) in words.into_iter().enumerate() {
        record.name_word(index).store(word, Ordering::Relaxed);
    }
    journal.write(record.descriptor_offset(current), new.value.0)?;
    journal.write(record.descriptor_offset(current ^ 1), 0)?;
    let identity = record.identity().linked(new.name.len());
    if let Some(seal) = new.seal {
        let place = Place { record: record.offset, identity, name: new.hash, version };
        journal.write(record.sums_offset(), with_half(0, current, seal.sum(place)))?;
    }
    index::insert(journal, new.hash, record.offset)?;
    // Behind the index: from this word on, the variable is there for gets and lists alike.
    journal.write(record.identity_offset(), identity.0)?;
    if new.place != NO_PLACE {
        journal.write(seat.magazine_offset(new.place), 0)?;
    }
    let count = journal.read(RECORD_COUNT)?;
    journal.write(RECORD_COUNT, count.wrapping_add(1))?;
    Ok(identity)
}

/// Unmakes a variable whose publish lock `seat` holds at `state`, and unlocks the record.
///
/// The caller owns the structural lock. The old value's block goes to `old_place`. Returns
/// whether somebody waited.
pub(crate) fn unlink(
    segment: &Segment,
    seat: &Seat<'_>,
    record: &Record<'_>,
    state: Publish,
    old_place: usize,
) -> Result<bool> {
    match stage_unlink(segment, seat, record, state, old_place).and_then(Journal::commit) {
        Ok(()) => {
            let has_waiters = record.unlock_at(state.version() + 1);
            seat.set_intent(Intent::NONE);
            Ok(has_waiters)
        }
        Err(error) => {
            record.abandon(seat);
            Err(error)
        }
    }
}

fn stage_unlink<'s>(
    segment: &'s Segment,
    seat: &Seat<'_>,
    record: &Record<'_>,
    state: Publish,
    old_place: usize,
) -> Result<Journal<'s>> {
    let seed = segment.word(HASH_SEED)?.load(Ordering::Relaxed);
    let mut journal = Journal::begin(segment);
    let hash = hash_of_record(segment, record.offset, seed)?;
    let old = record.descriptor(state.current());
    let identity = record.identity();
    // First: from this word on, the variable is gone for every reader.
    journal.write(record.identity_offset(), identity.unlinked().0)?;
    index::remove(&mut journal, hash, record.offset)?;
    journal.write(record.descriptor_offset(0), 0)?;
    journal.write(record.descriptor_offset(1), 0)?;
    if old_place != NO_PLACE {
        journal.write(seat.magazine_offset(old_place), old.offset())?;
    }
    if identity.name_length() > INLINE_NAME {
        heap::free(&mut journal, record.name_word(0).load(Ordering::Relaxed))?;
    }
    heap::free_record(&mut journal, record.offset)?;
    let floor = journal.read(VERSION_FLOOR)?;
    let version = (state.version() + 1) % VERSION_LIMIT;
    if is_later(version, floor) {
        journal.write(VERSION_FLOOR, version)?;
    }
    let count = journal.read(RECORD_COUNT)?;
    journal.write(RECORD_COUNT, count.saturating_sub(1))?;
    Ok(journal)
}

/// The death of a lock's owner, of which the next exclusive owner has not been told yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UntoldDeath {
    /// Keeps the record: it is all that tells.
    Keeps,
    /// Goes with the record.
    Goes,
}

/// Unmakes a record that has neither value nor lock, in the name of `seat`.
///
/// Nothing happens when somebody is using the record: it is theirs then.
pub(crate) fn unlink_if_unused(
    segment: &Segment,
    seat: &Seat<'_>,
    offset: u64,
    untold: UntoldDeath,
) -> Result<bool> {
    let record = Record::at(segment, offset)?;
    let state = match record.try_lock(seat) {
        LockAttempt::Taken(state) => state,
        LockAttempt::Busy(_) => {
            seat.set_intent(Intent::NONE);
            return Ok(false);
        }
    };
    let lock = LockWord(record.lock_word().load(Ordering::Relaxed));
    let unused = record.identity().is_live()
        && record.descriptor(state.current()).is_none()
        && lock.is_free()
        && (untold == UntoldDeath::Goes || !lock.owner_died());
    if unused {
        // Who waits on this record for the variable has to look where it comes next.
        if unlink(segment, seat, &record, state, NO_PLACE)? {
            wake_those_who_wait_for_any(segment)?;
        }
    } else {
        record.abandon(seat);
    }
    Ok(unused)
}

/// The hash of a live record's name. Under the structural lock, which keeps names still.
pub(crate) fn hash_of_record(segment: &Segment, offset: u64, seed: u64) -> Result<Hash> {
    let record = Record::at(segment, offset)?;
    if record.identity().name_length() > INLINE_NAME {
        return Ok(Hash(record.name_word(1).load(Ordering::Relaxed)));
    }
    Ok(Hash::of(&name_of_record(segment, &record)?, seed))
}

/// A record's name, as far as one glance tells.
pub(crate) fn name_of_record(segment: &Segment, record: &Record<'_>) -> Result<Vec<u8>> {
    let length = record.identity().name_length();
    if length > LONGEST_NAME {
        return Err(Error::damaged(record.offset, "a name is longer than names can be"));
    }
    let first = record.name_word(0).load(Ordering::Relaxed);
    let mut words = vec![first];
    if length > INLINE_NAME {
        let block = segment.word_range(first, length.div_ceil(8) as u64)?;
        words = block.iter().map(|word| word.load(Ordering::Relaxed)).collect();
    } else {
        words.push(record.name_word(1).load(Ordering::Relaxed));
    }
    let mut name: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    name.truncate(length);
    Ok(name)
}
