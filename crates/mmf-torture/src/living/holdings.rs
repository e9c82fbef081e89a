//! What a process holds of a namespace, read from its file.

use serde::{Deserialize, Serialize};

use crate::layout::{
    self, Kind, NAMESPACE_LOCK, SEAT_BYTES, STRUCTURAL_LOCK, live_slots, settled, slots, word,
};

/// Bits that others set in a word without taking anything: somebody waits.
const PUBLISH_WAITERS: u64 = 1 << 1;
const STRUCTURAL_WAITERS: u64 = 1 << 1;
const LOCK_WAITERS: u64 = 1 << 2;
/// The phase of an intent that adds in place.
const COUNTING: u64 = 3;
/// The word of a seat that others count up to wake it.
const WAKE: usize = 8;
/// The bit of a list entry that says shared, and those of its lock's offset.
const SHARED: u64 = 1 << 40;
const OFFSET: u64 = SHARED - 1;
/// The longest name that stands in the record itself.
const INLINE_NAME: usize = 16;

/// What a lock word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mode {
    Free,
    Closing,
    Exclusive,
    Shared,
}

/// How a lock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grip {
    pub(super) mode: Mode,
    /// Whether the process lists it as shared, held or about to be.
    pub(super) listed: bool,
}

impl Grip {
    const FREE: Self = Self { mode: Mode::Free, listed: false };

    pub(super) fn keeps_out_readers(self) -> bool {
        self.mode == Mode::Exclusive
    }

    pub(super) fn keeps_out_writers(self) -> bool {
        match self.mode {
            Mode::Free => false,
            Mode::Closing | Mode::Exclusive => true,
            // Without a holder the next who waits frees it.
            Mode::Shared => self.listed,
        }
    }

    pub(super) fn keeps_out_exclusive(self) -> bool {
        self.listed || self.keeps_out_shared()
    }

    pub(super) fn keeps_out_shared(self) -> bool {
        matches!(self.mode, Mode::Closing | Mode::Exclusive)
    }
}

/// What others need to know of a process that stands still.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) process: u32,
    /// Whether it has a slot.
    pub(super) attached: bool,
    pub(super) structural: bool,
    /// Whether a seat of its says that it may be inside a set, or that it is inside an update.
    pub(super) intent: bool,
    pub(super) namespace: Grip,
    pub(super) target: Target,
}

/// The variable that the operation may change.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Target {
    /// There is none.
    Missing,
    /// Its name does not stand in its record, so this program does not find it.
    Unknown,
    Found {
        /// Whether its publish lock is held.
        publish: bool,
        /// Whether a seat of the process says that it may be adding to it in place.
        counting: bool,
        grip: Grip,
    },
}

/// Words of a seat that list what it holds, each followed by a time: without its wake word.
const HELD: std::ops::Range<usize> = 15..47;
/// The bit of such a word that says that it is inside an update under the lock.
const UPDATING: u64 = 1 << 63;

fn is_updating(seat: &[u64]) -> bool {
    seat[HELD].iter().step_by(2).any(|entry| entry & UPDATING != 0)
}

/// Everything that nobody may take from a process, word by word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holdings {
    structural: Option<u64>,
    /// Publish words that are locked.
    publish: Vec<(usize, u64)>,
    /// Lock words that are closing or exclusive.
    locks: Vec<(usize, u64)>,
    /// The words of its seats.
    seats: Vec<(usize, Vec<u64>)>,
}

impl Holdings {
    /// What `process` holds when everybody else is at rest: then all that is held is its own.
    pub(super) fn of(content: &[u8], process: u32) -> Self {
        let runs = layout::runs(&settled(content));
        let structural = word(content, STRUCTURAL_LOCK) & !STRUCTURAL_WAITERS;
        let mut holdings = Self {
            structural: (structural & 1 != 0).then_some(structural),
            publish: Vec::new(),
            locks: Vec::new(),
            seats: Vec::new(),
        };
        holdings.look_at_lock(content, NAMESPACE_LOCK);
        let own = own_slots(content, process);
        for (kind, run) in runs {
            match kind {
                Kind::Records => {
                    for lock in layout::record_locks(&run) {
                        let publish = word(content, lock - 24) & !PUBLISH_WAITERS;
                        if publish & 1 != 0 {
                            holdings.publish.push((lock - 24, publish));
                        }
                        holdings.look_at_lock(content, lock);
                    }
                }
                Kind::Seats => {
                    for seat in layout::seats(&run) {
                        if own.contains(&word(content, seat)) {
                            let words = (0..SEAT_BYTES / 8).filter(|index| *index != WAKE);
                            let words = words.map(|index| word(content, seat + index * 8));
                            holdings.seats.push((seat, words.collect()));
                        }
                    }
                }
                _ => {}
            }
        }
        holdings
    }

    fn look_at_lock(&mut self, content: &[u8], offset: usize) {
        let lock = word(content, offset) & !LOCK_WAITERS;
        if matches!(mode(lock), Mode::Closing | Mode::Exclusive) {
            self.locks.push((offset, lock));
        }
    }

    /// Whether it holds any lock that its death would be told of.
    pub(super) fn has_locks(&self) -> bool {
        !self.locks.is_empty()
    }

    /// The same in terms of what others can do; `target` is the name of the operation's variable.
    pub(super) fn standing(&self, content: &[u8], process: u32, target: &str) -> Standing {
        Standing {
            process,
            attached: !own_slots(content, process).is_empty(),
            structural: self.structural.is_some(),
            intent: self.seats.iter().any(|(_, words)| words[1] != 0 || is_updating(words)),
            namespace: self.grip(content, NAMESPACE_LOCK),
            target: self.target(content, target),
        }
    }

    fn grip(&self, content: &[u8], lock: usize) -> Grip {
        // The words of a seat are without its wake word: entries begin one place earlier.
        let entries = |words: &[u64]| words[15..47].iter().step_by(2).copied().collect::<Vec<_>>();
        let lists = |entry: &u64| entry & OFFSET == lock as u64 && entry & SHARED != 0;
        let listed = self.seats.iter().any(|(_, words)| entries(words).iter().any(lists));
        Grip { mode: mode(word(content, lock)), listed }
    }

    fn target(&self, content: &[u8], name: &str) -> Target {
        if name.len() > INLINE_NAME {
            return Target::Unknown;
        }
        let settled = settled(content);
        for (kind, run) in layout::runs(&settled) {
            if kind != Kind::Records {
                continue;
            }
            for lock in layout::record_locks(&run) {
                let record = lock - 24;
                let identity = word(&settled, record + 32);
                let bytes = settled.get(record + 48..record + 48 + name.len());
                let is_it = identity & 0xffff == name.len() as u64 && identity & (1 << 16) != 0;
                if is_it && bytes == Some(name.as_bytes()) {
                    let publish = word(content, record) & 1 != 0;
                    let intent = record as u64 | COUNTING;
                    let counting = self.seats.iter().any(|(_, words)| words[1] == intent);
                    let grip = self.grip(content, lock);
                    return Target::Found { publish, counting, grip };
                }
            }
        }
        Target::Missing
    }
}

impl Target {
    /// How its own lock stands; free when it has none.
    pub(super) fn grip(self) -> Grip {
        match self {
            Self::Found { grip, .. } => grip,
            Self::Missing | Self::Unknown => Grip::FREE,
        }
    }

    /// Whether a set of it is under way.
    pub(super) fn is_being_set(self) -> bool {
        matches!(self, Self::Found { publish: true, .. })
    }

    /// Whether an add to it in place is under way.
    pub(super) fn is_being_added_to(self) -> bool {
        matches!(self, Self::Found { counting: true, .. })
    }
}

fn mode(lock: u64) -> Mode {
    match lock & 3 {
        0 => Mode::Free,
        1 => Mode::Closing,
        2 => Mode::Exclusive,
        _ => Mode::Shared,
    }
}

/// The process's slots as its seats name them.
fn own_slots(content: &[u8], process: u32) -> Vec<u64> {
    let places: Vec<_> = slots(content).collect();
    let own = live_slots(content).into_iter().map(|(slot, _)| slot);
    own.filter(|slot| word(content, places[*slot] + 8) == u64::from(process))
        .map(|slot| slot as u64 + 1)
        .collect()
}
