//! Values of many pages: every byte arrives, whatever the length and wherever the bytes come from.

mod common;

use common::{Configuration, each_configuration};
use mmf::Namespace;

/// Bytes that differ from place to place, and from one `seed` to another.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let step = |_| {
        // Knuth, TAOCP volume 2, section 3.3.4, line 26.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(step).collect()
}

/// Stores `value` and reads it in every way.
#[track_caller]
fn goes_through(namespace: &Namespace, value: &[u8], buffer: &mut Vec<u8>) {
    namespace.set("value", value).unwrap();
    namespace.get_into("value", buffer).unwrap().unwrap();
    assert!(*buffer == value, "{} bytes into a buffer", value.len());
    let owned: Vec<u8> = namespace.get("value").unwrap().unwrap();
    assert!(owned == value, "{} bytes as a vector", value.len());
}

#[test]
fn every_length_to_four_pages_arrives_from_every_alignment() {
    each_configuration(|namespace| {
        let source = bytes(20_000, 1);
        let mut buffer = Vec::new();
        let lengths = (0..1100).chain((1100..17_000).step_by(37));
        for length in lengths.chain(16_380..16_390) {
            let from = length % 67;
            goes_through(namespace, &source[from..from + length], &mut buffer);
        }
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn values_of_many_pages_arrive_with_odd_lengths_and_offsets() {
    const MEGABYTE: usize = 1 << 20;
    for configuration in Configuration::ALL {
        let place = configuration.open_sized(128 << 20);
        let namespace = &place.namespace;
        let source = bytes(20 * MEGABYTE, 2);
        let mut buffer = Vec::new();
        for round in 0..2 {
            for length in [65_535, 65_537, MEGABYTE - 5, 5 * MEGABYTE + 3, 16 * MEGABYTE, 7] {
                let from = round * 13 + length % 61;
                goes_through(namespace, &source[from..from + length], &mut buffer);
            }
        }
        assert_eq!(namespace.check().unwrap(), []);
    }
}

/// Two writers of another length each: a reader sees the one value or the other.
#[test]
fn a_large_value_is_never_a_mixture_of_two() {
    const LENGTHS: [usize; 2] = [3 << 20, (1 << 20) + 5];
    let place = Configuration::Tmpfs.open_sized(64 << 20);
    let open = || place.ground.builder().open().unwrap();
    let values = LENGTHS.map(|length| vec![(length % 251) as u8; length]);
    place.namespace.set("value", &values[0]).unwrap();
    std::thread::scope(|scope| {
        let writers = values.each_ref().map(|value| {
            scope.spawn(move || {
                let own = open();
                for _ in 0..100 {
                    own.set("value", value).unwrap();
                }
            })
        });
        let (own, mut buffer, mut seen) = (open(), Vec::new(), 0);
        while seen == 0 || !writers.iter().all(|writer| writer.is_finished()) {
            own.get_into("value", &mut buffer).unwrap().unwrap();
            assert!(values.contains(&buffer), "a mixture of {} bytes", buffer.len());
            seen += 1;
        }
    });
    assert_eq!(place.namespace.check().unwrap(), []);
}
