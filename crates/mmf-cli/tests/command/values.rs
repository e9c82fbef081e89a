//! set, get, add, delete, exists.

use crate::place::Place;
use serde_json::json;

#[test]
fn every_type_comes_back_as_text() {
    let place = Place::with_shop();
    for (given, type_name, printed, stored_as) in [
        ("hello", "text", "hello", "text"),
        ("-5", "i64", "-5", "i64"),
        ("5", "u64", "5", "i64"),
        ("18446744073709551615", "u64", "18446744073709551615", "u64"),
        ("12.5", "f64", "12.5", "f64"),
        ("3", "f64", "3.0", "f64"),
        ("true", "bool", "true", "bool"),
        ("null", "null", "null", "null"),
        ("0x00ff", "bytes", "0x00ff", "bytes"),
        ("plain", "bytes", "0x706c61696e", "bytes"),
        ("[1,{\"a\":null}]", "json", "[1,{\"a\":null}]", "structure"),
        ("5", "json", "5", "structure"),
        ("7", "counter", "7", "counter"),
    ] {
        place.mmf(&format!("set shop v {given} --type {type_name}")).prints("");
        place.mmf("get shop v").prints(&format!("{printed}\n"));
        assert_eq!(place.mmf("get shop v --json").json()["type"], stored_as, "{given}");
    }
}

#[test]
fn an_argument_is_text_and_may_be_empty() {
    let place = Place::with_shop();
    place.mmf_with(&["set", "shop", "v", "two words\n"]).prints("");
    place.mmf("get --raw shop v").prints("two words\n");
    place.mmf_with(&["set", "shop", "v", ""]).prints("");
    place.mmf("get shop v").prints("\n");
    place.mmf("get --raw shop v").prints("");
    place.mmf("exists shop v").prints("");
}

#[test]
fn pipes_and_files_give_bytes_unless_a_type_is_said() {
    let place = Place::with_shop();
    let bytes = b"\x00\xff\n";
    place.mmf_reading("set shop v --stdin", bytes).prints("");
    place.mmf("get --raw shop v").writes(bytes);
    place.mmf("get shop v").prints("0x00ff0a\n");
    std::fs::write(place.path().join("number"), "12\n").expect("a file");
    place.mmf("set shop v --file number --type i64").prints("");
    place.mmf("get shop v").prints("12\n");
    place.mmf("set shop v --file number --type text").prints("");
    place.mmf("get --raw shop v").prints("12\n");
}

#[test]
fn raw_is_exactly_what_is_stored() {
    let place = Place::with_shop();
    place.mmf("set shop v 258 --type i64").ends(0);
    place.mmf("get --raw shop v").writes(&[2, 1, 0, 0, 0, 0, 0, 0]);
    place.mmf("set shop v [1,2] --type json").ends(0);
    place.mmf("get --raw shop v").writes(&[0x82, 1, 2]);
    place.mmf("set shop v --type null").ends(0);
    place.mmf("get --raw shop v").writes(&[]);
}

#[test]
fn json_has_name_type_version_and_value() {
    let place = Place::with_shop();
    let set = place.mmf("set shop v 0.30000000000000004 --type f64 --json").json();
    let got = place.mmf("--json get shop v").json();
    let version = &set["version"];
    let value = 0.1 + 0.2;
    assert_eq!(got, json!({ "name": "v", "type": "f64", "version": version, "value": value }));
    place.mmf_with(&["set", "shop", "v", r#"{"a":[1,"x\n"],"b":0.1}"#, "--type", "json"]).ends(0);
    let value = json!({ "a": [1, "x\n"], "b": 0.1 });
    assert_eq!(place.mmf("get shop v --json").json()["value"], value);
    place.mmf("set shop v 0x01 --type bytes").ends(0);
    assert_eq!(place.mmf("get shop v --json").json()["value"], "0x01");
}

#[test]
fn negative_numbers_need_no_dashes() {
    let place = Place::with_shop();
    place.mmf("set shop v -5 --type i64").prints("");
    place.mmf("get shop v").prints("-5\n");
    place.mmf("set shop v --type f64 -- -inf").prints("");
    place.mmf("get shop v").prints("-inf\n");
    place.mmf("add shop c -3").prints("-3\n");
}

#[test]
fn set_and_add_make_the_namespace_and_others_do_not() {
    let place = Place::new();
    for verb in ["get new v", "delete new v", "list new", "stat new", "check new", "debug new"] {
        place.mmf(verb).fails(1, &["\"new\"", "does not exist"]);
    }
    place.mmf("wait new v --exists").fails(1, &["does not exist"]);
    place.mmf("lock new -- true").fails(1, &["does not exist"]);
    place.mmf("resize new 1GiB").fails(1, &["does not exist"]);
    place.mmf("remove new").fails(1, &["does not exist"]);
    assert_eq!(place.mmf("list --json").json(), json!([]));

    place.mmf("set new v x").prints("");
    place.mmf("get new v").prints("x\n");
    place.mmf("add newer c 2").prints("2\n");
    let listed = place.mmf("list --json").json();
    assert_eq!(listed[0]["name"], "new");
    assert_eq!(listed[0]["capacity"], 64 << 20);
    assert_eq!(listed[1]["name"], "newer");
}

#[test]
fn a_variable_that_does_not_exist() {
    let place = Place::with_shop();
    let missing = ["\"v\"", "\"shop\"", "does not exist"];
    place.mmf("get shop v").fails(1, &missing);
    place.mmf("get --raw shop v").fails(1, &missing);
    place.mmf("get --json shop v").fails(1, &missing);
    place.mmf("delete shop v").fails(1, &missing);
}

#[test]
fn exists_answers_by_its_exit_code() {
    let place = Place::new();
    place.mmf("exists shop").ends(1);
    place.mmf("exists shop v").ends(1);
    place.mmf("set shop v x").ends(0);
    place.mmf("exists shop").prints("");
    place.mmf("exists shop v").prints("");
    let no = place.mmf("exists shop w").ends(1);
    assert_eq!((no.text(), no.complaints()), (String::new(), String::new()));
    assert_eq!(place.mmf("exists shop v --json").ends(0).json(), json!({ "exists": true }));
    assert_eq!(place.mmf("exists shop w --json").ends(1).json(), json!({ "exists": false }));
}

#[test]
fn delete_takes_several_names() {
    let place = Place::with_shop();
    for name in ["a", "b", "c"] {
        place.mmf(&format!("set shop {name} x")).ends(0);
    }
    place.mmf("delete shop a").prints("");
    place.mmf("delete shop b nothing c").fails(1, &["\"nothing\""]);
    place.mmf("list shop").prints("");
    place.mmf("set shop a x").ends(0);
    let deleted = place.mmf("delete shop a b --json").ends(1).json();
    assert_eq!(deleted, json!({ "deleted": ["a"], "missing": ["b"] }));
}

#[test]
fn a_set_on_condition_says_what_is_there_instead() {
    let place = Place::with_shop();
    place.mmf("set shop v one --if-version 7").fails(1, &["\"v\"", "it does not exist"]);
    place.mmf("set shop v one --if-version 0").prints("");
    place.mmf("set shop v two --if-version 0").fails(1, &["it exists, with version "]);
    let version = place.mmf("get shop v --json").json()["version"].clone();
    place.mmf(&format!("set shop v two --if-version {version}")).prints("");
    place.mmf(&format!("set shop v three --if-version {version}")).fails(1, &["it has version "]);
    place.mmf("get shop v").prints("two\n");
    place.mmf("set shop v four --if-version last").fails(2, &["--if-version"]);
}

#[test]
fn add_counts_and_keeps_what_it_cannot_add_to() {
    let place = Place::with_shop();
    place.mmf("add shop c").prints("1\n");
    place.mmf("add shop c 9").prints("10\n");
    assert_eq!(place.mmf("add shop c -4 --json").json(), json!({ "name": "c", "value": 6 }));
    place.mmf("set shop c 9223372036854775807 --type counter").ends(0);
    place.mmf("add shop c").fails(4, &["exceed the range"]);
    place.mmf("set shop c 5 --type i64").ends(0);
    place.mmf("add shop c").fails(4, &["holds i64", "not a counter"]);
    place.mmf("get shop c").prints("5\n");
}

#[test]
fn processes_that_count_at_once_lose_nothing() {
    let place = Place::with_shop();
    let count = "for i in 1 2 3 4 5 6 7 8 9 10; do mmf add shop c; done >/dev/null";
    let counters: Vec<_> = (0..4).map(|_| place.start(count)).collect();
    for counter in counters {
        counter.end().ends(0);
    }
    place.mmf("get shop c").prints("40\n");
}

#[test]
fn a_set_on_condition_of_a_value_says_what_is_there_instead() {
    let place = Place::with_shop();
    place.mmf("set shop v one --if-value two").fails(1, &["\"v\"", "it does not exist"]);
    place.mmf("set shop v one --if-absent").prints("");
    place.mmf("set shop v two --if-absent").fails(1, &["it exists, with version "]);
    place.mmf("set shop v two --if-value other").fails(1, &["it has another value, of version "]);
    place.mmf("set shop v 5 --type i64 --if-value one").prints("");
    // Text is no number.
    place.mmf("set shop v 6 --type i64 --if-value 5").fails(1, &["another value"]);
    place.mmf("set shop v 7 --type counter --if-value 5 --if-type i64").prints("");
    place.mmf("set shop v -8 --type i64 --if-value 7 --if-type u64").prints("");
    place.mmf("set shop v [1] --type json --if-value -8 --if-type i64").prints("");
    place.mmf("set shop v done --if-value [1] --if-type json").prints("");
    place.mmf("get shop v").prints("done\n");
    place.mmf("set shop v x --if-value done --if-absent").fails(2, &["cannot be used with"]);
    place.mmf("set shop v x --if-type i64").fails(2, &["--if-value"]);
    place.mmf("set shop v x --if-value y --if-type i64").fails(2, &["\"y\" is not an i64"]);
}

#[test]
fn adds_begin_where_they_are_told_and_wrap_when_they_may() {
    let place = Place::with_shop();
    place.mmf("add shop c --initial 1000").prints("1001\n");
    place.mmf("add shop c 2 --initial -5").prints("1003\n");
    place.mmf("add shop d --initial 9223372036854775807").fails(4, &["exceed the range"]);
    place.mmf("exists shop d").ends(1);
    place
        .mmf("add shop d --initial 9223372036854775807 --wrapping")
        .prints("-9223372036854775808\n");
    place.mmf("add shop d -1").fails(4, &["exceed the range"]);
    place.mmf("add shop d -1 --wrapping").prints("9223372036854775807\n");
}

#[test]
fn the_larger_and_the_smaller_are_printed_and_kept() {
    let place = Place::with_shop();
    place.mmf("max shop v 5").prints("5\n");
    place.mmf("max shop v 4").prints("5\n");
    place.mmf("max shop v 5.5").prints("5.5\n");
    place.mmf("min shop v -2").prints("-2\n");
    assert_eq!(place.mmf("min shop v -2.5 --json").json(), json!({ "name": "v", "value": -2.5 }));
    assert_eq!(place.mmf("get shop v --json").json()["type"], "f64");
    place.mmf("max shop v 18446744073709551615").prints("18446744073709551615\n");
    place.mmf("add shop c 3").ends(0);
    place.mmf("max shop c 10").prints("10\n");
    place.mmf("add shop c").prints("11\n");
    place.mmf("max shop c 12.5").fails(4, &["a counter, which has no fraction"]);
    place.mmf("max shop v nan").fails(2, &["NaN"]);
    place.mmf("max shop v five").fails(2, &["invalid value 'five'", "not a number"]);
    place.mmf("set shop v text").ends(0);
    place.mmf("min shop v 1").fails(4, &["it holds text, not a number"]);
}

#[test]
fn a_swap_prints_what_was_there() {
    let place = Place::with_shop();
    place.mmf("swap shop v one").prints("");
    place.mmf("swap shop v 2 --type i64").prints("one\n");
    let swapped = place.mmf("swap shop v [3] --type json --json").json();
    assert_eq!(swapped, json!({ "name": "v", "existed": true, "before": 2 }));
    place.mmf("swap shop v --type null").prints("[3]\n");
    place.mmf("swap shop v x").prints("null\n");
    let swapped = place.mmf("swap shop w x --json").json();
    assert_eq!(swapped, json!({ "name": "w", "existed": false, "before": null }));
}
