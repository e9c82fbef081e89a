//! wait: its conditions, its timeout, its answer.

use crate::place::Place;
use serde_json::json;

/// The version that a set reports.
fn set(place: &Place, words: &str) -> u64 {
    let version = place.mmf(&format!("set shop {words} --json")).ends(0).json()["version"].as_u64();
    version.expect("a version")
}

#[test]
fn conditions_that_hold_answer_at_once() {
    let place = Place::with_shop();
    place.mmf("wait shop door --gone").prints("0\n");
    let version = set(&place, "door open");
    place.mmf("wait shop door --exists").prints(&format!("{version}\n"));
    place.mmf("wait shop door --since 0").prints(&format!("{version}\n"));
    place.mmf("wait shop door --equals open").prints(&format!("{version}\n"));
    let answer = place.mmf("wait shop door --exists --json").json();
    assert_eq!(answer, json!({ "name": "door", "version": version }));
    for (value, type_name) in [
        ("-5", "i64"),
        ("1.5", "f64"),
        ("{\"a\":[1]}", "json"),
        ("0x01", "bytes"),
        ("3", "counter"),
    ] {
        let version = set(&place, &format!("v {value} --type {type_name}"));
        let line = format!("wait shop v --equals {value} --type {type_name}");
        place.mmf(&line).prints(&format!("{version}\n"));
    }
}

#[test]
fn conditions_that_do_not_hold_time_out() {
    let place = Place::with_shop();
    let version = set(&place, "door open");
    for condition in ["--gone", &format!("--since {version}"), "--equals shut"] {
        let line = format!("wait shop door {condition} --timeout 20ms");
        place.mmf(&line).fails(3, &["\"door\"", "\"shop\"", "20ms"]);
    }
    place.mmf("wait shop window --exists --timeout 20ms").fails(3, &["\"window\""]);
}

#[test]
fn a_value_of_another_type_is_pointed_out() {
    let place = Place::with_shop();
    place.mmf("add shop visits 100").ends(0);
    place
        .mmf("wait shop visits --equals 100 --timeout 20ms")
        .fails(3, &["it holds counter", "text is waited for"]);
}

#[test]
fn a_waiter_wakes_when_another_process_acts() {
    let place = Place::with_shop();
    let version = set(&place, "door shut");
    for (wait, act) in [
        (format!("door --since {version}"), "set shop door open"),
        ("window --exists".to_owned(), "set shop window open"),
        ("window --gone".to_owned(), "delete shop window"),
        ("visits --equals 3 --type counter".to_owned(), "add shop visits 3"),
        ("door --equals locked".to_owned(), "set shop door locked"),
    ] {
        let waiter = place.start(&format!("mmf wait shop {wait} --timeout 60s"));
        place.mmf(act).ends(0);
        waiter.end().ends(0);
    }
}

#[test]
fn two_processes_signal_each_other() {
    let place = Place::with_shop();
    let first =
        place.start("mmf wait shop signal2 --exists --timeout 60s && mmf set shop signal1 1");
    let second =
        place.start("mmf set shop signal2 1 && mmf wait shop signal1 --exists --timeout 60s");
    first.end().ends(0);
    second.end().ends(0);
}
