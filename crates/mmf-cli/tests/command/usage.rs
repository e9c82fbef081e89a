//! What is said to a command line that is wrong, or asks for help.

use crate::place::Place;

const VERBS: [&str; 23] = [
    "create",
    "set",
    "get",
    "delete",
    "exists",
    "list",
    "add",
    "max",
    "min",
    "swap",
    "update",
    "wait",
    "lock",
    "stat",
    "check",
    "debug",
    "export",
    "import",
    "resize",
    "remove",
    "demo",
    "completions",
    "man",
];

#[test]
fn help_has_every_verb_and_every_verb_has_examples() {
    let place = Place::new();
    let help = place.mmf("--help").ends(0).text();
    assert!(!help.contains("demo-part"));
    for verb in VERBS {
        assert!(help.contains(&format!("\n  {verb} ")), "no {verb} in {help}");
        let help = place.mmf(&format!("{verb} --help")).ends(0).text();
        assert!(help.contains("Examples:") && help.contains(&format!("  mmf {verb}")), "{help}");
        assert!(help.contains("--json") && help.contains("--timeout"), "{help}");
    }
    assert!(place.mmf("--version").ends(0).text().starts_with("mmf "));
}

#[test]
fn nothing_at_all_asks_for_a_verb() {
    let run = Place::new().mmf("").ends(2);
    assert_eq!(run.text(), "");
    assert!(run.complaints().contains("Usage: mmf"), "{}", run.complaints());
}

#[test]
fn a_wrong_command_line_is_one_line_and_exit_code_2() {
    let place = Place::with_shop();
    for (line, part) in [
        ("frobnicate", "unrecognized subcommand 'frobnicate'"),
        ("get shop", "<VARIABLE>"),
        ("get shop v --colour", "unexpected argument '--colour'"),
        ("set shop v", "there is no value"),
        ("set shop v x --stdin", "cannot be used with"),
        ("set shop v x --type colour", "invalid value 'colour'"),
        ("set shop v x --type i64", "\"x\" is not an i64"),
        ("set shop v -1 --type u64", "is not a u64"),
        ("set shop v 0xz1 --type bytes", "is not hexadecimal"),
        ("set shop v {1} --type json", "is not JSON"),
        ("set shop v 1 --type null", "is not null"),
        ("add shop c x", "invalid value 'x'"),
        ("add shop c 9223372036854775808", "invalid value"),
        ("wait shop v", "--exists"),
        ("wait shop v --exists --gone", "cannot be used with"),
        ("wait shop v --since -1", "unexpected argument '-1'"),
        ("wait shop v --exists --type i64", "cannot be used with"),
        ("wait shop v --exists --timeout 5", "a duration is a number and one of"),
        ("wait shop v --exists --timeout -5s", "unexpected argument"),
        ("lock shop", "COMMAND"),
        ("lock shop true", "unexpected argument 'true'"),
        ("list --long", "<NAMESPACE>"),
        ("create new --capacity 64M", "a size is a number of bytes"),
        ("create new --mode rw", "octal"),
        ("resize shop big", "invalid value 'big'"),
        ("get shop v --raw --json", "exclude each other"),
    ] {
        place.mmf(line).fails(2, &[part]);
    }
    place.mmf_reading("set shop v --stdin --type text", b"\xff").fails(2, &["not UTF-8"]);
    place.mmf("list shop").prints("");
    place.mmf("exists new").ends(1);
}
