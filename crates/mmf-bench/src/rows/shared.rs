//! A writer and a reader, two processes, at work on one variable.

use std::sync::atomic::Ordering;

use super::Piece;
use crate::Result;
use crate::companion::{Done, Turn};
use crate::floors::{Pages, SharedMemory};
use crate::names::Name;
use crate::report::{Figure, Row, Target, Unit};
use crate::session::Session;
use crate::subject::Scratch;
use crate::values::{faults_of_array, fill, round_of, rounds_since, stamp, verify};
use crate::workloads::{HOT_INDEX, HOT_LENGTH};

const NAMES: [&str; 2] =
    ["one variable, two processes: writer", "one variable, two processes: reader"];
/// Where the raw floor keeps its lock and its value.
const LOCK: usize = 0;
const VALUE: usize = 8;

pub(super) const PIECE: Piece = Piece { names: |_| NAMES.map(str::to_owned).to_vec(), measure };

fn measure(session: &Session) -> Result<Vec<Row>> {
    let effort = session.effort();
    let path = session.new_path("word");
    let memory = SharedMemory::create(&path, 4096, Pages::Present)?;
    memory.word(VALUE).store(stamp(HOT_INDEX, 0), Ordering::Relaxed);
    let namespace = first_value(session)?;
    let path = path.to_str().ok_or("a path that is no text")?;
    let mut raw = session.companion("write-raw", &[path])?;
    let mut other = session.companion("write", &[namespace.name()])?;

    let (mut floors, mut subjects) = (Vec::new(), Vec::new());
    for _ in 0..effort.repeats {
        floors.push(raw.turn(0, |turn| {
            let mut reader = RawReader { memory: &memory, round: 0 };
            turn.repeat_for(effort.repeat_time, |_| reader.read())
        })?);
        subjects.push(other.turn(0, |turn| read(turn, &namespace, effort.repeat_time))?);
    }
    let figure = |label: &str, all: &[(Done, Done)], which: fn(&(Done, Done)) -> Done| {
        let rates = all.iter().map(|both| 1e3 / which(both).each()).collect();
        Figure::new(label, which(&all[0]).operations, rates)
    };
    let row = |name: &str, which: fn(&(Done, Done)) -> Done| {
        Row::new(name, Unit::MillionsPerSecond, figure("mmf", &subjects, which))
            .over(figure("a word under CAS and swap", &floors, which))
            .aiming(Target::absolute(20.0))
    };
    Ok(vec![row(NAMES[0], |(_, writer)| *writer), row(NAMES[1], |(reader, _)| *reader)])
}

fn first_value(session: &Session) -> Result<Scratch> {
    let namespace = session.namespace(1)?;
    let mut value = [0; HOT_LENGTH];
    fill(&mut value, stamp(HOT_INDEX, 0));
    namespace.set(Name::of(HOT_INDEX).as_str(), &value)?;
    Ok(namespace)
}

/// Reads until the turn's time is over. Each value is whole, and none is older than the one before.
fn read(turn: &Turn<'_>, namespace: &Scratch, time: std::time::Duration) -> Result<Done> {
    let variable = namespace.variable(Name::of(HOT_INDEX).as_str())?;
    let mut buffer = Vec::new();
    let mut last = 0;
    turn.repeat_for(time, |number| {
        variable.get_into(&mut buffer)?;
        verify(faults_of_array::<HOT_LENGTH>(&buffer, HOT_INDEX), "get beside a writer")?;
        let round = round_of(&buffer);
        if number > 0 && rounds_since(last, round) < 0 {
            return Err(format!("round {round} was read after round {last}").into());
        }
        last = round;
        Ok(())
    })
}

/// Reads the raw word, which cannot be torn.
struct RawReader<'a> {
    memory: &'a SharedMemory,
    round: u64,
}

impl RawReader<'_> {
    #[inline]
    fn read(&mut self) -> Result<()> {
        let word = self.memory.word(VALUE).load(Ordering::Acquire).to_le_bytes();
        verify(faults_of_array::<8>(&word, HOT_INDEX), "load beside a writer")?;
        self.round = round_of(&word);
        Ok(())
    }
}

/// The writers' part, in the second process.
pub(crate) fn serve_writer(turn: &Turn<'_>, namespace: &mmf::Namespace) -> Result<Done> {
    let variable = namespace.variable(Name::of(HOT_INDEX).as_str())?;
    let mut value = Vec::new();
    variable.get_into(&mut value)?;
    let first = round_of(&value) + 1;
    let done = turn.repeat(|number| {
        fill(&mut value, stamp(HOT_INDEX, first + number));
        variable.set(&value)?;
        Ok(())
    })?;
    let mut last = Vec::new();
    variable.get_into(&mut last)?;
    if last != value {
        return Err("the value set last is not the one that is there".into());
    }
    Ok(done)
}

/// The raw writer's part, in the second process.
pub(crate) fn serve_raw_writer(turn: &Turn<'_>, memory: &SharedMemory) -> Result<Done> {
    turn.repeat(|number| {
        let lock = memory.word(LOCK);
        lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .map_err(|_| "the floor's lock is taken")?;
        memory.word(VALUE).store(stamp(HOT_INDEX, number), Ordering::Release);
        lock.swap(0, Ordering::AcqRel);
        Ok(())
    })
}
