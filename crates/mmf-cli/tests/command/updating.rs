//! update: what the command gets and gives, what its end means, and who waits meanwhile.

use crate::place::Place;
use serde_json::json;

#[test]
fn the_commands_output_is_stored_with_the_type_of_the_value() {
    let place = Place::with_shop();
    for (value, type_name, command, printed) in [
        ("5", "i64", "awk '{print $1 * 2}'", "10"),
        ("7", "counter", "awk '{print $1 + 1}'", "8"),
        ("2.5", "f64", "awk '{print $1 / 2}'", "1.25"),
        ("true", "bool", "sed s/true/false/", "false"),
        ("world", "text", "sed s/world/moon/", "moon"),
        ("0x00ff", "bytes", "sed s/00/01/", "0x01ff"),
        ("[1,2]", "json", "sed s/1/3/", "[3,2]"),
    ] {
        place.mmf(&format!("set shop v {value} --type {type_name}")).ends(0);
        let before = place.mmf("get shop v --json").json()["type"].clone();
        place.shell(&format!("mmf update shop v -- {command}")).prints("");
        place.mmf("get shop v").prints(&format!("{printed}\n"));
        assert_eq!(place.mmf("get shop v --json").json()["type"], before, "{command}");
    }
    place.shell("mmf update shop new -- sh -c 'cat; echo made'").prints("");
    place.mmf("get --raw shop new").prints("made");
    place.shell("mmf update shop new --type i64 -- echo 12").prints("");
    assert_eq!(place.mmf("get shop new --json").json()["type"], "i64");
}

#[test]
fn raw_and_json_are_what_they_say() {
    let place = Place::with_shop();
    place.mmf("set shop v 0x0a00 --type bytes").ends(0);
    place.shell("mmf update shop v --raw -- cat").prints("");
    place.mmf("get --raw shop v").writes(b"\n\0");
    place.mmf("set shop v one").ends(0);
    let updated = place.shell("mmf update shop v --json -- sed 's/\"one\"/two/'").json();
    assert_eq!(updated, json!({ "name": "v", "version": updated["version"] }));
    assert_eq!(place.mmf("get shop v --json").json()["version"], updated["version"]);
    place.mmf("get shop v").prints("two\n");
    place.shell("mmf update shop w --json -- cat").ends(0);
    place.mmf("get shop w").prints("null\n");
    place.mmf("update shop v --raw --json -- cat").fails(2, &["exclude each other"]);
}

/// More than pipes hold, in both directions at once and in one alone.
#[test]
fn large_values_pass_and_may_be_left_unread() {
    let place = Place::new();
    let large = vec![b'x'; 1 << 20];
    place.mmf_reading("set shop v --stdin", &large).ends(0);
    place.mmf("update shop v --raw -- cat").prints("");
    place.mmf("get --raw shop v").writes(&large);
    place.mmf("update shop v --raw -- echo short").prints("");
    place.mmf("get --raw shop v").prints("short\n");
}

#[test]
fn a_command_that_fails_stores_nothing() {
    let place = Place::with_shop();
    place.mmf("set shop v before").ends(0);
    let refused = ["did not update", "\"v\"", "exit code 7"];
    place.shell("mmf update shop v -- sh -c 'echo after; exit 7'").fails(7, &refused);
    place.shell("mmf update shop v -- sh -c 'echo after; kill -KILL $$'").fails(137, &["137"]);
    place.mmf("update shop v -- ./no-such-command").fails(127, &["cannot run ./no-such-command"]);
    place.shell("mmf update shop v --type i64 -- echo five").fails(2, &["is not an i64"]);
    place.mmf("get shop v").prints("before\n");
    place.mmf("update shop new -- false").fails(1, &["did not update"]);
    place.mmf("exists shop new").ends(1);
    place.mmf("check shop").ends(0);
    place.mmf("update shop v").fails(2, &["COMMAND"]);
    place.mmf("stat shop --json").ends(0);
    assert_eq!(place.mmf("stat shop --json").json()["locks"], json!([]));
}

#[test]
fn increments_by_updates_are_not_lost() {
    let place = Place::with_shop();
    place.mmf("set shop total 0 --type i64").ends(0);
    let repeat = "for i in 1 2 3 4 5; do \
                  mmf update shop total --timeout 60s -- awk '{print $1 + 1}'; done";
    let updaters: Vec<_> = (0..3).map(|_| place.start(repeat)).collect();
    for updater in updaters {
        updater.end().ends(0);
    }
    place.mmf("get shop total").prints("15\n");
}

/// An updater is killed in the middle: the old value is there, and nobody waits.
#[test]
fn a_killed_update_leaves_the_old_value() {
    let place = Place::with_shop();
    place.mmf("set shop v before").ends(0);
    let script = "mmf update shop v -- sh -c 'echo after; kill -KILL $PPID; sleep 1'";
    place.shell(script).ends(137);
    place.mmf("get shop v --timeout 5s").prints("before\n");
    place.mmf("set shop v after --timeout 5s").prints("");
    place.mmf("check shop").ends(0);
}

#[test]
fn commands_inside_are_inside_the_update() {
    let place = Place::with_shop();
    place.mmf("set shop v 5 --type i64").ends(0);
    place.shell("mmf update shop v -- mmf get shop v --timeout 5s").prints("");
    place.mmf("get shop v").prints("5\n");
    // What is set inside is replaced by the output.
    let inside = "sh -c 'mmf set shop v 100 --type i64 --timeout 5s; echo 6'";
    place.shell(&format!("mmf update shop v -- {inside}")).prints("");
    place.mmf("get shop v").prints("6\n");
    let nested = "mmf update shop v -- sh -c 'mmf update shop v -- echo 7; mmf get shop v'";
    place.shell(nested).prints("");
    place.mmf("get shop v").prints("7\n");
    for options in ["", "--variable v "] {
        let locked = format!("mmf lock shop {options}-- mmf update shop v --timeout 5s -- echo 8");
        place.shell(&locked).prints("");
    }
    place.mmf("get shop v").prints("8\n");
    let locker = "mmf update shop v -- sh -c 'mmf lock shop --timeout 50ms -- true; echo $?'";
    place.shell(locker).ends(0);
    place.mmf("get shop v").prints("3\n");
}

#[test]
fn others_wait_for_an_update_and_are_told_whose_it_is() {
    let place = Place::with_shop();
    place.mmf("set shop v before").ends(0);
    place.shell("mkfifo begin end").ends(0);
    let updater =
        place.start("mmf update shop v -- sh -c 'echo >begin; read line <end; echo after'");
    place.shell("read line <begin").ends(0);
    let process =
        format!("process {}", place.mmf("stat shop --json").json()["locks"][0]["process"]);
    for attempt in ["get shop v", "set shop v x", "lock shop -- true", "lock shop --shared -- true"]
    {
        let (verb, rest) = attempt.split_once(" -- ").unwrap_or((attempt, ""));
        let command = if rest.is_empty() { String::new() } else { format!("-- {rest}") };
        place.mmf(&format!("{verb} --timeout 50ms {command}")).fails(3, &[&process, "(mmf)"]);
    }
    place.mmf("set shop other x --timeout 5s").ends(0);
    place.shell("echo >end").ends(0);
    updater.end().ends(0);
    place.mmf("get shop v").prints("after\n");
}
