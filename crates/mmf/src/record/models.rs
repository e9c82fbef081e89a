//! Models of the publish word: loom runs the real algorithms through every interleaving that
//! the memory model allows (`docs/protocols.md`, section 1).

use loom::sync::Arc;
use loom::thread;

use super::{Exchange, Glimpse, LockAttempt, Record, resolve_intent};
use crate::format::block::Descriptor;
use crate::format::publish::Publish;
use crate::format::seat::{Intent, Phase};
use crate::seat::Seat;
use crate::segment::Segment;
use crate::sync::{Ordering, fence};

const RECORD: u64 = 0x40;
const SEATS: [u64; 2] = [0x400, 0x700];
const BLOCKS: [u64; 3] = [0xa00, 0xa10, 0xa20];
const LENGTH: u64 = 0xa40;
const PLACE: usize = 0;
const TAG: u8 = 7;

/// A record at version 1 whose value is block 0, and a block in each seat's magazine.
fn stage() -> Arc<Segment> {
    let segment = Segment::in_memory(LENGTH).unwrap();
    let record = Record::at(&segment, RECORD).unwrap();
    record.publish_word().store(Publish::free(1).0, Ordering::Relaxed);
    record.set_descriptor(1, Descriptor::new(BLOCKS[0], TAG, 8));
    for (index, block) in BLOCKS[1..].iter().enumerate() {
        seat(&segment, index).set_magazine(PLACE, *block);
    }
    Arc::new(segment)
}

fn seat(segment: &Segment, index: usize) -> Seat<'_> {
    Seat::at(segment, index as u32 + 1, SEATS[index]).unwrap()
}

/// A set as `variable/write.rs` does it: fill the magazine's block, lock, publish.
fn set(segment: &Segment, index: usize, value: u64) {
    let seat = seat(segment, index);
    let record = Record::at(segment, RECORD).unwrap();
    let block = seat.magazine(PLACE);
    fence(Ordering::Release);
    for word in segment.words::<2>(block).unwrap() {
        word.store(value, Ordering::Relaxed);
    }
    loop {
        if let LockAttempt::Taken(state) = record.try_lock(&seat) {
            let exchange = Exchange { new_place: PLACE, old_place: PLACE };
            record.publish_value(&seat, state, Descriptor::new(block, TAG, 8), exchange);
            return;
        }
        thread::yield_now();
    }
}

/// A get's copy: none when the version changed meanwhile.
fn get(segment: &Segment) -> Option<[u64; 2]> {
    let glimpse = Glimpse::of(Record::at(segment, RECORD).unwrap());
    let block = glimpse.descriptor().offset();
    let words = segment.words::<2>(block).unwrap();
    let copy = words.each_ref().map(|word| word.load(Ordering::Relaxed));
    glimpse.still_holds().then_some(copy)
}

#[test]
fn loom_publish_a_reader_sees_one_whole_value() {
    loom::model(|| {
        let segment = stage();
        let writer = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || {
                // The second set fills the block that the reader may be copying.
                set(&segment, 0, 1);
                set(&segment, 0, 2);
            })
        };
        let mut last = 0;
        for _ in 0..2 {
            if let Some([first, second]) = get(&segment) {
                assert_eq!(first, second, "torn");
                assert!(first >= last, "went back from {last} to {first}");
                last = first;
            }
        }
        writer.join().unwrap();
        assert_eq!(get(&segment), Some([2, 2]));
    });
}

#[test]
fn loom_publish_two_writers_lose_neither_value_nor_block() {
    loom::model(|| {
        let segment = stage();
        let other = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || set(&segment, 1, 20))
        };
        set(&segment, 0, 10);
        other.join().unwrap();
        let record = Record::at(&segment, RECORD).unwrap();
        let publish = record.publish();
        assert_eq!(publish.version(), 3);
        assert!(!publish.is_locked());
        let [first, second] = get(&segment).unwrap();
        assert!(first == second && (first == 10 || first == 20));
        let mut blocks = [
            record.descriptor(publish.current()).offset(),
            seat(&segment, 0).magazine(PLACE),
            seat(&segment, 1).magazine(PLACE),
        ];
        blocks.sort_unstable();
        assert_eq!(blocks, BLOCKS);
    });
}

#[test]
fn loom_publish_a_sleeper_is_told_of_every_publication() {
    loom::model(|| {
        let segment = stage();
        let waiter = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || {
                // Announces at the version looked at; succeeds or sees a newer version.
                let record = Record::at(&segment, RECORD).unwrap();
                let seen = record.publish();
                seen.version() == 1
                    && record
                        .publish_word()
                        .compare_exchange(
                            seen.0,
                            seen.with_waiters().0,
                            Ordering::SeqCst,
                            Ordering::Relaxed,
                        )
                        .is_ok()
            })
        };
        let seat = seat(&segment, 0);
        let record = Record::at(&segment, RECORD).unwrap();
        let LockAttempt::Taken(state) = record.try_lock(&seat) else { panic!("nobody else locks") };
        let exchange = Exchange { new_place: PLACE, old_place: PLACE };
        let told = record.publish_value(&seat, state, Descriptor::new(BLOCKS[1], TAG, 8), exchange);
        let announced = waiter.join().unwrap();
        assert_eq!(told, announced, "a sleeper and its waker disagree");
    });
}

/// Runs `action` while a thread that was there before runs `observe`.
///
/// The observer is the one that is spawned: loom remembers one access of a word, so that it misses
/// that a load of the first thread could come after a store of the second, when the second has
/// loaded the word in between.
fn watch(action: fn(&Segment), observe: fn(&Segment)) {
    loom::model(move || {
        let segment = stage();
        let observer = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || observe(&segment))
        };
        action(&segment);
        observer.join().unwrap();
    });
}

#[test]
fn loom_publish_an_old_version_has_its_own_value_or_none() {
    let action = |segment: &Segment| {
        let record = Record::at(segment, RECORD).unwrap();
        // Both blocks are filled before the first is published: behind no later fence.
        for (index, block) in BLOCKS[1..].iter().enumerate() {
            for word in segment.words::<2>(*block).unwrap() {
                word.store(index as u64 + 2, Ordering::Relaxed);
            }
        }
        for index in 0..2 {
            let seat = seat(segment, index);
            let LockAttempt::Taken(state) = record.try_lock(&seat) else {
                panic!("nobody else locks")
            };
            let exchange = Exchange { new_place: PLACE, old_place: PLACE };
            let new = Descriptor::new(BLOCKS[index + 1], TAG, 8);
            record.publish_value(&seat, state, new, exchange);
        }
    };
    watch(action, |segment| {
        let glimpse = Glimpse::of(Record::at(segment, RECORD).unwrap());
        let words = segment.words::<2>(glimpse.descriptor().offset()).unwrap();
        let copy = words.each_ref().map(|word| word.load(Ordering::Relaxed));
        if glimpse.still_holds() {
            let version = glimpse.publish.version();
            let expected = if version == 1 { 0 } else { version };
            assert_eq!(copy, [expected; 2], "at version {version}");
        }
    });
}

#[test]
fn loom_publish_the_intent_stands_before_the_lock() {
    let action = |segment: &Segment| {
        let seat = seat(segment, 0);
        let record = Record::at(segment, RECORD).unwrap();
        let LockAttempt::Taken(_) = record.try_lock(&seat) else { panic!("nobody else locks") };
        record.abandon(&seat);
    };
    watch(action, |segment| {
        let record = Record::at(segment, RECORD).unwrap();
        if record.publish().is_locked() && seat(segment, 0).intent().is_none() {
            assert!(
                !record.publish().is_locked(),
                "locked, and the owner's intent does not say so"
            );
        }
    });
}

#[test]
fn loom_publish_an_intent_speaks_of_what_was_noted() {
    let action = |segment: &Segment| set(segment, 0, 1);
    watch(action, |segment| {
        let seat = seat(segment, 0);
        if seat.intent().phase() == Some(Phase::Prepared) {
            assert_eq!((seat.old(), seat.places()), (BLOCKS[0], (PLACE, PLACE)));
        }
    });
}

#[test]
fn loom_publish_blocks_change_places_behind_the_publication() {
    let action = |segment: &Segment| set(segment, 0, 1);
    watch(action, |segment| {
        let record = Record::at(segment, RECORD).unwrap();
        let place = segment.word(seat(segment, 0).magazine_offset(PLACE)).unwrap();
        if place.load(Ordering::Acquire) == BLOCKS[0] {
            assert_eq!(record.publish().version(), 2, "a value's block lies in a magazine");
        }
    });
}

#[test]
fn loom_publish_a_reaper_does_not_leave_a_set_that_looks_published() {
    let action = |segment: &Segment| {
        // As the dead seat left it: locked and prepared.
        let dead = seat(segment, 0);
        let record = Record::at(segment, RECORD).unwrap();
        let LockAttempt::Taken(_) = record.try_lock(&dead) else { panic!("nobody else locks") };
        dead.note_exchange(BLOCKS[0], PLACE, PLACE);
        dead.set_intent(Intent::new(RECORD, Phase::Prepared));
        resolve_intent(segment, &dead).unwrap();
        assert!(!record.publish().is_locked());
        assert_eq!(record.publish().version(), 1);
        assert_eq!(dead.magazine(PLACE), BLOCKS[1]);
    };
    watch(action, |segment| {
        let record = Record::at(segment, RECORD).unwrap();
        let prepared = || seat(segment, 0).intent().phase() == Some(Phase::Prepared);
        if prepared() && !record.publish().is_locked() {
            assert!(!prepared(), "it counts as published");
        }
    });
}
