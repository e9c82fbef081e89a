//! Changes to the bytes of a sound namespace.

use std::ops::Range;

use fastrand::Rng;

use crate::layout::{self, Kind, PAGE};

/// Words of the header that lead somewhere or decide something (`docs/format.md`, section 3).
const HEADER_WORDS: [usize; 22] = [
    16, 24, 32, 64, 72, 80, 88, 96, 128, 136, 152, 192, 256, 264, 272, 280, 288, 296, 312, 320,
    328, 384,
];
const JOURNAL: usize = PAGE;
/// Where lists of runs and slabs, and arrival words, begin in the header.
const LISTS: Range<usize> = 384..1024 + 64 * 8;

/// Where the structures of one sound file stand.
pub(super) struct Map {
    runs: Vec<(Kind, Range<usize>)>,
    slots: Vec<usize>,
    seats: Vec<usize>,
    records: Vec<usize>,
    committed: usize,
}

/// One change of bytes in place: at an offset, these.
pub(super) struct Change {
    pub(super) offset: usize,
    pub(super) bytes: Vec<u8>,
}

impl Map {
    /// The map of a sound file.
    pub(super) fn of(content: &[u8]) -> Self {
        let runs = layout::runs(content);
        let of_kind = |kind| runs.iter().filter(move |run| run.0 == kind).map(|run| &run.1);
        let seats = of_kind(Kind::Seats).flat_map(layout::seats).collect();
        let records =
            of_kind(Kind::Records).flat_map(layout::record_locks).map(|lock| lock - 24).collect();
        Self {
            slots: layout::slots(content).collect(),
            seats,
            records,
            committed: layout::committed(content).unwrap_or(0).min(content.len()),
            runs,
        }
    }

    /// The offset of some word, of a structure more often than not.
    fn word(&self, random: &mut Rng) -> usize {
        match random.u8(0..14) {
            0..2 => HEADER_WORDS[random.usize(..HEADER_WORDS.len())],
            2 => random.usize(LISTS.start / 8..LISTS.end / 8) * 8,
            3 => JOURNAL + random.usize(0..PAGE / 8) * 8,
            4 => pick(random, &self.slots) + random.usize(0..16) * 8,
            5..7 => self.seat_word(random),
            7..9 => pick(random, &self.records) + random.usize(0..8) * 8,
            9 | 10 => self.run(random).start + random.usize(0..8) * 8,
            11 | 12 => {
                let run = self.run(random);
                random.usize(run.start / 8..run.end / 8) * 8
            }
            _ => random.usize(0..self.committed / 8) * 8,
        }
    }

    fn seat_word(&self, random: &mut Rng) -> usize {
        let word = match random.u8(0..4) {
            0 => random.usize(0..4),
            1 => 16 + random.usize(0..4) * 2,
            2 => 48 + random.usize(0..46),
            _ => random.usize(0..96),
        };
        // Most seats are free and empty: those in front are used.
        let used = self.seats.len().min(16);
        pick(random, &self.seats[..used]) + word * 8
    }

    /// A run; those of the index and of tables are few, and as likely as values.
    fn run(&self, random: &mut Rng) -> Range<usize> {
        let kinds = [Kind::Free, Kind::Values, Kind::Seats, Kind::Records, Kind::Other];
        let kind = kinds[random.usize(..kinds.len())];
        let runs: Vec<_> = self.runs.iter().filter(|run| run.0 == kind).collect();
        match runs.is_empty() {
            true => 0..PAGE,
            false => runs[random.usize(..runs.len())].1.clone(),
        }
    }

    /// Where something stands that a word could name.
    fn place(&self, random: &mut Rng) -> u64 {
        let place = match random.u8(0..8) {
            0 => self.run(random).start,
            1 => self.run(random).start + layout::RUN_HEADER,
            2 => pick(random, &self.records),
            3 => pick(random, &self.records) + 24,
            4 => pick(random, &self.seats),
            5 => [0, 64, 128, JOURNAL, JOURNAL + 16, 2 * PAGE][random.usize(0..6)],
            6 => self.committed - [0, 8, 64, PAGE][random.usize(0..4)],
            _ => random.usize(0..self.committed / 8) * 8,
        };
        place as u64
    }

    /// A word that means something, or nearly.
    fn value(&self, random: &mut Rng, now: u64) -> u64 {
        let place = self.place(random);
        let seat = [0, 1, 2, 3, 8191, random.u64(0..8192)][random.usize(0..6)];
        let bits = random.u32(1..33);
        let small = random.u64(0..1 << bits);
        match random.u8(0..20) {
            0 => {
                [0, 1, u64::MAX, u64::MAX - 7, 1 << 63, 1 << 40, (1 << 40) - 8][random.usize(0..7)]
            }
            1 | 2 => {
                let step = [1, 8, 64, 4096, 65_536][random.usize(0..5)];
                if random.bool() { now.wrapping_add(step) } else { now.wrapping_sub(step) }
            }
            3 => now << random.u32(1..33),
            4..7 => place,
            // The fields of descriptors, index words, roots, intents and entries of held locks.
            7 => (place / 16) << 28 | random.u64(0..1 << 12) << 16 | random.u64(0..12),
            8 => (place / 64) << 30 | now & 0x3fff_ffff,
            9 => (place / 64) << 30 | random.u64(0..1 << 24) << 6 | random.u64(0..34),
            10 => place & !63 | random.u64(1..4),
            11 => place | random.u64(0..2) << 40 | random.u64(0..4) << 41,
            // Publish, lock, structural and slot words, and runs' headers.
            12 => seat << 51 | now & ((1 << 51) - 8) | random.u64(0..8),
            13 => now & !0x1_ffff | seat << 4 | random.u64(0..16),
            14 => random.u64(0..4096) << 4 | random.u64(0..4) | small << 16,
            15 => small << 8 | random.u64(0..4),
            16 => random.u64(0..10) | random.u64(0..24) << 8 | random.u64(0..40) << 16,
            17 => now ^ (1 << random.u32(0..64)),
            18 => small,
            _ => random.u64(..),
        }
    }

    /// A change of a few bytes, or of a page, in place.
    pub(super) fn change(&self, random: &mut Rng, content: &[u8]) -> Change {
        let offset = self.word(random);
        let now = layout::word(content, offset);
        let bytes = match random.u8(0..16) {
            0..10 => self.value(random, now).to_le_bytes().to_vec(),
            10 | 11 => (now ^ (1 << random.u32(0..64))).to_le_bytes().to_vec(),
            12 => {
                return Change { offset: offset + random.usize(0..8), bytes: vec![random.u8(..)] };
            }
            13 => vec![0; 8 << random.u32(0..10)],
            14 => {
                let from = self.word(random);
                let to = (from + (8 << random.u32(0..10))).min(self.committed);
                content.get(from..to).unwrap_or_default().to_vec()
            }
            _ => return self.journal(random),
        };
        Change { offset, bytes }
    }

    /// A journal that is under way: whoever opens the file stores its words.
    fn journal(&self, random: &mut Rng) -> Change {
        let count = [1, 2, 5, 254, 255, u64::MAX][random.usize(0..6)];
        let mut words = vec![count, 0];
        for _ in 0..count.min(254) {
            let target =
                if random.u8(0..8) == 0 { self.place(random) } else { self.word(random) as u64 };
            words.extend([target, self.value(random, target)]);
        }
        Change { offset: JOURNAL, bytes: words.into_iter().flat_map(u64::to_le_bytes).collect() }
    }
}

impl Change {
    /// Makes the change; what leads out of the file is left out.
    fn apply(&self, content: &mut [u8]) {
        let room = content.len().saturating_sub(self.offset);
        let length = self.bytes.len().min(room);
        if length > 0 {
            content[self.offset..self.offset + length].copy_from_slice(&self.bytes[..length]);
        }
    }
}

fn pick(random: &mut Rng, places: &[usize]) -> usize {
    if places.is_empty() { 0 } else { places[random.usize(..places.len())] }
}

/// Changes some bytes of a file that nobody is attached to, and sometimes its length.
pub(super) fn mutate(random: &mut Rng, map: &Map, content: &mut Vec<u8>) {
    let changes = match random.u8(0..8) {
        0..4 => 1,
        4..6 => 2,
        6 => random.u8(3..8),
        _ => random.u8(8..60),
    };
    for _ in 0..changes {
        map.change(random, content).apply(content);
    }
    if random.u8(0..16) == 0 {
        let pages = content.len() / PAGE;
        let (one, other) = (random.usize(0..pages) * PAGE, random.usize(0..pages) * PAGE);
        for byte in 0..PAGE {
            content.swap(one + byte, other + byte);
        }
    }
    match random.u8(0..24) {
        0 => content.truncate(random.usize(0..=content.len())),
        1 => content.resize(content.len() + random.usize(0..1 << 20), random.u8(..)),
        2 => {
            // Values in a row of the same bytes: lengths, names and CBOR items that never end.
            let from = random.usize(0..content.len());
            let to = (from + random.usize(0..1 << 14)).min(content.len());
            content[from..to].fill([0x9f, 0xbf, 0x81, 0xff, 0x7f][random.usize(0..5)]);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_makes_one_file() {
        let namespace_directory = tempfile::tempdir().unwrap();
        let path = namespace_directory.path().join("data.mmf");
        let content = {
            let name = format!("mmf-torture-test-{}", std::process::id());
            let builder = mmf::Namespace::builder(&name).swapfile(&path).capacity(128 << 10);
            let namespace = builder.create().unwrap();
            namespace.set("variable", "value").unwrap();
            drop(namespace);
            let content = std::fs::read(&path).unwrap();
            mmf::remove_namespace(&name, true).unwrap();
            content
        };
        let map = Map::of(&content);
        assert!(!map.records.is_empty() && !map.seats.is_empty() && !map.slots.is_empty());
        let mutated = |seed| {
            let mut copy = content.clone();
            mutate(&mut Rng::with_seed(seed), &map, &mut copy);
            copy
        };
        for seed in 0..200 {
            assert!(mutated(seed) == mutated(seed), "seed {seed}");
        }
        let changed = (0..200).filter(|seed| mutated(*seed) != content).count();
        assert!(changed > 150, "only {changed} of 200 files were changed");
    }
}
