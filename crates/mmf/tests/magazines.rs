//! What a seat keeps of the large blocks that its sets replace.

mod common;

use common::Configuration;

/// Bytes in magazines after sets of `length` bytes, in a namespace of `capacity`.
fn kept(capacity: u64, length: usize) -> u64 {
    let place = Configuration::Tmpfs.open_sized(capacity);
    for seed in 0..4 {
        place.namespace.set("value", &vec![seed; length]).unwrap();
    }
    assert_eq!(place.namespace.check().unwrap(), []);
    place.namespace.stat().unwrap().magazines
}

#[test]
fn a_replaced_large_block_is_kept_when_it_is_a_small_part_of_the_capacity() {
    // 50,000 bytes are 13 pages, 200,000 are 49, 1,000,000 are 245, 2,000,000 are 489.
    for (capacity, length, pages) in [
        (1 << 20, 50_000, 13),
        (8 << 20, 200_000, 0),
        (64 << 20, 200_000, 49),
        (64 << 20, 1_000_000, 0),
        (256 << 20, 1_000_000, 245),
        (1 << 30, 2_000_000, 0),
    ] {
        let found = kept(capacity, length);
        assert_eq!(found / 4096, pages, "{length} bytes of {capacity}: {found} kept");
    }
}

/// What a handle keeps is its own memory when it runs short.
#[test]
fn a_kept_block_goes_back_before_space_is_out() {
    let place = Configuration::Tmpfs.open_sized(64 << 20);
    let namespace = &place.namespace;
    let value = vec![1; 200_000];
    for name in ["first", "second", "first", "second"] {
        namespace.set(name, &value).unwrap();
    }
    // Small blocks leave the places of large ones alone.
    let fill = |number: u32| namespace.set(&format!("filler {number}"), &vec![2; 2000]);
    fill(0).unwrap();
    assert!(namespace.stat().unwrap().magazines > 200_000, "the block is kept");
    let error = (1..40_000).find_map(|number| fill(number).err()).expect("64 MiB hold no 80 MB");
    assert_eq!(error.kind(), mmf::ErrorKind::OutOfSpace);
    assert!(namespace.stat().unwrap().magazines < 200_000, "the kept block is kept still");
    assert_eq!(namespace.check().unwrap(), []);
}
