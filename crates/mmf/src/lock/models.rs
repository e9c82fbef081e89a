//! Models of the lock word: exclusion between lockers, writers and readers
//! (`docs/protocols.md`, section 2).

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{
    Acquired, Entry, LockRequest, acquire, begin_update, end_update, reader_entry, release,
    wait_for_lock, writer_entry,
};
use crate::format::header::{NAMESPACE_LOCK, SEAT_EXTENT_COUNT, SEAT_EXTENTS, SLOT_COUNT, SLOTS};
use crate::format::lock_word::LockWord;
use crate::format::publish::Publish;
use crate::format::seat::{Held, HeldMode};
use crate::format::slot::{self, SlotState};
use crate::record::staged::{VARIABLE, seat_of, staged, vacate};
use crate::record::{LockAttempt, Record};
use crate::registry::{Patience, Registry};
use crate::seat::Seat;
use crate::segment::Segment;
use crate::sync::Ordering;

const SEATS: u64 = 0x2100;
const RECORD: u64 = 0x2900;
const VALUE: u64 = 0x2940;
const LENGTH: u64 = 0x2980;

/// A namespace of two seats and one record, and what the lock protects.
struct Stage {
    registry: std::sync::Arc<Registry>,
    protected: UnsafeCell<u64>,
}

fn stage() -> Arc<Stage> {
    let segment = Segment::in_memory(LENGTH).unwrap();
    segment.word(SLOT_COUNT).unwrap().store(2, Ordering::Relaxed);
    segment.word(SEAT_EXTENT_COUNT).unwrap().store(1, Ordering::Relaxed);
    segment.word(SEAT_EXTENTS).unwrap().store(SEATS, Ordering::Relaxed);
    let registry = Registry::attach(segment).unwrap();
    Arc::new(Stage { registry, protected: UnsafeCell::new(0) })
}

impl Stage {
    fn seat(&self, number: u32) -> Seat<'_> {
        Seat::existing(self.registry.segment(), number).unwrap()
    }

    /// A seat that its thread has just leased: others may still see it free, and pass it by.
    fn leased(&self, number: u32) -> Seat<'_> {
        let seat = self.seat(number);
        seat.set_slot(Some(1));
        seat
    }

    /// Runs `inside` under the namespace lock.
    fn locked(&self, number: u32, mode: HeldMode, inside: impl FnOnce()) {
        let seat = self.leased(number);
        let request = LockRequest {
            registry: &self.registry,
            seat,
            lock: NAMESPACE_LOCK,
            variable: None,
            mode,
        };
        let acquired = acquire(&request, &mut Patience::new(None, None)).unwrap();
        assert!(matches!(acquired, Acquired::Held { .. }));
        inside();
        release(&self.registry, &seat, NAMESPACE_LOCK).unwrap();
    }

    /// One try of an autolocked set.
    fn try_set(&self, number: u32, inside: impl FnOnce()) {
        let seat = self.leased(number);
        let segment = self.registry.segment();
        let record = Record::at(segment, RECORD).unwrap();
        let LockAttempt::Taken(_) = record.try_lock(&seat) else { return };
        let word = segment.word(NAMESPACE_LOCK).unwrap();
        let word = LockWord(word.load(Ordering::SeqCst));
        if writer_entry(word, NAMESPACE_LOCK, &seat) == Entry::Open {
            inside();
        }
        record.abandon(&seat);
    }

    /// One try of an update under a variable's lock that the seat holds already: inside, the namespace
    /// is nobody's.
    fn try_update(&self, number: u32, inside: impl FnOnce()) {
        let seat = self.leased(number);
        let lock = Record::at(self.registry.segment(), RECORD).unwrap().lock_offset();
        seat.set_held(0, Held::new(lock, HeldMode::Exclusive, 1), 1);
        if begin_update(&self.registry, &seat, lock, true).unwrap() == Entry::Open {
            inside();
            end_update(&seat, lock);
        }
        seat.clear_held(0);
    }
}

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 20_000;
    builder.check(check);
}

/// No set is inside while somebody holds the lock in `mode`.
fn keeps_sets_out(mode: HeldMode) {
    model(move || {
        let stage = stage();
        let writer = {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                stage.try_set(2, || stage.protected.with_mut(|_| ()));
            })
        };
        stage.locked(1, mode, || stage.protected.with(|_| ()));
        writer.join().unwrap();
    });
}

#[test]
fn loom_lock_exclusive_keeps_sets_out() {
    keeps_sets_out(HeldMode::Exclusive);
}

#[test]
fn loom_lock_shared_keeps_sets_out() {
    keeps_sets_out(HeldMode::Shared);
}

/// Nobody holds the namespace's lock in `mode` while somebody is inside an update.
fn keeps_updates_out(mode: HeldMode) {
    model(move || {
        let stage = stage();
        let updater = {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                stage.try_update(2, || stage.protected.with_mut(|_| ()));
            })
        };
        stage.locked(1, mode, || stage.protected.with(|_| ()));
        updater.join().unwrap();
    });
}

#[test]
fn loom_lock_exclusive_keeps_updates_out() {
    keeps_updates_out(HeldMode::Exclusive);
}

#[test]
fn loom_lock_shared_keeps_updates_out() {
    keeps_updates_out(HeldMode::Shared);
}

#[test]
fn loom_lock_exclusive_and_shared_exclude_each_other() {
    model(|| {
        let stage = stage();
        let reader = {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                stage.locked(2, HeldMode::Shared, || stage.protected.with(|_| ()));
            })
        };
        stage.locked(1, HeldMode::Exclusive, || stage.protected.with_mut(|_| ()));
        reader.join().unwrap();
        let word = stage.registry.segment().word(NAMESPACE_LOCK).unwrap();
        assert!(LockWord(word.load(Ordering::Relaxed)).is_free());
    });
}

#[test]
fn loom_lock_two_shared_holders_leave_it_free() {
    model(|| {
        let stage = stage();
        let other = {
            let stage = Arc::clone(&stage);
            thread::spawn(move || stage.locked(2, HeldMode::Shared, || ()))
        };
        stage.locked(1, HeldMode::Shared, || ());
        other.join().unwrap();
        let word = stage.registry.segment().word(NAMESPACE_LOCK).unwrap();
        assert!(LockWord(word.load(Ordering::Relaxed)).is_free());
    });
}

#[test]
fn loom_lock_readers_see_nothing_of_what_happens_inside() {
    model(|| {
        let stage = stage();
        let reader = {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                let segment = stage.registry.segment();
                let lock = segment.word(NAMESPACE_LOCK).unwrap();
                let before = LockWord(lock.load(Ordering::Acquire));
                if reader_entry(before, || None) == Entry::Wait {
                    return;
                }
                let value = segment.word(VALUE).unwrap().load(Ordering::Acquire);
                let after = LockWord(lock.load(Ordering::Acquire));
                if before.same_acquisition(after) {
                    assert_ne!(value, 1, "a value from inside the lock");
                }
            })
        };
        stage.locked(1, HeldMode::Exclusive, || {
            let value = stage.registry.segment().word(VALUE).unwrap();
            value.store(1, Ordering::Release);
            value.store(2, Ordering::Release);
        });
        reader.join().unwrap();
    });
}

#[test]
fn loom_lock_a_shared_holder_is_not_healed_away() {
    model(|| {
        let stage = stage();
        let other = {
            let stage = Arc::clone(&stage);
            thread::spawn(move || stage.locked(2, HeldMode::Shared, || ()))
        };
        stage.locked(1, HeldMode::Shared, || {
            let word = stage.registry.segment().word(NAMESPACE_LOCK).unwrap();
            assert!(!LockWord(word.load(Ordering::Relaxed)).is_free(), "free, and we hold it");
        });
        other.join().unwrap();
    });
}

#[test]
fn loom_lock_of_the_dead_is_freed_with_what_they_did_under_it() {
    model(|| {
        let segment = staged();
        let registry = Registry::attach(segment.clone()).unwrap();
        let protected = Arc::new(UnsafeCell::new(0));
        // Slot 1 lives, and its seat holds the lock.
        let state = segment.word(SLOTS + slot::SIZE).unwrap();
        state.store(SlotState(0).attached().0, Ordering::Relaxed);
        let holder = seat_of(&segment, 2);
        holder.set_magazine(crate::record::staged::PLACE, 0);
        holder.set_held(0, Held::new(NAMESPACE_LOCK, HeldMode::Exclusive, 1), 1);
        let word = segment.word(NAMESPACE_LOCK).unwrap();
        word.store(LockWord(0).closing(2).exclusive().0, Ordering::Relaxed);
        let holder = {
            let (segment, protected) = (segment.clone(), Arc::clone(&protected));
            thread::spawn(move || {
                protected.with_mut(|_| ());
                // Its end, as the kernel tells of it.
                segment.unlock_slot(1);
            })
        };
        let next = {
            let segment = segment.clone();
            thread::spawn(move || {
                let word = segment.word(NAMESPACE_LOCK).unwrap();
                let seen = LockWord(word.load(Ordering::Acquire));
                if seen.is_free() {
                    assert!(seen.owner_died());
                    protected.with(|_| ());
                }
            })
        };
        // One look: whether the holder is dead by then is the model's choice.
        registry.recover(&mut Patience::new(None, None)).unwrap();
        holder.join().unwrap();
        next.join().unwrap();
        vacate(&segment);
    });
}

/// Makes seats and then runs `name_one`, while a thread that knew none runs `meet`.
fn with_late_seats(name_one: fn(&Segment), meet: fn(&Registry, Seat<'_>)) {
    model(move || {
        let segment = staged();
        let extent = segment.word(SEAT_EXTENTS).unwrap();
        let seats = extent.load(Ordering::Relaxed);
        let own = seat_of(&segment, 2).offset();
        extent.store(0, Ordering::Relaxed);
        let registry = Registry::attach(segment.clone()).unwrap();
        let newcomer = {
            let registry = std::sync::Arc::clone(&registry);
            thread::spawn(move || {
                meet(&registry, Seat::at(registry.segment(), 2, own).unwrap());
            })
        };
        extent.store(seats, Ordering::Release);
        name_one(&segment);
        newcomer.join().unwrap();
        vacate(&segment);
    });
}

#[test]
fn loom_seat_that_a_lock_word_names_can_be_found() {
    let name_one = |segment: &Segment| {
        let word = segment.word(NAMESPACE_LOCK).unwrap();
        let named = LockWord(0).closing(1).0;
        word.compare_exchange(0, named, Ordering::AcqRel, Ordering::Relaxed).unwrap();
    };
    with_late_seats(name_one, |registry, _| {
        let mut patience = Patience::new(None, None);
        for _ in 0..2 {
            // A sleep, then a probe of the owner.
            assert!(wait_for_lock(registry, NAMESPACE_LOCK, &mut patience).unwrap());
        }
    });
}

#[test]
fn loom_seat_that_a_publish_word_names_can_be_found() {
    let name_one = |segment: &Segment| {
        let word = Record::at(segment, VARIABLE).unwrap().publish_word();
        let (free, named) = (Publish::free(1), Publish::free(1).lock(1));
        word.compare_exchange(free.0, named.0, Ordering::Release, Ordering::Relaxed).unwrap_or(0);
    };
    with_late_seats(name_one, |registry, own| {
        let record = Record::at(registry.segment(), VARIABLE).unwrap();
        match record.try_lock(&own) {
            LockAttempt::Taken(_) => record.abandon(&own),
            LockAttempt::Busy(seen) => {
                assert!(!registry.seat_is_dead(seen.owner().unwrap()).unwrap());
            }
        }
    });
}
