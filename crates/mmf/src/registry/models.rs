//! Models of slots, of the structural lock with its journal, and of seats that others meet
//! (`docs/protocols.md`, sections 3, 5 and 6).

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::slots::{claim, free, owner_is_dead, pass_by};
use super::{Patience, Registry, slots};
use crate::format::header::{
    BREAK, JOURNAL, LAST_RUN_PAGES, PROGRAM_EXTENTS, RECORD_COUNT, SEAT_EXTENTS, STRUCTURAL_LOCK,
};
use crate::format::run::HEADER;
use crate::format::seat::{Held, HeldMode, Intent};
use crate::format::slot::{STATE, SlotState};
use crate::format::structural::StructuralWord;
use crate::journal::{Journal, replay};
use crate::record::staged::{PLACE, seat_of, staged, vacate};
use crate::seat::Seat;
use crate::segment::Segment;
use crate::sync::Ordering;

/// Interleavings with at most this many preemptions: what the longer models need to be quick.
fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 20_000;
    builder.check(check);
}

#[test]
fn loom_slot_a_live_owner_is_never_found_dead() {
    loom::model(|| {
        let segment = Segment::with_ranges(0x1000, &[0..8]);
        // Its byte is free, as that of every slot that nobody has.
        segment.unlock_slot(0);
        let prober = {
            let segment = segment.clone();
            thread::spawn(move || {
                let state = segment.word(0).unwrap();
                let is_locked = || Ok(segment.slot_is_locked(0).unwrap());
                assert!(!owner_is_dead(state, is_locked).unwrap(), "it lived, or had detached");
            })
        };
        let state = segment.word(0).unwrap();
        for _ in 0..2 {
            segment.lock_slot(0);
            let seen = SlotState(state.load(Ordering::Relaxed));
            assert!(claim(state, seen), "nobody else attaches");
            free(state);
            segment.unlock_slot(0);
        }
        prober.join().unwrap();
    });
}

#[test]
fn loom_slot_none_is_claimed_above_an_untouched_one() {
    loom::model(|| {
        let segment = Segment::with_ranges(0x1000, &[0..16]);
        let [first, second] = [0, 8].map(|offset| segment.word(offset).unwrap());
        // Has the first one's byte, and is slow to claim it.
        let owner = {
            let segment = segment.clone();
            thread::spawn(move || {
                let state = segment.word(0).unwrap();
                let claimed = claim(state, SlotState(0)) || claim(state, SlotState::PASSED);
                assert!(claimed, "passing by takes the slot from its owner");
            })
        };
        let passer = {
            let segment = segment.clone();
            thread::spawn(move || {
                let state = segment.word(0).unwrap();
                pass_by(state, SlotState(state.load(Ordering::Relaxed)));
                assert!(claim(segment.word(8).unwrap(), SlotState(0)), "nobody else attaches");
            })
        };
        if SlotState(second.load(Ordering::Acquire)).is_live() {
            let below = SlotState(first.load(Ordering::Relaxed));
            assert!(!below.is_untouched(), "who looks from below stops too early");
        }
        owner.join().unwrap();
        passer.join().unwrap();
    });
}

#[test]
fn loom_slot_is_free_only_when_its_seats_are() {
    model(|| {
        let segment = staged();
        let registry = Registry::attach(segment.clone()).unwrap();
        // Slot 1 has died with a seat that holds something.
        let words = slots::words(&segment, 1).unwrap();
        words[STATE].store(SlotState(0).attached().0, Ordering::Relaxed);
        let dead = seat_of(&segment, 2);
        dead.set_magazine(PLACE, 0);
        dead.set_held(0, Held::new(crate::format::header::NAMESPACE_LOCK, HeldMode::Shared, 1), 1);
        segment.unlock_slot(1);
        let observer = {
            let segment = segment.clone();
            thread::spawn(move || {
                let seat = seat_of(&segment, 2);
                let words = slots::words(&segment, 1).unwrap();
                if !SlotState(words[STATE].load(Ordering::Acquire)).is_live() {
                    assert_eq!(seat.slot(), None, "a free slot with a seat");
                }
                let state = segment.word(seat.offset()).unwrap();
                if state.load(Ordering::Acquire) == 0 {
                    assert!(seat.held_entries().next().is_none(), "a free seat that holds a lock");
                }
            })
        };
        registry.recover(&mut Patience::new(None, None)).unwrap();
        observer.join().unwrap();
        vacate(&segment);
    });
}

#[test]
fn loom_structural_lock_has_one_owner() {
    model(|| {
        let registry = Registry::attach(staged()).unwrap();
        let protected = Arc::new(UnsafeCell::new(0));
        let enter = |registry: &Registry, protected: &UnsafeCell<u64>| {
            let structural = registry.structural(None).unwrap();
            protected.with_mut(|_| ());
            drop(structural);
        };
        let other = {
            let (registry, protected) = (std::sync::Arc::clone(&registry), Arc::clone(&protected));
            thread::spawn(move || enter(&registry, &protected))
        };
        enter(&registry, &protected);
        other.join().unwrap();
        let word = registry.segment().word(STRUCTURAL_LOCK).unwrap().load(Ordering::Relaxed);
        assert_eq!(StructuralWord(word).owner(), None);
        vacate(registry.segment());
    });
}

/// Two words that a journal of the models changes together.
const CHANGED: [u64; 2] = [RECORD_COUNT, LAST_RUN_PAGES];

fn commit(segment: &Segment, word: u64) {
    let mut journal = Journal::begin(segment);
    for offset in CHANGED {
        journal.write(offset, word).unwrap();
    }
    journal.commit().unwrap();
}

fn changed(segment: &Segment) -> [u64; 2] {
    CHANGED.map(|offset| segment.word(offset).unwrap().load(Ordering::Relaxed))
}

/// Whatever prefix of the stores `change` an observer sees, it is one that recovery can finish.
fn is_recoverable_at_any_store(stage: fn(&Segment), change: fn(&Segment)) {
    loom::model(move || {
        let segment = staged();
        stage(&segment);
        let observer = {
            let segment = segment.clone();
            thread::spawn(move || look_for_a_prefix_that_is_lost(&segment))
        };
        change(&segment);
        observer.join().unwrap();
        assert_eq!(changed(&segment), [7; 2]);
    });
}

fn look_for_a_prefix_that_is_lost(segment: &Segment) {
    let count = segment.word(JOURNAL).unwrap();
    let first = segment.word(CHANGED[0]).unwrap();
    if first.load(Ordering::Acquire) == 7 && count.load(Ordering::Acquire) == 0 {
        assert_eq!(changed(segment), [7; 2], "half a change, and no journal under way");
    }
    if count.load(Ordering::Acquire) == 2 {
        for (index, offset) in CHANGED.into_iter().enumerate() {
            let entry = segment.words::<2>(JOURNAL + 16 + index as u64 * 16).unwrap();
            let entry = entry.each_ref().map(|word| word.load(Ordering::Relaxed));
            assert_eq!(entry, [offset, 7], "the journal counts what is not there");
        }
        if count.load(Ordering::Acquire) == 0 {
            assert_eq!(changed(segment), [7; 2], "the journal is gone, the change is not done");
        }
    }
}

#[test]
fn loom_journal_is_recoverable_at_any_store() {
    is_recoverable_at_any_store(|_| (), |segment| commit(segment, 7));
}

#[test]
fn loom_journal_replay_is_recoverable_at_any_store() {
    let stage = |segment: &Segment| {
        for (index, offset) in CHANGED.into_iter().enumerate() {
            let entry = segment.words::<2>(JOURNAL + 16 + index as u64 * 16).unwrap();
            entry[0].store(offset, Ordering::Relaxed);
            entry[1].store(7, Ordering::Relaxed);
        }
        segment.word(JOURNAL).unwrap().store(2, Ordering::Relaxed);
    };
    is_recoverable_at_any_store(stage, |segment| assert!(replay(segment).unwrap()));
}

#[test]
fn loom_journal_what_a_replayed_word_leads_to_is_whole() {
    loom::model(|| {
        let segment = staged();
        // The dead owner filled the break's page and entered the break; that is all.
        segment.word(LAST_RUN_PAGES).unwrap().store(9, Ordering::Relaxed);
        let entry = segment.words::<2>(JOURNAL + 16).unwrap();
        entry[0].store(BREAK, Ordering::Relaxed);
        entry[1].store(7, Ordering::Relaxed);
        segment.word(JOURNAL).unwrap().store(1, Ordering::Relaxed);
        let survivor = {
            let segment = segment.clone();
            thread::spawn(move || {
                // Learned with the death: what the dead one filled.
                segment.word(LAST_RUN_PAGES).unwrap().store(8, Ordering::Relaxed);
                replay(&segment).unwrap();
            })
        };
        if segment.word(BREAK).unwrap().load(Ordering::Acquire) == 7 {
            let filled = segment.word(LAST_RUN_PAGES).unwrap().load(Ordering::Relaxed);
            assert_eq!(filled, 8, "the word leads to what is not filled");
        }
        survivor.join().unwrap();
    });
}

/// One owner is dead in the middle of a change, two others want to make theirs.
#[test]
fn loom_structural_lock_is_taken_over_once_and_the_change_finished() {
    model(|| {
        let segment = staged();
        let registry = Registry::attach(segment.clone()).unwrap();
        let words = slots::words(&segment, 1).unwrap();
        words[STATE].store(SlotState(0).attached().0, Ordering::Relaxed);
        seat_of(&segment, 2).set_magazine(PLACE, 0);
        let lock = segment.word(STRUCTURAL_LOCK).unwrap();
        lock.store(StructuralWord(0).owned_by(1).0, Ordering::Relaxed);
        let entries = segment.words::<4>(JOURNAL + 16).unwrap();
        for (word, value) in entries.iter().zip([CHANGED[0], 7, CHANGED[1], 7]) {
            word.store(value, Ordering::Relaxed);
        }
        segment.word(JOURNAL).unwrap().store(2, Ordering::Relaxed);
        segment.word(CHANGED[0]).unwrap().store(7, Ordering::Relaxed);
        segment.unlock_slot(1);
        let work = |registry: &Registry| {
            let structural = registry.structural(None).unwrap();
            let before = changed(structural.segment());
            assert_eq!(before[0], before[1], "the dead owner's change is half done");
            assert!(before[0] >= 7, "the dead owner's change is lost");
            commit(structural.segment(), before[0] + 1);
            drop(structural);
        };
        let other = {
            let registry = std::sync::Arc::clone(&registry);
            thread::spawn(move || work(&registry))
        };
        work(&registry);
        other.join().unwrap();
        assert_eq!(changed(&segment), [9; 2]);
        assert_eq!(seat_of(&segment, 2).slot(), None, "the dead owner's seat was not freed");
        let state = SlotState(words[STATE].load(Ordering::Relaxed));
        assert!(!state.is_live(), "the dead owner's slot was not freed");
        vacate(&segment);
    });
}

#[test]
fn loom_seat_in_a_new_extent_is_clean_when_it_is_found() {
    loom::model(|| {
        let segment = staged();
        // The page was another thing's before: where the intent will stand there is something.
        let extent = segment.word(SEAT_EXTENTS).unwrap();
        let base = extent.load(Ordering::Relaxed);
        extent.store(0, Ordering::Relaxed);
        let seat = Seat::at(&segment, 1, base + HEADER).unwrap();
        segment.word(seat.offset() + 8).unwrap().store(99, Ordering::Relaxed);
        let grower = {
            let segment = segment.clone();
            thread::spawn(move || {
                segment.word(base + HEADER + 8).unwrap().store(0, Ordering::Relaxed);
                let mut journal = Journal::begin(&segment);
                journal.write(SEAT_EXTENTS, base).unwrap();
                journal.commit().unwrap();
            })
        };
        if let Some(seat) = Seat::find(&segment, 1).unwrap() {
            assert_eq!(seat.intent(), Intent::NONE, "the seat is not clean");
        }
        grower.join().unwrap();
    });
}

#[test]
fn loom_program_table_has_no_half_entries() {
    loom::model(|| {
        let segment = staged();
        let program = segment.word(SEAT_EXTENTS).unwrap().load(Ordering::Relaxed);
        let grower = {
            let segment = segment.clone();
            thread::spawn(move || {
                let mut journal = Journal::begin(&segment);
                journal.write(PROGRAM_EXTENTS, program).unwrap();
                journal.commit().unwrap();
                super::seats::enter_program(&segment, 0, program + HEADER, "ab").unwrap();
            })
        };
        if let Some(name) = super::program_name(&segment, 1).unwrap() {
            assert_eq!(name, "ab");
        }
        grower.join().unwrap();
    });
}

#[test]
fn loom_program_extent_is_clean_when_it_is_found() {
    loom::model(|| {
        let segment = staged();
        let base = segment.word(SEAT_EXTENTS).unwrap().load(Ordering::Relaxed);
        segment.word(base + HEADER).unwrap().store(99, Ordering::Relaxed);
        let grower = {
            let segment = segment.clone();
            thread::spawn(move || {
                segment.word(base + HEADER).unwrap().store(0, Ordering::Relaxed);
                let mut journal = Journal::begin(&segment);
                journal.write(PROGRAM_EXTENTS, base).unwrap();
                journal.commit().unwrap();
            })
        };
        if let Some(offset) = crate::seat::program_offset(&segment, 0).unwrap() {
            let length = segment.word(offset).unwrap().load(Ordering::Relaxed);
            assert_eq!(length, 0, "the entry is not clean");
        }
        grower.join().unwrap();
    });
}
