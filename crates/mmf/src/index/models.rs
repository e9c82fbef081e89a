//! Models of the index: a reader meets a segment that moves (`docs/protocols.md`, section 7).

use loom::sync::Arc;
use loom::thread;

use super::{Wanted, lookup};
use crate::error::Result;
use crate::format::LINE;
use crate::format::header::{INDEX_ROOT, JOURNAL_ENTRIES};
use crate::format::index::{Hash, Root};
use crate::format::run::HEADER;
use crate::journal::Journal;
use crate::segment::Segment;
use crate::sync::{Ordering, fence};

const DIRECTORY: u64 = JOURNAL_ENTRIES + 0x70;
const SEGMENTS: [u64; 2] = [0x1100, 0x1180];
const LENGTH: u64 = 0x1200;
const RECORD: u64 = 0x40;
/// A hash whose line is the first of its segment, so that a model's segment is one line long.
const HASH: Hash = Hash(5);

impl<T, F: Fn(u64) -> Result<Option<T>>> Wanted<T> for F {
    fn accept(&self, offset: u64) -> Result<Option<T>> {
        self(offset)
    }
}

fn line(segment: &Segment, base: u64) -> &[crate::sync::AtomicU64; 8] {
    segment.words(base + HEADER + HASH.line() * LINE).unwrap()
}

fn stage() -> Arc<Segment> {
    let segment = Segment::in_memory(LENGTH).unwrap();
    line(&segment, SEGMENTS[0])[0].store(HASH.word(RECORD), Ordering::Relaxed);
    segment.word(DIRECTORY).unwrap().store(SEGMENTS[0], Ordering::Relaxed);
    segment.word(INDEX_ROOT).unwrap().store(Root::new(DIRECTORY, 0, 0).0, Ordering::Relaxed);
    Arc::new(segment)
}

/// Moves everything from one segment to another as a rebuild does, and gives the old page to
/// somebody who fills it with zeros.
fn move_segment(segment: &Segment, from: u64, to: u64, generation: u64) {
    fence(Ordering::Release);
    line(segment, to)[0].store(HASH.word(RECORD), Ordering::Relaxed);
    let mut journal = Journal::begin(segment);
    journal.write(INDEX_ROOT, Root::new(DIRECTORY, 0, generation).0).unwrap();
    journal.write(DIRECTORY, to).unwrap();
    journal.commit().unwrap();
    fence(Ordering::Release);
    line(segment, from)[0].store(0, Ordering::Relaxed);
}

#[test]
fn loom_index_a_present_name_is_never_missed() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let segment = stage();
        let mover = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || {
                move_segment(&segment, SEGMENTS[0], SEGMENTS[1], 1);
                // Back again: the directory word alone would not show that it ever moved.
                move_segment(&segment, SEGMENTS[1], SEGMENTS[0], 2);
            })
        };
        let found = lookup(&segment, HASH, &|offset| Ok(Some(offset))).unwrap();
        assert_eq!(found, Some(RECORD));
        mover.join().unwrap();
    });
}

#[test]
fn loom_index_a_name_is_found_while_the_directory_doubles() {
    loom::model(|| {
        let segment = stage();
        // Where the new directory will stand there is what was there before.
        segment.word(DIRECTORY + 64).unwrap().store(SEGMENTS[1], Ordering::Relaxed);
        let grower = {
            let segment = segment.clone();
            thread::spawn(move || {
                segment.word(DIRECTORY + 64).unwrap().store(SEGMENTS[0], Ordering::Relaxed);
                let mut journal = Journal::begin(&segment);
                journal.write(INDEX_ROOT, Root::new(DIRECTORY + 64, 0, 1).0).unwrap();
                journal.commit().unwrap();
            })
        };
        let found = lookup(&segment, HASH, &|offset| Ok(Some(offset))).unwrap();
        assert_eq!(found, Some(RECORD));
        grower.join().unwrap();
    });
}

#[test]
fn loom_index_a_record_is_clean_when_it_is_found() {
    loom::model(|| {
        let segment = stage();
        line(&segment, SEGMENTS[0])[0].store(0, Ordering::Relaxed);
        let record = segment.word(RECORD).unwrap();
        record.store(99, Ordering::Relaxed);
        let linker = {
            let segment = segment.clone();
            thread::spawn(move || {
                segment.word(RECORD).unwrap().store(0, Ordering::Relaxed);
                let mut journal = Journal::begin(&segment);
                let place = SEGMENTS[0] + HEADER + HASH.line() * LINE;
                journal.write(place, HASH.word(RECORD)).unwrap();
                journal.commit().unwrap();
            })
        };
        let look = |offset| Ok(Some(segment.word(offset)?.load(Ordering::Relaxed)));
        if let Some(word) = lookup(&segment, HASH, &look).unwrap() {
            assert_eq!(word, 0, "the record is not clean");
        }
        linker.join().unwrap();
    });
}
