//! The attacker: changes a file in place while others are attached to it and at work.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::mutation::Map;
use super::shape::Shape;
use super::trial::ROUND;
use crate::Result;

/// Changes the file at random moments for one round. It is never made shorter: a file that is
/// shrunk while it is used is the one exception that the guarantees name.
pub(super) fn attack(path: &Path, shape: &Shape, seed: u64) -> Result<()> {
    let mut random = Rng::with_seed(seed);
    let map = Map::of(&shape.content);
    let file = File::options().write(true).open(path)?;
    let started = Instant::now();
    while started.elapsed() < ROUND {
        for _ in 0..random.u8(1..20) {
            let change = map.change(&mut random, &shape.content);
            let room = shape.content.len().saturating_sub(change.offset);
            let length = change.bytes.len().min(room);
            file.write_all_at(&change.bytes[..length], change.offset as u64)?;
        }
        // As often as not it becomes sound again, at least in parts: else all ends at once.
        if random.bool() {
            let end = shape.content.len() >> random.u32(0..3);
            file.write_all_at(&shape.content[..end], 0)?;
        }
        // Others get on between two bursts, for as long as it takes to get somewhere.
        std::thread::sleep(Duration::from_micros(random.u64(0..4000)));
    }
    Ok(())
}
