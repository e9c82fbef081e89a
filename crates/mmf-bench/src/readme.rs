//! The performance section of README.md, rendered from the committed figures.
//!
//! The figures are `docs/measured/mmf.json` (a [`Report`]), `curves.json` ([`Curves`]) and, when it is
//! there, `peers.json`: a list of [`Report`]s, one a system, whose rows bear the same names. Plots of
//! the peers that stand beside it are shown.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::curves::{Curve, Curves};
use crate::report::{Digits, Figure, Machine, Report, Row, read_json};

/// The lines between which the section stands.
const BEGIN: &str =
    "<!-- measured: begin; rewritten by `cargo run --release -p mmf-bench readme` -->";
const END: &str = "<!-- measured: end -->";

/// Plots of the peers, and what they show.
const PLOTS: [(&str, &str); 2] = [
    ("docs/measured/cost.svg", "Cost of an operation, system by system"),
    ("docs/measured/growth.svg", "Cost of a get as the number of variables grows"),
];

/// Rewrites the section in the README.md of a workspace.
///
/// # Errors
///
/// When the figures or the markers are missing, or the file cannot be written.
pub fn rewrite(workspace: &Path) -> Result<()> {
    let (path, old, new) = both(workspace)?;
    if old == new {
        println!("README.md agrees with docs/measured already");
        return Ok(());
    }
    std::fs::write(&path, new).map_err(|error| format!("writing README.md: {error}"))?;
    println!("README.md has the figures of docs/measured");
    Ok(())
}

/// Whether the section in the README.md of a workspace is as [`rewrite`] would write it.
///
/// # Errors
///
/// When it is not.
pub fn check(workspace: &Path) -> Result<()> {
    let (_, old, new) = both(workspace)?;
    if old != new {
        let (old, new) = old
            .lines()
            .zip(new.lines())
            .find(|(old, new)| old != new)
            .unwrap_or(("(its end)", "(its end)"));
        return Err(format!(
            "README.md does not agree with docs/measured: it says `{old}` instead of `{new}`; \
             `mmf-bench readme` rewrites it"
        )
        .into());
    }
    println!("README.md agrees with docs/measured");
    Ok(())
}

/// The path of the README, its text, and its text with the section renewed.
fn both(workspace: &Path) -> Result<(PathBuf, String, String)> {
    let measured = workspace.join("docs/measured");
    let rows = Report::read(&measured.join("mmf.json"))?;
    let curves = Curves::read(&measured.join("curves.json"))?;
    let peers = measured.join("peers.json");
    let peers: Vec<Report> = if peers.exists() { read_json(&peers)? } else { Vec::new() };
    let path = workspace.join("README.md");
    let old =
        std::fs::read_to_string(&path).map_err(|error| format!("reading README.md: {error}"))?;
    let mut section = section(&rows, &curves, &peers);
    for (plot, shows) in PLOTS.iter().filter(|(plot, _)| workspace.join(plot).exists()) {
        // Writing to a String cannot fail.
        let _ = write!(section, "\n![{shows}]({plot})\n");
    }
    let new = replaced(&old, &section)?;
    Ok((path, old, new))
}

/// `text` with what stands between the markers replaced.
fn replaced(text: &str, section: &str) -> Result<String> {
    let missing = |marker: &str| format!("README.md has no line `{marker}`");
    let begin = text.find(BEGIN).ok_or_else(|| missing(BEGIN))? + BEGIN.len();
    let length = text[begin..].find(END).ok_or_else(|| missing(END))?;
    Ok(format!("{}\n\n{section}\n{}", &text[..begin], &text[begin + length..]))
}

/// Everything between the markers.
pub fn section(rows: &Report, curves: &Curves, peers: &[Report]) -> String {
    let mut text = format!(
        "Medians on {}. Names have 16 bytes, values 16 when hot and 64 among many; every value read was \
         verified.\n\n",
        machine(&rows.machine)
    );
    text.push_str(&rows_table(rows));
    text.push('\n');
    if rows.machine != curves.machine {
        let _ = writeln!(text, "As it grows, on {}:\n", machine(&curves.machine));
    }
    text.push_str(&by_number(curves));
    text.push_str(&by_size(curves));
    text.push_str(&growth(curves));
    text.push_str(&peers_table(peers));
    text.trim_end().to_owned() + "\n"
}

fn machine(machine: &Machine) -> String {
    let gibibytes = machine.memory as f64 / f64::from(1 << 30);
    format!(
        "{} with {} processors, {gibibytes:.0} GiB, {}",
        machine.processor, machine.cores, machine.kernel
    )
}

fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

fn header(cells: &[&str]) -> String {
    line(cells.iter().copied()) + &line(cells.iter().map(|_| "---"))
}

fn rows_table(report: &Report) -> String {
    let mut text =
        header(&["work", "unit", "mmf", "floor", "ratio", "target", "met", "floor is", "beside"]);
    for row in &report.rows {
        text.push_str(&row_line(row));
    }
    let notes: Vec<_> = report.rows.iter().filter(|row| !row.note.is_empty()).collect();
    if !notes.is_empty() {
        text.push('\n');
    }
    for row in notes {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "- {}: {}.", row.name, row.note);
    }
    text
}

fn row_line(row: &Row) -> String {
    let none = || "-".to_owned();
    let floor = row.floor.as_ref();
    let beside = row
        .beside
        .iter()
        .map(|figure| format!("{} {}", figure.label, Digits(figure.median)))
        .collect::<Vec<_>>()
        .join(", ");
    let cells = [
        row.name.clone(),
        row.unit.symbol().to_owned(),
        Digits(row.subject.median).to_string(),
        floor.map_or_else(none, |floor| Digits(floor.median).to_string()),
        row.ratio().map_or_else(none, |ratio| format!("{ratio:.2}")),
        row.target.text(row.unit),
        row.is_met().map_or("-", |is_met| if is_met { "yes" } else { "no" }).to_owned(),
        floor.map_or_else(none, |floor| floor.label.clone()),
        if beside.is_empty() { none() } else { beside },
    ];
    line(cells.iter().map(String::as_str))
}

fn curve<'a>(curves: &'a Curves, name: &str) -> Option<&'a Curve> {
    curves.curves.iter().find(|curve| curve.name == name)
}

fn median(figures: &[Figure], label: &str) -> String {
    let figure = figures.iter().find(|figure| figure.label == label);
    figure.map_or_else(|| "-".to_owned(), |figure| Digits(figure.median).to_string())
}

/// Columns of a table over the sizes of several curves: heading, curve, label of the figure.
type Column = (&'static str, &'static str, &'static str);

fn over_sizes(curves: &Curves, first: &str, columns: &[Column]) -> String {
    let Some(sizes) = columns.iter().find_map(|column| curve(curves, column.1)) else {
        return String::new();
    };
    let headings = std::iter::once(first).chain(columns.iter().map(|column| column.0));
    let mut text = header(&headings.collect::<Vec<_>>());
    for point in &sizes.points {
        let mut cells = vec![point.size.to_string()];
        for (_, name, label) in columns {
            let other = curve(curves, name)
                .and_then(|curve| curve.points.iter().find(|other| other.size == point.size));
            cells.push(other.map_or_else(|| "-".to_owned(), |other| median(&other.figures, label)));
        }
        text.push_str(&line(cells.iter().map(String::as_str)));
    }
    text + "\n"
}

fn by_number(curves: &Curves) -> String {
    const GET: &str = "get by number of variables";
    const SET: &str = "set by number of variables";
    let columns = [
        ("get, ns", GET, "mmf"),
        ("get by 2 processes, each", GET, "mmf, 2 processes"),
        ("raw table", GET, "raw table"),
        ("`HashMap`", GET, "HashMap behind RwLock"),
        ("set, ns", SET, "mmf"),
        ("set by 2 processes, each", SET, "mmf, 2 processes"),
        ("raw table", SET, "raw table, one writer"),
        ("`HashMap`", SET, "HashMap behind RwLock"),
        ("attach and read one, µs", "attach by number of variables", "mmf"),
        ("bytes each", "memory by number of variables", "mmf"),
    ];
    over_sizes(curves, "variables", &columns)
}

fn by_size(curves: &Curves) -> String {
    const SET: &str = "set by size of the value";
    const GET: &str = "get by size of the value";
    let columns = [
        ("set, GB/s", SET, "mmf"),
        ("memcpy into a mapping", SET, "memcpy into a mapping"),
        ("get, GB/s", GET, "mmf"),
        ("memcpy out of a mapping", GET, "memcpy out of a mapping"),
    ];
    over_sizes(curves, "bytes of the value", &columns)
}

fn growth(curves: &Curves) -> String {
    let Some(curve) = curve(curves, "single sets while growing") else { return String::new() };
    let mut text = String::new();
    for point in &curve.points {
        let figure = |label: &str| point.figures.iter().find(|figure| figure.label == label);
        let times = |label: &str| {
            figure(label).map_or_else(|| "-".to_owned(), |figure| duration(figure.median))
        };
        let count = |label: &str| median(&point.figures, label);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "Making {} variables one by one takes {} each (99.99 % within {}). The worst single set \
             takes {}, of which its thread runs {} at most; the worst of plain stores for as long {}. \
             Longer than 1 ms: {} sets, {} stores.\n",
            point.size,
            times("mmf: mean"),
            times("mmf: 99.99 %"),
            times("mmf: worst"),
            times("mmf: worst, processor time"),
            times("plain stores: worst"),
            count("mmf: how many above 1 ms"),
            count("plain stores: how many above 1 ms"),
        );
    }
    text
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        time if time >= 1e6 => format!("{} ms", Digits(time / 1e6)),
        time if time >= 1e3 => format!("{} µs", Digits(time / 1e3)),
        time => format!("{} ns", Digits(time)),
    }
}

/// Systems side by side: a line each, with the medians of the rows that any of them has.
fn peers_table(peers: &[Report]) -> String {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for row in peers.iter().flat_map(|report| &report.rows) {
        if names.iter().all(|(name, _)| *name != row.name) {
            names.push((&row.name, row.unit.symbol()));
        }
    }
    if names.is_empty() {
        return String::new();
    }
    let headings: Vec<_> = names.iter().map(|(name, unit)| format!("{name}, {unit}")).collect();
    let headings: Vec<_> =
        std::iter::once("system").chain(headings.iter().map(String::as_str)).collect();
    let mut text = header(&headings);
    for report in peers {
        let mut cells = vec![report.subject.clone()];
        for (name, _) in &names {
            let row = report.rows.iter().find(|row| row.name == *name);
            cells.push(
                row.map_or_else(|| "-".to_owned(), |row| Digits(row.subject.median).to_string()),
            );
        }
        text.push_str(&line(cells.iter().map(String::as_str)));
    }
    let noted = |report: &Report| {
        let noted = report.rows.iter().filter(|row| !row.note.is_empty());
        let lines = noted.map(|row| format!("- {}, {}: {}.\n", report.subject, row.name, row.note));
        lines.collect::<String>()
    };
    let notes: String = peers.iter().map(noted).collect();
    if notes.is_empty() { text } else { format!("{text}\n{notes}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curves::Point;
    use crate::report::{Target, Unit};

    fn rows() -> Report {
        let row = Row::new("get", Unit::Nanoseconds, Figure::new("mmf", 1, vec![12.0]))
            .over(Figure::new("raw", 1, vec![4.0]))
            .aiming(Target::absolute(10.0))
            .noting("by hand");
        let machine = Machine {
            processor: "P".to_owned(),
            cores: 2,
            memory: 4 << 30,
            kernel: "Linux 6".to_owned(),
        };
        Report { subject: "mmf 1".into(), effort: "full".into(), seed: 1, machine, rows: vec![row] }
    }

    fn curves() -> Curves {
        let figure = |label: &str, median| Figure::new(label, 1, vec![median]);
        let curve = |name: &str, size, figures| Curve {
            name: name.to_owned(),
            size: "variables".to_owned(),
            unit: Unit::Nanoseconds,
            points: vec![Point { size, figures }],
        };
        Curves {
            subject: "mmf 1".into(),
            effort: "full".into(),
            seed: 1,
            machine: rows().machine,
            curves: vec![
                curve("get by number of variables", 10, vec![figure("mmf", 33.0)]),
                curve("memory by number of variables", 10, vec![figure("mmf", 150.0)]),
                curve("single sets while growing", 1000, vec![figure("mmf: worst", 2.5e6)]),
            ],
        }
    }

    #[test]
    fn the_section_has_every_figure() {
        let text = section(&rows(), &curves(), &[]);
        assert!(text.starts_with("Medians on P with 2 processors, 4 GiB, Linux 6."), "{text}");
        assert!(
            text.contains("| get | ns | 12.0 | 4.00 | 3.00 | <= 10.0 | no | raw | - |"),
            "{text}"
        );
        assert!(text.contains("- get: by hand.\n"), "{text}");
        assert!(text.contains("| 10 | 33.0 | - | - | - | - | - | - | - | - | 150 |"), "{text}");
        assert!(text.contains("worst single set takes 2.50 ms"), "{text}");
        assert!(!text.contains("system"), "{text}");
    }

    #[test]
    fn peers_stand_side_by_side() {
        let mut other = Report { subject: "other 2".into(), ..rows() };
        other.rows[0].subject = Figure::new("other", 1, vec![99.0]);
        let set = Row::new("set", Unit::Microseconds, Figure::new("other", 1, vec![5.0]));
        other.rows.push(set);
        let text = section(&rows(), &curves(), &[rows(), other]);
        let expected = "| system | get, ns | set, us |\n| --- | --- | --- |\n\
                        | mmf 1 | 12.0 | - |\n| other 2 | 99.0 | 5.00 |\n\n\
                        - mmf 1, get: by hand.\n- other 2, get: by hand.\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = replaced(&text, "new\n").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "new\n").unwrap(), new);
        assert!(replaced("nothing", "new").is_err());
    }

    #[test]
    fn a_readme_that_says_something_else_is_found() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        rows().write(&path("docs/measured/mmf.json")).unwrap();
        curves().write(&path("docs/measured/curves.json")).unwrap();
        std::fs::write(path("README.md"), format!("{BEGIN}\n{END}\n")).unwrap();
        assert!(check(place.path()).is_err());
        rewrite(place.path()).unwrap();
        check(place.path()).unwrap();
        std::fs::write(path("docs/measured/cost.svg"), "<svg/>").unwrap();
        assert!(check(place.path()).is_err());
        rewrite(place.path()).unwrap();
        let text = std::fs::read_to_string(path("README.md")).unwrap();
        std::fs::write(path("README.md"), text.replace("| 12.0 |", "| 11.0 |")).unwrap();
        let error = check(place.path()).unwrap_err().to_string();
        assert!(text.contains("system](docs/measured/cost.svg)"), "{text}");
        assert!(error.contains("| 11.0 |") && error.contains("| 12.0 |"), "{error}");
    }
}
