//! `docs/format.md` and the code say the same: each row of a marked table is known here with its
//! numbers, and what is known here has its row.

use std::collections::BTreeMap;

use super::block::{
    self, CLASS_SIZES, CLASSES, Descriptor, LARGEST_SMALL, VALUE_HEADER, ValueHeader,
};
use super::checksum::half_of;
use super::counter::Added;
use super::header::*;
use super::index::*;
use super::lock_word::LockWord;
use super::publish::{Publish, VERSION_LIMIT};
use super::record::{self, INLINE_NAME, Identity, LONGEST_NAME};
use super::run::{self, Info};
use super::seat::{self, HELD_LIMIT, Held, HeldMode, Intent, MAGAZINE_PLACES, NO_PLACE};
use super::slot::{self, FIRST_PROGRAM_EXTENT, PROGRAM_BYTES, PROGRAM_ENTRY, SlotState};
use super::structural::StructuralWord;
use super::tree::{
    self, BlockWord, CollectionKind, KeyType, Link, NodeKind, Part, Reference, RootShape, Shape,
    ValueWord,
};
use super::{LINE, PAGE, header, index};
use crate::value::ValueType;

const DOCUMENT: &str = include_str!("../../../../docs/format.md");

/// Names of bits that no code touches: the document alone keeps them free.
const UNTOUCHED: [&str; 3] = ["RESERVED", "FLAGS", "TRANSACTION"];

/// The sources that keep a number of the format to themselves.
const LIVENESS: &str = include_str!("../platform/linux/liveness.rs");
const NAMES: &str = include_str!("../namespace/name.rs");
const LOCATIONS: &str = include_str!("../namespace/location.rs");
const CBOR: &str = include_str!("../value/cbor.rs");

/// What is known of a name: its numbers.
type Rows = BTreeMap<String, Vec<u64>>;

/// Names with their numbers, which are those of the constants so named unless said otherwise.
macro_rules! numbers {
    ($($name:ident)*) => { numbers!($($name: $name),*) };
    ($($name:ident: $number:expr),*) => { rows([$((stringify!($name), [$number as u64])),*]) };
}

/// Names of fields with their offsets, which `$scale` makes bytes, and their numbers of words.
macro_rules! fields {
    ($scale:ident $module:ident: $($name:ident $words:expr),*) => {
        [$((stringify!($name), [$scale($module::$name), $words as u64])),*]
    };
}

/// Compares the fields of a word: each with the bits that change what is found there.
macro_rules! assert_bits {
    ($mark:literal, |$word:ident| $($name:ident: $found:expr),*) => {
        assert_bits($mark, [$((stringify!($name), bits_of(|$word| $found))),*])
    };
}

/// Offset of the word with an index.
fn word(index: usize) -> u64 {
    index as u64 * 8
}

fn bytes(offset: u64) -> u64 {
    offset
}

fn rows<const COUNT: usize, const NUMBERS: usize>(rows: [(&str, [u64; NUMBERS]); COUNT]) -> Rows {
    rows.into_iter().map(|(name, numbers)| (name.to_owned(), numbers.to_vec())).collect()
}

/// The cells of the table behind `mark`; nothing when there is none.
fn table<'d>(document: &'d str, mark: &str) -> Vec<Vec<&'d str>> {
    let mark = format!("<!-- table: {mark} -->");
    let behind = document.split_once(&mark).map_or("", |(_, behind)| behind);
    let lines = behind.trim_start().lines().take_while(|line| line.starts_with('|'));
    let cells = |line: &'d str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.skip(2).map(cells).collect()
}

/// A sum of numbers: decimal, hexadecimal, or a power as `2^62`.
fn number(text: &str) -> u64 {
    let (mut sum, mut is_negative) = (0, false);
    for part in text.split(' ') {
        let term = match (part, part.strip_prefix("0x"), part.split_once('^')) {
            ("+" | "-", _, _) => {
                is_negative = part == "-";
                continue;
            }
            (_, Some(digits), _) => u64::from_str_radix(digits, 16).expect(text),
            (_, None, Some((base, power))) => number(base).pow(power.parse().expect(text)),
            (_, None, None) => part.parse().expect(text),
        };
        sum = if is_negative { sum - term } else { sum + term };
    }
    sum
}

/// The bits that `3-50` or `2` names.
fn mask(text: &str) -> u64 {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first), number(last));
    assert!(first <= last && last < 64, "{text}");
    (u64::MAX >> (63 - (last - first))) << first
}

/// What differs between a table's `columns` and what the code knows. The second column has names.
fn differences(
    table: &[Vec<&str>],
    columns: &[usize],
    read: fn(&str) -> u64,
    expected: &Rows,
) -> Vec<String> {
    let (mut found, mut problems) = (Rows::new(), Vec::new());
    for row in table {
        let name = row[1];
        let numbers: Vec<_> = columns.iter().map(|column| read(row[*column])).collect();
        match expected.get(name) {
            None => problems.push(format!("{name} is only in the document")),
            Some(known) if *known != numbers => {
                problems.push(format!("{name} is {numbers:?} in the document, {known:?} in code"));
            }
            Some(_) => {}
        }
        if found.insert(name.to_owned(), numbers).is_some() {
            problems.push(format!("{name} stands twice in the document"));
        }
    }
    let missing = expected.keys().filter(|name| !found.contains_key(*name));
    problems.extend(missing.map(|name| format!("{name} is missing in the document")));
    problems
}

fn assert_table(mark: &str, columns: &[usize], expected: &Rows) {
    let problems = differences(&table(DOCUMENT, mark), columns, number, expected);
    assert!(problems.is_empty(), "table {mark:?}: {problems:#?}");
}

/// Compares offsets and numbers of words, and that no two fields in `size` bytes overlap.
fn assert_layout<const COUNT: usize>(mark: &str, size: u64, fields: [(&str, [u64; 2]); COUNT]) {
    assert_table(mark, &[0, 2], &rows(fields));
    let mut taken = fields.map(|(_, [offset, words])| (offset, offset + words * 8));
    taken.sort_unstable();
    assert!(taken.iter().all(|(start, end)| start % 8 == 0 && *end <= size), "table {mark:?}");
    assert!(taken.windows(2).all(|pair| pair[0].1 <= pair[1].0), "table {mark:?}: overlap");
}

/// Compares the bits of a word, and that each of its 64 bits stands in exactly one row.
fn assert_bits<const COUNT: usize>(mark: &str, fields: [(&str, u64); COUNT]) {
    let mut table = table(DOCUMENT, mark);
    let all = table
        .iter()
        .map(|row| mask(row[0]))
        .try_fold(0, |all, bits| if all & bits == 0 { Some(all | bits) } else { None });
    assert_eq!(all, Some(u64::MAX), "table {mark:?}: some bit is missing or stands twice");
    table.retain(|row| !UNTOUCHED.contains(&row[1]));
    let expected = rows(fields.map(|(name, bits)| (name, [bits])));
    let problems = differences(&table, &[0], mask, &expected);
    assert!(problems.is_empty(), "table {mark:?}: {problems:#?}");
}

/// The bits of a word that change what `read` finds there.
fn bits_of<T: PartialEq>(read: impl Fn(u64) -> T) -> u64 {
    (0..64).map(|bit| 1 << bit).filter(|bit| read(*bit) != read(0)).sum()
}

/// The names that `read` has for numbers below `end`, in capitals.
fn numbered<T: std::fmt::Debug>(end: u64, read: impl Fn(u64) -> Option<T>) -> Rows {
    let named = |number| Some((format!("{:?}", read(number)?).to_uppercase(), vec![number]));
    (0..end).filter_map(named).collect()
}

#[test]
fn a_wrong_document_is_noticed() {
    let right = "<!-- table: x -->\n\n| n | name |\n|--|--|\n| 2^3 + 1 | A |\n| 0x10 | B |\n";
    let differ = |document: &str| {
        differences(&table(document, "x"), &[0], number, &rows([("A", [9]), ("B", [16])]))
            .join(", ")
    };
    assert_eq!(differ(right), "");
    assert_eq!(differ(&right.replace("+ 1", "+ 2")), "A is [10] in the document, [9] in code");
    assert_eq!(differ(&right.replace("| 0x10 | B |\n", "")), "B is missing in the document");
    assert_eq!(differ(&format!("{right}| 7 | C |")), "C is only in the document");
    assert_eq!(differ(&format!("{right}| 9 | A |")), "A stands twice in the document");
    assert!(differ(&right.replace("table: x", "table: y")).contains("A is missing"));
    assert_eq!([mask("0"), mask("0-63"), mask("63"), mask("4-7")], [1, u64::MAX, 1 << 63, 0xf0]);
}

#[test]
fn every_marked_table_is_compared() {
    let source = include_str!("tests.rs").replace(['\n', ' '], "");
    for behind in DOCUMENT.split("<!-- table: ").skip(1) {
        let mark = behind.split(" -->").next().unwrap_or(behind);
        let compared = [format!("(\"{mark}\","), format!("(DOCUMENT,\"{mark}\")")];
        let is_compared = compared.iter().any(|call| source.contains(&call.replace(' ', "")));
        assert!(is_compared, "no test compares the table {mark:?}");
        assert_eq!(DOCUMENT.matches(&format!("<!-- table: {mark} -->")).count(), 1, "{mark}");
    }
}

#[test]
fn header_and_journal() {
    let fields = fields!(bytes header: MAGIC_WORD 1, VERSION 1, COMPATIBLE_FEATURES 1,
        READ_COMPATIBLE_FEATURES 1, INCOMPATIBLE_FEATURES 1, NAMESPACE_ID 2, CREATED 1,
        HASH_SEED 1, OPTIONS 1, SLOT_COUNT 1, HEAP_START 1, BOOT 2, NAMESPACE_LOCK 1, INDEX_ROOT 1,
        SNAPSHOT_EPOCH 1, CAPACITY 1, STRUCTURAL_LOCK 1, BREAK 1, LAST_RUN_PAGES 1,
        RECORD_COUNT 1, VERSION_FLOOR 1, RECORD_SLABS 1, RECORD_PARTIAL 1, RECOVERIES 1,
        PROGRAM_COUNT 1, SEAT_EXTENT_COUNT 1, PROGRAM_EXTENT_COUNT 1,
        SEAT_EXTENTS SEAT_EXTENT_LIMIT, PROGRAM_EXTENTS PROGRAM_EXTENT_LIMIT,
        FREE_RUNS FREE_RUN_LISTS, PARTIAL_SLABS CLASSES, ARRIVALS ARRIVAL_COUNT);
    assert_layout("header", PAGE, fields);
    assert_table("magic", &[0], &numbers!(MAGIC MAGIC_UNFINISHED));
    for row in table(DOCUMENT, "magic") {
        let text = row[2].trim_matches('`').replace("\\n", "\n");
        assert_eq!(number(row[0]).to_le_bytes(), text.as_bytes());
    }
    assert_bits!("options", |word|
        OPTION_WHILE_ATTACHED: word & OPTION_WHILE_ATTACHED,
        OPTION_WAKE_ALWAYS: word & OPTION_WAKE_ALWAYS,
        OPTION_CHECKSUMS: word & OPTION_CHECKSUMS);
    assert_table("areas", &[0], &numbers!(HEADER: 0, JOURNAL: JOURNAL, SLOTS: SLOTS));
    let entries = [JOURNAL_ENTRIES - JOURNAL, JOURNAL_LIMIT as u64 * 2];
    assert_layout("journal", PAGE, [("COUNT", [0, 1]), ("ENTRIES", entries)]);
    let mut before = 0;
    for row in table(DOCUMENT, "slot count") {
        let (end, slots) = (number(row[0]), number(row[1]));
        assert_eq!([slot_count(before), slot_count(end - 1)], [slots; 2]);
        assert!(end > GREATEST_CAPACITY || slot_count(end) != slots);
        before = end;
    }
    assert_eq!(before, GREATEST_CAPACITY + 1);
}

#[test]
fn layouts() {
    let program = PROGRAM_BYTES / 8;
    let fields = fields!(word slot: STATE 1, PROCESS 1, START_TIME 1, PID_NAMESPACE 1, BOOT_ID 2,
        ATTACHED 1, PROGRAM_LENGTH 1, PROGRAM program);
    assert_layout("slot", slot::SIZE, fields);
    assert_layout("program", PROGRAM_ENTRY, [("LENGTH", [0, 1]), ("NAME", [8, program as u64])]);
    let fields = fields!(word record: PUBLISH 1, DESCRIPTORS 2, LOCK 1, IDENTITY 1,
        SUMS 1, NAME INLINE_NAME / 8);
    assert_layout("record", record::SIZE, fields);
    let fields = fields!(word seat: STATE 1, INTENT 1, OLD 1, PLACES 1, WAKE 1, WAITING 1,
        HELD HELD_LIMIT * 2, MAGAZINE MAGAZINE_PLACES);
    assert_layout("seat", seat::SIZE, fields);
    // Kinds of runs use the same words of the header.
    let bitmap = block::blocks_per_slab(0).div_ceil(64);
    let mut fields = rows(fields!(bytes run: INFO 1, PREVIOUS_PAGES 1, NEXT 1, PREVIOUS 1,
        BITMAP bitmap, NEXT_RECORD_SLAB 1));
    fields.extend(rows(fields!(bytes index: DEPTH 1, USED 1)));
    fields.extend(rows([("RECORD_BITMAP", [run::BITMAP, 1])]));
    assert_table("run", &[0, 2], &fields);
}

#[test]
fn bits_of_contended_words() {
    assert_bits!("publish word", |word|
        LOCKED: Publish(word).is_locked(),
        WAITERS: Publish(word).has_waiters(),
        VERSION: Publish(word).version(),
        SEAT: Publish(word | 1).owner());
    let made = Publish::locked(VERSION_LIMIT + 5, 8191).with_waiters();
    assert_eq!((made.version(), made.owner(), made.has_waiters()), (5, Some(8191), true));
    assert_bits!("lock word", |word|
        MODE: LockWord(word).mode(),
        WAITERS: LockWord(word).has_waiters(),
        OWNER_DIED: LockWord(word).owner_died(),
        SEAT: LockWord((word & !3) | 1).owner(),
        COUNT: LockWord(word).count());
    assert_table("lock modes", &[0], &numbered(4, |mode| Some(LockWord(mode).mode())));
    let made = LockWord(0).closing(8191).exclusive();
    assert_eq!((made.owner(), made.count()), (Some(8191), 2));
    assert_eq!((made.free().0 >> 17, made.free_after_death().0 & 0x1_ffff), (2, 8));
    assert_bits!("structural word", |word|
        LOCKED: StructuralWord(word).owner().is_some(),
        WAITERS: StructuralWord(word).has_waiters(),
        SLOT: StructuralWord(word | 1).owner(),
        COUNT: StructuralWord(word).free().0);
    let made = StructuralWord(0).owned_by(4095).with_waiters();
    assert_eq!((made.owner(), made.free().0), (Some(4095), 1 << 16));
    assert_bits!("slot state", |word|
        STATE: SlotState(word).free().0 == word,
        GENERATION: SlotState(word).attached().0);
    assert_eq!([0, 1, 2, 3].map(|word| SlotState(word).is_live()), [false, true, false, false]);
    assert_eq!(SlotState(0).attached().0, 0x101);
}

#[test]
fn bits_of_records_and_seats() {
    assert_bits!("identity", |word|
        NAME_LENGTH: Identity(word).name_length(),
        LIVE: Identity(word).is_live(),
        INCARNATION: Identity(word).unlinked().0);
    assert_bits!("intent", |word|
        PHASE: Intent(word ^ 1).phase(),
        RECORD: Intent(word).record());
    assert_bits!("sums", |word| FIRST: half_of(word, 0), SECOND: half_of(word, 1));
    assert_table("phases", &[0], &numbered(64, |phase| Intent(phase).phase()));
    assert_bits!("places", |word|
        NEW: seat::unpack_places(word).0,
        OLD: seat::unpack_places(word).1);
    assert_bits!("held entry", |word|
        LOCK: Held(word).lock(),
        SHARED: Held(word).mode(),
        DEPTH: Held(word).depth(),
        UPDATING: u64::from(Held(word).is_updating()));
    assert_eq!(Held::new(0, HeldMode::Shared, 1).0, 3 << 40);
}

#[test]
fn bits_of_runs_and_values() {
    assert_bits!("run info", |word|
        KIND: Info(word ^ 1).kind(),
        CLASS: Info(word).class(),
        PAGES: Info(word).pages());
    assert_table("run kinds", &[0], &numbered(256, |kind| Info(kind).kind()));
    assert_bits!("descriptor", |word|
        TAG: Descriptor(word).tag(),
        SMALL_LENGTH: Descriptor(word).small_length(),
        OFFSET: Descriptor(word).offset());
    assert_eq!(Descriptor::new(GREATEST_CAPACITY - 16, 255, 0).offset(), GREATEST_CAPACITY - 16);
    let largest = LARGEST_SMALL - VALUE_HEADER;
    for length in [0, 1, 16, largest] {
        assert_eq!(Descriptor::new(64, 7, length).small_length(), Some(length));
        assert!(Descriptor::new(64, 7, length).agrees_with(length));
        assert!(!Descriptor::new(64, 7, length).agrees_with(length + 1));
    }
    assert_eq!(Descriptor::new(64, 7, largest + 1).small_length(), None);
    assert!(Descriptor::new(64, 7, largest + 1).agrees_with(1 << 30));
    assert_bits!("value header, first word", |word|
        LENGTH: ValueHeader::decode([word, 0]).length,
        PROCESS: ValueHeader::decode([word, 0]).process);
    assert_bits!("value header, second word", |word|
        TIME: ValueHeader::decode([0, word]).time,
        PROGRAM: ValueHeader::decode([0, word]).program);
    assert_bits!("added", |word| COUNT: Added(word).count(), SUM: Added(word).sum());
    let type_of = |tag| ValueType::from_tag(tag as u8).map(|found| found.name().to_owned());
    let mut types: Rows = (0..256).filter_map(|tag| Some((type_of(tag)?, vec![tag]))).collect();
    types.insert("none".to_owned(), vec![0]);
    assert_table("value types", &[0], &types);
    let classes = table(DOCUMENT, "classes");
    assert_eq!(classes.len(), CLASSES);
    for (class, row) in classes.iter().enumerate() {
        let known = [class as u64, CLASS_SIZES[class], block::blocks_per_slab(class)];
        assert_eq!([0, 1, 2].map(|at| number(row[at])), known);
    }
}

#[test]
fn bits_of_the_index() {
    assert_bits!("root", |word|
        DEPTH: Root(word).depth(),
        GENERATION: Root(word).generation(),
        DIRECTORY: Root(word).directory());
    assert_bits!("index word", |word|
        TAG: matches(word | 1 << 63, 0),
        RECORD: record_offset(word));
    assert_eq!((FREE, REMOVED, names_record(1 << 30)), (0, 1, true));
    // The bits of a hash overlap.
    let line = u64::from(u32::MAX) << 12;
    let hash = numbers!(ARRIVAL: ARRIVAL_COUNT - 1, LINE: line,
        TAG: bits_of(|word| Hash(word).tag()),
        DIRECTORY: bits_of(|word| Hash(word).directory_index(GREATEST_DEPTH)));
    assert_eq!(differences(&table(DOCUMENT, "hash"), &[0], mask, &hash), [""; 0]);
    let examples = table(DOCUMENT, "hash examples");
    assert!(examples.len() >= 4);
    for row in examples {
        let hash = Hash::of(row[0].trim_matches('`').as_bytes(), number(row[1]));
        assert_eq!([2, 3, 4].map(|at| number(row[at])), [hash.0, hash.line(), hash.tag()]);
        assert_eq!((((hash.0 & line) >> 12) * LINES) >> 32, hash.line());
    }
}

#[test]
fn collections() {
    let kinds = [CollectionKind::Map, CollectionKind::List];
    let known = kinds.map(|kind| {
        assert_eq!(CollectionKind::from_tag(kind as u8), Some(kind));
        (if kind.is_keyed() { "MAP" } else { "LIST" }, [kind as u64, kind.root_words() as u64])
    });
    assert_table("collections", &[0, 2], &rows(known));
    assert!(ValueType::ALL.iter().all(|known| CollectionKind::from_tag(known.tag()).is_none()));
    let fields = fields!(word tree: ROOT_ELEMENTS 1, ROOT_TOP 1, ROOT_SHAPE 1, ROOT_FRONT 1,
        ROOT_BACK 1);
    assert_layout("collection root", tree::ROOT_WORDS as u64 * 8, fields);
    assert_bits!("root shape", |word|
        LEVEL: RootShape(word).level(),
        FRONT: RootShape(word).front(),
        BACK: RootShape(word).back());
    assert_eq!(RootShape::new(1, 2, 3).0, 0x03_0201);
    assert_bits!("reference", |word|
        CHECK: Reference(word).check(),
        OFFSET: Reference(word).offset());
    assert_eq!(Reference::new(GREATEST_CAPACITY - 16, u64::MAX).offset(), GREATEST_CAPACITY - 16);
    let fields = fields!(word tree: SHAPE 1, BIRTH 1, LINK 1, ELEMENTS 1);
    assert_layout("node", tree::NODE_HEADER as u64 * 8, fields);
    assert_eq!([tree::ROOT_BIRTH, tree::ROOT_LINK, tree::ROOT_HEADER], [0, 1, 2]);
    assert_eq!(bits_of(tree::birth_of), (1 << 48) - 1);
    assert_bits!("node shape", |word|
        KIND: Shape(word ^ 1).kind(),
        LEVEL: Shape(word).level(),
        CELLS: Shape(word).cells(),
        TAKEN: Shape(word).taken());
    assert_eq!(Shape::new(true, 2, 3).with_taken(4).0, 0x0403_0202);
    assert_table("node kinds", &[0], &numbered(256, NodeKind::from_number));
    for row in table(DOCUMENT, "node kinds") {
        let kind = NodeKind::from_number(number(row[0])).expect("a kind");
        let columns = 2 + tree::key_columns(kind.is_keyed());
        assert_eq!(row[2].split(',').count(), columns);
        assert_eq!(row[2].contains("CHILD"), kind.is_inner());
        let largest = tree::node_words(kind.is_keyed(), tree::most_cells(kind.is_keyed())) * 8;
        assert_eq!(block::class_for(largest as u64), block::class_for(1008));
    }
    assert_bits!("link", |word|
        PART: Link(word ^ 1).part(),
        OFFSET: Reference(word).offset());
    assert_table("parts", &[0], &numbered(256, |part| Link(part).part()));
    assert_eq!(Link::new(Part::List, 4096).0, 3 | (256 << 28));
}

#[test]
fn keys_and_elements() {
    assert_table("key types", &[0], &numbered(256, KeyType::from_number));
    let second = |bytes: &[u8]| tree::inline_key_word(bytes, KeyType::Text).expect("short");
    assert_bits!("inline key", |word|
        TYPE: tree::inline_key([0, word ^ 1]).map(|key| key.2 as u8),
        LENGTH: tree::inline_key([0, word]).map(|key| key.1),
        BYTES: tree::inline_key([0, word]).map(|key| key.0));
    assert_eq!(second(b"0123456789").to_be_bytes(), *b"89\0\0\0\0\0\xa0");
    assert_eq!(tree::first_key_word(b"0123456789").to_be_bytes(), *b"01234567");
    assert!(tree::is_long(tree::LONG) && KeyType::from_number(tree::LONG).is_none());
    assert_bits!("element", |word|
        TAG: ValueWord(word).tag(),
        INLINE: ValueWord(word).is_inline(),
        LENGTH: ValueWord(word).length());
    assert_eq!(ValueWord::new(7, true, 3).0, 0x3_0107);
    assert_bits!("element block", |word|
        LENGTH: BlockWord(word).length(),
        TYPE: BlockWord(word).key_type());
    assert_eq!(BlockWord::new(5, KeyType::Item).0, (2 << 40) | 5);
}

#[test]
fn limits() {
    let seats = seat::FIRST_EXTENT * ((1 << SEAT_EXTENT_LIMIT) - 1);
    let programs = ValueHeader::decode([0, u64::MAX]).program;
    assert!(FIRST_PROGRAM_EXTENT * ((1 << PROGRAM_EXTENT_LIMIT) - 1) >= u64::from(programs));
    assert_eq!(seat::locate(seats - 1), (SEAT_EXTENT_LIMIT - 1, (seats + 8) / 2 - 1));
    let mut expected = numbers!(
        FORMAT_VERSION PAGE LINE LEAST_CAPACITY GREATEST_CAPACITY GRANULE JOURNAL_LIMIT
        PROGRAM_BYTES FREE_RUN_LISTS CLASSES LARGEST_SMALL INLINE_NAME LONGEST_NAME
        VERSION_LIMIT VALUE_HEADER SEAT_EXTENT_LIMIT HELD_LIMIT MAGAZINE_PLACES NO_PLACE
        PROGRAM_ENTRY FIRST_PROGRAM_EXTENT PROGRAM_EXTENT_LIMIT LINES LINE_WORDS SEGMENT_WORDS
        SPLIT_AT GREATEST_DEPTH GREATEST_LEAD ARRIVAL_COUNT);
    expected.extend(numbers!(SLOT_SIZE: slot::SIZE, RUN_HEADER: run::HEADER,
        RECORD_SIZE: record::SIZE, RECORDS_PER_SLAB: (PAGE - run::HEADER) / record::SIZE,
        SEAT_SIZE: seat::SIZE, FIRST_SEAT_EXTENT: seat::FIRST_EXTENT, SEATS: seats,
        PLACES_PER_CLASS: seat::PLACES_PER_CLASS, PROGRAMS: programs));
    expected.extend(numbers!(KEYED_CELLS: tree::KEYED_CELLS, POSITION_CELLS: tree::POSITION_CELLS,
        LEAST_PART: tree::LEAST_PART, LEVEL_LIMIT: tree::LEVEL_LIMIT,
        LONGEST_KEY: tree::LONGEST_KEY, INLINE_KEY: tree::INLINE_KEY,
        INLINE_VALUE: tree::INLINE_VALUE, LONGEST_VALUE: tree::LONGEST_VALUE,
        BLOCK_HEADER: tree::BLOCK_HEADER, NESTED_HEADER: tree::ROOT_HEADER * 8));
    assert_eq!(tree::STRUCTURE_DEPTH, 128);
    // Kept elsewhere, see the next test.
    expected.extend(numbers!(LONGEST_NAMESPACE: 255, LONGEST_LINK: 8192, STRUCTURE_DEPTH: 128));
    assert_table("limits", &[0], &expected);
}

#[test]
fn numbers_kept_elsewhere() {
    let locks = rows([
        ("INITIALISATION_BYTE", [(1 << 62) - 1, 1]),
        ("PRESENCE_BYTE", [1 << 62, 1]),
        ("SLOT_BYTES", [(1 << 62) + 1, slot_count(GREATEST_CAPACITY)]),
        ("WITNESS_BYTES", [(1 << 62) + (1 << 33), 1 << 61]),
    ]);
    assert_table("file locks", &[0, 2], &locks);
    for (source, definition) in [
        (LIVENESS, "PRESENCE_BYTE: u64 = 1 << 62;"),
        (LIVENESS, "INITIALISATION_BYTE: u64 = PRESENCE_BYTE - 1;"),
        (LIVENESS, "PRESENCE_BYTE + 1 + slot as u64\n"),
        (LIVENESS, "WITNESS_BYTES: (u64, u64) = (PRESENCE_BYTE + (1 << 33), 1 << 61);"),
        (NAMES, "LONGEST: usize = 255;"),
        (LOCATIONS, "LONGEST_LINK: u64 = 8192;"),
        (LOCATIONS, "LINK_MAGIC: &[u8] = b\"mmf-link 1\\n\";"),
        (CBOR, "MAXIMUM_DEPTH: usize = 128;"),
    ] {
        assert!(source.contains(definition), "the document is to follow {definition:?}");
    }
}
