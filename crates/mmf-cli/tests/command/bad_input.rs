//! Names, sizes and files that no namespace can have: each a clear error, and nothing overwritten.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::place::Place;

#[test]
fn names_of_namespaces() {
    let place = Place::new();
    let long = "n".repeat(256);
    for name in ["", ".", "..", "../up", "a/b", r"Local\", r"a\b", ".hidden", "a\nb", &long] {
        place.mmf_with(&["set", name, "v", "x"]).fails(2, &["names have 1 to 255 bytes"]);
        place.mmf_with(&["create", name]).fails(2, &["names have 1 to 255 bytes"]);
        place.mmf_with(&["get", name, "v"]).fails(2, &["names have 1 to 255 bytes"]);
        place.mmf_with(&["remove", name]).fails(2, &["names have 1 to 255 bytes"]);
    }
    place.mmf_with(&["set", &long[1..], "v", "x"]).prints("");
}

#[test]
fn names_of_variables() {
    let place = Place::with_shop();
    let long = "n".repeat(1025);
    for verb in [&["set", "shop"][..], &["get", "shop"], &["add", "shop"], &["delete", "shop"]] {
        for (name, reason) in [("", "empty"), (&long, "1025 bytes")] {
            let value = if verb[0] == "set" { &["x"][..] } else { &[] };
            place.mmf_with(&[verb, &[name], value].concat()).fails(2, &[reason]);
        }
    }
    place.mmf_with(&["set", "shop", &long[1..], "x"]).prints("");
}

#[test]
fn capacities() {
    let place = Place::new();
    for capacity in ["0", "65535", "2TiB", "18446744073709551615"] {
        let line = format!("create shop --capacity {capacity}");
        place.mmf(&line).fails(2, &["capacity", "65536"]);
    }
    place.mmf("create shop --capacity 99999999999GiB").fails(2, &["too large"]);
    place.mmf("exists shop").ends(1);
    place.mmf("create shop --capacity 64KiB").prints("");
    place.mmf("resize shop 2TiB").fails(2, &["capacity"]);
}

#[test]
fn swapfiles() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("directory")).expect("a directory");
    place.mmf("create shop --swapfile directory").fails(4, &["directory"]);
    place.mmf("create shop --swapfile missing/shop.mmf").fails(4, &["missing"]);
    place.mmf("create shop --swapfile ..").fails(2, &["not a file's path"]);
    std::fs::write(place.path().join("precious"), "data").expect("a file");
    place.mmf("create shop --swapfile precious").ends(4);
    place.mmf("create shop --swapfile precious --exist-ok").ends(4);
    assert_eq!(std::fs::read(place.path().join("precious")).expect("the file"), b"data");
    assert_eq!(place.mmf("list --json").json(), serde_json::json!([]));
}

#[test]
fn foreign_and_truncated_files() {
    let place = Place::with_shop();
    let path = place.namespaces().join("foreign");
    std::fs::write(&path, "x".repeat(100_000)).expect("a file");
    for line in ["get foreign v", "set foreign v x", "check foreign", "stat foreign"] {
        place.mmf(line).fails(4, &["\"foreign\""]);
    }
    place.mmf("remove foreign").ends(4);
    assert_eq!(std::fs::read(&path).expect("the file"), "x".repeat(100_000).into_bytes());

    let shop = place.namespaces().join("shop");
    std::fs::File::options().write(true).open(shop).expect("its file").set_len(8192).expect("cut");
    place.mmf("get shop v").fails(4, &["\"shop\""]);
    place.mmf("check shop").ends(1);
}

#[test]
fn symbolic_links_among_the_namespaces() {
    let place = Place::with_shop();
    symlink(place.namespaces().join("shop"), place.namespaces().join("link")).expect("a link");
    place.mmf("get link v").fails(4, &["\"link\""]);
    place.mmf("set link v x").fails(4, &["\"link\""]);
    place.mmf("list shop").prints("");
}

#[test]
fn a_directory_that_others_may_tamper_with() {
    let place = Place::with_shop();
    let permissions = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(place.namespaces(), permissions).expect("its mode");
    place.mmf("get shop v").fails(4, &["world-writable"]);
    place.mmf("list").fails(4, &["world-writable", "MMF_DIR"]);
}

#[test]
fn values_that_do_not_fit() {
    let place = Place::with_shop();
    std::fs::write(place.path().join("large"), vec![7; 300 << 10]).expect("a file");
    place.mmf("set shop v small").ends(0);
    place.mmf("set shop v --file large").fails(4, &["\"v\"", "\"shop\""]);
    place.mmf("get shop v").prints("small\n");
    place.mmf("set shop v --file missing").fails(4, &["cannot read missing"]);
    place.mmf("set shop v --file .").fails(4, &["cannot read ."]);
    place.mmf("get shop v").prints("small\n");
    place.mmf("check shop").ends(0);
}
