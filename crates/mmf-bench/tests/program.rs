//! The program as its users start it.

use std::path::Path;
use std::process::{Command, Output};

use mmf_bench::curves::Curves;
use mmf_bench::readme;
use mmf_bench::report::Report;

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmf-bench"));
    command.args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = bench(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn rows_have_names_and_are_measured_by_them() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("rows.json");
    let file = file.to_str().unwrap();
    let names = succeeds(&["--smoke", "--list"]);
    assert!(names.contains("get hot by name\n") && names.contains("attach 10k"), "{names}");
    assert!(succeeds(&["--list"]).contains("worst set growing to 10M\n"));
    assert!(succeeds(&["--quick", "--list"]).contains("worst set growing to 1M\n"));
    let shown = succeeds(&["--smoke", "--json", file, "--only", "hot"]);
    assert!(shown.lines().last().unwrap().starts_with("every value was right; "), "{shown}");
    succeeds(&["--smoke", "--json", file, "--only", "create"]);
    let report = Report::read(Path::new(file)).unwrap();
    assert_eq!(report.rows.len(), 5, "four hot rows, kept beside the new one");
    assert!(report.rows.iter().all(|row| row.subject.median > 0.0));
    assert_eq!(report.rows[4].name, "create a namespace");
}

#[test]
fn rows_of_two_processes_are_measured() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("rows.json");
    let file = file.to_str().unwrap();
    succeeds(&["--smoke", "--json", file, "--only", "process", "--only", "round trip"]);
    let report = Report::read(Path::new(file)).unwrap();
    let names: Vec<_> = report.rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.contains(&"counter by 2 processes"), "{names:?}");
    assert!(names.contains(&"round trip, both asleep"), "{names:?}");
    assert!(report.rows.iter().all(|row| row.floor.as_ref().unwrap().median > 0.0));
}

#[test]
fn curves_are_measured() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("curves.json");
    let arguments = ["curves", "--smoke", "--json", file.to_str().unwrap()];
    succeeds(&[&arguments[..], &["--only", "number"]].concat());
    let curves = Curves::read(&file).unwrap();
    assert_eq!(curves.curves.len(), 4);
    for curve in &curves.curves {
        let sizes: Vec<_> = curve.points.iter().map(|point| point.size).collect();
        assert_eq!(sizes, [10, 100, 1_000, 10_000], "{}", curve.name);
    }
}

#[test]
fn an_error_says_what_it_is_about_and_ends_with_1() {
    let output = bench(&["--smoke", "--only", "nothing of the kind", "--seed", "7"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("nothing of the kind") && error.contains("(seed 7)"), "{error}");
    assert_eq!(bench(&["--no-such-option"]).status.code(), Some(2));
}

/// The committed figures and what README.md makes of them.
#[test]
fn readme_agrees_with_the_committed_figures() {
    readme::check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
}
