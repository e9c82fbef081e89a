//! Get and set of one small variable, by its name and by a kept handle.

use super::Piece;
use crate::Result;
use crate::floors::{LockedMap, Locking, RawTable};
use crate::measure::{Contender, interleave};
use crate::names::Name;
use crate::report::{Row, Target, Unit};
use crate::session::Session;
use crate::system::{ByName, System};
use crate::workloads::{HOT_INDEX, HOT_LENGTH, get_hot, populate, set_hot};

const NAMES: [&str; 4] =
    ["get hot by name", "get hot by handle", "set hot by name", "set hot by handle"];
const MAP: &str = "HashMap behind RwLock";

/// Few variables, so that all of them are in the nearest cache.
const COUNT: u64 = 10;

pub(super) const PIECE: Piece = Piece { names: |_| NAMES.map(str::to_owned).to_vec(), measure };

fn measure(session: &Session) -> Result<Vec<Row>> {
    let effort = session.effort();
    let name = Name::of(HOT_INDEX);
    let name = name.as_str();
    let table =
        RawTable::<HOT_LENGTH>::create(&session.new_path("table"), COUNT, Locking::SwapBothWays)?;
    let namespace = session.namespace(COUNT as u32)?;
    let map = LockedMap::default();
    populate(&mut &table, COUNT, HOT_LENGTH)?;
    populate(&mut &*namespace, COUNT, HOT_LENGTH)?;
    populate(&mut &map, COUNT, HOT_LENGTH)?;
    let handle = namespace.variable(name)?;

    let get_by_name = interleave(
        &effort,
        &mut [
            Contender::new("raw table", get_hot(by_name(&table, name))),
            Contender::new("mmf", get_hot(by_name(&*namespace, name))),
            Contender::new(MAP, get_hot(by_name(&map, name))),
        ],
    )?;
    let get_by_handle = interleave(
        &effort,
        &mut [
            Contender::new("raw table's pointer", get_hot(table.variable(name)?)),
            Contender::new("mmf", get_hot(&handle)),
        ],
    )?;
    let set_by_name = interleave(
        &effort,
        &mut [
            Contender::new("raw table, CAS and swap", set_hot(by_name(&table, name))),
            Contender::new("mmf", set_hot(by_name(&*namespace, name))),
            Contender::new(MAP, set_hot(by_name(&map, name))),
        ],
    )?;
    let set_by_handle = interleave(
        &effort,
        &mut [
            Contender::new("pointer, CAS and swap", set_hot(table.variable(name)?)),
            Contender::new("mmf", set_hot(&handle)),
        ],
    )?;
    let targets = [
        Target::absolute(12.0).and_times_floor(5.0),
        Target::absolute(4.0),
        Target::absolute(20.0).and_times_floor(3.0),
        Target::absolute(14.0),
    ];
    let measured = [get_by_name, get_by_handle, set_by_name, set_by_handle];
    let rows = NAMES.iter().zip(targets).zip(measured).map(|((name, target), samples)| {
        Row::of_samples(name, Unit::Nanoseconds, 0, &samples).aiming(target)
    });
    Ok(rows.collect())
}

fn by_name<S: System>(system: S, name: &str) -> ByName<S> {
    ByName { system, name: name.to_owned() }
}
