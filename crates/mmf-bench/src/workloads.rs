//! The work of the rows, written once for every system.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Result;
use crate::names::{Name, Walk, index_after};
use crate::system::{Kept, System};
use crate::values::{faults_of_array, faults_of_round, fill, stamp, variable_part, verify};

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
            faults |= u64::from(!is_there)
                | faults_of_array::<HOT_LENGTH>(black_box::<&Vec<u8>>(&buffer), HOT_INDEX);
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
    system: S,
    count: u32,
    seed: u64,
) -> impl FnMut(u64) -> Result<Duration> {
    get_along(system, Walk::new(count, seed))
}

/// As [`get_random`], along a walk that others may share.
pub fn get_along<S: System>(mut system: S, mut walk: Walk) -> impl FnMut(u64) -> Result<Duration> {
    let mut buffer = Vec::new();
    move |operations| {
        let mut faults = 0;
        let begin = Instant::now();
        for _ in 0..operations {
            let (index, name) = walk.step();
            let is_there = system.get(name.as_str(), &mut buffer)?;
            faults |= u64::from(!is_there) | faults_of_array::<MANY_LENGTH>(&buffer, index);
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
            faults |= u64::from(!is_there) | faults_of_array::<MANY_LENGTH>(&buffer, index);
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
    system: S,
    count: u32,
    seed: u64,
) -> impl FnMut(u64) -> Result<Duration> {
    set_along(system, Walk::new(count, seed))
}

/// As [`set_random`], along a walk that others may share.
pub fn set_along<S: System>(mut system: S, mut walk: Walk) -> impl FnMut(u64) -> Result<Duration> {
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
            faults |= u64::from(!is_there) | faults_of_array::<MANY_LENGTH>(&buffer, index);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floors::LockedMap;
    use crate::system::ByName;

    /// What is wrong with a system.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Fault {
        Nothing,
        /// A value has one half of the one before.
        Torn,
        /// A set does nothing.
        Lost,
        /// A get gives another variable's value.
        Mixed,
        /// A get finds nothing.
        Missing,
    }

    /// A map that goes wrong once, after some operations.
    struct Faulty<'a> {
        map: &'a LockedMap,
        fault: Fault,
        operations: u64,
    }

    impl Faulty<'_> {
        fn goes_wrong(&mut self, kinds: &[Fault]) -> bool {
            self.operations += 1;
            self.operations > 40 && kinds.contains(&self.fault)
        }
    }

    impl System for Faulty<'_> {
        fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
            if self.goes_wrong(&[Fault::Missing]) {
                return Ok(false);
            }
            let name = if self.goes_wrong(&[Fault::Mixed]) { Name::of(2) } else { as_name(name) };
            (&mut &*self.map).get(name.as_str(), buffer)
        }

        fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
            if self.goes_wrong(&[Fault::Lost]) {
                return Ok(());
            }
            let mut value = value.to_vec();
            if self.goes_wrong(&[Fault::Torn]) {
                let mut before = Vec::new();
                (&mut &*self.map).get(name, &mut before)?;
                let half = value.len() / 2;
                value[..half].copy_from_slice(&before[..half]);
            }
            (&mut &*self.map).set(name, &value)
        }
    }

    fn as_name(name: &str) -> Name {
        let index = (0..COUNT.into()).find(|index| Name::of(*index).as_str() == name);
        Name::of(index.expect("a name of these tests"))
    }

    const COUNT: u32 = 10;

    /// A second run has values of another round, so that a torn one differs from either.
    fn twice(mut work: impl FnMut(u64) -> Result<Duration>) -> Result<Duration> {
        work(50)?;
        work(50)
    }

    fn hot<S: System>(system: S) -> ByName<S> {
        ByName { system, name: Name::of(HOT_INDEX).as_str().to_owned() }
    }

    /// Whether each piece of work, done on a system with this fault, ends well.
    fn outcomes(fault: Fault) -> [bool; 6] {
        let of_length = |length| {
            let map = LockedMap::default();
            populate(&mut &map, COUNT.into(), length).unwrap();
            map
        };
        let done = |length: usize, work: &dyn Fn(Faulty<'_>) -> Result<Duration>| {
            let map = of_length(length);
            work(Faulty { map: &map, fault, operations: 0 }).is_ok()
        };
        [
            done(HOT_LENGTH, &|system| twice(get_hot(hot(system)))),
            done(HOT_LENGTH, &|system| twice(set_hot(hot(system)))),
            done(MANY_LENGTH, &|system| twice(get_random(system, COUNT, 1))),
            done(MANY_LENGTH, &|system| twice(get_dependent(system, COUNT.into()))),
            done(MANY_LENGTH, &|system| twice(set_random(system, COUNT, 1))),
            done(MANY_LENGTH, &|system| twice(update_dependent(system, COUNT.into()))),
        ]
    }

    #[test]
    fn a_sound_system_passes() {
        assert_eq!(outcomes(Fault::Nothing), [true; 6]);
    }

    #[test]
    fn a_value_that_is_missing_or_of_another_fails_every_work() {
        assert_eq!(outcomes(Fault::Missing), [false; 6]);
        assert_eq!(outcomes(Fault::Mixed), [false; 6]);
    }

    #[test]
    fn a_set_that_is_lost_or_torn_fails_every_work_that_sets() {
        let fails_sets = [true, false, true, true, false, false];
        assert_eq!(outcomes(Fault::Lost), fails_sets);
        assert_eq!(outcomes(Fault::Torn), fails_sets);
    }
}
