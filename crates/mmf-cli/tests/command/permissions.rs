//! Namespaces that this user may only read, or not even that.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::place::{MMF, Place, Run};

/// The user whom nobody is, for tests that run as root: root may do everything.
const NOBODY: u32 = 65_534;

/// Runs `mmf` as a user who has no other permission than the mode of the file gives.
fn as_plain_user(place: &Place, line: &str) -> Run {
    let is_root = std::fs::metadata("/proc/self").expect("this process").uid() == 0;
    let program = place.path().join("mmf");
    // By another process: a program that this one writes could not be run while a thread of another
    // test is between fork and exec.
    place.shell(&format!("test -e mmf || cp '{MMF}' mmf")).ends(0);
    for path in [place.path(), &place.namespaces(), &program] {
        set_mode(path, 0o755);
    }
    let mut command = std::process::Command::new(program);
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.env("MMF_DIR", place.namespaces()).args(line.split_whitespace());
    Run::of(&mut assert_cmd::Command::from_std(command), line)
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
}

#[test]
fn read_permission_is_enough_to_look() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    set_mode(&place.namespaces().join("shop"), 0o444);
    as_plain_user(&place, "get shop v").prints("x\n");
    as_plain_user(&place, "exists shop v").prints("");
    as_plain_user(&place, "list shop").prints("v\n");
    as_plain_user(&place, "wait shop v --exists").ends(0);
    as_plain_user(&place, "wait shop w --exists --timeout 30ms").fails(3, &["\"w\""]);
    as_plain_user(&place, "stat shop").ends(0);
    as_plain_user(&place, "check shop").prints("shop: no findings\n");
    as_plain_user(&place, "debug shop").ends(0);
    assert!(as_plain_user(&place, "export shop").ends(0).text().contains("\"name\":\"v\""));
    as_plain_user(&place, "import shop /dev/null --dry-run").fails(4, &["it is empty"]);
    as_plain_user(&place, "import shop /dev/null").fails(4, &["ermission"]);
    as_plain_user(&place, "set shop v y").fails(4, &["ermission"]);
    as_plain_user(&place, "add shop c").fails(4, &["ermission"]);
    as_plain_user(&place, "lock shop -- true").fails(4, &["ermission"]);
    place.mmf("get shop v").prints("x\n");
}

#[test]
fn no_permission_at_all() {
    let place = Place::with_shop();
    place.mmf("set shop v x").ends(0);
    set_mode(&place.namespaces().join("shop"), 0o000);
    for line in ["get shop v", "set shop v y", "stat shop", "remove shop"] {
        as_plain_user(&place, line).fails(4, &["\"shop\"", "ermission"]);
    }
}
