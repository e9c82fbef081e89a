//! What was measured, system by system: JSON, the table, and who is ahead.
//!
//! The JSON is a list of [`mmf_bench::report::Report`]s with two fields more, so that the README's
//! table is made of it by `mmf-bench -- readme`.

use std::fmt::Write;
use std::path::Path;

use mmf_bench::Result;
use mmf_bench::report::{Digits, Figure, Report, Row, Table, Unit, read_json, write_json};
use serde::{Deserialize, Serialize};

use crate::contract::{self, Figures, Measure};
use crate::driver::Measured;

/// Variables that the rows about many are to have.
pub const MANY: u64 = 1_000_000;
/// Begins the identity of a floor.
const FLOOR: &str = "floor-";
/// The identity of the system that the others are peers of.
const SUBJECT: &str = "mmf";

/// A system, and what was measured of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerReport {
    /// What the program calls it.
    pub id: String,
    /// Its figures. Other ways to the same stand beside the subject.
    #[serde(flatten)]
    pub report: Report,
    /// What there are no figures of.
    pub missing: Vec<Missing>,
}

/// A row without figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// What was to be done; `all` for a system that is not installed.
    pub row: String,
    /// Why there are none.
    pub reason: String,
}

/// The rows of the table, with what they are made of.
pub const COLUMNS: [(&str, Measure, contract::Row); 12] = [
    ("get hot", Measure::GetHot, contract::Row::Hot),
    ("set hot", Measure::SetHot, contract::Row::Hot),
    ("get random of 1M", Measure::GetRandom, contract::Row::Random),
    ("set random of 1M", Measure::SetRandom, contract::Row::Random),
    ("one variable, two processes: writer", Measure::Writer, contract::Row::Pair),
    ("one variable, two processes: reader", Measure::Reader, contract::Row::Pair),
    ("set 16 MiB", Measure::LargeSet, contract::Row::Large),
    ("get 16 MiB", Measure::LargeGet, contract::Row::Large),
    ("round trip", Measure::RoundTrip, contract::Row::RoundTrip),
    ("counter, two processes", Measure::Counter, contract::Row::Counter),
    ("attach 1M and read one", Measure::Attach, contract::Row::Random),
    ("memory each of 1M", Measure::Memory, contract::Row::Random),
];

const HEADER: [&str; 13] = [
    "system",
    "get hot ns",
    "set hot ns",
    "get 1M ns",
    "set 1M ns",
    "writer Mop/s",
    "reader Mop/s",
    "set 16M GB/s",
    "get 16M GB/s",
    "round trip us",
    "counter Mop/s",
    "attach us",
    "bytes each",
];

fn unit(measure: Measure) -> Unit {
    match measure {
        Measure::GetHot | Measure::SetHot | Measure::GetRandom | Measure::SetRandom => {
            Unit::Nanoseconds
        }
        Measure::RoundTrip | Measure::Attach => Unit::Microseconds,
        Measure::LargeSet | Measure::LargeGet => Unit::GigabytesPerSecond,
        Measure::Memory | Measure::CounterAdds | Measure::CounterTotal => Unit::Bytes,
        Measure::Writer | Measure::Reader | Measure::Counter => Unit::MillionsPerSecond,
    }
}

/// The rows that figures of one piece of work come to.
pub fn rows(measured: &[Measured]) -> Vec<Row> {
    let of = |measure| {
        let figures = measured.iter().map(|measured| &measured.figures);
        figures.filter(move |figures| figures.measure == measure)
    };
    let mut rows = Vec::new();
    for (name, measure, _) in COLUMNS {
        let mut all = of(measure).filter(|figures| !figures.samples.is_empty());
        let Some(first) = all.next() else { continue };
        let mut notes: Vec<String> = first.note.iter().cloned().collect();
        if let Some(count) = first.count.filter(|count| *count != MANY) {
            notes.insert(0, format!("of {}", grouped(count)));
        }
        let row = if measure == Measure::Counter {
            notes.extend(lost(of(Measure::CounterAdds), of(Measure::CounterTotal)));
            let both: Vec<_> = std::iter::once(first).chain(all).collect();
            Row::new(name, unit(measure), sum(&both))
        } else {
            let row = Row::new(name, unit(measure), figure(first));
            Row { beside: all.map(figure).collect(), ..row }
        };
        rows.push(row.noting(notes.join("; ")));
    }
    rows
}

fn figure(figures: &Figures) -> Figure {
    let unit = unit(figures.measure);
    let convert = |sample: &f64| match figures.unit {
        contract::Unit::Nanoseconds => unit.of_time(*sample, figures.size.unwrap_or(0)),
        contract::Unit::PerSecond => sample / 1e6,
        contract::Unit::Bytes | contract::Unit::Count => *sample,
    };
    let label = figures.variant.as_deref().unwrap_or("by name");
    Figure::new(label, 0, figures.samples.iter().map(convert).collect())
}

/// What both processes do in the same time.
fn sum(both: &[&Figures]) -> Figure {
    let samples = both.iter().map(|figures| figures.samples.len()).min().unwrap_or(0);
    let each = |at: usize| both.iter().map(|figures| figures.samples[at] / 1e6).sum();
    Figure::new("both", 0, (0..samples).map(each).collect())
}

/// How much of what was added a counter has not got.
fn lost<'a>(
    adds: impl Iterator<Item = &'a Figures>,
    total: impl Iterator<Item = &'a Figures>,
) -> Option<String> {
    let adds: f64 = adds.flat_map(|figures| &figures.samples).sum();
    let total: f64 = total.flat_map(|figures| &figures.samples).sum();
    let lost = 100.0 * (adds - total) / adds;
    (lost != 0.0).then(|| format!("loses {lost:.0} %"))
}

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl PeerReport {
    /// Whether it is a floor.
    pub fn is_floor(&self) -> bool {
        self.id.starts_with(FLOOR)
    }

    /// Puts what was measured anew in the place of what stands here.
    pub fn renew(&mut self, newer: Self) {
        let is_renewed = |name: &str| {
            let rows = newer.report.rows.iter().any(|row| row.name == name);
            rows || newer.missing.iter().any(|missing| missing.row == name)
        };
        self.report.rows.retain(|row| !is_renewed(&row.name));
        self.missing.retain(|missing| missing.row != "all" && !is_renewed(&missing.row));
        self.report.rows.extend(newer.report.rows);
        self.report.rows.sort_by_key(|row| COLUMNS.iter().position(|column| column.0 == row.name));
        self.missing.extend(newer.missing);
        self.report = Report { rows: std::mem::take(&mut self.report.rows), ..newer.report };
    }

    fn row(&self, name: &str) -> Option<&Row> {
        self.report.rows.iter().find(|row| row.name == name)
    }

    /// The best figure of a row, whichever way it was reached.
    fn best(&self, name: &str) -> Option<f64> {
        let row = self.row(name)?;
        let figures = std::iter::once(&row.subject).chain(&row.beside);
        let medians = figures.map(|figure| figure.median);
        medians.reduce(if row.unit.is_rate() { f64::max } else { f64::min })
    }
}

/// Reads what [`write()`] has written.
///
/// # Errors
///
/// When the file cannot be read or holds something else.
pub fn read(path: &Path) -> Result<Vec<PeerReport>> {
    read_json(path)
}

/// Writes reports as JSON.
///
/// # Errors
///
/// When the file or its directory cannot be written.
pub fn write(path: &Path, reports: &[PeerReport]) -> Result<()> {
    write_json(path, &reports)
}

/// The cells of every line of the table.
fn lines(reports: &[PeerReport]) -> Vec<[String; 13]> {
    let mut lines = Vec::new();
    for report in reports {
        let mut cells = [(); 13].map(|()| "-".to_owned());
        cells[0].clone_from(&report.report.subject);
        let mut variants: Vec<&str> = Vec::new();
        for (column, (name, ..)) in COLUMNS.iter().enumerate() {
            if let Some(row) = report.row(name) {
                cells[column + 1] = Digits(row.subject.median).to_string();
                if !row.note.is_empty() {
                    cells[column + 1].push('*');
                }
                variants.extend(row.beside.iter().map(|figure| figure.label.as_str()));
            } else if !report.is_floor()
                && report.missing.iter().any(|missing| missing.row == *name)
            {
                cells[column + 1] = "no".to_owned();
            }
        }
        lines.push(cells);
        variants.sort_unstable();
        variants.dedup();
        for variant in variants {
            let mut cells = [(); 13].map(|()| String::new());
            cells[0] = format!("  {variant}");
            for (column, (name, ..)) in COLUMNS.iter().enumerate() {
                let beside = report.row(name).map_or(&[][..], |row| &row.beside);
                if let Some(figure) = beside.iter().find(|figure| figure.label == variant) {
                    cells[column + 1] = Digits(figure.median).to_string();
                }
            }
            lines.push(cells);
        }
    }
    lines
}

/// The table as text, with what has to be known beside it.
pub fn table(reports: &[PeerReport]) -> String {
    let mut table = Table::new(HEADER);
    for cells in lines(reports) {
        table.add(cells);
    }
    format!("{table}\n{}", remarks(reports))
}

/// The table in Markdown, with what has to be known beneath it.
pub fn markdown(reports: &[PeerReport]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&HEADER.map(str::to_owned));
    text.push_str(&format!("|---{}|\n", "|---:".repeat(HEADER.len() - 1)));
    for cells in lines(reports) {
        text.push_str(&line(&cells.map(|cell| cell.replace("  ", "&nbsp;&nbsp;"))));
    }
    let remarks = remarks(reports);
    for remark in remarks.lines() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n- {remark}");
    }
    text + "\n"
}

fn remarks(reports: &[PeerReport]) -> String {
    let mut text = String::new();
    for report in reports {
        let subject = &report.report.subject;
        for row in report.report.rows.iter().filter(|row| !row.note.is_empty()) {
            let _ = writeln!(text, "* {subject}: {}: {}", row.name, row.note);
        }
        // What a floor is no floor of needs no explanation.
        let mut missing = if report.is_floor() { Vec::new() } else { report.missing.clone() };
        missing.dedup_by(|one, other| one.reason == other.reason);
        for Missing { row, reason } in missing {
            let _ = writeln!(text, "no {subject}: {row}: {reason}");
        }
    }
    text
}

/// One row in which a peer is better than mmf, whichever way either reached it.
#[derive(Debug, Clone, PartialEq)]
pub struct Behind {
    /// What was done.
    pub row: &'static str,
    /// Who is ahead.
    pub peer: String,
    /// Its figure.
    pub peer_figure: f64,
    /// That of mmf.
    pub own_figure: f64,
}

/// How many rows could be compared, and those in which a peer is ahead.
pub fn standing(reports: &[PeerReport]) -> (usize, Vec<Behind>) {
    let Some(own) = reports.iter().find(|report| report.id == SUBJECT) else {
        return (0, Vec::new());
    };
    let mut compared = 0;
    let mut behind = Vec::new();
    for (row, measure, _) in COLUMNS {
        let Some(own_figure) = own.best(row) else { continue };
        compared += 1;
        let peers = reports.iter().filter(|report| report.id != SUBJECT && !report.is_floor());
        for peer in peers {
            let Some(peer_figure) = peer.best(row) else { continue };
            let is_ahead = match unit(measure).is_rate() {
                true => peer_figure > own_figure,
                false => peer_figure < own_figure,
            };
            if is_ahead {
                let peer = peer.report.subject.clone();
                behind.push(Behind { row, peer, peer_figure, own_figure });
            }
        }
    }
    (compared, behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Role;
    use mmf_bench::report::Machine;

    fn measured(measure: Measure, unit: contract::Unit, samples: &[f64]) -> Measured {
        Measured { role: Role::First, figures: Figures::new(measure, unit, samples.to_vec()) }
    }

    fn report(id: &str, rows: Vec<Row>) -> PeerReport {
        let machine =
            Machine { processor: "P".to_owned(), cores: 2, memory: 1, kernel: "Linux".to_owned() };
        let report =
            Report { subject: id.to_owned(), effort: "full".into(), seed: 1, machine, rows };
        PeerReport { id: id.to_owned(), report, missing: Vec::new() }
    }

    #[test]
    fn both_processes_count() {
        let figures = [
            measured(Measure::Counter, contract::Unit::PerSecond, &[1e6, 2e6]),
            measured(Measure::Counter, contract::Unit::PerSecond, &[3e6, 3e6]),
            measured(Measure::CounterAdds, contract::Unit::Count, &[60.0]),
            measured(Measure::CounterAdds, contract::Unit::Count, &[40.0]),
            measured(Measure::CounterTotal, contract::Unit::Count, &[55.0]),
        ];
        let row = &rows(&figures)[0];
        assert_eq!(row.subject.repeats, [4.0, 5.0]);
        assert_eq!(row.note, "loses 45 %");
    }

    #[test]
    fn figures_come_in_the_units_of_the_table() {
        let mut large = measured(Measure::LargeSet, contract::Unit::Nanoseconds, &[1e6]);
        large.figures.size = Some(16_000_000);
        let mut random = measured(Measure::GetRandom, contract::Unit::Nanoseconds, &[5e3]);
        random.figures.count = Some(20_000);
        let trip = measured(Measure::RoundTrip, contract::Unit::Nanoseconds, &[1500.0]);
        let rows = rows(&[large, random, trip]);
        let figures: Vec<_> = rows.iter().map(|row| (row.unit, row.subject.median)).collect();
        assert_eq!(
            figures,
            [(Unit::Nanoseconds, 5e3), (Unit::GigabytesPerSecond, 16.0), (Unit::Microseconds, 1.5)]
        );
        assert_eq!(rows[0].note, "of 20,000");
    }

    #[test]
    fn the_best_way_of_each_is_compared() {
        let hot = |by_name: f64, kept: f64| {
            let mut kept_one = measured(Measure::GetHot, contract::Unit::Nanoseconds, &[kept]);
            kept_one.figures.variant = Some("kept".to_owned());
            rows(&[measured(Measure::GetHot, contract::Unit::Nanoseconds, &[by_name]), kept_one])
        };
        let reports = [
            report("mmf", hot(30.0, 10.0)),
            report("slow", hot(20.0, 15.0)),
            report("fast", hot(40.0, 9.0)),
            report("floor-memory", hot(1.0, 1.0)),
        ];
        let (compared, behind) = standing(&reports);
        assert_eq!(compared, 1);
        assert_eq!(behind.len(), 1);
        assert_eq!((behind[0].peer.as_str(), behind[0].peer_figure), ("fast", 9.0));
        let text = table(&reports);
        assert!(text.contains("mmf") && text.contains("  kept"), "{text}");
        assert!(markdown(&reports).contains("| mmf | 30.0 |"));
    }

    #[test]
    fn newer_figures_take_the_place_of_older_ones() {
        let row = |measure, sample: f64| {
            rows(&[measured(measure, contract::Unit::Nanoseconds, &[sample])])
        };
        let older = [row(Measure::GetHot, 5.0), row(Measure::RoundTrip, 7.0)].concat();
        let mut all = report("mmf", older);
        all.missing.push(Missing { row: "all".to_owned(), reason: "not there".to_owned() });
        all.renew(report("mmf", row(Measure::GetHot, 4.0)));
        let medians: Vec<_> = all.report.rows.iter().map(|row| row.subject.median).collect();
        assert_eq!(medians, [4.0, 0.007]);
        assert!(all.missing.is_empty());
    }

    #[test]
    fn thousands_are_set_apart() {
        let numbers = [7, 1000, 20_000, 1_000_000].map(grouped);
        assert_eq!(numbers, ["7", "1,000", "20,000", "1,000,000"]);
    }
}
