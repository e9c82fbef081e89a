//! Files as a crash of the operating system leaves them: each page of another moment since the
//! last flush. Many more of them: `mmf-torture crash`.

mod common;

use std::path::Path;
use std::time::Duration;

use common::Ground;
use mmf::{LockOptions, Value};

const PAGE: usize = 4096;
const CAPACITY: u64 = 384 << 10;
/// Offset of the words that name the boot (`docs/format.md`).
const BOOT: usize = 96;

fn read_pages(path: &Path) -> Vec<Vec<u8>> {
    let content = std::fs::read(path).unwrap();
    content.chunks(PAGE).map(<[u8]>::to_vec).collect()
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
    let namespace = crashed.builder().swapfile(&path).open().unwrap();
    assert!(namespace.repair().is_some(), "the index was believed");
    assert_eq!(namespace.get::<Value>("late").unwrap(), None);
    assert_eq!(namespace.check().unwrap(), []);
}

/// The page of a record that somebody holds, and that of the namespace's lock, with the seats as they
/// were before or behind: nobody lists what is held, and no process is attached.
#[test]
fn locks_of_nobody_are_free_after_a_crash() {
    let ground = Ground::new();
    let path = ground.file("data.mmf");
    let namespace = ground.builder().swapfile(&path).capacity(CAPACITY).create().unwrap();
    namespace.set("sixteen letters.", &1).unwrap();
    drop(namespace);
    let mut content = std::fs::read(&path).unwrap();
    let name = content.windows(16).position(|bytes| bytes == b"sixteen letters.").unwrap();
    let mut change = |offset: usize, change: &dyn Fn(u64) -> u64| {
        let word = u64::from_le_bytes(content[offset..offset + 8].try_into().unwrap());
        content[offset..offset + 8].copy_from_slice(&change(word).to_le_bytes());
    };
    // docs/format.md: publish word LOCKED by seat 3; locks of variable and namespace EXCLUSIVE and
    // SHARED; a seat of a slot that is free.
    change(name - 48, &|word| word | 1 | 3 << 51);
    change(name - 48 + 24, &|word| word | 2 | 5 << 4);
    change(128, &|word| word | 3);
    change(BOOT, &|word| word ^ 1);
    let seats = u64::from_le_bytes(content[384..392].try_into().unwrap()) as usize;
    content[seats + 64 + 2 * 768] = 7;
    let crashed = Ground::new();
    let path = crashed.file("crashed.mmf");
    std::fs::write(&path, content).unwrap();
    let patient = crashed.builder().timeout(Duration::from_secs(2));
    let namespace = patient.swapfile(&path).open().unwrap();
    assert!(namespace.repair().is_none(), "{:?}", namespace.repair());
    assert_eq!(namespace.get("sixteen letters.").unwrap(), Some(1));
    namespace.set("sixteen letters.", &2).unwrap();
    let options = LockOptions::exclusive();
    assert!(namespace.lock_variable("sixteen letters.", &options).unwrap().previous_owner_died());
    drop(namespace.lock(&options).unwrap());
    assert_eq!(namespace.check().unwrap(), []);
}
