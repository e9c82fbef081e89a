//! Files that somebody has made to hurt: each operation ends in a value or an error, soon.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Ground, says};
use mmf::{Builder, Condition, ErrorKind, LockOptions, Namespace, Value};

const CAPACITY: u64 = 256 << 10;
const TIMEOUT: Duration = Duration::from_millis(5);
/// An endless loop would last longer; nothing here waits for a second.
const LONGEST: Duration = Duration::from_secs(30);

// Offsets that `docs/format.md` gives.
const VERSION: u64 = 8;
const SLOT_COUNT: u64 = 80;
const NAMESPACE_LOCK: u64 = 128;
const INDEX_ROOT: u64 = 136;
const CAPACITY_WORD: u64 = 152;
const BOOT: u64 = 96;
const STRUCTURAL_LOCK: u64 = 192;
const HEAP_START: u64 = 88;
const BREAK: u64 = 256;
const RECORD_SLABS: u64 = 288;
const SEAT_EXTENT_COUNT: u64 = 320;
const SEAT_EXTENTS: u64 = 384;
const FREE_RUNS: u64 = 576;
const PARTIAL_SLABS: u64 = 832;
const ARRIVALS: u64 = 1024;
const JOURNAL: u64 = 4096;
const SLOTS: u64 = 8192;
const PAGE: u64 = 4096;
const RUN_HEADER: u64 = 64;

/// A file that nobody is attached to, to be changed word by word.
struct Victim {
    ground: Ground,
    file: File,
}

impl Victim {
    /// Small values in one slab, a large one, a long name and a counter.
    fn new() -> Self {
        let ground = Ground::new();
        let path = ground.file("data.mmf");
        let namespace = ground.builder().swapfile(&path).capacity(CAPACITY).create().unwrap();
        for number in 0..8 {
            namespace.set(&format!("small {number}"), &vec![number; 12]).unwrap();
        }
        namespace.set("large", &vec![1_u8; 40_000]).unwrap();
        namespace.set("a name that stands in a block", &true).unwrap();
        namespace.add("counter", 1).unwrap();
        drop(namespace);
        let file = File::options().read(true).write(true).open(path).unwrap();
        Self { ground, file }
    }

    fn word(&self, offset: u64) -> u64 {
        let mut word = [0; 8];
        self.file.read_exact_at(&mut word, offset).unwrap();
        u64::from_le_bytes(word)
    }

    fn set_word(&self, offset: u64, word: u64) {
        self.file.write_all_at(&word.to_le_bytes(), offset).unwrap();
    }

    fn set_words(&self, offset: u64, words: &[u64]) {
        for (index, word) in words.iter().enumerate() {
            self.set_word(offset + index as u64 * 8, *word);
        }
    }

    /// The record of a variable whose name stands in the record itself.
    fn record(&self, name: &str) -> u64 {
        let mut wanted = [0; 16];
        wanted[..name.len()].copy_from_slice(name.as_bytes());
        let first = self.word(RECORD_SLABS) + RUN_HEADER;
        let mut found = (first..first + 63 * 64).step_by(64).filter(|record| {
            let mut bytes = [0; 16];
            self.file.read_exact_at(&mut bytes, record + 48).unwrap();
            bytes == wanted
        });
        found.next().expect("the variable has a record")
    }

    /// Where the descriptor of a variable's current value stands.
    fn descriptor(&self, name: &str) -> u64 {
        let record = self.record(name);
        let version = self.word(record) >> 3;
        record + 8 + version % 2 * 8
    }

    /// The block of a variable's current value.
    fn block(&self, name: &str) -> u64 {
        (self.word(self.descriptor(name)) >> 28) * 16
    }

    /// Sets `small 3`, whose length is damaged, and another variable to values of `length` bytes;
    /// its neighbours stay what they are. Returns how many sets found the damage.
    fn errors_of_sets(&self, length: usize) -> usize {
        let namespace = self.builder().open().unwrap();
        let findings = namespace.check().unwrap();
        assert!(!findings.is_empty(), "length {length}");
        let value = vec![9_u8; length];
        let mut errors = 0;
        for name in ["small 3", "another"].into_iter().cycle().take(8) {
            if let Err(error) = namespace.set(name, &value) {
                says(&error, ErrorKind::Damaged, &[name, "length"]);
                errors += 1;
            }
        }
        for number in (0..8).filter(|number| *number != 3) {
            let value = namespace.get::<Vec<u8>>(&format!("small {number}")).unwrap();
            assert_eq!(value, Some(vec![number; 12]), "length {length}");
        }
        errors
    }

    fn builder(&self) -> Builder {
        self.ground.builder().swapfile(self.ground.file("data.mmf")).timeout(TIMEOUT)
    }

    /// Opens it and does everything to it.
    fn survives(&self) {
        let builder = self.builder();
        within(move || {
            if let Ok(reader) = builder.clone().read_only(true).open() {
                look(&reader);
            }
            for _ in 0..2 {
                let Ok(namespace) = builder.clone().open() else { continue };
                look(&namespace);
                change(&namespace);
                // What a journal has stored meanwhile is looked at too.
                look(&namespace);
            }
            mmf::list_namespaces().map(drop)
        })
        .unwrap();
    }
}

/// Runs something that must end.
#[track_caller]
fn within<T: Send + 'static>(action: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    let thread = std::thread::spawn(move || sender.send(action()));
    let result = receiver.recv_timeout(LONGEST).expect("it ends, and does not panic");
    thread.join().unwrap().unwrap();
    result
}

fn look(namespace: &Namespace) {
    for name in ["small 1", "large", "a name that stands in a block", "counter", "missing"] {
        let _ = namespace.get::<Value>(name);
        let _ = namespace.metadata(name);
    }
    for name in namespace.list("").map_while(Result::ok) {
        let _ = namespace.get::<Value>(&name);
    }
    let _ = namespace.stat();
    let _ = namespace.check();
    let _ = namespace.debug(&mut std::io::sink());
}

fn change(namespace: &Namespace) {
    for name in ["small 1", "large", "a name that stands in a block", "missing"] {
        for length in [0, 12, 500, 2100, 50_000] {
            let _ = namespace.set(name, &vec![2_u8; length]);
        }
        let _ = namespace.wait(name, &Condition::Gone, Duration::from_millis(1));
        for options in [LockOptions::exclusive(), LockOptions::shared()] {
            let _ = namespace.lock_variable(name, &options).map(drop);
        }
        let _ = namespace.delete(name);
    }
    let _ = namespace.add("counter", 1);
    for options in [LockOptions::exclusive(), LockOptions::shared()] {
        let _ = namespace.lock(&options).map(|_| namespace.set("small 2", "locked"));
    }
}

#[test]
fn names_that_lead_to_pipes_directories_and_devices() {
    let ground = Ground::new();
    let directory = directory_of_namespaces();
    let path = directory.join(ground.name());
    let pipe = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, pipe, 0o600.into(), 0).unwrap();
    let name = ground.name().to_owned();
    let refused = move |kind: ErrorKind| {
        let name = name.clone();
        within(move || {
            let builder = || Namespace::builder(&name).capacity(CAPACITY);
            assert_eq!(builder().create().unwrap_err().kind(), kind);
            assert_eq!(builder().open().unwrap_err().kind(), kind);
            assert_eq!(builder().read_only(true).open().unwrap_err().kind(), kind);
            assert_eq!(builder().open_or_create().unwrap_err().kind(), kind);
            assert_eq!(mmf::remove_namespace(&name, true).unwrap_err().kind(), kind);
            let listed = mmf::list_namespaces().unwrap();
            let summary = listed.into_iter().find(|summary| summary.name == name).unwrap();
            assert!(summary.problem.is_some());
        });
    };
    refused(ErrorKind::Io);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(ErrorKind::Io);
    fs::remove_dir(&path).unwrap();
}

fn directory_of_namespaces() -> std::path::PathBuf {
    let ground = Ground::new();
    let namespace = ground.builder().capacity(65_536).create().unwrap();
    namespace.path().unwrap().parent().unwrap().to_owned()
}

#[test]
fn links_that_lead_to_themselves_pipes_directories_and_devices() {
    let ground = Ground::new();
    let path = directory_of_namespaces().join(ground.name());
    let pipe = ground.file("pipe");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, 0o600.into(), 0).unwrap();
    let targets = [path.as_path(), &pipe, ground.directory(), Path::new("/dev/zero")];
    for target in targets {
        let link = format!("mmf-link 1\n{:032x}\n{}\n", 7, target.display());
        fs::write(&path, &link).unwrap();
        let name = ground.name().to_owned();
        let kind = within(move || {
            let _ = mmf::list_namespaces().unwrap();
            Namespace::builder(&name).open().unwrap_err().kind()
        });
        assert!(matches!(kind, ErrorKind::Io | ErrorKind::NotANamespace), "{target:?}: {kind:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), link);
    }
    fs::remove_file(&path).unwrap();
}

#[test]
fn one_file_under_two_names() {
    let (ground, other) = (Ground::new(), Ground::new());
    let namespace = ground.builder().capacity(CAPACITY).create().unwrap();
    namespace.set("v", "once").unwrap();
    let path = namespace.path().unwrap();
    fs::hard_link(path, path.with_file_name(other.name())).unwrap();
    let same = other.builder().open().unwrap();
    same.set("v", "twice").unwrap();
    assert_eq!(namespace.get::<String>("v").unwrap().as_deref(), Some("twice"));
    mmf::remove_namespace(ground.name(), true).unwrap();
    assert_eq!(same.check().unwrap(), []);
}

/// A name on a file that claims a terabyte and has none of it must not make anybody take one.
#[test]
fn a_terabyte_of_holes_costs_nothing() {
    let victim = Victim::new();
    let terabyte = 1 << 40;
    victim.file.set_len(terabyte).unwrap();
    victim.set_word(CAPACITY_WORD, terabyte);
    victim.set_word(BREAK, terabyte);
    victim.survives();
    let taken = victim.file.metadata().unwrap().blocks() * 512;
    assert!(taken < 32 << 20, "{taken} bytes were taken");
}

/// The same when it has to be mended: only what is there is searched for variables.
#[test]
fn mending_a_terabyte_of_holes_costs_nothing() {
    let victim = Victim::new();
    let terabyte = 1 << 40;
    victim.file.set_len(terabyte).unwrap();
    victim.set_word(CAPACITY_WORD, terabyte);
    victim.set_word(BREAK, terabyte);
    // As if the system had crashed since.
    victim.set_word(BOOT, !victim.word(BOOT));
    let builder = victim.builder();
    let mended = within(move || builder.open().unwrap());
    let repair = mended.repair().expect("it is damaged");
    assert_eq!((repair.kept, repair.lost.len()), (11, 0), "{repair:?}");
}

/// Changed in the middle of a check, it made the sums overflow; here it is changed before.
#[test]
fn a_heap_that_begins_behind_its_end() {
    for start in [u64::MAX, u64::MAX - 4095, 1 << 41] {
        let victim = Victim::new();
        let namespace = victim.builder().open().unwrap();
        victim.set_word(HEAP_START, start);
        within(move || look(&namespace));
    }
}

#[test]
fn locks_of_owners_that_never_were() {
    for mode in [1, 2, 3] {
        for seat in [0, 1, 7, 8, 9, 4000, 8191] {
            let victim = Victim::new();
            let word = mode | seat << 4 | 77 << 17;
            victim.set_word(NAMESPACE_LOCK, word);
            victim.survives();
            let victim = Victim::new();
            victim.set_word(victim.record("small 1") + 24, word);
            victim.survives();
            // Nobody else's variable is concerned.
            let namespace = victim.builder().open().unwrap();
            assert_eq!(namespace.get::<Vec<u8>>("small 3").unwrap(), Some(vec![3; 12]));
        }
    }
}

#[test]
fn publish_and_structural_locks_of_owners_that_never_were() {
    for owner in [0, 1, 2, 9, 63, 255, 4095] {
        let victim = Victim::new();
        let record = victim.record("small 1");
        victim.set_word(record, victim.word(record) | 1 | owner << 51);
        victim.survives();
        let victim = Victim::new();
        victim.set_word(STRUCTURAL_LOCK, 1 | owner << 4 | 5 << 16);
        victim.survives();
    }
}

#[test]
fn words_that_always_say_that_somebody_waits() {
    let victim = Victim::new();
    victim.set_word(NAMESPACE_LOCK, victim.word(NAMESPACE_LOCK) | 1 << 2);
    victim.set_word(STRUCTURAL_LOCK, victim.word(STRUCTURAL_LOCK) | 1 << 1);
    victim.set_words(ARRIVALS, &[u64::MAX; 64]);
    let record = victim.record("small 1");
    victim.set_word(record, victim.word(record) | 1 << 1);
    victim.set_word(record + 24, victim.word(record + 24) | 1 << 2);
    let namespace = victim.builder().open().unwrap();
    for _ in 0..3 {
        namespace.set("small 1", "new").unwrap();
        namespace.set("arrives", &1).unwrap();
        namespace.lock(&LockOptions::exclusive()).unwrap().unlock().unwrap();
        namespace.lock_variable("small 1", &LockOptions::shared()).unwrap().unlock().unwrap();
        assert!(namespace.delete("arrives").unwrap());
    }
    assert_eq!(namespace.check().unwrap(), []);
}

#[test]
fn free_lists_that_lead_into_live_data_and_in_circles() {
    let victim = Victim::new();
    let large = victim.block("large") - RUN_HEADER;
    let slab = victim.block("small 1") / PAGE * PAGE;
    let inside = large + PAGE;
    for target in [large, slab, 0x18, PAGE, victim.word(BREAK), u64::MAX, 1 << 40] {
        let victim = Victim::new();
        victim.set_words(FREE_RUNS, &[target; 29]);
        victim.survives();
        let victim = Victim::new();
        victim.set_words(PARTIAL_SLABS, &[target; 22]);
        victim.survives();
    }
    // Bytes of a value that pass for a free run, which leads to itself, or to another such.
    for next in [inside, inside + PAGE] {
        let victim = Victim::new();
        for base in [inside, inside + PAGE] {
            victim.set_words(base, &[1 | 2 << 16, 1, next, inside]);
        }
        victim.set_words(FREE_RUNS, &[inside; 29]);
        victim.survives();
    }
}

#[test]
fn index_words_that_lead_into_values() {
    let sound = Victim::new();
    let directory = (sound.word(INDEX_ROOT) >> 30) * 64;
    let segment = sound.word(directory);
    let bytes_of_value = sound.block("large") / 64;
    let record = sound.record("small 1") / 64;
    for target in [bytes_of_value, record, 1, (1 << 34) - 1] {
        let victim = Victim::new();
        for offset in (segment + RUN_HEADER..segment + PAGE).step_by(8) {
            let tag = victim.word(offset) & 0x3fff_ffff;
            victim.set_word(offset, target << 30 | tag);
        }
        victim.survives();
    }
    for leads_to in [segment + 8, bytes_of_value * 64, 0, u64::MAX, sound.word(BREAK)] {
        let victim = Victim::new();
        victim.set_word(directory, leads_to);
        victim.survives();
    }
}

#[test]
fn directories_deeper_than_the_file() {
    let sound = Victim::new().word(INDEX_ROOT);
    for depth in [1, 6, 7, 20, 32, 33, 63] {
        let victim = Victim::new();
        victim.set_word(INDEX_ROOT, sound & !63 | depth);
        victim.survives();
    }
}

/// With an end of the heap that the file does not have, the bound on the walk meant nothing.
#[test]
fn a_chain_of_records_that_loops_in_a_heap_without_end() {
    for end in [CAPACITY, 1 << 40, u64::MAX - (PAGE - 1), u64::MAX] {
        let victim = Victim::new();
        let slab = victim.word(RECORD_SLABS);
        victim.set_word(slab + 40, slab);
        // The header was verified; then the journal is finished.
        victim.set_words(JOURNAL, &[1, 0, BREAK, end]);
        victim.set_word(STRUCTURAL_LOCK, 1 << 16);
        victim.survives();
    }
}

#[test]
fn journals_that_store_where_none_may() {
    let record = Victim::new().record("small 1");
    let end = Victim::new().word(BREAK);
    let targets = [0, BREAK, SLOT_COUNT, INDEX_ROOT, SLOTS, SEAT_EXTENTS, JOURNAL, JOURNAL + 16];
    let targets = targets.into_iter().chain([record, record + 24, end, 1 << 40, 4, u64::MAX - 7]);
    for target in targets {
        for word in [0, 1, u64::MAX, 1 << 40] {
            let victim = Victim::new();
            victim.set_words(JOURNAL, &[1, 0, target, word]);
            victim.survives();
        }
    }
    for count in [254, 255, u64::MAX] {
        let victim = Victim::new();
        victim.set_word(JOURNAL, count);
        victim.survives();
    }
}

/// The block went to the magazine of a larger class, and the next set wrote over its neighbours.
#[test]
fn a_damaged_length_does_not_spread_to_neighbours() {
    for length in [100, 1000, 2000, 3000, 30_000, (1 << 40) - 1] {
        let victim = Victim::new();
        let block = victim.block("small 3");
        victim.set_word(block, victim.word(block) & !((1 << 40) - 1) | length);
        // In the block it is for people and for `check`.
        assert_eq!(victim.errors_of_sets(length.min(30_000) as usize), 0, "length {length}");
    }
    for length in [100, 1000, 2000, 2001] {
        let victim = Victim::new();
        let descriptor = victim.descriptor("small 3");
        let word = victim.word(descriptor) & !(0xfff << 16) | (length + 1) << 16;
        victim.set_word(descriptor, word);
        // The set that would use the block as a larger one says so, and gives it up.
        assert!(victim.errors_of_sets(length as usize) > 0, "length {length}");
    }
}

/// The place of a magazine with no block in it kept its seat from being freed, and the next opening
/// failed at that.
#[test]
fn a_damaged_offset_does_not_keep_others_out() {
    let sound = Victim::new();
    let places =
        [64, PAGE, sound.word(RECORD_SLABS) + RUN_HEADER, sound.word(BREAK) - PAGE, 1 << 39];
    for place in places {
        let victim = Victim::new();
        let descriptor = victim.descriptor("small 3");
        victim.set_word(descriptor, (place / 16) << 28 | victim.word(descriptor) & 0xfff_ffff);
        let namespace = victim.builder().open().unwrap();
        let _ = namespace.set("small 3", &vec![9_u8; 12]);
        drop(namespace);
        let namespace = victim.builder().open().unwrap();
        for number in (0..8).filter(|number| *number != 3) {
            let value = namespace.get::<Vec<u8>>(&format!("small {number}")).unwrap();
            assert_eq!(value, Some(vec![number; 12]), "offset {place}");
        }
        namespace.set("another", &vec![9_u8; 12]).unwrap();
    }
}

#[test]
fn names_in_blocks_of_others() {
    let victim = Victim::new();
    let (record, other) = (victim.record("small 1"), victim.block("small 2"));
    for (length, block) in [(17, other), (1024, other), (1024, 0), (0xffff, other), (0, other)] {
        for block in [block, victim.word(BREAK) - 8, u64::MAX - 7, 3] {
            let victim = Victim::new();
            victim.set_word(record + 32, victim.word(record + 32) & !0xffff | length);
            victim.set_word(record + 48, block);
            victim.survives();
        }
    }
}

#[test]
fn seats_that_stand_on_other_things() {
    let sound = Victim::new();
    let seats = sound.word(SEAT_EXTENTS);
    let large = sound.block("large") - RUN_HEADER;
    for base in [0, 64, PAGE, large, sound.word(BREAK) - PAGE, 1 << 40, u64::MAX, seats + 8] {
        let victim = Victim::new();
        victim.set_words(SEAT_EXTENTS, &[base; 10]);
        victim.survives();
        // Every extent is the same one: thousands of seats that are eight.
        victim.set_words(SEAT_EXTENTS, &[seats; 10]);
        victim.survives();
    }
}

/// The number of extents was shifted by before it was looked at, in the text of an error.
#[test]
fn more_extents_of_seats_than_there_can_be() {
    for extents in [10, 64, u64::MAX] {
        let victim = Victim::new();
        let first = victim.word(SEAT_EXTENTS) + RUN_HEADER;
        for seat in 0..8 {
            victim.set_word(first + seat * 768, 2);
        }
        victim.set_word(SEAT_EXTENT_COUNT, extents);
        let namespace = victim.builder().open().unwrap();
        let error = namespace.set("small 1", "new").unwrap_err();
        says(&error, ErrorKind::LimitReached, &["8184 seats"]);
    }
}

/// A process that died with everything it could hold, all of it nonsense.
#[test]
fn the_dead_may_leave_anything() {
    let sound = Victim::new();
    let seat = sound.word(SEAT_EXTENTS) + RUN_HEADER;
    let record = sound.record("small 1");
    let value = sound.block("large");
    for target in [record, value, 0, 128, seat, sound.word(BREAK) - 64, (1 << 40) - 64] {
        for phase in 0..5 {
            let victim = Victim::new();
            victim.set_word(SLOTS, 5 << 8 | 1);
            // STATE, INTENT, OLD, PLACES; HELD; MAGAZINE.
            victim.set_words(seat, &[1, target & !63 | phase, target, 0xffff << 8 | 45]);
            for held in 0..16 {
                victim.set_word(seat + 128 + held * 16, target | (held % 2) << 40 | held << 41);
            }
            victim.set_words(seat + 384, &[target; 46]);
            victim.set_word(record, victim.word(record) | 1 | 1 << 51);
            victim.survives();
        }
    }
}

#[test]
fn slots_in_the_last_of_their_generations() {
    let victim = Victim::new();
    for slot in 0..64 {
        victim.set_word(SLOTS + slot * 128, (u64::MAX << 8) | (slot % 4));
    }
    let namespace = victim.builder().open().unwrap();
    assert_eq!(namespace.get::<Vec<u8>>("small 3").unwrap(), Some(vec![3; 12]));
    assert_eq!(namespace.check().unwrap(), []);
}

/// The sizes of another version were believed, and each of billions of slots asked for its owner.
#[test]
fn a_listing_asks_nothing_of_another_version() {
    let ground = Ground::new();
    let namespace = ground.builder().capacity(CAPACITY).create().unwrap();
    let file = File::options().write(true).open(namespace.path().unwrap()).unwrap();
    drop(namespace);
    file.write_all_at(&1_u64.to_le_bytes(), VERSION).unwrap();
    file.write_all_at(&u64::MAX.to_le_bytes(), SLOT_COUNT).unwrap();
    let listed = within(mmf::list_namespaces).unwrap();
    let summary = listed.into_iter().find(|summary| summary.name == ground.name()).unwrap();
    let problem = summary.problem.expect("it is named as a problem");
    assert!(problem.contains("version 1"), "{problem}");
}
