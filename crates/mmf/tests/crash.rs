//! Files as a crash of the operating system leaves them: each page of another moment since the
//! last flush.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use common::Ground;
use mmf::{ErrorKind, Namespace, Repair, Value};

const PAGE: usize = 4096;
const CAPACITY: u64 = 384 << 10;
/// Offset of the words that name the boot (`docs/format.md`).
const BOOT: usize = 96;

/// What each page has been since the last flush.
struct Disk {
    path: PathBuf,
    pages: Vec<Vec<Vec<u8>>>,
}

impl Disk {
    /// A disk on which everything has just been written back.
    fn flushed(path: &Path) -> Self {
        let pages = read_pages(path).into_iter().map(|page| vec![page]).collect();
        Self { path: path.to_owned(), pages }
    }

    /// Takes note of the pages as they are: each might be written back now.
    fn look(&mut self) {
        for (seen, page) in self.pages.iter_mut().zip(read_pages(&self.path)) {
            if seen.last() != Some(&page) {
                seen.push(page);
            }
        }
    }

    /// A file of pages from several moments, last used in another boot of the system.
    fn crash(&self, random: &mut fastrand::Rng, path: &Path) {
        let manner = random.u8(0..4);
        let mut content = Vec::new();
        for seen in &self.pages {
            let moment = match manner {
                0 => 0,
                1 => seen.len() - 1,
                2 if random.bool() => 0,
                2 => seen.len() - 1,
                _ => random.usize(0..seen.len()),
            };
            content.extend_from_slice(&seen[moment]);
        }
        content[BOOT] ^= 1;
        std::fs::write(path, content).unwrap();
    }
}

fn read_pages(path: &Path) -> Vec<Vec<u8>> {
    let content = std::fs::read(path).unwrap();
    content.chunks(PAGE).map(<[u8]>::to_vec).collect()
}

/// Every value a variable has had, none for absent; and from which on since the last flush.
#[derive(Default)]
struct History {
    values: Vec<Option<Value>>,
    flushed: usize,
}

/// What the program has done to the namespace.
#[derive(Default)]
struct Oracle(BTreeMap<String, History>);

impl Oracle {
    fn did(&mut self, name: &str, value: Option<Value>) {
        let history = self
            .0
            .entry(name.to_owned())
            .or_insert_with(|| History { values: vec![None], flushed: 0 });
        history.values.push(value);
    }

    fn flush(&mut self) {
        for history in self.0.values_mut() {
            history.flushed = history.values.len() - 1;
        }
    }

    /// Compares what came out of a crash.
    fn judge(&self, namespace: &Namespace, repair: Option<&Repair>) {
        let losses = repair.into_iter().flat_map(|repair| &repair.lost);
        let lost: BTreeSet<_> = losses.map(|loss| loss.name.as_str()).collect();
        let nameless = lost.iter().any(|name| name.starts_with('('));
        for name in namespace.list("") {
            let name = name.unwrap();
            assert!(self.0.contains_key(&name), "{name:?} has never been set");
        }
        for (name, history) in &self.0 {
            let found: Option<Value> = namespace.get(name).unwrap();
            let possible = &history.values[history.flushed..];
            let is_older = repair.is_some_and(|repair| repair.older.contains(name));
            if let [only] = possible {
                assert_eq!(&found, only, "{name:?} was flushed and not changed afterwards");
                assert!(!lost.contains(name.as_str()) && !is_older, "{name:?} counts as lost");
            } else if found.is_some() && is_older {
                assert!(history.values.contains(&found), "{name:?} never was {found:?}");
            } else if found.is_some() {
                assert!(possible.contains(&found), "{name:?} was not {found:?} after the flush");
            } else {
                let is_named = lost.contains(name.as_str()) || (nameless && name.len() > 16);
                assert!(is_named || possible.contains(&None), "{name:?} vanished unnamed");
            }
        }
    }
}

fn random_name(random: &mut fastrand::Rng) -> String {
    let number = random.u8(0..24);
    match number % 4 {
        0 => format!("a name that does not fit into its record {number}"),
        _ => format!("name {number}"),
    }
}

fn random_value(random: &mut fastrand::Rng) -> Value {
    let length = match random.u8(0..8) {
        0 => 0,
        1..5 => random.usize(1..100),
        5..7 => random.usize(100..2100),
        _ => random.usize(2100..20_000),
    };
    Value::Bytes((0..length).map(|_| random.u8(..)).collect())
}

/// Does one thing, and tells the oracle.
fn act(namespace: &Namespace, random: &mut fastrand::Rng, oracle: &mut Oracle) {
    let name = random_name(random);
    match random.u8(0..10) {
        0..6 => {
            let value = random_value(random);
            match namespace.set(&name, &value) {
                Ok(_) => oracle.did(&name, Some(value)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::OutOfSpace, "{error}"),
            }
        }
        6..8 => {
            if namespace.delete(&name).unwrap() {
                oracle.did(&name, None);
            }
        }
        _ => match namespace.add("counter", 1) {
            Ok(sum) => oracle.did("counter", Some(Value::Counter(sum))),
            Err(error) => assert_eq!(error.kind(), ErrorKind::OutOfSpace, "{error}"),
        },
    }
}

/// Opens a crashed file, which is sound afterwards.
fn open(ground: &Ground, path: &Path) -> Namespace {
    let namespace = ground.builder().swapfile(path).open().unwrap();
    let count = namespace.list("").count() as u64;
    assert!(namespace.repair().is_none_or(|repair| repair.kept == count));
    assert_eq!(namespace.check().unwrap(), []);
    namespace
}

/// The namespace works, and opens again as what it is now.
fn use_it(ground: &Ground, path: &Path, namespace: Namespace) {
    let add = |namespace: &Namespace| namespace.add("counter after the crash", 1);
    let before = match add(&namespace) {
        Ok(sum) => sum,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::OutOfSpace, "{error}");
            return;
        }
    };
    drop(namespace);
    let again = ground.builder().swapfile(path).open().unwrap();
    assert!(again.repair().is_none(), "mended twice");
    assert_eq!(add(&again).unwrap(), before + 1);
}

#[test]
fn what_was_flushed_survives_and_the_rest_is_named() {
    let (mut mended, mut sound, mut set_back) = (0, 0, 0);
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let ground = Ground::new();
        let path = ground.file("data.mmf");
        let namespace = ground.builder().swapfile(&path).capacity(CAPACITY).create().unwrap();
        let mut oracle = Oracle::default();
        for _ in 0..random.u8(0..150) {
            act(&namespace, &mut random, &mut oracle);
        }
        namespace.flush().unwrap();
        oracle.flush();
        let mut disk = Disk::flushed(&path);
        for _ in 0..random.u8(1..60) {
            act(&namespace, &mut random, &mut oracle);
            disk.look();
        }
        for _ in 0..4 {
            let after = Ground::new();
            let crashed = after.file("crashed.mmf");
            disk.crash(&mut random, &crashed);
            let reopened = open(&after, &crashed);
            match reopened.repair() {
                Some(repair) => {
                    mended += 1;
                    set_back += repair.older.len();
                }
                None => sound += 1,
            }
            oracle.judge(&reopened, reopened.repair());
            use_it(&after, &crashed, reopened);
        }
    }
    // The mixtures are of every kind, or the test shows less than it seems to.
    assert!(mended > 50 && sound > 20 && set_back > 10, "{mended} {sound} {set_back}");
}

/// A page may be written back in the middle of whatever changes it.
#[test]
fn pages_written_back_during_changes_never_give_a_mixed_value() {
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let ground = Ground::new();
        let path = ground.file("data.mmf");
        let namespace = ground.builder().swapfile(&path).capacity(CAPACITY).create().unwrap();
        for number in 0..20_u8 {
            namespace.set(&format!("kept {number}"), &vec![number; 300]).unwrap();
        }
        namespace.flush().unwrap();
        let mut disk = Disk::flushed(&path);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..2_u64 {
                let (namespace, is_over) = (&namespace, &is_over);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed * 2 + thread);
                    while !is_over.load(Ordering::Relaxed) {
                        let name = format!("changed {}", random.u8(0..20));
                        if random.u8(0..8) == 0 {
                            namespace.delete(&name).unwrap();
                        } else {
                            let value = vec![random.u8(..); random.usize(1..3000)];
                            namespace.set(&name, &value).unwrap();
                        }
                    }
                });
            }
            for _ in 0..40 {
                disk.look();
            }
            is_over.store(true, Ordering::Relaxed);
        });
        for _ in 0..4 {
            let after = Ground::new();
            let crashed = after.file("crashed.mmf");
            disk.crash(&mut random, &crashed);
            let reopened = open(&after, &crashed);
            for number in 0..20_u8 {
                let value: Option<Vec<u8>> = reopened.get(&format!("kept {number}")).unwrap();
                assert_eq!(value, Some(vec![number; 300]));
            }
            for name in reopened.list("changed") {
                let value: Vec<u8> = reopened.get(&name.unwrap()).unwrap().unwrap();
                assert!(value.windows(2).all(|pair| pair[0] == pair[1]), "mixed");
            }
            use_it(&after, &crashed, reopened);
        }
    }
}

/// An index page from behind the flush, in a heap from before: its words lead into free memory,
/// where bytes of a later moment look like records.
#[test]
fn records_outside_their_slabs_are_no_variables() {
    let ground = Ground::new();
    let path = ground.file("data.mmf");
    let namespace = ground.builder().swapfile(&path).capacity(CAPACITY).create().unwrap();
    let before = read_pages(&path);
    namespace.set("late", "value").unwrap();
    let after = read_pages(&path);
    drop(namespace);
    // The first page of the heap is the index; the journal, the header and the slots are old.
    let heap = u64::from_le_bytes(before[0][88..96].try_into().unwrap()) as usize / PAGE;
    let mut content: Vec<u8> = before[..heap].concat();
    content[BOOT] ^= 1;
    content.extend(after[heap].iter());
    content.extend(before[heap + 1..heap + 2].concat());
    // Headers of runs are old, what stands in them is not.
    for (old, new) in before[heap + 2..].iter().zip(&after[heap + 2..]) {
        content.extend(old[..64].iter().chain(&new[64..]));
    }
    let crashed = Ground::new();
    let path = crashed.file("crashed.mmf");
    std::fs::write(&path, content).unwrap();
    let namespace = open(&crashed, &path);
    assert!(namespace.repair().is_some(), "the index was believed");
    assert_eq!(namespace.get::<Value>("late").unwrap(), None);
    use_it(&crashed, &path, namespace);
}
