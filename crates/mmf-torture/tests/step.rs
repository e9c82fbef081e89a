//! The stepper on operations of every kind. All of them: `mmf-torture step`.

use std::process::Command;

/// Steps operations and shows what was found when a state was bad.
fn step(words: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_mmf-torture"))
        .arg("step")
        .args(words)
        .output()
        .expect("the stepper starts");
    let (table, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{table}");
    assert!(output.status.success(), "{table}\n{errors}");
}

#[test]
fn every_kind_of_set() {
    step(&[
        "set-new",
        "set-new-unstocked",
        "set-new-long-name",
        "set-small-by-small",
        "set-small-by-unstocked",
        "set-small-by-large",
        "set-large-by-small",
        "set-large-by-large",
        "set-empty",
        "set-with-waiters",
        "set-new-with-waiters",
    ]);
}

#[test]
fn every_kind_of_delete_and_add() {
    step(&[
        "delete-small",
        "delete-unstocked",
        "delete-large",
        "delete-empty",
        "delete-long-name",
        "delete-missing",
        "delete-to-full-magazine",
        "delete-under-own-lock",
        "add",
        "add-new",
        "add-to-locked-missing",
    ]);
}

/// Killed behind the addition and before the publication, the adder left a new number under the
/// old version, and who waited for a change slept until somebody else came.
#[test]
fn a_waiter_recovers_the_add_it_waits_for() {
    step(&["add"]);
}

#[test]
fn every_kind_of_lock() {
    step(&[
        "lock-namespace-exclusive",
        "lock-namespace-shared",
        "lock-variable-exclusive",
        "lock-variable-shared",
        "lock-missing-exclusive",
        "lock-missing-shared",
        "lock-twice",
        "set-under-locks",
    ]);
}

#[test]
fn coming_and_going() {
    step(&["create", "create-in-empty-swapfile", "attach", "detach-with-full-magazine", "remove"]);
}

#[test]
fn seats_and_size() {
    step(&["first-seat", "lease-seat", "detach", "resize"]);
}

#[test]
fn the_recovery_from_a_set() {
    step(&["--depth", "2", "--every", "5", "set-small-by-small"]);
}
