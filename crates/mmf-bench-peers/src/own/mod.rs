//! The systems that this program measures itself: mmf, and the floors.

mod floor;
mod subject;

use mmf_bench::Result;
use mmf_bench::workloads::{HOT_LENGTH, MANY_LENGTH};

use crate::contract::{Call, Row};
use crate::program::{refuse, run};

/// Does what a call asks of one of these systems.
///
/// # Errors
///
/// When no system has that name, or it fails.
pub fn call(call: &Call) -> Result<()> {
    match (call.system.as_str(), call.row) {
        ("mmf", _) => run::<subject::Subject>(call),
        ("floor-memory", Row::Hot) => run::<floor::Table<HOT_LENGTH>>(call),
        ("floor-memory", Row::Random) => run::<floor::Table<MANY_LENGTH>>(call),
        ("floor-memory", _) => run::<floor::Bare<true>>(call),
        ("floor-asleep", Row::RoundTrip) => run::<floor::Bare<false>>(call),
        ("floor-asleep", _) => refuse("it is a floor of sleeping alone"),
        ("floor-map", Row::Hot | Row::Random | Row::Large) => run::<floor::Map>(call),
        ("floor-map", _) => refuse("it is inside one process"),
        (other, _) => Err(format!("no system is called {other}").into()),
    }
}
