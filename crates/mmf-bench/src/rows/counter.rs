//! Two processes that count with one counter.

use std::sync::atomic::Ordering;

use mmf::Namespace;

use super::Piece;
use crate::Result;
use crate::companion::{Done, Turn};
use crate::floors::{Pages, SharedMemory};
use crate::report::{Figure, Row, Target, Unit};
use crate::session::Session;

const NAMES: [&str; 1] = ["counter by 2 processes"];
const COUNTER: &str = "counter-16-bytes";

pub(super) const PIECE: Piece = Piece { names: |_| NAMES.map(str::to_owned).to_vec(), measure };

fn measure(session: &Session) -> Result<Vec<Row>> {
    let effort = session.effort();
    let path = session.new_path("word");
    let memory = SharedMemory::create(&path, 4096, Pages::Present)?;
    let path = path.to_str().ok_or("a path that is no text")?;
    let namespace = session.namespace(1)?;
    namespace.add(COUNTER, 0)?;
    let mut raw = session.companion("count-raw", &[path])?;
    let mut other = session.companion("count", &[namespace.name()])?;

    let (mut floors, mut subjects) = (Vec::new(), Vec::new());
    let (mut counted_raw, mut counted) = (0, 0);
    for _ in 0..effort.repeats {
        let both = raw.turn(0, |turn| turn.repeat_for(effort.repeat_time, |_| add_raw(&memory)))?;
        counted_raw += both.0.operations + both.1.operations;
        expect(counted_raw, memory.word(0).load(Ordering::Relaxed), "fetch_add")?;
        floors.push(rate(both));
        let both = other.turn(0, |turn| {
            let counter = namespace.variable(COUNTER)?;
            turn.repeat_for(effort.repeat_time, |_| add(&counter))
        })?;
        counted += both.0.operations + both.1.operations;
        expect(counted, namespace.add(COUNTER, 0)? as u64, "mmf")?;
        subjects.push(rate(both));
    }
    let row = Row::new(NAMES[0], Unit::MillionsPerSecond, Figure::new("mmf", counted, subjects))
        .over(Figure::new("fetch_add", counted_raw, floors))
        .aiming(Target::absolute(50.0))
        .noting("both processes together; every add is in the sum");
    Ok(vec![row])
}

/// Millions of adds a second of both processes.
fn rate((one, other): (Done, Done)) -> f64 {
    1e3 / one.each() + 1e3 / other.each()
}

fn expect(acknowledged: u64, sum: u64, whose: &str) -> Result<()> {
    if acknowledged == sum {
        return Ok(());
    }
    Err(format!("{whose}: {acknowledged} adds were acknowledged, and the sum is {sum}").into())
}

#[inline]
fn add(counter: &mmf::Variable) -> Result<()> {
    counter.add(1)?;
    Ok(())
}

#[inline]
fn add_raw(memory: &SharedMemory) -> Result<()> {
    memory.word(0).fetch_add(1, Ordering::AcqRel);
    Ok(())
}

/// The second process's part.
pub(crate) fn serve_count(turn: &Turn<'_>, namespace: &Namespace) -> Result<Done> {
    let counter = namespace.variable(COUNTER)?;
    turn.repeat(|_| add(&counter))
}

/// The second process's part of the floor.
pub(crate) fn serve_raw_count(turn: &Turn<'_>, memory: &SharedMemory) -> Result<Done> {
    turn.repeat(|_| add_raw(memory))
}
