//! Files as a crash of the operating system leaves them. More: `mmf-torture crash`.

use std::process::Command;

#[test]
fn what_was_flushed_survives_and_the_rest_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_mmf-torture"))
        .args(["crash", "--programs", "150"])
        .output()
        .expect("the program starts");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{table}\n{}", String::from_utf8_lossy(&output.stderr));
    let row = table.lines().last().unwrap_or_default();
    let counts: Vec<u64> = row.split_whitespace().map_while(|cell| cell.parse().ok()).collect();
    // The mixtures are of every kind, or they show less than they seem to.
    let [150, 600, sound, mended, lost, set_back, ..] = counts[..] else { panic!("{table}") };
    assert!(sound > 50 && mended > 100 && lost > 100 && set_back > 20, "{table}");
}
