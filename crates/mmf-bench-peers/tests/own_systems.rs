//! mmf and the floors go through every row by the contract, in real processes.

use std::time::Duration;

use mmf_bench_peers::contract::Row;
use mmf_bench_peers::driver::{Effort, Outcome, measure};
use mmf_bench_peers::install::Invocation;
use mmf_bench_peers::report::rows;

const EFFORT: Effort =
    Effort { sample: Duration::from_millis(1), samples: 2, fill: Duration::from_secs(20) };

fn outcome(system: &str, row: Row) -> Outcome {
    let program = env!("CARGO_BIN_EXE_mmf-bench-peers").into();
    let invocation = Invocation { program, arguments: vec!["program".to_owned()] };
    measure(&invocation, system, row, 1000, &EFFORT).unwrap()
}

/// The names of the rows, which have figures and no loss.
fn names(system: &str, row: Row) -> Vec<String> {
    let outcome = outcome(system, row);
    let Outcome::Measured(measured) = outcome else { panic!("{system} {row:?}: {outcome:?}") };
    let rows = rows(&measured);
    for row in &rows {
        assert!(!row.note.contains("loses"), "{system}: {}: {}", row.name, row.note);
        assert!(row.subject.median > 0.0, "{system}: {}", row.name);
    }
    rows.into_iter().map(|row| row.name).collect()
}

#[test]
fn mmf_has_every_row() {
    let names: Vec<_> = Row::ALL.into_iter().flat_map(|row| names("mmf", row)).collect();
    let columns = mmf_bench_peers::report::COLUMNS.map(|column| column.0);
    assert_eq!(names.len(), columns.len());
    assert!(columns.iter().all(|column| names.iter().any(|name| name == column)), "{names:?}");
}

#[test]
fn floors_have_the_rows_that_they_are_floors_of() {
    assert_eq!(names("floor-memory", Row::Hot).len(), 2);
    assert_eq!(names("floor-memory", Row::Random).len(), 4);
    assert_eq!(names("floor-memory", Row::Pair).len(), 2);
    assert_eq!(names("floor-memory", Row::Large).len(), 2);
    assert_eq!(names("floor-memory", Row::Counter), ["counter, two processes"]);
    assert_eq!(names("floor-memory", Row::RoundTrip), ["round trip"]);
    assert_eq!(names("floor-asleep", Row::RoundTrip), ["round trip"]);
    assert_eq!(names("floor-map", Row::Random).len(), 3);
    assert!(matches!(outcome("floor-map", Row::Pair), Outcome::Cannot(_)));
    assert!(matches!(outcome("nothing", Row::Hot), Outcome::Wrong(_)));
}

/// `mmf-bench -- readme` reads the committed file as plain reports.
#[test]
fn committed_figures_are_reports() {
    let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = workspace.join("docs/measured/peers.json");
    let plain: Vec<mmf_bench::report::Report> = mmf_bench::report::read_json(&path).unwrap();
    let ours = mmf_bench_peers::report::read(&path).unwrap();
    assert_eq!(plain.len(), ours.len());
    let has_subject = plain.iter().any(|report| report.subject.starts_with("mmf "));
    assert!(has_subject && plain.iter().zip(&ours).all(|(one, other)| *one == other.report));
}
