//! stat, check, debug.

use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::place::Place;
use serde_json::json;

#[test]
fn stat_counts_and_adds_up() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    place.mmf("set shop w y").ends(0);
    let statistics = place.mmf("stat shop --json").json();
    let bytes = |name: &str| statistics[name].as_u64().expect("a number of bytes");
    let uses = ["live", "spare", "magazines", "index", "records", "tables", "free"];
    assert_eq!(uses.map(bytes).iter().sum::<u64>(), bytes("committed"), "{statistics}");
    assert_eq!(statistics["variables"], 2);
    assert_eq!(statistics["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(statistics["members"][0]["program"], "mmf");
    assert_eq!(statistics["namespace"], "shop");
    assert!(statistics["created"].as_str().is_some_and(|time| time.ends_with('Z')));
    let table = place.mmf("stat shop").ends(0).text();
    for part in ["namespace   shop", "capacity", "262,144", "256 KiB", "alive", "no locks are held"]
    {
        assert!(table.contains(part), "no {part:?} in {table}");
    }
}

#[test]
fn stat_shows_who_holds_what() {
    let place = Place::with_shop();
    let holder = place.hold("--variable price");
    let locks = place.mmf("stat shop --json").json()["locks"].clone();
    assert_eq!(locks.as_array().map(Vec::len), Some(1));
    let lock = &locks[0];
    assert_eq!((&lock["variable"], &lock["shared"]), (&json!("price"), &json!(false)));
    let table = place.mmf("stat shop").ends(0).text();
    for part in ["HOLDER", "exclusive", "\"price\"", &lock["process"].to_string()] {
        assert!(table.contains(part), "no {part:?} in {table}");
    }
    place.release();
    holder.end().ends(0);
}

#[test]
fn check_finds_nothing_in_a_sound_namespace() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    place.mmf("check shop").prints("shop: no findings\n");
    let report = place.mmf("check shop --json").ends(0).json();
    assert_eq!(report, json!({ "namespace": "shop", "findings": [] }));
}

/// Where the heap of `shop` begins and ends, as `debug` prints it.
fn heap(place: &Place) -> std::ops::Range<usize> {
    let listing = place.mmf("debug shop").ends(0).text();
    let number = |label| {
        let line = listing.lines().find_map(|line| line.trim().strip_prefix(label));
        line.and_then(|number| number.trim().parse().ok()).expect("a number")
    };
    number("heap bottom")..number("heap break")
}

#[test]
fn check_reports_damage_with_exit_code_1() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    let path = place.namespaces().join("shop");
    let mut bytes = std::fs::read(&path).expect("its file");
    bytes[heap(&place)].iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&path, bytes).expect("its file");
    let report = place.mmf("check shop --json").ends(1).json();
    let findings = report["findings"].as_array().expect("findings");
    assert!(!findings.is_empty());
    assert!(findings[0]["place"].is_string() && findings[0]["problem"].is_string());
    let lines = place.mmf("check shop").ends(1).text();
    assert!(!lines.is_empty() && !lines.contains("no findings"), "{lines}");
}

#[test]
fn debug_prints_the_originals_three_parts() {
    let place = Place::with_shop();
    place.mmf("set shop price 12.5 --type f64").ends(0);
    let listing = place.mmf("debug shop").ends(0).text();
    for part in ["NAMESPACE \"shop\"", "HEAP", "VARIABLES", "\"price\""] {
        assert!(listing.contains(part), "no {part:?} in {listing}");
    }
    let document = place.mmf("debug shop --json").ends(0).json();
    assert_eq!(document["statistics"]["variables"], 1);
    assert_eq!(document["variables"][0]["name"], "price");
}

/// Overwrites bytes of a file in place, as a hostile process that has it open would.
fn overwrite(path: &Path, at: usize, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("a file");
    file.write_all_at(bytes, at as u64).expect("written");
}

/// Where the bytes stand in a file.
fn find(path: &Path, wanted: &[u8]) -> usize {
    let content = std::fs::read(path).expect("a file");
    content.windows(wanted.len()).position(|bytes| bytes == wanted).expect("the bytes are there")
}

/// Damages a value of the namespace in `shop.mmf`.
fn damage(path: &Path) {
    overwrite(path, find(path, b"a-value-to-be-found"), b"X");
}

#[test]
fn repair_keeps_what_verifies_and_names_the_rest() {
    let place = Place::new();
    place.mmf("create shop --capacity 256KiB --swapfile shop.mmf").ends(0);
    place.mmf("set shop kept well").ends(0);
    place.mmf("set shop broken a-value-to-be-found").ends(0);
    place.mmf("check shop --repair").prints("shop: no findings\n");
    damage(&place.path().join("shop.mmf"));
    let text = place.mmf("check shop").ends(1).text();
    assert!(text.contains("its value is not what its checksum says"), "{text}");
    let text = place.mmf("check shop --repair").ends(1).text();
    assert!(text.contains("shop: repaired, 1 variables kept"), "{text}");
    assert!(text.contains("lost: \"broken\""), "{text}");
    place.mmf("check shop").prints("shop: no findings\n");
    place.mmf("get shop kept").prints("well\n");
    place.mmf("get shop broken").ends(1);
}

#[test]
fn repair_refuses_while_others_are_attached() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    let holder = place.hold("");
    // The number of variables (docs/format.md).
    overwrite(&place.namespaces().join("shop"), 272, &[77]);
    place.mmf("check shop --repair --no-autolock").fails(4, &["others are attached", "end them"]);
    place.release();
    holder.end().ends(0);
    let text = place.mmf("check shop --repair").ends(0).text();
    assert!(
        text.contains("miscounts the variables") && text.contains("3 variables kept"),
        "{text}"
    );
    place.mmf("get shop v").prints("x\n");
}

#[test]
fn a_crash_of_the_system_is_told_to_the_next_user() {
    let place = Place::new();
    place.mmf("create shop --capacity 256KiB --swapfile shop.mmf").ends(0);
    place.mmf("set shop kept well").ends(0);
    place.mmf("set shop broken a-value-to-be-found").ends(0);
    let path = place.path().join("shop.mmf");
    damage(&path);
    // The words that name the boot of the system (docs/format.md).
    overwrite(&path, 96, &[0; 16]);
    let run = place.mmf("get shop kept");
    let complaint = run.complaints();
    assert_eq!(run.ends(0).text(), "well\n");
    for part in ["the system has crashed", "1 variables kept", "1 lost", ".shop.mmf.lost"] {
        assert!(complaint.contains(part), "no {part:?} in {complaint}");
    }
    let named = std::fs::read_to_string(place.path().join(".shop.mmf.lost")).expect("a report");
    assert!(named.contains("lost: \"broken\""), "{named}");
    // Told once: the file is sound now.
    assert_eq!(place.mmf("get shop kept").complaints(), "");
    place.mmf("remove shop").ends(0);
    assert!(!place.path().join(".shop.mmf.lost").exists());
}
