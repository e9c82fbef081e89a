//! How figures change as a namespace or a value grows.

use std::path::Path;

use mmf::Namespace;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::companion::{Done, Turn};
use crate::floors::{LockedMap, Locking, RawTable};
use crate::measure::{Contender, Samples, interleave};
use crate::names::{Name, Walk};
use crate::report::{Digits, Figure, Machine, Table, Unit, read_json, write_json};
use crate::rows::{attachments, bytes_each, copies, grow};
use crate::session::{Level, Session};
use crate::values::{faults_of_array, fill, stamp, verify};
use crate::workloads::{MANY_LENGTH, get_along, populate, set_along};

/// The curves, by name.
pub const NAMES: [&str; 7] = [
    "get by number of variables",
    "set by number of variables",
    "attach by number of variables",
    "memory by number of variables",
    "set by size of the value",
    "get by size of the value",
    "single sets while growing",
];

/// Growths of the last curve: its worst sets are extremes already.
const GROWTHS: usize = 3;

/// Variables between two that are visited to warm up: fewer than share the pages that a process takes
/// in at once.
const WARM_STEP: usize = 64;

/// Figures at several sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// What was done.
    pub name: String,
    /// What grows: `variables` or `bytes`.
    pub size: String,
    /// Of every figure.
    pub unit: Unit,
    /// From the smallest size to the greatest.
    pub points: Vec<Point>,
}

/// The figures at one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The size.
    pub size: u64,
    /// mmf and those beside it, each by its label.
    pub figures: Vec<Figure>,
}

/// The curves of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// What was measured, and its version.
    pub subject: String,
    /// How much was measured: `full`, `quick` or `smoke`.
    pub effort: String,
    /// Gives the same walks again.
    pub seed: u64,
    /// Where.
    pub machine: Machine,
    /// The figures.
    pub curves: Vec<Curve>,
}

impl Curves {
    /// Writes them as JSON.
    ///
    /// # Errors
    ///
    /// When the file or its directory cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }

    /// Takes over the curves of an earlier run on the same machine with the same effort that this one
    /// has not got.
    pub fn keep_others_of(&mut self, earlier: Option<Self>) {
        let Some(earlier) = earlier else { return };
        if (&earlier.machine, &earlier.effort) == (&self.machine, &self.effort) {
            for curve in earlier.curves {
                let is_known = NAMES.contains(&curve.name.as_str());
                if is_known && self.curves.iter().all(|own| own.name != curve.name) {
                    self.curves.push(curve);
                }
            }
            self.curves.sort_by_key(|curve| NAMES.iter().position(|name| *name == curve.name));
        }
    }

    /// Reads what [`Curves::write`] has written.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self> {
        read_json(path)
    }
}

impl std::fmt::Display for Curve {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut table = Table::new(["curve", &self.size, "unit", "median", "min", "max", "of"]);
        for point in &self.points {
            for figure in &point.figures {
                table.add([
                    self.name.clone(),
                    point.size.to_string(),
                    self.unit.symbol().to_owned(),
                    Digits(figure.median).to_string(),
                    Digits(figure.min).to_string(),
                    Digits(figure.max).to_string(),
                    figure.label.clone(),
                ]);
            }
        }
        write!(out, "{table}")
    }
}

/// Measures the curves that are wanted, and gives each to `take`.
///
/// # Errors
///
/// The first error of a point.
pub fn measure(
    session: &Session,
    wanted: &dyn Fn(&str) -> bool,
    mut take: impl FnMut(Curve),
) -> Result<()> {
    let [get, set, attach, memory, large_set, large_get, growth] = NAMES;
    if [get, set, attach, memory].into_iter().any(wanted) {
        let curves = by_number(session)?;
        curves.into_iter().filter(|curve| wanted(&curve.name)).for_each(&mut take);
    }
    if wanted(large_set) || wanted(large_get) {
        let curves = by_size(session, [large_set, large_get])?;
        curves.into_iter().filter(|curve| wanted(&curve.name)).for_each(&mut take);
    }
    if wanted(growth) {
        take(growing(session, growth)?);
    }
    Ok(())
}

fn figures(samples: &[Samples], unit: Unit, bytes: u64) -> Vec<Figure> {
    samples.iter().map(|samples| Figure::of_samples(samples, unit, bytes)).collect()
}

fn by_number(session: &Session) -> Result<[Curve; 4]> {
    let units = [Unit::Nanoseconds, Unit::Nanoseconds, Unit::Microseconds, Unit::Bytes];
    let mut curves = [0, 1, 2, 3].map(|index| Curve {
        name: NAMES[index].to_owned(),
        size: "variables".to_owned(),
        unit: units[index],
        points: Vec::new(),
    });
    let counts = std::iter::successors(Some(10), |count| Some(count * 10));
    for count in counts.take_while(|count| *count <= session.level.most()) {
        let figures = at_number(session, count)?;
        for (curve, figures) in curves.iter_mut().zip(figures) {
            curve.points.push(Point { size: count.into(), figures });
        }
    }
    Ok(curves)
}

fn at_number(session: &Session, count: u32) -> Result<[Vec<Figure>; 4]> {
    let effort = session.effort();
    let walk = Walk::new(count, session.seed);
    let namespace = session.namespace(count)?;
    populate(&mut &*namespace, count.into(), MANY_LENGTH)?;
    let bytes = Figure::new("mmf", count.into(), vec![bytes_each(&namespace, count)?]);
    let attached = figures(&attachments(session, &namespace, count)?, Unit::Microseconds, 0);

    let path = session.new_path("table");
    let table = RawTable::<MANY_LENGTH>::create(&path, count.into(), Locking::Nothing)?;
    populate(&mut &table, count.into(), MANY_LENGTH)?;
    let map = LockedMap::default();
    populate(&mut &map, count.into(), MANY_LENGTH)?;
    let gets = interleave(
        &effort,
        &mut [
            Contender::new("raw table", get_along(&table, walk.clone())),
            Contender::new("mmf", get_along(&*namespace, walk.clone())),
            Contender::new("HashMap behind RwLock", get_along(&map, walk.clone())),
        ],
    )?;
    let sets = interleave(
        &effort,
        &mut [
            Contender::new("raw table, one writer", set_along(&table, walk.clone())),
            Contender::new("mmf", set_along(&*namespace, walk.clone())),
            Contender::new("HashMap behind RwLock", set_along(&map, walk.clone())),
        ],
    )?;
    drop(map);
    drop(table);
    // The file goes now: ten million entries take gigabytes.
    std::fs::remove_file(&path)?;
    let mut gets = figures(&gets, Unit::Nanoseconds, 0);
    gets.push(by_two(session, &namespace, &walk, "get")?);
    let mut sets = figures(&sets, Unit::Nanoseconds, 0);
    sets.push(by_two(session, &namespace, &walk, "set")?);
    Ok([gets, sets, attached, vec![bytes]])
}

/// Nanoseconds that an operation of either process takes while both are at it.
fn by_two(session: &Session, namespace: &Namespace, walk: &Walk, verb: &str) -> Result<Figure> {
    let effort = session.effort();
    let (count, seed) = (walk.count().to_string(), (session.seed + 1).to_string());
    let arguments = [namespace.name(), &count, &seed];
    let mut companion = session.companion(verb, &arguments)?;
    let mut visitor = Visitor::new(namespace, walk.clone());
    let (mut each, mut operations) = (Vec::new(), 0);
    for round in 0..effort.repeats as u64 {
        let (own, other) = companion.turn(round, |turn| {
            turn.repeat_for(effort.repeat_time, |_| match verb {
                "get" => visitor.get(),
                _ => visitor.set(round),
            })
        })?;
        operations = own.operations;
        each.push((own.each() + other.each()) / 2.0);
    }
    Ok(Figure::new("mmf, 2 processes", operations, each))
}

/// Visits variables in an order without a pattern.
pub(crate) struct Visitor<'a> {
    namespace: &'a Namespace,
    walk: Walk,
    buffer: Vec<u8>,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(namespace: &'a Namespace, walk: Walk) -> Self {
        Self { namespace, walk, buffer: Vec::new() }
    }

    /// Has this process's page table reach everything, as it does in one that has been at work for a
    /// while: neighbours in the order of making lie in the same pages.
    pub(crate) fn warm(self) -> Result<Self> {
        let mut buffer = Vec::new();
        for index in (0..self.walk.count() as u64).step_by(WARM_STEP) {
            self.namespace.get_into(Name::of(index).as_str(), &mut buffer)?;
            verify(faults_of_array::<MANY_LENGTH>(&buffer, index), "get after attaching")?;
        }
        Ok(self)
    }

    #[inline]
    fn get(&mut self) -> Result<()> {
        let (index, name) = self.walk.step();
        self.namespace.get_into(name.as_str(), &mut self.buffer)?;
        verify(faults_of_array::<MANY_LENGTH>(&self.buffer, index), "get beside another process")
    }

    #[inline]
    fn set(&mut self, round: u64) -> Result<()> {
        let (index, name) = self.walk.step();
        let mut value = [0; MANY_LENGTH];
        fill(&mut value, stamp(index, round));
        self.namespace.set(name.as_str(), &value)?;
        Ok(())
    }

    /// The second process's gets.
    pub(crate) fn serve_gets(&mut self, turn: &Turn<'_>) -> Result<Done> {
        turn.repeat(|_| self.get())
    }

    /// The second process's sets; afterwards it looks at what both have set.
    pub(crate) fn serve_sets(&mut self, turn: &Turn<'_>) -> Result<Done> {
        let done = turn.repeat(|_| self.set(turn.argument))?;
        for _ in 0..1000 {
            self.get()?;
        }
        Ok(done)
    }
}

fn by_size(session: &Session, names: [&str; 2]) -> Result<[Curve; 2]> {
    let mut curves = names.map(|name| Curve {
        name: name.to_owned(),
        size: "bytes".to_owned(),
        unit: Unit::GigabytesPerSecond,
        points: Vec::new(),
    });
    for size in sizes(session.level) {
        let samples = copies(session, size)?;
        for (curve, samples) in curves.iter_mut().zip(samples) {
            let figures = figures(&samples, curve.unit, size as u64);
            curve.points.push(Point { size: size as u64, figures });
        }
    }
    Ok(curves)
}

/// From 8 bytes to 64 MiB.
fn sizes(level: Level) -> Vec<usize> {
    let greatest = if level == Level::Smoke { 1 << 20 } else { 64 << 20 };
    (3..=26).map(|power| 1 << power).filter(|size| *size <= greatest).collect()
}

fn growing(session: &Session, name: &str) -> Result<Curve> {
    let count = session.level.most();
    let growths = session.effort().repeats.min(GROWTHS);
    let mut all = Vec::new();
    for _ in 0..growths {
        all.push(grow(session, count)?);
    }
    let (sets, stores): (Vec<_>, Vec<_>) =
        all.into_iter().map(|growth| (growth.sets, growth.stores)).unzip();
    let mut figures = Vec::new();
    for (label, pauses) in [("mmf", sets), ("plain stores", stores)] {
        let operations = pauses[0].operations;
        let mut add = |what: &str, values: Vec<f64>| {
            figures.push(Figure::new(&format!("{label}: {what}"), operations, values));
        };
        add("mean", pauses.iter().map(|one| one.total as f64 / one.operations as f64).collect());
        add("99.99 %", pauses.iter().map(|one| one.percentile_99_99 as f64).collect());
        add("worst", pauses.iter().map(|one| one.worst as f64).collect());
        let processor = pauses.iter().map(|one| one.worst_processor as f64).collect();
        add("worst, processor time", processor);
        add("how many above 1 ms", pauses.iter().map(|one| one.long as f64).collect());
    }
    Ok(Curve {
        name: name.to_owned(),
        size: "variables".to_owned(),
        unit: Unit::Nanoseconds,
        points: vec![Point { size: count.into(), figures }],
    })
}
