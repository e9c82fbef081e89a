//! The work of the rows, written once for every system.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Result;
use crate::names::{Name, Walk, index_after};
use crate::system::{Kept, System};
use crate::values::{faults_of, faults_of_round, fill, stamp, variable_part, verify};

/// Bytes of a value in hot rows.
pub const HOT_LENGTH: usize = 16;
/// Bytes of a value among many.
pub const MANY_LENGTH: usize = 64;
/// The variable of hot rows.
pub const HOT_INDEX: u64 = 1;

/// Stores the first value of each index below `count`, in rising order.
///
/// # Errors
///
/// Whatever the system reports.
pub fn populate(system: &mut impl System, count: u64, length: usize) -> Result<()> {
    let mut value = vec![0; length];
    for index in 0..count {
        fill(&mut value, stamp(index, 0));
        system.set(Name::of(index).as_str(), &value)?;
    }
    Ok(())
}

/// Gets of one variable that has a value of [`HOT_LENGTH`] bytes of [`HOT_INDEX`].
pub fn get_hot(mut variable: impl Kept) -> impl FnMut(u64) -> Result<Duration> {
    let mut buffer = Vec::new();
    move |operations| {
        let mut faults = 0;
        let begin = Instant::now();
        for _ in 0..operations {
            let is_there = variable.get(&mut buffer)?;
            faults |= u64::from(!is_there) | faults_of(black_box(&buffer), HOT_LENGTH, HOT_INDEX);
        }
        let took = begin.elapsed();
        verify(faults, "get of one variable")?;
        Ok(took)
    }
}

/// Sets of one variable to [`HOT_LENGTH`] bytes, each time others. The last is read back.
pub fn set_hot(mut variable: impl Kept) -> impl FnMut(u64) -> Result<Duration> {
    let mut round = 0;
    let mut buffer = Vec::new();
    move |operations| {
        let mut value = [0; HOT_LENGTH];
        let begin = Instant::now();
        for _ in 0..operations {
            round += 1;
            fill(&mut value, stamp(HOT_INDEX, round));
            variable.set(black_box(&value))?;
        }
        let took = begin.elapsed();
        let is_there = variable.get(&mut buffer)?;
        let faults = faults_of_round(&buffer, HOT_LENGTH, HOT_INDEX, round);
        verify(faults | u64::from(!is_there), "get of the value set last")?;
        Ok(took)
    }
}

/// Gets of variables below `count` without a pattern, independent of each other.
pub fn get_random<S: System>(
    mut system: S,
    count: u32,
    seed: u64,
) -> impl FnMut(u64) -> Result<Duration> {
    let mut walk = Walk::new(count, seed);
    let mut buffer = Vec::new();
    move |operations| {
        let mut faults = 0;
        let begin = Instant::now();
        for _ in 0..operations {
            let (index, name) = walk.step();
            let is_there = system.get(name.as_str(), &mut buffer)?;
            faults |= u64::from(!is_there) | faults_of(&buffer, MANY_LENGTH, index);
        }
        let took = begin.elapsed();
        verify(faults, "get without a pattern")?;
        Ok(took)
    }
}

/// Gets of variables below `count` where each look-up depends on the value before.
pub fn get_dependent<S: System>(mut system: S, count: u64) -> impl FnMut(u64) -> Result<Duration> {
    let mut buffer = Vec::new();
    let (mut index, mut steps) = (0, 0);
    move |operations| {
        let mut faults = 0;
        let begin = Instant::now();
        for _ in 0..operations {
            let is_there = system.get(Name::of(index).as_str(), &mut buffer)?;
            faults |= u64::from(!is_there) | faults_of(&buffer, MANY_LENGTH, index);
            steps += 1;
            index = index_after(variable_part(&buffer), steps, count);
        }
        let took = begin.elapsed();
        verify(faults, "get that depends on the one before")?;
        Ok(took)
    }
}

/// Sets of variables below `count` without a pattern, independent of each other. The last of each
/// run are read back.
pub fn set_random<S: System>(
    mut system: S,
    count: u32,
    seed: u64,
) -> impl FnMut(u64) -> Result<Duration> {
    let mut walk = Walk::new(count, seed);
    let mut round = 0;
    let mut recent = [0; 64];
    move |operations| {
        round += 1;
        let mut value = [0; MANY_LENGTH];
        let begin = Instant::now();
        for operation in 0..operations {
            let (index, name) = walk.step();
            fill(&mut value, stamp(index, round));
            system.set(name.as_str(), &value)?;
            recent[operation as usize % recent.len()] = index;
        }
        let took = begin.elapsed();
        let known = recent.len().min(operations as usize);
        read_back(&mut system, &recent[..known], round)?;
        Ok(took)
    }
}

/// Sets of variables below `count` where each look-up depends on the value before: a get of one
/// variable gives the next, which is set. A round trip through memory, so the time of both.
pub fn update_dependent<S: System>(
    mut system: S,
    count: u64,
) -> impl FnMut(u64) -> Result<Duration> {
    let mut buffer = Vec::new();
    let (mut index, mut steps, mut round) = (0, 0, 0);
    let mut recent = [0; 64];
    move |operations| {
        round += 1;
        let mut value = [0; MANY_LENGTH];
        let mut faults = 0;
        let begin = Instant::now();
        for operation in 0..operations {
            let name = Name::of(index);
            let is_there = system.get(name.as_str(), &mut buffer)?;
            faults |= u64::from(!is_there) | faults_of(&buffer, MANY_LENGTH, index);
            fill(&mut value, stamp(index, round));
            system.set(name.as_str(), &value)?;
            recent[operation as usize % recent.len()] = index;
            steps += 1;
            index = index_after(variable_part(&buffer), steps, count);
        }
        let took = begin.elapsed();
        verify(faults, "get that depends on the one before")?;
        let known = recent.len().min(operations as usize);
        read_back(&mut system, &recent[..known], round)?;
        Ok(took)
    }
}

fn read_back(system: &mut impl System, indices: &[u64], round: u64) -> Result<()> {
    let mut buffer = Vec::new();
    let mut faults = 0;
    for index in indices {
        let is_there = system.get(Name::of(*index).as_str(), &mut buffer)?;
        faults |= u64::from(!is_there);
        faults |= faults_of_round(&buffer, MANY_LENGTH, *index, round);
    }
    verify(faults, "get of values that were set")
}
