//! Get and set beside what the machine can do at best, in one run:
//! `cargo bench -p mmf-bench`.
//!
//! Names have 16 bytes; values 16 bytes when hot, 64 among a million.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::{Bencher, counter::BytesCount};
use mmf::{Namespace, Variable};

/// Variables of the large benches.
const MILLION: u64 = 1_000_000;

fn main() {
    divan::main();
}

/// A namespace in system memory that goes with this process.
struct Place(Namespace);

impl Place {
    fn new(capacity: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mmf-bench-{}-{number}", std::process::id());
        Self(Namespace::builder(&name).capacity(capacity).create().expect("a namespace"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = mmf::remove_namespace(self.0.name(), true);
    }
}

fn name(index: u64) -> String {
    format!("name{index:012}")
}

/// The next index of a walk without a pattern: a full-period linear congruence (Knuth, TAOCP
/// volume 2, section 3.3.4, line 26), scaled down.
fn next_index(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % MILLION
}

fn hot() -> (Place, Variable) {
    let place = Place::new(1 << 20);
    place.0.set(&name(1), &[1_u8; 16]).expect("set");
    let variable = place.0.variable(&name(1)).expect("a handle");
    (place, variable)
}

#[divan::bench(name = "floor: atomic store", sample_size = 1000)]
fn atomic_store(bencher: Bencher) {
    let word = AtomicU64::new(0);
    bencher.bench_local(|| word.store(black_box(1), Ordering::Release));
}

#[divan::bench(name = "floor: compare-and-swap and swap", sample_size = 1000)]
fn lock_and_unlock(bencher: Bencher) {
    let word = AtomicU64::new(0);
    bencher.bench_local(|| {
        let taken =
            word.compare_exchange(0, black_box(1), Ordering::SeqCst, Ordering::Relaxed).is_ok();
        word.swap(0, Ordering::AcqRel);
        taken
    });
}

#[divan::bench(name = "floor: memcpy", args = [16, 64, 4096, 16 << 20])]
fn memcpy(bencher: Bencher, size: usize) {
    let source = vec![7_u8; size];
    let mut target = vec![0_u8; size];
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        target.copy_from_slice(black_box(&source));
        black_box(target[0])
    });
}

fn map(count: u64, size: usize) -> RwLock<HashMap<String, Vec<u8>>> {
    RwLock::new((0..count).map(|index| (name(index), vec![1_u8; size])).collect())
}

#[divan::bench(name = "HashMap behind RwLock: get hot", sample_size = 1000)]
fn map_get_hot(bencher: Bencher) {
    let map = map(10, 16);
    let (name, mut buffer) = (name(1), Vec::new());
    bencher.bench_local(|| {
        buffer.clear();
        buffer.extend_from_slice(&map.read().expect("lock")[black_box(&name)]);
        black_box(buffer.len())
    });
}

#[divan::bench(name = "HashMap behind RwLock: set hot", sample_size = 1000)]
fn map_set_hot(bencher: Bencher) {
    let map = map(10, 16);
    let name = name(1);
    bencher.bench_local(|| {
        let mut map = map.write().expect("lock");
        let value = map.get_mut(black_box(&name)).expect("there");
        value.clear();
        value.extend_from_slice(black_box(&[2; 16]));
    });
}

#[divan::bench(name = "HashMap behind RwLock: get random of a million", sample_size = 1000)]
fn map_get_random(bencher: Bencher) {
    let map = map(MILLION, 64);
    let names: Vec<_> = (0..MILLION).map(name).collect();
    let (mut state, mut buffer) = (1, Vec::new());
    bencher.bench_local(|| {
        buffer.clear();
        let name = &names[next_index(&mut state) as usize];
        buffer.extend_from_slice(&map.read().expect("lock")[name]);
        black_box(buffer.len())
    });
}

#[divan::bench(name = "mmf: get hot, by name", sample_size = 1000)]
fn get_hot(bencher: Bencher) {
    let (place, _) = hot();
    let (name, mut buffer) = (name(1), Vec::new());
    bencher.bench_local(|| {
        let seen = place.0.get_into(black_box(&name), &mut buffer).expect("get");
        assert!(seen.is_some() && buffer.len() == 16);
    });
}

#[divan::bench(name = "mmf: get hot, by handle", sample_size = 1000)]
fn get_hot_handle(bencher: Bencher) {
    let (_place, variable) = hot();
    let mut buffer = Vec::new();
    bencher.bench_local(|| {
        let seen = variable.get_into(&mut buffer).expect("get");
        assert!(seen.is_some() && buffer.len() == 16);
    });
}

#[divan::bench(name = "mmf: set hot, by name", sample_size = 1000)]
fn set_hot(bencher: Bencher) {
    let (place, _) = hot();
    let name = name(1);
    bencher.bench_local(|| place.0.set(black_box(&name), black_box(&[2_u8; 16])).expect("set"));
}

#[divan::bench(name = "mmf: set hot, by handle", sample_size = 1000)]
fn set_hot_handle(bencher: Bencher) {
    let (_place, variable) = hot();
    bencher.bench_local(|| variable.set(black_box(&[2_u8; 16])).expect("set"));
}

fn million() -> (Place, Vec<String>) {
    let place = Place::new(1 << 30);
    let names: Vec<_> = (0..MILLION).map(name).collect();
    for name in &names {
        place.0.set(name, &[1_u8; 64]).expect("set");
    }
    (place, names)
}

#[divan::bench(name = "mmf: get random of a million", sample_size = 1000)]
fn get_random(bencher: Bencher) {
    let (place, names) = million();
    let (mut state, mut buffer) = (1, Vec::new());
    bencher.bench_local(|| {
        let name = &names[next_index(&mut state) as usize];
        let seen = place.0.get_into(name, &mut buffer).expect("get");
        assert!(seen.is_some() && buffer.len() == 64);
    });
}

#[divan::bench(name = "mmf: set random of a million", sample_size = 1000)]
fn set_random(bencher: Bencher) {
    let (place, names) = million();
    let mut state = 1;
    bencher.bench_local(|| {
        let name = &names[next_index(&mut state) as usize];
        place.0.set(name, &[2_u8; 64]).expect("set")
    });
}

#[divan::bench(name = "mmf: counter add, by handle", sample_size = 1000)]
fn add(bencher: Bencher) {
    let place = Place::new(1 << 20);
    let counter = place.0.variable("counter").expect("a handle");
    bencher.bench_local(|| counter.add(1).expect("add"));
}

#[divan::bench(name = "mmf: set and get 16 MiB", sample_count = 10)]
fn large(bencher: Bencher) {
    let place = Place::new(256 << 20);
    let value = vec![5_u8; 16 << 20];
    let mut buffer = Vec::new();
    bencher.counter(BytesCount::new(2 * value.len())).bench_local(|| {
        place.0.set("large", &value).expect("set");
        place.0.get_into("large", &mut buffer).expect("get");
        assert_eq!(buffer.len(), value.len());
    });
}
