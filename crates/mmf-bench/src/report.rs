//! Rows of figures, what they are to reach, and their table and JSON.

use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::measure::Samples;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Millions of operations a second.
    #[serde(rename = "Mop/s")]
    MillionsPerSecond,
    /// 10^9 bytes a second.
    #[serde(rename = "GB/s")]
    GigabytesPerSecond,
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
}

impl Unit {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::MillionsPerSecond => "Mop/s",
            Self::GigabytesPerSecond => "GB/s",
            Self::Bytes => "B",
        }
    }

    /// Whether a greater figure is the better one.
    pub fn is_rate(self) -> bool {
        matches!(self, Self::MillionsPerSecond | Self::GigabytesPerSecond)
    }

    /// The figure of an operation on `bytes` bytes that takes so many nanoseconds.
    pub fn of_time(self, nanoseconds: f64, bytes: u64) -> f64 {
        match self {
            Self::Nanoseconds => nanoseconds,
            Self::Microseconds => nanoseconds / 1e3,
            Self::Milliseconds => nanoseconds / 1e6,
            Self::MillionsPerSecond => 1e3 / nanoseconds,
            Self::GigabytesPerSecond | Self::Bytes => bytes as f64 / nanoseconds,
        }
    }
}

/// The figures of one contender: repeat by repeat, and what they come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Whose they are.
    pub label: String,
    /// The median.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Operations of one repeat.
    pub operations: u64,
    /// Every figure, in the order in which they were taken.
    pub repeats: Vec<f64>,
}

impl Figure {
    /// From figures that are in their unit already; there is at least one.
    pub fn new(label: &str, operations: u64, repeats: Vec<f64>) -> Self {
        let mut sorted = repeats.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
            _ => sorted[middle],
        };
        let (min, max) = (sorted[0], sorted[sorted.len() - 1]);
        Self { label: label.to_owned(), median, min, max, operations, repeats }
    }

    /// From measured times of operations on `bytes` bytes each.
    pub fn of_samples(samples: &Samples, unit: Unit, bytes: u64) -> Self {
        let convert = |nanoseconds: &f64| unit.of_time(*nanoseconds, bytes);
        let repeats = samples.nanoseconds.iter().map(convert).collect();
        Self::new(&samples.label, samples.operations, repeats)
    }
}

/// What a row is to reach: of a time or size at most this, of a rate at least this.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// In the row's unit.
    pub absolute: Option<f64>,
    /// As a multiple of the floor.
    pub times_floor: Option<f64>,
    /// As a multiple of the first of those beside it, such as an in-process map.
    pub times_beside: Option<f64>,
}

impl Target {
    /// A bound in the row's unit.
    pub fn absolute(bound: f64) -> Self {
        Self { absolute: Some(bound), ..Self::default() }
    }

    /// A bound as a multiple of the floor.
    pub fn times_floor(bound: f64) -> Self {
        Self { times_floor: Some(bound), ..Self::default() }
    }

    /// The same, and a multiple of the floor too.
    pub fn and_times_floor(self, bound: f64) -> Self {
        Self { times_floor: Some(bound), ..self }
    }

    /// The same, and no worse than the first of those beside it.
    pub fn and_ahead_of_beside(self) -> Self {
        Self { times_beside: Some(1.0), ..self }
    }

    /// As a table has it.
    pub fn text(&self, unit: Unit) -> String {
        let relation = if unit.is_rate() { ">=" } else { "<=" };
        let bounds = [
            self.absolute.map(|bound| format!("{}", Digits(bound))),
            self.times_floor.map(|bound| format!("{bound} x floor")),
            self.times_beside.map(|bound| match bound {
                1.0 => "beside".to_owned(),
                bound => format!("{bound} x beside"),
            }),
        ];
        let bounds: Vec<_> = bounds.into_iter().flatten().collect();
        if bounds.is_empty() { "-".to_owned() } else { format!("{relation} {}", bounds.join(", ")) }
    }
}

/// One piece of work: what the system under test took for it, beside its floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was done.
    pub name: String,
    /// Of every figure of the row.
    pub unit: Unit,
    /// The system under test.
    pub subject: Figure,
    /// The same on raw memory or with bare primitives.
    pub floor: Option<Figure>,
    /// Others, for scale.
    pub beside: Vec<Figure>,
    /// What was to be reached; nothing for rows that are for information.
    pub target: Target,
    /// What a reader has to know beside the figures; may be empty.
    pub note: String,
}

impl Row {
    /// A row without a target, of a subject alone.
    pub fn new(name: &str, unit: Unit, subject: Figure) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            subject,
            floor: None,
            beside: Vec::new(),
            target: Target::default(),
            note: String::new(),
        }
    }

    /// A row from measured times: of the floor, the subject, and any others, in that order.
    ///
    /// # Panics
    ///
    /// When there are fewer than two.
    pub fn of_samples(name: &str, unit: Unit, bytes: u64, samples: &[Samples]) -> Self {
        let mut figures = samples.iter().map(|samples| Figure::of_samples(samples, unit, bytes));
        let floor = figures.next().expect("a floor");
        let subject = figures.next().expect("a subject");
        Self { beside: figures.collect(), ..Self::new(name, unit, subject).over(floor) }
    }

    /// The same, over this floor.
    pub fn over(self, floor: Figure) -> Self {
        Self { floor: Some(floor), ..self }
    }

    /// The same, with a target.
    pub fn aiming(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// The same, with a note.
    pub fn noting(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// The subject's median as a multiple of the floor's.
    pub fn ratio(&self) -> Option<f64> {
        self.floor.as_ref().map(|floor| self.subject.median / floor.median)
    }

    /// The subject's best repeat as a multiple of the floor's: what is left when others disturb the
    /// machine.
    pub fn best_ratio(&self) -> Option<f64> {
        let best = |figure: &Figure| if self.unit.is_rate() { figure.max } else { figure.min };
        self.floor.as_ref().map(|floor| best(&self.subject) / best(floor))
    }

    /// Whether the target is met; none when there is none.
    pub fn is_met(&self) -> Option<bool> {
        let median = self.subject.median;
        let holds = |bound: f64| {
            if self.unit.is_rate() { median >= bound } else { median <= bound }
        };
        let times = |factor: Option<f64>, figure: Option<&Figure>| {
            factor.zip(figure).map(|(factor, figure)| holds(factor * figure.median))
        };
        let verdicts = [
            self.target.absolute.map(holds),
            times(self.target.times_floor, self.floor.as_ref()),
            times(self.target.times_beside, self.beside.first()),
        ];
        verdicts.into_iter().flatten().reduce(|one, other| one && other)
    }
}

/// The machine that figures were measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub processor: String,
    /// Processors that the program may use.
    pub cores: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// The operating system's kernel.
    pub kernel: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = information.lines().find(|line| line.starts_with("model name"));
        let name = name.and_then(|line| line.split(':').nth(1)).unwrap_or("unknown");
        let names = rustix::system::uname();
        let system = rustix::system::sysinfo();
        Self {
            processor: name.trim().to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: system.totalram * u64::from(system.mem_unit),
            kernel: [names.sysname(), names.release()].map(|part| part.to_string_lossy()).join(" "),
        }
    }
}

/// What to say before measuring on a machine that has other work to do; nothing on a quiet one.
pub fn disturbance() -> Option<String> {
    let load = rustix::system::sysinfo().loads[0] as f64 / f64::from(1 << LOAD_SHIFT);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let text = format!("the load is {load:.1} on {processors} processors: times mean little");
    (load > processors as f64 / 2.0).then_some(text)
}

/// Binary places of the kernel's load averages.
const LOAD_SHIFT: u32 = 16;

/// What was measured in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was measured, and its version.
    pub subject: String,
    /// How much was measured: `full`, `quick` or `smoke`.
    pub effort: String,
    /// Gives the same walks again.
    pub seed: u64,
    /// Where.
    pub machine: Machine,
    /// The figures.
    pub rows: Vec<Row>,
}

impl Report {
    /// Writes it as JSON.
    ///
    /// # Errors
    ///
    /// When the file or its directory cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }

    /// Reads what [`Report::write`] has written.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is no report.
    pub fn read(path: &Path) -> Result<Self> {
        read_json(path)
    }

    /// Takes over the rows of an earlier report of the same machine and effort that this one has not
    /// got, and puts all into the order of `names`.
    pub fn keep_others_of(&mut self, earlier: Option<Self>, names: &[String]) {
        let Some(earlier) = earlier else { return };
        if (&earlier.machine, &earlier.effort) == (&self.machine, &self.effort) {
            let is_missing = |row: &Row| self.rows.iter().all(|own| own.name != row.name);
            let kept: Vec<_> = earlier
                .rows
                .into_iter()
                .filter(|row| names.contains(&row.name) && is_missing(row))
                .collect();
            self.rows.extend(kept);
            self.rows.sort_by_key(|row| names.iter().position(|name| *name == row.name));
        }
    }

    /// The table, with a header row and without a verdict.
    pub fn table(&self) -> String {
        let mut table = Table::new(HEADER);
        for row in &self.rows {
            table.add(cells(row));
        }
        let mut text = table.to_string();
        for row in &self.rows {
            for figure in &row.beside {
                let (median, unit) = (Digits(figure.median), row.unit.symbol());
                // Writing to a String cannot fail.
                let _ = writeln!(text, "beside {}: {} {median} {unit}", row.name, figure.label);
            }
            if !row.note.is_empty() {
                let _ = writeln!(text, "{}: {}", row.name, row.note);
            }
        }
        text
    }

    /// How many rows have a target, and how many of those meet it.
    pub fn verdict(&self) -> (usize, usize) {
        let verdicts: Vec<_> = self.rows.iter().filter_map(Row::is_met).collect();
        (verdicts.len(), verdicts.iter().filter(|is_met| **is_met).count())
    }
}

/// Writes anything as JSON to a file, whose directory is made when it is missing.
///
/// # Errors
///
/// When the file or its directory cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let failed = |error| format!("writing {}: {error}", path.display());
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    let text = serde_json::to_string_pretty(value)? + "\n";
    Ok(std::fs::write(path, text).map_err(failed)?)
}

/// Reads JSON from a file.
///
/// # Errors
///
/// When the file cannot be read or holds something else.
pub fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("reading {}: {error}", path.display()))?;
    Ok(serde_json::from_str(&text)
        .map_err(|error| format!("reading {}: {error}", path.display()))?)
}

const HEADER: [&str; 11] = [
    "row", "unit", "median", "min", "max", "floor", "ratio", "of best", "target", "met", "floor is",
];

fn cells(row: &Row) -> [String; 11] {
    let number = |number: f64| Digits(number).to_string();
    let ratio =
        |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
    let floor = row.floor.as_ref();
    [
        row.name.clone(),
        row.unit.symbol().to_owned(),
        number(row.subject.median),
        number(row.subject.min),
        number(row.subject.max),
        floor.map_or_else(|| "-".to_owned(), |floor| number(floor.median)),
        ratio(row.ratio()),
        ratio(row.best_ratio()),
        row.target.text(row.unit),
        row.is_met().map_or("-", |is_met| if is_met { "yes" } else { "NO" }).to_owned(),
        floor.map_or_else(|| "-".to_owned(), |floor| floor.label.clone()),
    ]
}

/// A figure with about three digits.
#[derive(Debug, Clone, Copy)]
pub struct Digits(pub f64);

impl std::fmt::Display for Digits {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places = match self.0.abs() {
            size if size >= 100.0 => 0,
            size if size >= 10.0 => 1,
            size if size >= 0.1 || size == 0.0 => 2,
            _ => 4,
        };
        write!(out, "{:.places$}", self.0)
    }
}

/// A table of text: the first column and the last flush left, numbers flush right.
pub struct Table {
    lines: Vec<Vec<String>>,
}

impl Table {
    /// A table with a header row.
    pub fn new<const N: usize>(header: [&str; N]) -> Self {
        Self { lines: vec![header.map(str::to_owned).to_vec()] }
    }

    /// Adds a line with as many cells as the header.
    pub fn add<const N: usize>(&mut self, cells: [String; N]) {
        self.lines.push(cells.to_vec());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.lines[0].len();
        let width = |column: usize| {
            self.lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for line in &self.lines {
            let mut text = format!("{:<width$}", line[0], width = widths[0]);
            for column in 1..columns {
                let (cell, width) = (&line[column], widths[column]);
                let is_last = column == columns - 1;
                // Writing to a String cannot fail.
                let _ = if is_last {
                    write!(text, "  {cell}")
                } else {
                    write!(text, "  {cell:>width$}")
                };
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(unit: Unit, subject: f64, floor: f64) -> Row {
        Row::new("work", unit, Figure::new("mmf", 1, vec![subject])).over(Figure::new(
            "raw",
            1,
            vec![floor],
        ))
    }

    #[test]
    fn figures_have_a_median() {
        let figure = Figure::new("a", 1, vec![3.0, 1.0, 2.0]);
        assert_eq!((figure.median, figure.min, figure.max), (2.0, 1.0, 3.0));
        assert_eq!(Figure::new("a", 1, vec![4.0, 1.0, 2.0, 3.0]).median, 2.5);
    }

    #[test]
    fn a_time_is_to_be_low_and_a_rate_high() {
        let time = |target| row(Unit::Nanoseconds, 10.0, 4.0).aiming(target).is_met();
        assert_eq!(time(Target::default()), None);
        assert_eq!(time(Target::absolute(10.0)), Some(true));
        assert_eq!(time(Target::absolute(9.0)), Some(false));
        assert_eq!(time(Target::absolute(10.0).and_times_floor(2.0)), Some(false));
        assert_eq!(time(Target::times_floor(2.5)), Some(true));
        let rate = |target| row(Unit::GigabytesPerSecond, 18.0, 20.0).aiming(target).is_met();
        assert_eq!(rate(Target::times_floor(0.9)), Some(true));
        assert_eq!(rate(Target::times_floor(0.95)), Some(false));
        assert_eq!(rate(Target::absolute(19.0)), Some(false));
    }

    #[test]
    fn who_stands_beside_may_be_the_target() {
        let mut row =
            row(Unit::Nanoseconds, 10.0, 4.0).aiming(Target::absolute(20.0).and_ahead_of_beside());
        row.beside = vec![Figure::new("map", 1, vec![9.0])];
        assert_eq!(row.is_met(), Some(false));
        row.beside = vec![Figure::new("map", 1, vec![11.0])];
        assert_eq!(row.is_met(), Some(true));
    }

    #[test]
    fn times_become_rates() {
        assert_eq!(Unit::MillionsPerSecond.of_time(20.0, 0), 50.0);
        assert_eq!(Unit::GigabytesPerSecond.of_time(1000.0, 2000), 2.0);
        assert_eq!(Unit::Microseconds.of_time(1500.0, 0), 1.5);
    }

    fn report(rows: Vec<Row>) -> Report {
        let machine = Machine::this();
        Report { subject: "mmf".into(), effort: "smoke".into(), seed: 1, machine, rows }
    }

    #[test]
    fn a_row_measured_again_replaces_the_one_before() {
        let named = |name: &str, median: f64| Row {
            name: name.to_owned(),
            ..row(Unit::Nanoseconds, median, 1.0)
        };
        let names = ["one", "two", "three"].map(str::to_owned);
        let earlier = report(vec![named("one", 1.0), named("two", 1.0), named("gone", 1.0)]);
        let mut again = report(vec![named("two", 2.0)]);
        again.keep_others_of(Some(earlier.clone()), &names);
        let medians = |report: &Report| -> Vec<(String, f64)> {
            report.rows.iter().map(|row| (row.name.clone(), row.subject.median)).collect()
        };
        let known = |name: &str, median| (name.to_owned(), median);
        assert_eq!(medians(&again), [known("one", 1.0), known("two", 2.0)]);
        let mut full = Report { effort: "full".into(), ..report(vec![named("two", 2.0)]) };
        full.keep_others_of(Some(earlier), &names);
        assert_eq!(medians(&full), [known("two", 2.0)]);
    }

    #[test]
    fn a_report_survives_its_file() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("deep/report.json");
        let machine = Machine::this();
        assert!(machine.cores > 0 && machine.memory > 0 && machine.kernel.starts_with("Linux "));
        let report = report(vec![row(Unit::Bytes, 150.5, 80.0).aiming(Target::absolute(150.0))]);
        report.write(&path).unwrap();
        assert_eq!(Report::read(&path).unwrap(), report);
        assert_eq!(report.verdict(), (1, 0));
        let table = report.table();
        assert!(table.starts_with("row   unit  median"), "{table}");
        assert!(table.contains("work     B     150"), "{table}");
        assert!(table.contains("<= 150   NO  raw"), "{table}");
        assert!(table.contains(" 1.88 "), "{table}");
    }
}
