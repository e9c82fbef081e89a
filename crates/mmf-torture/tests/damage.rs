//! Damaged files, at rest and in use. More: `mmf-torture damage`, and `cargo xtask asan`.

use std::process::Command;

#[test]
fn whatever_is_done_with_a_damaged_file_ends() {
    let output = Command::new(env!("CARGO_BIN_EXE_mmf-torture"))
        .args(["damage", "--files", "150", "--live", "3"])
        .output()
        .expect("the program starts");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{table}\n{}", String::from_utf8_lossy(&output.stderr));
    // The files are damaged enough to show something, and sound enough to get far.
    let row = |operation: &str| -> Vec<u64> {
        let row = table.lines().find_map(|line| line.strip_prefix(operation));
        let row = row.unwrap_or_else(|| panic!("{operation} is missing: {table}"));
        row.split_whitespace().map_while(|cell| cell.parse().ok()).collect()
    };
    for operation in ["get", "set ", "add ", "delete", "stat", "debug", "lock (variable)"] {
        let [values, errors, ..] = row(operation)[..] else { panic!("{table}") };
        assert!(values > 20 && errors > 5, "{operation}: {table}");
    }
    for operation in ["open ", "open (reading)", "repair", "check (mended)", "wait (any)"] {
        let [values, ..] = row(operation)[..] else { panic!("{table}") };
        assert!(values > 20, "{operation}: {table}");
    }
    assert!(table.contains("150 damaged files, 3 in use"), "{table}");
}
