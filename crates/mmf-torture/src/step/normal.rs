//! States that differ in nothing that anybody acts upon are one state.
//!
//! Recoveries of many states lead to the same few, but for times, process ids, statistics, the
//! counts in lock words (which only tell one acquisition from another), the journal's old entries
//! and the bytes of free pages. Deeper levels explore one state of each such kind.

use xxhash_rust::xxh3::xxh3_128;

use super::snapshot::Snapshot;
use crate::layout::{self, Kind, RUN_HEADER, set_word, word};

/// Milliseconds since 1970 that a stored time is taken for: from 2020 to 2100.
const TIMES: std::ops::Range<u64> = 1_577_000_000_000..4_102_000_000_000;
const TIME_MASK: u64 = (1 << 44) - 1;
/// The process id in the first word of a value's header.
const PROCESS_SHIFT: u32 = 40;
const PROCESS_MASK: u64 = u64::MAX << PROCESS_SHIFT;
/// Counts of acquisitions: in lock words, and in the structural lock's word.
const LOCK_COUNT: u64 = u64::MAX << 17;
const STRUCTURAL_COUNT: u64 = u64::MAX << 16;

/// What tells a state from others that behave differently.
pub(crate) fn normal_hash(snapshot: &Snapshot) -> u128 {
    let mut all = Vec::new();
    for (name, length, content) in snapshot.files() {
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(&length.to_le_bytes());
        if content.starts_with(layout::MAGIC) {
            all.extend_from_slice(&xxh3_128(&normal(content)).to_le_bytes());
        } else if !content.starts_with(layout::LINK_MAGIC) {
            all.extend_from_slice(content);
        }
    }
    xxh3_128(&all)
}

fn normal(content: &[u8]) -> Vec<u8> {
    let mut normal = content.to_vec();
    let mask = |normal: &mut Vec<u8>, offset, bits: u64| {
        let value = word(normal, offset);
        set_word(normal, offset, value & !bits);
    };
    mask(&mut normal, layout::RECOVERIES, u64::MAX);
    mask(&mut normal, layout::NAMESPACE_LOCK, LOCK_COUNT);
    mask(&mut normal, layout::STRUCTURAL_LOCK, STRUCTURAL_COUNT);
    for arrival in layout::ARRIVALS.step_by(8) {
        mask(&mut normal, arrival, !1);
    }
    let processes: Vec<_> = layout::slots(content)
        .map(|slot| word(content, slot + 8))
        .filter(|process| *process != 0)
        .collect();
    for slot in layout::slots(content) {
        mask(&mut normal, slot, !3);
        clear(&mut normal, layout::slot_description(slot));
    }
    let (count, entries) = layout::journal(content);
    clear(&mut normal, entries.start + count * 16..entries.end);
    // The runs as they are once a change under way is finished: those headers agree.
    for (kind, run) in layout::runs(&layout::settled(content)) {
        match kind {
            Kind::Free if count == 0 => clear(&mut normal, run.start + RUN_HEADER..run.end),
            Kind::Values | Kind::Free => forget_setters(&mut normal, run, &processes),
            Kind::Seats => {
                for time in layout::seats(&run).flat_map(layout::seat_times) {
                    mask(&mut normal, time, u64::MAX);
                }
            }
            Kind::Records => {
                for lock in layout::record_locks(&run) {
                    mask(&mut normal, lock, LOCK_COUNT);
                }
                // Checksums cover who stored a value, and when; also in a change under way.
                let sums: Vec<_> = layout::record_sums(&run).collect();
                sums.iter().for_each(|place| set_word(&mut normal, *place, 0));
                for entry in entries.clone().step_by(16).take(count) {
                    if sums.contains(&(word(content, entry) as usize)) {
                        set_word(&mut normal, entry + 8, 0);
                    }
                }
            }
            Kind::Other => {}
        }
    }
    normal
}

fn clear(content: &mut [u8], range: std::ops::Range<usize>) {
    let end = range.end.min(content.len());
    if let Some(bytes) = content.get_mut(range.start..end) {
        bytes.fill(0);
    }
}

/// Forgets who stored values and when: the first word of a value's header has a process id, the
/// second a time. `processes` are those that have been attached.
fn forget_setters(content: &mut [u8], run: std::ops::Range<usize>, processes: &[u64]) {
    for header in (run.start + RUN_HEADER..run.end).step_by(16) {
        let (first, second) = (word(content, header), word(content, header + 8));
        if processes.contains(&(first >> PROCESS_SHIFT)) {
            set_word(content, header, first & !PROCESS_MASK);
        }
        if second >> 56 == 0 && TIMES.contains(&(second & TIME_MASK)) {
            set_word(content, header + 8, second & !TIME_MASK);
        }
    }
}
