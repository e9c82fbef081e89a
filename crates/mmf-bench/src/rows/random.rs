//! Get and set among a million variables, in an order without a pattern.

use super::Piece;
use crate::Result;
use crate::floors::{LockedMap, Locking, RawTable};
use crate::measure::{Contender, Samples, interleave};
use crate::names::Walk;
use crate::report::{Row, Target, Unit};
use crate::session::{Level, Session, count_name};
use crate::subject::Scratch;
use crate::workloads::{
    MANY_LENGTH, get_along, get_dependent, populate, set_along, update_dependent,
};

pub(super) const PIECE: Piece = Piece { names: |level| names(level).to_vec(), measure };

fn names(level: Level) -> [String; 4] {
    let count = count_name(level.many());
    [
        format!("get random of {count}"),
        format!("set random of {count}"),
        format!("get random of {count}, each found by the last"),
        format!("get and set random of {count}, each found by the last"),
    ]
}

/// The same variables in each.
struct Contestants {
    table: RawTable<MANY_LENGTH>,
    namespace: Scratch,
    map: LockedMap,
}

impl Contestants {
    fn new(session: &Session, count: u64) -> Result<Self> {
        let path = session.new_path("table");
        let table = RawTable::<MANY_LENGTH>::create(&path, count, Locking::Nothing)?;
        let namespace = session.namespace(count as u32)?;
        let map = LockedMap::default();
        populate(&mut &table, count, MANY_LENGTH)?;
        populate(&mut &*namespace, count, MANY_LENGTH)?;
        populate(&mut &map, count, MANY_LENGTH)?;
        Ok(Self { table, namespace, map })
    }
}

fn measure(session: &Session) -> Result<Vec<Row>> {
    let count = session.level.many();
    let contestants = Contestants::new(session, count.into())?;
    let [get, set, get_dependent, update_dependent] = names(session.level);
    let row = |name: &str, samples: &[Samples], target| {
        Row::of_samples(name, Unit::Nanoseconds, 0, samples).aiming(target)
    };
    let target = Target::absolute(150.0).and_ahead_of_beside();
    Ok(vec![
        row(&get, &gets(session, &contestants, count)?, target.and_times_floor(2.0)),
        row(&set, &sets(session, &contestants, count)?, target.and_times_floor(3.0)),
        row(&get_dependent, &dependent_gets(session, &contestants)?, Target::default()),
        row(&update_dependent, &dependent_updates(session, &contestants)?, Target::default()),
    ])
}

fn gets(session: &Session, all: &Contestants, count: u32) -> Result<Vec<Samples>> {
    let walk = Walk::new(count, session.seed);
    let contenders = &mut [
        Contender::new("raw table", get_along(&all.table, walk.clone())),
        Contender::new("mmf", get_along(&*all.namespace, walk.clone())),
        Contender::new("HashMap behind RwLock", get_along(&all.map, walk.clone())),
    ];
    interleave(&session.effort(), contenders)
}

fn sets(session: &Session, all: &Contestants, count: u32) -> Result<Vec<Samples>> {
    let walk = Walk::new(count, session.seed);
    let locked = all.table.locking(Locking::SwapBothWays);
    let contenders = &mut [
        Contender::new("raw table, one writer", set_along(&all.table, walk.clone())),
        Contender::new("mmf", set_along(&*all.namespace, walk.clone())),
        Contender::new("HashMap behind RwLock", set_along(&all.map, walk.clone())),
        Contender::new("raw table, CAS and swap", set_along(locked, walk.clone())),
    ];
    interleave(&session.effort(), contenders)
}

fn dependent_gets(session: &Session, all: &Contestants) -> Result<Vec<Samples>> {
    let count = session.level.many().into();
    let contenders = &mut [
        Contender::new("raw table", get_dependent(&all.table, count)),
        Contender::new("mmf", get_dependent(&*all.namespace, count)),
        Contender::new("HashMap behind RwLock", get_dependent(&all.map, count)),
    ];
    interleave(&session.effort(), contenders)
}

fn dependent_updates(session: &Session, all: &Contestants) -> Result<Vec<Samples>> {
    let count = session.level.many().into();
    let contenders = &mut [
        Contender::new("raw table, one writer", update_dependent(&all.table, count)),
        Contender::new("mmf", update_dependent(&*all.namespace, count)),
        Contender::new("HashMap behind RwLock", update_dependent(&all.map, count)),
    ];
    interleave(&session.effort(), contenders)
}
