//! Readers that leave early, and outputs that cannot be written.

use crate::place::Place;

/// Runs the left side of a pipe and ends with its exit code; the right side prints.
fn left_of(place: &Place, left: &str, right: &str) -> crate::place::Run {
    place.shell(&format!("{{ {left}; echo $? >code; }} | {right}; exit $(cat code)"))
}

fn with_large_value() -> Place {
    let place = Place::new();
    place.mmf("create shop --capacity 4MiB").ends(0);
    std::fs::write(place.path().join("large"), "text ".repeat(200_000)).expect("a file");
    place.mmf("set shop large --file large --type text").ends(0);
    place
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = with_large_value();
    left_of(&place, "mmf get shop large", "head -c 4").prints("text");
    left_of(&place, "mmf get --raw shop large", "head -c 4").prints("text");
    left_of(&place, "mmf get --json shop large", "head -c 1").prints("{");
    left_of(&place, "mmf get shop large", "true").prints("");
    left_of(&place, "mmf --help", "true").prints("");
}

#[test]
fn the_first_line_of_a_long_list() {
    let place = Place::new();
    place.mmf("create shop --capacity 4MiB").ends(0);
    // More than a pipe and a buffer hold.
    let name = "n".repeat(1000);
    place
        .shell(&format!("for i in $(seq 100 299); do mmf set shop ${{i}}{name} x; done"))
        .prints("");
    let first = format!("100{name}\n");
    left_of(&place, "mmf list shop", "head -1").prints(&first);
    left_of(&place, "mmf debug shop", "head -1").prints("NAMESPACE \"shop\"\n");
    left_of(&place, "mmf list shop --json", "head -c 1").prints("[");
    left_of(&place, "mmf list shop --long", "true").prints("");
}

#[test]
fn a_full_disk_is_an_error() {
    let place = with_large_value();
    for line in ["mmf get shop large", "mmf list shop", "mmf debug shop", "mmf list --json"] {
        place.shell(&format!("{line} >/dev/full")).fails(4, &["cannot write", "No space left"]);
    }
}
