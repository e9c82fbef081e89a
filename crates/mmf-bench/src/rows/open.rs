//! Making a namespace, and opening one that exists.

use std::fs::remove_file;
use std::path::Path;
use std::time::{Duration, Instant};

use mmf::Namespace;

use super::Piece;
use crate::Result;
use crate::floors::{Pages, SharedMemory};
use crate::measure::{Contender, interleave};
use crate::report::{Row, Target, Unit};
use crate::session::Session;

const NAMES: [&str; 2] = ["create a namespace", "open a namespace"];
const CAPACITY: u64 = 64 << 20;

pub(super) const PIECE: Piece = Piece { names: |_| NAMES.map(str::to_owned).to_vec(), measure };

fn measure(session: &Session) -> Result<Vec<Row>> {
    let effort = session.effort();
    let create = interleave(
        &effort,
        &mut [
            Contender::new("open and mmap of a new file", map_new(&session.new_path("file"))),
            Contender::new("mmf", create(&session.new_name("made"))),
        ],
    )?;
    let path = session.new_path("file");
    SharedMemory::create(&path, CAPACITY, Pages::OnDemand)?;
    let namespace = session.namespace_of_bytes(CAPACITY)?;
    let open = interleave(
        &effort,
        &mut [
            Contender::new("open and mmap", map_existing(&path)),
            Contender::new("mmf", open(&namespace)),
        ],
    )?;
    let row = |name, samples: &[_]| {
        Row::of_samples(name, Unit::Microseconds, 0, samples).aiming(Target::absolute(100.0))
    };
    Ok(vec![row(NAMES[0], &create), row(NAMES[1], &open)])
}

/// Times `work` alone: what it returns is closed, and then given up, in nobody's time.
fn timed<T>(
    mut work: impl FnMut() -> Result<T>,
    mut give_up: impl FnMut(T) -> Result<()>,
) -> impl FnMut(u64) -> Result<Duration> {
    move |operations| {
        let mut took = Duration::ZERO;
        for _ in 0..operations {
            let begin = Instant::now();
            let made = work()?;
            took += begin.elapsed();
            give_up(made)?;
        }
        Ok(took)
    }
}

fn map_new(path: &Path) -> impl FnMut(u64) -> Result<Duration> {
    timed(
        move || SharedMemory::create(path, CAPACITY, Pages::OnDemand),
        move |memory| {
            drop(memory);
            Ok(remove_file(path)?)
        },
    )
}

fn map_existing(path: &Path) -> impl FnMut(u64) -> Result<Duration> {
    timed(
        move || SharedMemory::open(path, Pages::OnDemand),
        move |memory| match memory.len() as u64 {
            CAPACITY => Ok(()),
            other => Err(format!("a mapping of {other} bytes").into()),
        },
    )
}

fn create(name: &str) -> impl FnMut(u64) -> Result<Duration> {
    timed(
        move || Ok(Namespace::builder(name).capacity(CAPACITY).create()?),
        move |namespace| {
            namespace.set("first", &1)?;
            drop(namespace);
            Ok(mmf::remove_namespace(name, false)?)
        },
    )
}

fn open(existing: &Namespace) -> impl FnMut(u64) -> Result<Duration> {
    timed(
        move || Ok(Namespace::open(existing.name())?),
        move |namespace| match namespace.id() == existing.id() {
            true => Ok(()),
            false => Err("another namespace was opened".into()),
        },
    )
}
