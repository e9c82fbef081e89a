//! Workers killed at random. More: `mmf-torture storm`.

use std::process::Command;

/// Storms of a fixed seed; returns the numbers of the last row: kills, aimed kills, operations,
/// verified values, recoveries and rests.
fn storm(words: &[&str]) -> [u64; 6] {
    let output = Command::new(env!("CARGO_BIN_EXE_mmf-torture"))
        .arg("storm")
        .args(words)
        .output()
        .expect("the program starts");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{table}\n{}", String::from_utf8_lossy(&output.stderr));
    let row = table.lines().rev().nth(1).unwrap_or_default();
    let counts: Vec<u64> = row.split_whitespace().filter_map(|cell| cell.parse().ok()).collect();
    counts.try_into().unwrap_or_else(|_| panic!("{table}"))
}

#[test]
fn nothing_is_lost_when_workers_are_killed_at_random() {
    let [kills, _, operations, verified, recoveries, rests] =
        storm(&["--kills", "240", "--seed", "1", "--storage", "memory", "mixed", "coming"]);
    assert!(kills >= 240 && rests >= 2 && recoveries > 40, "{kills} {rests} {recoveries}");
    assert!(operations > 1000 && verified > 300, "{operations} {verified}");
}

#[test]
fn owners_of_locks_are_killed_and_nobody_else_notices() {
    let [kills, aimed, ..] =
        storm(&["--kills", "240", "--seed", "1", "--storage", "swapfile", "locking", "transfer"]);
    assert!(kills >= 240 && aimed > 10, "{kills} {aimed}");
}
