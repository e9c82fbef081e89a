//! What the stepper finds and how it says so. All operations: `mmf-torture all`.

use std::process::{Command, Output};

fn step(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmf-torture"));
    command.arg("step").args(words).output().expect("the stepper starts")
}

/// Steps operations, which must be found good, and gives the table.
fn good(words: &[&str]) -> String {
    let output = step(words);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{table}\n{}", String::from_utf8_lossy(&output.stderr));
    table
}

/// Steps an operation that is not what it says, and sees that this is found.
fn bad(operation: &str, complaint: &str) {
    let output = step(&["--kills", "1", operation]);
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{table}");
    assert!(table.contains(complaint), "{table}");
}

/// Killed behind the addition and before the publication, the adder left a new number under the
/// old version, and who waited for a change slept until somebody else came.
#[test]
fn a_waiter_recovers_the_add_it_waits_for() {
    good(&["add"]);
}

#[test]
fn a_recovery_is_stepped_like_an_operation() {
    let table = good(&["--depth", "2", "--every", "5", "--kills", "0", "set-small-by-small"]);
    let alone = good(&["--kills", "0", "set-small-by-small"]);
    assert!(states(&table) > 3 * states(&alone), "{table}\n{alone}");
}

#[test]
fn a_value_in_between_is_found() {
    bad("faulty-two-sets", "neither that of before nor of after");
}

#[test]
fn what_is_undone_is_found() {
    bad("faulty-set-and-back", "what had happened is undone");
}

#[test]
fn another_variable_that_changes_is_found() {
    bad("faulty-other-variable", "neither that of before nor of after: large");
}

#[test]
fn a_death_that_should_not_be_told_is_found() {
    bad("faulty-lock-left-behind", "a lock tells of a death that did not happen");
}

#[test]
fn an_operation_that_does_nothing_is_found() {
    bad("faulty-nothing", "the operation was never seen to happen");
}

#[test]
fn an_unknown_operation_is_refused() {
    let output = step(&["sett"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no operation sett"));
}

/// The states of the only operation of a table.
fn states(table: &str) -> u64 {
    let row = table.lines().nth(1).unwrap_or_default();
    row.split_whitespace().nth(2).and_then(|cell| cell.parse().ok()).unwrap_or_default()
}
