//! Values that show whether they are whole.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A small generator of random numbers: a test's seed decides everything that is decided.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (SplitMix64).
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.word() % limit
    }
}

/// `length` bytes that begin with the hash of the rest, so far as they are long enough.
pub fn make_payload(name: &str, length: usize, random: &mut Random) -> Vec<u8> {
    let mut payload = Vec::with_capacity(length + 8);
    while payload.len() < length {
        payload.extend_from_slice(&random.word().to_le_bytes());
    }
    payload.truncate(length);
    if length >= 8 {
        let hash = hash(name, &payload[8..]);
        payload[..8].copy_from_slice(&hash);
    }
    payload
}

/// Whether `payload` is one that [`make_payload`] made for `name`.
pub fn payload_is_whole(name: &str, payload: &[u8]) -> bool {
    payload.len() < 8 || payload[..8] == hash(name, &payload[8..])
}

fn hash(name: &str, rest: &[u8]) -> [u8; 8] {
    xxh3_64_with_seed(rest, xxh3_64_with_seed(name.as_bytes(), rest.len() as u64)).to_le_bytes()
}
