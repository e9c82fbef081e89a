//! demo: what it shows, and that it leaves nothing behind.

use crate::place::Place;
use serde_json::json;

/// No namespace, no file, nothing.
#[track_caller]
fn nothing_is_left(place: &Place) {
    assert_eq!(place.mmf("list --json").json(), json!([]));
    let left = std::fs::read_dir(place.namespaces()).expect("the directory").count();
    assert_eq!(left, 0);
}

#[test]
fn the_demonstration_shows_everything() {
    let place = Place::new();
    let run = place.mmf("demo").ends(0);
    let story = run.text();
    for part in [
        "1. Two processes share",
        "reads Hello = \"Hello world!\", price = 12.5, answer = 42",
        "PROC1 SEND SIGNAL 1",
        "PROC2 GOT SIGNAL 1",
        "2,000 round trips",
        "100,000 counted, none lost",
        "2,000 counted, none lost",
        "gets kill -9 while it holds the lock",
        "was told that its owner died",
        "check: no findings",
        "was removed.",
    ] {
        assert!(story.contains(part), "no {part:?} in {story}");
    }
    assert_eq!(run.complaints(), "");
    nothing_is_left(&place);
}

#[test]
fn the_demonstration_as_json() {
    let place = Place::new();
    let report = place.mmf("demo --json").ends(0).json();
    assert_eq!(report["counting"]["additions"], 100_000);
    assert_eq!(report["counting"]["locked_additions"], 2000);
    assert_eq!(report["rescue"]["previous_owner_died"], true);
    assert_eq!(report["rescue"]["findings"], 0);
    assert!(report["rescue"]["microseconds"].as_f64() < Some(1e6), "{report}");
    assert!(report["signalling"]["median_microseconds"].as_f64() > Some(0.0), "{report}");
    nothing_is_left(&place);
}

#[test]
fn an_audience_that_leaves_ends_the_demonstration() {
    let place = Place::new();
    place.shell("mmf demo | head -1 >/dev/null").prints("");
    place.shell("mmf demo | true").ends(0);
    place.shell("mmf demo >/dev/full").fails(4, &["cannot write"]);
    nothing_is_left(&place);
}

#[test]
fn a_demonstration_that_is_asked_to_end_cleans_up() {
    let place = Place::new();
    // The signal comes when the story has begun; the rest of it may be over before that.
    let script = "mkfifo story; mmf demo >story & read line <story; kill -TERM $!; wait $!";
    let run = place.start(script).end();
    assert!(run.complaints().is_empty() || run.complaints().contains("signal 15"));
    nothing_is_left(&place);
}
