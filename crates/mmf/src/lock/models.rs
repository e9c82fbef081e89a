//! Models of the lock word: exclusion between lockers, writers and readers
//! (`docs/protocols.md`, section 2).

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Acquired, Entry, LockRequest, acquire, reader_entry, release, writer_entry};
use crate::format::header::{NAMESPACE_LOCK, SEAT_EXTENT_COUNT, SEAT_EXTENTS, SLOT_COUNT};
use crate::format::lock_word::LockWord;
use crate::format::seat::HeldMode;
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

    /// Runs `inside` under the namespace lock.
    fn locked(&self, number: u32, mode: HeldMode, inside: impl FnOnce()) {
        let seat = self.seat(number);
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
        let seat = self.seat(number);
        let segment = self.registry.segment();
        let record = Record::at(segment, RECORD).unwrap();
        let LockAttempt::Taken(state) = record.try_lock(&seat) else { return };
        let word = segment.word(NAMESPACE_LOCK).unwrap();
        let word = LockWord(word.load(Ordering::SeqCst));
        if writer_entry(word, NAMESPACE_LOCK, &seat) == Entry::Open {
            inside();
        }
        record.abandon(&seat);
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
