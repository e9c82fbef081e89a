//! export and import.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use crate::place::Place;

const FIRST: &str = "{\"format\":\"mmf-export\",\"version\":1}\n";
const END: &str = "{\"end\":true}\n";

/// A place whose `shop` has a variable of every type.
fn with_goods() -> Place {
    let place = Place::with_shop();
    for line in [
        "null --type null",
        "bool true --type bool",
        "i64 -5 --type i64",
        "least -9223372036854775808 --type i64",
        "u64 18446744073709551615 --type u64",
        "f64 0.30000000000000004 --type f64",
        "zero --type f64 -- -0.0",
        "nan nan --type f64",
        "infinite --type f64 -- -inf",
        "bytes 0x00ff --type bytes",
        "structure {\"a\":[1,2.0,9007199254740993],\"$b\":null} --type json",
        "scalar 5 --type json",
        "counter 7 --type counter",
    ] {
        place.mmf(&format!("set shop {line}")).prints("");
    }
    let name = "name\n\"\u{1}é";
    place.mmf_with(&["set", "shop", name, "text\u{7f}\u{2028}"]).prints("");
    place.mmf_reading("set shop text --stdin --type text", b"a\0\r\n\\").prints("");
    place
}

/// What is exported without what tells of the sets.
fn contents(place: &Place, namespace: &str) -> Vec<[serde_json::Value; 3]> {
    let text = place.mmf(&format!("export {namespace}")).ends(0).text();
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let fields =
        |line: serde_json::Value| ["name", "type", "value"].map(|field| line[field].clone());
    lines.map(fields).collect()
}

#[test]
fn everything_comes_back() {
    let place = with_goods();
    place.mmf("export shop goods.jsonl").prints("");
    place.mmf("import copy goods.jsonl --create").prints("");
    assert_eq!(contents(&place, "copy"), contents(&place, "shop"));
    for name in ["zero", "nan", "least", "u64", "structure", "scalar", "f64"] {
        place.shell(&format!("mmf get --raw shop {name} >raw")).prints("");
        let stored = fs::read(place.path().join("raw")).expect("the bytes");
        place.mmf(&format!("get --raw copy {name}")).writes(&stored);
    }
    place.mmf("add copy counter").prints("8\n");
    place.mmf("check copy").ends(0);
}

#[test]
fn lines_are_in_order_and_tell_of_the_set() {
    let place = Place::with_shop();
    for name in ["b", "a", "B", "aa"] {
        place.mmf(&format!("set shop {name} x")).ends(0);
    }
    let text = place.mmf("export shop --prefix a").ends(0).text();
    let lines: Vec<_> = text.lines().collect();
    let [first, a, aa, last] = lines[..] else { panic!("{text}") };
    assert_eq!(first, "{\"format\":\"mmf-export\",\"version\":1,\"namespace\":\"shop\"}");
    assert_eq!(format!("{last}\n"), END);
    assert!(a.starts_with("{\"name\":\"a\",\"type\":\"text\",\"value\":\"x\",\"version\":"), "{a}");
    assert!(aa.starts_with("{\"name\":\"aa\","), "{aa}");
    let a: serde_json::Value = serde_json::from_str(a).expect("JSON");
    let row = place.mmf("list shop --long --json").json()[1].clone();
    for field in ["name", "type", "version", "time", "pid", "program"] {
        assert_eq!(a[field], row[field], "{field}");
    }
    place.mmf("export shop --prefix none").prints(&format!("{first}\n{END}"));
    place.mmf("export none").fails(1, &["\"none\"", "does not exist"]);
    place.mmf("export shop --json").ends(0);
}

#[test]
fn names_are_as_the_specification_says_and_so_is_the_order() {
    let place = Place::with_shop();
    for name in ["é", "z", "\u{10000}", "\u{ff5e}"] {
        place.mmf_with(&["set", "shop", name, "x"]).ends(0);
    }
    let names: Vec<_> = contents(&place, "shop").into_iter().map(|[name, ..]| name).collect();
    assert_eq!(names[1..5], [json!("z"), json!("é"), json!("\u{ff5e}"), json!("\u{10000}")]);
}

#[test]
fn what_exists_is_an_error_or_replaced_or_kept() {
    let place = Place::with_shop();
    place.mmf("set shop a old").ends(0);
    let line =
        |name: &str| format!("{{\"name\":\"{name}\",\"type\":\"text\",\"value\":\"new\"}}\n");
    let input = format!("{FIRST}{}{}{END}", line("b"), line("a"));
    let import =
        |options: &str| place.mmf_reading(&format!("import shop {options}"), input.as_bytes());
    let exists = ["line 3: variable \"a\"", "\"shop\" exists", "--replace", "nothing was imported"];
    import("").fails(4, &exists);
    import("--dry-run").fails(4, &exists);
    place.mmf("list shop").prints("a\n");

    import("--keep --dry-run").prints("would store 1 new, replace 0, keep 1\n");
    import("--replace --dry-run").prints("would store 1 new, replace 1, keep 0\n");
    place.mmf("list shop").prints("a\n");
    let counts = import("--keep --json").ends(0).json();
    assert_eq!(counts, json!({ "dry_run": false, "new": 1, "replaced": 0, "kept": 1 }));
    place.mmf("get shop a").prints("old\n");
    place.mmf("get shop b").prints("new\n");
    import("--replace").prints("");
    place.mmf("get shop a").prints("new\n");
    import("--replace --keep").fails(2, &["cannot be used with"]);
}

#[test]
fn a_namespace_that_does_not_exist() {
    let place = with_goods();
    place.mmf("export shop goods.jsonl").prints("");
    place.mmf("import new goods.jsonl").fails(1, &["\"new\"", "does not exist", "--create"]);
    place.mmf("import new goods.jsonl --capacity 1MiB").fails(2, &["--create"]);
    place.mmf("import new goods.jsonl --create --dry-run").ends(0);
    place.mmf_reading("import new --create", b"{}").fails(4, &["line 1", "nothing was imported"]);
    place.mmf("import new missing --create").fails(4, &["cannot read missing"]);
    place.mmf("exists new").ends(1);
    place.mmf("import new goods.jsonl --create --capacity 128KiB").prints("");
    assert_eq!(place.mmf("stat new --json").json()["capacity"], 128 << 10);
    place.mmf("import new goods.jsonl --create --keep").prints("");
}

#[test]
fn what_is_malformed_changes_nothing() {
    let place = Place::with_shop();
    let good = "{\"name\":\"a\",\"type\":\"i64\",\"value\":1}\n";
    for (input, parts) in [
        ("", ["it is empty", "nothing was imported"]),
        (&format!("{FIRST}{good}"), ["it is not whole", "line 2"]),
        (&format!("{FIRST}{good}{good}{END}"), ["line 3: variable \"a\" has line 2", "nothing"]),
        (
            &format!("{FIRST}{good}{{\"name\"\n{END}"),
            ["the standard input: line 3, column", "nothing"],
        ),
        (&format!("{FIRST}{good}\0{END}"), ["line 3, column 1", "nothing"]),
    ] {
        place.mmf_reading("import shop", input.as_bytes()).fails(4, &parts);
        place.mmf_reading("import shop --replace --dry-run", input.as_bytes()).fails(4, &parts);
    }
    place.mmf("list shop").prints("");
    fs::write(place.path().join("cut"), FIRST).expect("a file");
    place.mmf("import shop cut").fails(4, &["cannot import cut: it is not whole"]);
    place.mmf("import shop .").fails(4, &["cannot import .: line 1: it cannot be read"]);
}

#[test]
fn an_import_that_cannot_fit_stores_nothing_or_says_what_it_stored() {
    let place = Place::with_shop();
    place.mmf("set shop held x").ends(0);
    let line = |name: usize, length: usize| {
        let value = "v".repeat(length);
        format!("{{\"name\":\"{name}\",\"type\":\"text\",\"value\":\"{value}\"}}\n")
    };
    let of = |count: usize, length: usize| {
        let lines: String = (0..count).map(|name| line(name, length)).collect();
        format!("{FIRST}{lines}{END}")
    };
    let import = |input: &str| place.mmf_reading("import shop", input.as_bytes());
    import(&of(30, 10_000)).fails(4, &["line 28: with it", "262144", "nothing was imported"]);
    place.mmf("list shop").prints("held\n");

    // It is less than the capacity, but blocks are larger than values.
    let run = import(&of(24, 10_200)).ends(4);
    let complaint = run.complaints();
    let stored = place.mmf("list shop --json").json().as_array().expect("names").len() - 1;
    let expected = format!(
        "stored from lines 2 to {}: {stored} variables; not stored: all {} from lines {} to 25",
        stored + 1,
        24 - stored,
        stored + 2
    );
    assert!(stored > 0 && complaint.contains(&expected), "{stored}: {complaint}");
    assert!(complaint.contains(&format!("cannot import line {} of", stored + 2)), "{complaint}");
    import(&of(24, 9000)).fails(4, &["exists"]);

    place.mmf("resize shop 1MiB").prints("");
    place.mmf_reading("import shop --keep", of(24, 10_200).as_bytes()).prints("");
    assert_eq!(contents(&place, "shop").len(), 27);
    place.mmf("check shop").ends(0);
}

#[test]
fn what_is_left_is_known_before_anything_is_stored() {
    let place = Place::with_shop();
    fs::write(place.path().join("large"), vec![7; 130_000]).expect("a file");
    place.mmf("set shop large --file large").ends(0);
    let value = "v".repeat(140_000);
    let line = format!("{{\"name\":\"new\",\"type\":\"text\",\"value\":\"{value}\"}}\n");
    let input = format!("{FIRST}{line}{END}");
    let left = ["has at most ", "bytes left", "nothing was imported"];
    place.mmf_reading("import shop", input.as_bytes()).fails(4, &left);
    place.mmf("delete shop large").ends(0);
    place.mmf_reading("import shop --dry-run", input.as_bytes()).ends(0);
}

#[test]
fn a_lock_halts_an_import_and_the_message_says_where() {
    let place = Place::with_shop();
    let line = |name: &str| format!("{{\"name\":\"{name}\",\"type\":\"null\",\"value\":null}}\n");
    let input = format!("{FIRST}{}{}{}{END}", line("a"), line("b"), line("c"));
    let import = "import shop --timeout 100ms --replace";
    let holder = place.hold("--variable b");
    place.mmf_reading(import, input.as_bytes()).fails(3, &["\"b\"", "nothing was imported"]);
    place.mmf("exists shop a").ends(1);
    place.release();
    holder.end().ends(0);
    place.mmf("delete shop held release").ends(0);

    // What is locked as shared can be looked at, and not set.
    let holder = place.hold("--shared --variable b");
    let halted = place.mmf_reading(import, input.as_bytes());
    halted.fails(
        3,
        &[
            "line 3 of",
            "stored from lines 2 to 2: 1 variables; not stored: all 2 from lines 3 to 4",
            "(mmf)",
        ],
    );
    place.release();
    holder.end().ends(0);
    place.mmf_reading(import, input.as_bytes()).prints("");
}

#[test]
fn a_file_is_replaced_when_it_is_whole() {
    let place = with_goods();
    let at = |name: &str| place.path().join(name);
    let entries = || fs::read_dir(place.path()).expect("the directory").count();
    fs::write(at("kept"), "precious").expect("a file");
    fs::set_permissions(at("kept"), fs::Permissions::from_mode(0o640)).expect("its mode");
    symlink(at("kept"), at("link")).expect("a link");
    let before = entries();

    let holder = place.hold("");
    place.mmf("export shop kept --timeout 50ms").fails(3, &["\"shop\""]);
    assert_eq!(fs::read(at("kept")).expect("the file"), b"precious");
    place.release();
    holder.end().ends(0);
    let _ = fs::remove_file(at("released"));
    assert_eq!(entries(), before);

    place.mmf("export shop link").prints("");
    assert!(fs::symlink_metadata(at("link")).expect("the link").is_symlink());
    assert_eq!(fs::metadata(at("kept")).expect("the file").permissions().mode() & 0o777, 0o640);
    assert!(fs::read_to_string(at("kept")).expect("the file").ends_with(END));
    assert_eq!(entries(), before);

    place.mmf("export shop missing/file").fails(4, &["cannot write missing/file"]);
    place.mmf("export shop .").fails(4, &["cannot write ."]);
    place.mmf("export shop /dev/null").prints("");
    place.shell("mmf export shop /dev/stdout | tail -1").prints(END);
    place.shell("mmf export shop >/dev/full").fails(4, &["No space left"]);
    place.shell("mmf export shop /dev/full").fails(4, &["cannot write /dev/full: No space left"]);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::new();
    place.mmf("create shop --capacity 4MiB").ends(0);
    fs::write(place.path().join("large"), "text ".repeat(200_000)).expect("a file");
    place.mmf("set shop large --file large --type text").ends(0);
    let first = "{\"format\":\"mmf-export\",\"version\":1,\"namespace\":\"shop\"}\n";
    let script = "{ mmf export shop; echo $? >code; } | head -1; exit $(cat code)";
    place.shell(script).prints(first);
}

#[test]
fn pipes_and_other_tools_work_on_the_lines() {
    let place = with_goods();
    place.shell("mmf export shop | mmf import copy --create").prints("");
    place
        .shell("mmf export copy | grep -v '\"name\":\"i64\"' | mmf import less --create")
        .prints("");
    assert_eq!(contents(&place, "less").len() + 1, contents(&place, "shop").len());
    // Nothing arrives from an export that fails, and so nothing is imported.
    let run = place.shell("mmf export none | mmf import copy --replace").ends(4);
    assert!(run.complaints().contains("it is empty; nothing was imported"), "{}", run.complaints());
}

#[test]
fn values_that_are_set_all_the_time_are_exported_whole() {
    let place = Place::with_shop();
    let writer = place.start(
        "for i in $(seq 200); do mmf set shop v \"$(printf '%0100d' $i)\"; done; mmf set shop over yes",
    );
    place.mmf("wait shop v --exists").ends(0);
    while place.mmf("exists shop over").ends_either(0, 1) == 1 {
        for [_, _, value] in contents(&place, "shop") {
            let text = value.as_str().unwrap_or("");
            assert!([0, 3, 100].contains(&text.len()), "{text}");
        }
    }
    writer.end().ends(0);
}

#[test]
fn inside_a_lock_export_and_import_do_not_wait() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    let script = "mmf export shop file --timeout 1s && mmf import shop file --replace --timeout 1s";
    place.mmf_with(&["lock", "shop", "--", "sh", "-c", script]).prints("");
}
