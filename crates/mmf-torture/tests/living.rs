//! Processes left standing, alive, at states of operations of every kind. All of them:
//! `mmf-torture living`.

use std::process::Command;

/// Goes on beside processes that stand still, and shows what was found when somebody was robbed.
fn living(words: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_mmf-torture"))
        .arg("living")
        .args(words)
        .output()
        .expect("the program starts");
    let (table, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{table}");
    assert!(output.status.success(), "{table}\n{errors}");
}

#[test]
fn who_stands_inside_a_set_is_named_and_goes_on() {
    living(&["set-small-by-small", "set-large-by-small", "add"]);
    living(&["--every", "9", "set-small-by-large"]);
}

#[test]
fn who_stands_inside_a_structural_change_is_named_and_goes_on() {
    living(&["--every", "9", "set-new", "delete-small", "resize", "detach"]);
}

#[test]
fn who_stands_inside_a_lock_is_named_and_goes_on() {
    living(&["lock-namespace-exclusive", "lock-variable-exclusive", "lock-variable-shared"]);
}

/// An exclusive locker waits for whoever has listed the lock as shared, also while that one is only
/// about to hold it; the timeout named nobody then.
#[test]
fn a_shared_locker_that_is_not_inside_yet_is_named() {
    living(&["lock-namespace-shared"]);
}

/// Giving back a lock of a variable without value waited a second to unmake its record, which who
/// is short of memory does just as well.
#[test]
fn unlocking_does_not_wait_for_who_stands_inside_a_structural_change() {
    living(&["--every", "3", "set-under-locks"]);
}

/// Statistics waited for the structural lock, so that nobody could see who was stopped inside it.
#[test]
fn statistics_do_not_wait_for_who_stands_inside_a_structural_change() {
    living(&["--every", "3", "set-new-unstocked"]);
}
