//! lock: who waits, what is passed on, and what happens when a holder dies.

use crate::place::Place;

#[test]
fn the_commands_exit_code_is_passed_on() {
    let place = Place::with_shop();
    for code in [0, 1, 7, 255] {
        place.shell(&format!("mmf lock shop -- sh -c 'exit {code}'")).ends(code);
    }
    place.mmf("lock shop -- echo hello").prints("hello\n");
    place.shell("mmf lock shop -- sh -c 'kill -KILL $$'").ends(128 + 9);
    place.shell("mmf lock shop -- sh -c 'kill -TERM $$'").ends(128 + 15);
    place.mmf("lock shop -- ./no-such-command").fails(127, &["cannot run ./no-such-command"]);
    std::fs::write(place.path().join("data"), "").expect("a file");
    place.mmf("lock shop -- ./data").fails(126, &["cannot run ./data"]);
}

#[test]
fn standard_input_and_output_are_the_commands() {
    let place = Place::with_shop();
    place.mmf_reading("lock shop -- cat", b"through").prints("through");
}

#[test]
fn a_lock_that_is_taken_times_out_and_names_its_holder() {
    let place = Place::with_shop();
    place.mmf("set shop v before").ends(0);
    let holder = place.hold("");
    let locks = place.mmf("stat shop --json").json()["locks"].clone();
    let process = format!("process {}", locks[0]["process"]);
    let holder_named = ["\"shop\"", "50ms", &process, "(mmf)"];
    place.mmf("lock shop --timeout 50ms -- echo no").fails(3, &holder_named);
    place.mmf("lock shop --shared --timeout 50ms -- echo no").fails(3, &holder_named);
    place.mmf("set shop v after --timeout 50ms").fails(3, &holder_named);
    place.mmf("get shop v --timeout 50ms").fails(3, &holder_named);
    place.mmf("get shop v --no-autolock").prints("before\n");
    place.mmf("set shop v after --no-autolock").prints("");
    place.release();
    holder.end().ends(0);
    place.mmf("get shop v").prints("after\n");
}

#[test]
fn waiters_get_the_lock_when_it_is_given_back() {
    let place = Place::with_shop();
    let holder = place.hold("");
    let waiters: Vec<_> =
        (0..3).map(|_| place.start("mmf lock shop --timeout 60s -- mmf add shop turns")).collect();
    let setter = place.start("mmf set shop v x --timeout 60s");
    place.release();
    holder.end().ends(0);
    setter.end().ends(0);
    for waiter in waiters {
        waiter.end().ends(0);
    }
    place.mmf("get shop turns").prints("3\n");
}

#[test]
fn commands_inside_are_inside_the_lock() {
    let place = Place::with_shop();
    place.mmf("set shop total 5 --type i64").ends(0);
    let update = "mmf set shop total $(( $(mmf get shop total) + 5 )) --type i64 --timeout 5s";
    place.shell(&format!("mmf lock shop -- sh -c '{update}'")).prints("");
    place.mmf("get shop total").prints("10\n");
    place.mmf("lock shop -- mmf add shop c --timeout 5s").prints("1\n");
    place.mmf("lock shop -- mmf lock shop --timeout 5s -- echo nested").prints("nested\n");
    place.mmf("lock shop --variable v -- mmf set shop v x --timeout 5s").prints("");
    place.mmf("lock shop --variable v -- mmf wait shop v --exists --timeout 5s").ends(0);
}

#[test]
fn increments_under_the_lock_are_not_lost() {
    let place = Place::with_shop();
    place.mmf("set shop total 0 --type i64").ends(0);
    let update = "mmf set shop total $(( $(mmf get shop total) + 1 )) --type i64";
    let repeat =
        format!("for i in 1 2 3 4 5; do mmf lock shop --timeout 60s -- sh -c '{update}'; done");
    let adders: Vec<_> = (0..3).map(|_| place.start(&repeat)).collect();
    for adder in adders {
        adder.end().ends(0);
    }
    place.mmf("get shop total").prints("15\n");
}

#[test]
fn what_outlives_the_lock_is_outside_of_it() {
    let place = Place::with_shop();
    // The environment of a command under the lock, kept until after the lock.
    let marks = place.mmf("lock shop -- printenv MMF_LOCKS_HELD").ends(0).text();
    let holder = place.hold("");
    let line = format!("MMF_LOCKS_HELD={} mmf set shop v x --timeout 50ms", marks.trim());
    place.shell(&line).fails(3, &["(mmf)"]);
    place.release();
    holder.end().ends(0);
    place.shell(&line).prints("");
}

#[test]
fn a_variables_lock_is_its_own() {
    let place = Place::with_shop();
    place.mmf("set shop other x").ends(0);
    let holder = place.hold("--variable price");
    place.mmf("set shop price 1 --timeout 50ms").fails(3, &["\"price\"", "(mmf)"]);
    place.mmf("lock shop --variable price --timeout 50ms -- true").fails(3, &["\"price\""]);
    place.mmf("set shop other y").prints("");
    place.mmf("lock shop --variable other -- true").prints("");
    place.release();
    holder.end().ends(0);
    place.mmf("set shop price 1").prints("");
}

#[test]
fn shared_locks_let_others_read_and_share() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    let holder = place.hold("--shared");
    place.mmf("get shop v").prints("x\n");
    place.mmf("lock shop --shared --timeout 5s -- mmf get shop v").prints("x\n");
    place.mmf("lock shop --timeout 50ms -- true").fails(3, &["(mmf)"]);
    place.mmf("set shop v y --timeout 50ms").fails(3, &["(mmf)"]);
    place.release();
    holder.end().ends(0);
    place.mmf("set shop v y").prints("");
}

#[test]
fn the_next_owner_is_told_that_the_one_before_died() {
    let place = Place::with_shop();
    let holder = place.hold("");
    holder.signal("KILL");
    let next = place.mmf("lock shop --timeout 5s -- echo mine").ends(0);
    assert_eq!(next.text(), "mine\n");
    assert_eq!(next.complaints(), "mmf: the previous owner of the lock died while holding it\n");
    place.mmf("lock shop -- echo mine").prints("mine\n");
    place.mmf("check shop").ends(0);
    // The dead holder's command lives on, outside of the lock.
    place.release();
    holder.end();
}

#[test]
fn a_request_to_end_is_passed_on_and_the_lock_held_until_then() {
    let place = Place::with_shop();
    let inside = "trap \"exit 7\" TERM; mmf set shop held yes; \
                  mmf wait shop release --exists --timeout 60s >released 2>&1 & wait";
    let holder = place.start(&format!("exec mmf lock shop -- sh -c '{inside}'"));
    place.mmf("wait shop held --exists --no-autolock --timeout 60s").ends(0);
    holder.signal("TERM");
    holder.end().ends(7);
    place.mmf("lock shop --timeout 5s -- echo mine").prints("mine\n");
    place.release();
}
