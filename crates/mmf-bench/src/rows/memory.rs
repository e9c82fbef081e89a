//! Bytes that a variable takes, everything counted.

use mmf::Namespace;

use super::Piece;
use crate::Result;
use crate::floors::RawTable;
use crate::names::NAME_LENGTH;
use crate::report::{Figure, Row, Target, Unit};
use crate::session::{Level, Session, count_name};
use crate::workloads::{MANY_LENGTH, populate};

pub(super) const PIECE: Piece = Piece { names: |level| vec![name(level)], measure };

fn name(level: Level) -> String {
    format!("memory per variable at {}", count_name(level.many()))
}

fn measure(session: &Session) -> Result<Vec<Row>> {
    let count = session.level.many();
    let namespace = session.namespace(count)?;
    populate(&mut &*namespace, count.into(), MANY_LENGTH)?;
    let payload = (NAME_LENGTH + MANY_LENGTH) as f64;
    let entries = (u64::from(count) * 2).next_power_of_two();
    let table = (entries * RawTable::<MANY_LENGTH>::ENTRY as u64) as f64 / f64::from(count);
    let figure = |label, bytes| Figure::new(label, count.into(), vec![bytes]);
    let row =
        Row::new(&name(session.level), Unit::Bytes, figure("mmf", bytes_each(&namespace, count)?));
    let row = row.over(figure("name and value alone", payload)).aiming(Target::absolute(150.0));
    Ok(vec![Row { beside: vec![figure("raw table, half full", table)], ..row }])
}

/// Committed bytes of a namespace by each of its variables, of which there are to be so many.
///
/// # Errors
///
/// When there are more or fewer.
pub(crate) fn bytes_each(namespace: &Namespace, count: u32) -> Result<f64> {
    let statistics = namespace.stat()?;
    if statistics.variables != u64::from(count) {
        let reason = format!("{count} variables were set, and {} are there", statistics.variables);
        return Err(reason.into());
    }
    Ok(statistics.committed as f64 / f64::from(count))
}
