//! create, list, resize, remove.

use crate::place::Place;
use serde_json::json;

#[test]
fn create_takes_its_options() {
    let place = Place::new();
    place.mmf("create shop --capacity 1MiB --mode 0640 --wake-always").prints("");
    let statistics = place.mmf("stat shop --json").json();
    assert_eq!(statistics["capacity"], 1 << 20);
    let metadata = std::fs::metadata(place.namespaces().join("shop")).expect("its file");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777, 0o640);
    assert_eq!(metadata.len(), 1 << 20);
    let made = place.mmf("create other --json").json();
    assert_eq!(made["namespace"], "other");
    assert_eq!(made["path"], json!(place.namespaces().join("other")));
}

#[test]
fn what_exists_is_not_made_again() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    place.mmf("create shop").fails(4, &["\"shop\"", "exists already"]);
    place.mmf("create shop --exist-ok").prints("");
    place.mmf("get shop v").prints("x\n");
}

#[test]
fn a_swapfile_is_found_by_name_and_keeps_its_data() {
    let place = Place::new();
    place.mmf("create shop --swapfile shop.mmf --capacity 128KiB").prints("");
    place.mmf("set shop v x").ends(0);
    let file = place.path().join("shop.mmf");
    assert_eq!(std::fs::metadata(&file).expect("the swapfile").len(), 128 << 10);
    let listed = place.mmf("list --json").json();
    assert_eq!(listed[0]["swapfile"], true);
    assert_eq!(listed[0]["path"], json!(file.canonicalize().expect("its path")));

    std::fs::remove_file(place.namespaces().join("shop")).expect("its name");
    place.mmf("get shop v").ends(1);
    place.mmf("create shop --swapfile shop.mmf --exist-ok").prints("");
    place.mmf("get shop v").prints("x\n");

    std::fs::write(place.path().join("empty"), "").expect("a file");
    place.mmf("create fresh --swapfile empty --capacity 128KiB").prints("");
    place.mmf("set fresh v y").prints("");
}

#[test]
fn local_and_global_names() {
    let place = Place::new();
    place.mmf(r"set Local\shop v mine").prints("");
    place.mmf("get shop v").prints("mine\n");
    place.mmf(r"set Global\shop v ours").prints("");
    place.mmf("get shop v").prints("mine\n");
    place.mmf(r"get Global\shop v").prints("ours\n");
    let listed = place.mmf("list --json").json();
    assert_eq!(listed[0]["name"], r"Global\shop");
    assert_eq!(listed[1]["name"], "shop");
    place.mmf(r"remove Global\shop").prints("");
    place.mmf("exists shop").ends(0);
}

#[test]
fn list_shows_all_namespaces_in_columns() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    place.mmf("create archive --capacity 1GiB --swapfile archive.mmf").ends(0);
    let table = place.mmf("list").ends(0).text();
    let lines: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    let headings = ["NAME", "CAPACITY", "COMMITTED", "VARIABLES", "ATTACHED", "IN", "STATE"];
    assert_eq!(lines[0], headings);
    assert_eq!(lines[1][..3], ["archive", "1", "GiB"]);
    assert_eq!(lines[2][..3], ["shop", "256", "KiB"]);
    assert_eq!(lines[2][5..], ["1", "0", "memory", "idle"]);
}

#[test]
fn list_shows_who_is_attached() {
    let place = Place::with_shop();
    let holder = place.hold("");
    let listed = place.mmf("list --json").json();
    // The holder, and the wait that it runs.
    assert!(listed[0]["attached"].as_u64() >= Some(1), "{listed}");
    assert!(place.mmf("list").text().contains("in use"));
    place.release();
    holder.end().ends(0);
    assert_eq!(place.mmf("list --json").json()[0]["attached"], 0);
}

#[test]
fn list_names_what_it_cannot_read() {
    let place = Place::with_shop();
    std::fs::write(place.namespaces().join("foreign"), "something else").expect("a file");
    let listed = place.mmf("list --json").ends(0).json();
    assert_eq!(listed[0]["name"], "foreign");
    assert!(listed[0]["problem"].is_string(), "{listed}");
    assert_eq!(listed[1]["problem"], json!(null));
}

#[test]
fn list_shows_variables_by_prefix() {
    let place = Place::with_shop();
    for name in ["pride", "price", "logo", "prime"] {
        place.mmf(&format!("set shop {name} {name}")).ends(0);
    }
    place.mmf("list shop").prints("logo\nprice\npride\nprime\n");
    place.mmf("list shop pri").prints("price\npride\nprime\n");
    place.mmf("list shop none").prints("");
    assert_eq!(place.mmf("list shop l --json").json(), json!(["logo"]));
    assert_eq!(place.mmf("list shop none --json").json(), json!([]));
}

#[test]
fn long_lists_have_all_that_is_known() {
    let place = Place::with_shop();
    place.mmf("set shop price 12.5 --type f64").ends(0);
    let rows = place.mmf("list shop --long --json").json();
    let row = &rows[0];
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    assert_eq!((&row["name"], &row["type"]), (&json!("price"), &json!("f64")));
    assert_eq!((&row["size"], &row["program"]), (&json!(8), &json!("mmf")));
    assert!(row["version"].as_u64() > Some(0) && row["pid"].as_u64() > Some(0), "{row}");
    let table = place.mmf("list shop --long").ends(0).text();
    let lines: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["TYPE", "SIZE", "VERSION", "TIME", "PID", "PROGRAM", "NAME"]);
    assert_eq!(lines[1][0..2], ["f64", "8"]);
    assert_eq!(lines[1][3], row["time"]);
    assert_eq!(lines[1][5..], ["mmf", "price"]);
}

#[test]
fn a_name_with_a_newline_stays_on_its_line() {
    let place = Place::with_shop();
    place.mmf_with(&["set", "shop", "a\nb", "x"]).ends(0);
    place.mmf("list shop").prints("a\\nb\n");
    assert_eq!(place.mmf("list shop --json").json(), json!(["a\nb"]));
    place.mmf_with(&["get", "shop", "a\nb"]).prints("x\n");
}

#[test]
fn resize_makes_room() {
    let place = Place::with_shop();
    std::fs::write(place.path().join("large"), vec![7; 1 << 20]).expect("a file");
    place.mmf("set shop large --file large").fails(4, &["\"large\"", "\"shop\""]);
    place.mmf("resize shop 4MiB").prints("");
    place.mmf("set shop large --file large").prints("");
    place.mmf("resize shop 1MiB").fails(2, &["cannot become less"]);
    let resized = place.mmf("resize shop 8MiB --json").json();
    assert_eq!(resized, json!({ "namespace": "shop", "capacity": 8 << 20 }));
    place.mmf("check shop").ends(0);
}

#[test]
fn resize_while_others_work() {
    let place = Place::with_shop();
    let holder = place.hold("--variable one");
    place.mmf("resize shop 4MiB").prints("");
    place.release();
    holder.end().ends(0);
    assert_eq!(place.mmf("stat shop --json").json()["capacity"], 4 << 20);
}

#[test]
fn remove_takes_everything() {
    let place = Place::with_shop();
    place.mmf("create archive --swapfile archive.mmf").ends(0);
    place.mmf("remove shop").prints("");
    assert_eq!(place.mmf("remove archive --json").json(), json!({ "removed": "archive" }));
    place.mmf("remove shop").fails(1, &["\"shop\"", "does not exist"]);
    assert_eq!(place.mmf("list --json").json(), json!([]));
    assert!(!place.path().join("archive.mmf").exists());
}

#[test]
fn remove_leaves_what_is_in_use_unless_forced() {
    let place = Place::with_shop();
    let holder = place.hold("");
    place.mmf("remove shop").fails(4, &["attached"]);
    place.mmf("exists shop").ends(0);
    place.mmf("remove shop --force").prints("");
    place.mmf("exists shop").ends(1);
    place.mmf("set shop v another").prints("");
    place.mmf("get shop v").prints("another\n");
    drop(holder);
}
