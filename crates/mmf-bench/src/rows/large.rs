//! Set and get of a value of 16 MiB, beside memcpy into and out of a warm mapping.

use std::time::{Duration, Instant};

use super::Piece;
use crate::Result;
use crate::floors::{Pages, SharedMemory};
use crate::measure::{Contender, Samples, interleave};
use crate::names::Name;
use crate::report::{Row, Target, Unit};
use crate::session::Session;
use crate::system::Kept;
use crate::values::{faults_of, faults_of_round, fill, stamp, verify};

const NAMES: [&str; 2] = ["set 16 MiB", "get 16 MiB"];
const BYTES: usize = 16 << 20;
const INDEX: u64 = 2;

pub(super) const PIECE: Piece = Piece { names: |_| NAMES.map(str::to_owned).to_vec(), measure };

fn measure(session: &Session) -> Result<Vec<Row>> {
    let [set, get] = copies(session, BYTES)?;
    let row = |name, samples: &[Samples]| {
        Row::of_samples(name, Unit::GigabytesPerSecond, BYTES as u64, samples)
            .aiming(Target::times_floor(0.9))
    };
    Ok(vec![row(NAMES[0], &set), row(NAMES[1], &get)])
}

/// Measures set and get of a value of `length` bytes, each beside memcpy.
///
/// # Errors
///
/// When a value is wrong.
pub(crate) fn copies(session: &Session, length: usize) -> Result<[Vec<Samples>; 2]> {
    let effort = session.effort();
    let memory = SharedMemory::create(
        &session.new_path("memory"),
        length.next_multiple_of(4096) as u64,
        Pages::Present,
    )?;
    let namespace = session.namespace_of_bytes((length as u64 * 8).max(4 << 20))?;
    let handle = namespace.variable(Name::of(INDEX).as_str())?;
    let set = interleave(
        &effort,
        &mut [
            Contender::new("memcpy into a mapping", sets(&memory, length)),
            Contender::new("mmf", sets(&handle, length)),
        ],
    )?;
    let get = interleave(
        &effort,
        &mut [
            Contender::new("memcpy out of a mapping", gets(&memory, length)),
            Contender::new("mmf", gets(&handle, length)),
        ],
    )?;
    Ok([set, get])
}

impl Kept for &SharedMemory {
    #[inline]
    fn get(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        self.copy_out(0, buffer);
        Ok(true)
    }

    #[inline]
    fn set(&mut self, value: &[u8]) -> Result<()> {
        self.copy_in(0, value);
        Ok(())
    }
}

fn sets(mut variable: impl Kept, length: usize) -> impl FnMut(u64) -> Result<Duration> {
    let mut value = vec![0; length];
    let mut round = 0;
    // Of this length, for those who copy as much as there is room for.
    let mut buffer = vec![0; length];
    move |operations| {
        round += 1;
        fill(&mut value, stamp(INDEX, round));
        let begin = Instant::now();
        for _ in 0..operations {
            variable.set(std::hint::black_box(&value))?;
        }
        let took = begin.elapsed();
        let is_there = variable.get(&mut buffer)?;
        let faults = faults_of_round(&buffer, length, INDEX, round);
        verify(faults | u64::from(!is_there), "get of a large value set last")?;
        Ok(took)
    }
}

fn gets(mut variable: impl Kept, length: usize) -> impl FnMut(u64) -> Result<Duration> {
    let mut buffer = vec![0; length];
    move |operations| {
        buffer.fill(0);
        let mut is_there = true;
        let begin = Instant::now();
        for _ in 0..operations {
            is_there &= variable.get(std::hint::black_box(&mut buffer))?;
        }
        let took = begin.elapsed();
        let faults = faults_of(&buffer, length, INDEX);
        verify(faults | u64::from(!is_there), "get of a large value")?;
        Ok(took)
    }
}
