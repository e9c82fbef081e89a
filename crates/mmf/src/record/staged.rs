//! A small namespace for models: two seats, two records of which one is a variable, an index.
//!
//! Only the words that operations touch are there, so that models stay quick.

use crate::format::LINE;
use crate::format::block::{Descriptor, VALUE_HEADER, ValueHeader};
use crate::format::header::{
    ARRIVAL_COUNT, ARRIVALS, BREAK, CAPACITY, HEAP_START, INDEX_ROOT, JOURNAL, NAMESPACE_LOCK,
    PROGRAM_EXTENTS, RECORD_COUNT, RECORD_PARTIAL, RECORD_SLABS, SEAT_EXTENT_COUNT, SEAT_EXTENTS,
    SLOT_COUNT, SLOTS, STRUCTURAL_LOCK,
};
use crate::format::index::{Hash, Root, USED};
use crate::format::publish::Publish;
use crate::format::record::Identity;
use crate::format::run::{BITMAP, HEADER, INFO, Info, Kind};
use crate::format::seat;
use crate::format::slot;
use crate::record::Record;
use crate::seat::Seat;
use crate::segment::Segment;
use crate::sync::Ordering;

/// The tag of a 64-bit integer.
const TAG: u8 = 3;
const SEATS: u64 = 0x4000;
const RECORDS: u64 = 0x5000;
const INDEX: u64 = 0x6000;
const DIRECTORY: u64 = 0x7000;
const BLOCKS: u64 = 0x8000;
const END: u64 = 0x9000;
const BLOCK_SIZE: u64 = 32;
/// Entries of the journal that models use.
const ENTRIES: u64 = 24;

/// The record of the variable `NAME`, at version 1 with the value 10.
pub(crate) const VARIABLE: u64 = RECORDS + HEADER;
/// A record that is no variable.
pub(crate) const SPARE: u64 = VARIABLE + LINE;
pub(crate) const NAME: &str = "a";
/// The name of no variable.
pub(crate) const MISSING: &str = "b";
/// Magazine places of the blocks for integers.
pub(crate) const PLACE: usize = 2;

/// Block `index`; 0 holds the variable's value, 1 is in seat 1, 2 in seat 2.
pub(crate) const fn block(index: u64) -> u64 {
    BLOCKS + HEADER + index * BLOCK_SIZE
}

pub(crate) fn seat_of(segment: &Segment, number: u32) -> Seat<'_> {
    Seat::existing(segment, number).unwrap()
}

/// Takes the seats from everybody: a model is about something else than giving them back.
pub(crate) fn vacate(segment: &Segment) {
    for number in [1, 2] {
        seat_of(segment, number).set_slot(None);
    }
}

fn hash(name: &str) -> Hash {
    Hash::of(name.as_bytes(), 0)
}

fn line_of(name: &str) -> u64 {
    INDEX + HEADER + hash(name).line() * LINE
}

/// The segment of a namespace in which slot 0 is free for the model's process, and slot 1 as well.
pub(crate) fn staged() -> Segment {
    let arrival = ARRIVALS + hash(MISSING).0 % ARRIVAL_COUNT * 8;
    let ranges = [
        64..104,
        NAMESPACE_LOCK..CAPACITY + 8,
        STRUCTURAL_LOCK..STRUCTURAL_LOCK + 8,
        BREAK..SEAT_EXTENT_COUNT + 16,
        SEAT_EXTENTS..SEAT_EXTENTS + 16,
        PROGRAM_EXTENTS..PROGRAM_EXTENTS + 16,
        arrival..arrival + 8,
        JOURNAL..JOURNAL + 16 + ENTRIES * 16,
        SLOTS..SLOTS + 3 * slot::SIZE,
        SEATS..SEATS + HEADER + 2 * seat::SIZE,
        RECORDS..RECORDS + HEADER + 2 * LINE,
        INDEX..INDEX + HEADER,
        line_of(NAME)..line_of(NAME) + LINE,
        line_of(MISSING)..line_of(MISSING) + LINE,
        DIRECTORY..DIRECTORY + HEADER + 8,
        BLOCKS..BLOCKS + HEADER + 3 * BLOCK_SIZE,
        // Whoever walks over the heap looks whether it ends inside.
        END - 8..END,
    ];
    let segment = Segment::with_ranges(END, &ranges);
    let store = |offset, word| segment.word(offset).unwrap().store(word, Ordering::Relaxed);
    let runs = [
        (SEATS, Kind::Seats, 0),
        (RECORDS, Kind::Records, 0),
        (INDEX, Kind::Segment, 0),
        (DIRECTORY, Kind::Directory, 0),
        (BLOCKS, Kind::Slab, 1),
    ];
    for (base, kind, class) in runs {
        store(base + INFO, Info::new(kind, class, 1).0);
    }
    store(SLOT_COUNT, 3);
    store(HEAP_START, SEATS);
    store(BREAK, END);
    store(CAPACITY, END);
    store(SEAT_EXTENT_COUNT, 1);
    store(SEAT_EXTENTS, SEATS);
    store(INDEX_ROOT, Root::new(DIRECTORY + HEADER, 0, 0).0);
    store(DIRECTORY + HEADER, INDEX);
    store(INDEX + USED, 1);
    store(line_of(NAME), hash(NAME).word(VARIABLE));
    store(RECORD_COUNT, 1);
    store(RECORD_SLABS, RECORDS);
    store(RECORD_PARTIAL, RECORDS);
    store(RECORDS + BITMAP, 1);
    store(BLOCKS + BITMAP, 7);
    stage_variable(&segment);
    for number in [1, 2] {
        let seat = seat_of(&segment, number);
        seat.set_slot(Some(number - 1));
        seat.set_magazine(PLACE, block(u64::from(number)));
    }
    segment
}

fn stage_variable(segment: &Segment) {
    let record = Record::at(segment, VARIABLE).unwrap();
    let store = |offset, word| segment.word(offset).unwrap().store(word, Ordering::Relaxed);
    record.publish_word().store(Publish::free(1).0, Ordering::Relaxed);
    store(record.descriptor_offset(1), Descriptor::new(block(0), TAG, 8).0);
    store(record.identity_offset(), Identity(0).linked(NAME.len()).0);
    let [first, second] = super::read::inline_words(NAME.as_bytes());
    record.name_word(0).store(first, Ordering::Relaxed);
    record.name_word(1).store(second, Ordering::Relaxed);
    let header = ValueHeader { length: 8, process: 1, time: 1, program: 0 }.encode();
    store(block(0), header[0]);
    store(block(0) + 8, header[1]);
    store(block(0) + VALUE_HEADER, 10);
}
