//! Processes that may only read.

use std::os::unix::fs::PermissionsExt;

use mmf_processes::{Actor, Answer, Opening, Order, Until, Workshop, is_root};

use crate::{each_place, workshop};

/// An owner of a namespace that others may read, and one of those others: of another user where
/// the tests run as root, else of the same but kept from writing by the file's mode.
fn with_stranger(test: impl Fn(&Workshop, &Opening, &mut Actor, &mut Actor)) {
    each_place(|workshop, opening| {
        let opening = Opening { mode: 0o644, ..opening.clone() };
        let mut owner = workshop.actor_in(&opening);
        owner.set("v", 1).unwrap();
        let mut stranger = workshop.stranger();
        if !is_root() {
            let path = opening.swapfile.clone();
            let path = path.unwrap_or(workshop.namespaces().join(&opening.name));
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o444)).unwrap();
        }
        test(workshop, &opening, &mut owner, &mut stranger);
        owner.check();
    });
}

fn read_only(opening: &Opening) -> Opening {
    Opening { read_only: true, ..opening.by_name().timeout(300) }
}

#[test]
fn a_stranger_reads_and_waits_and_may_not_write() {
    with_stranger(|_, opening, owner, stranger| {
        assert_eq!(stranger.open(&opening.by_name()).unwrap_err().kind, "PermissionDenied");
        stranger.open(&read_only(opening)).unwrap();
        assert_eq!(stranger.get_number("v").unwrap(), Some(1));
        owner.set_payload("large", 100_000).unwrap();
        assert_eq!(stranger.get_payload("large").unwrap(), Some(100_000));
        let names = stranger.ask(&Order::List(String::new())).unwrap();
        assert_eq!(names, Answer::Names(vec!["large".to_owned(), "v".to_owned()]));
        for error in [
            stranger.set("v", 2).unwrap_err(),
            stranger.set("new", 2).unwrap_err(),
            stranger.delete("v").unwrap_err(),
            stranger.add("counter", 1).unwrap_err(),
            stranger.lock(None, 100).unwrap_err(),
            stranger.lock(Some("v"), 100).unwrap_err(),
            stranger.ask(&Order::Resize(8 << 20)).unwrap_err(),
        ] {
            assert_eq!(error.kind, "ReadOnly", "{}", error.text);
        }
        let version = owner.set("v", 1).unwrap();
        let changed = vec![("v".to_owned(), Until::ChangedSince(version))];
        stranger.tell(&Order::Wait(changed, 20_000));
        stranger.until_asleep();
        let version = owner.set("v", 2).unwrap();
        assert_eq!(stranger.outcome(), Ok(Answer::Woken(0, version)));
        assert_eq!(stranger.stat().variables, 2);
        stranger.check();
    });
}

#[test]
fn a_stranger_respects_locks_and_survives_their_holders() {
    with_stranger(|workshop, opening, owner, stranger| {
        stranger.open(&read_only(opening)).unwrap();
        owner.lock(None, 1000).unwrap();
        owner.set("v", 2).unwrap();
        stranger.get("v").unwrap_err().is_timeout_by(owner, 300);
        owner.unlock().unwrap();
        assert_eq!(stranger.get_number("v").unwrap(), Some(2));
        if is_root() {
            // Nobody but the stranger is there to see it, and it cannot repair: it reads on.
            let mut victim = workshop.actor_in(&opening.by_name());
            victim.lock(None, 1000).unwrap();
            victim.kill();
            assert_eq!(stranger.get_number("v").unwrap(), Some(2));
        }
    });
}

#[test]
fn a_file_for_its_owner_alone_is_refused_to_strangers() {
    let workshop = workshop();
    let opening = Opening::new("private");
    let mut owner = workshop.actor_in(&opening);
    let mut stranger = workshop.stranger();
    if !is_root() {
        let path = workshop.namespaces().join(&opening.name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o000)).unwrap();
    }
    let error = stranger.open(&read_only(&opening)).unwrap_err();
    assert_eq!(error.kind, "PermissionDenied", "{}", error.text);
    owner.set("v", 1).unwrap();
    owner.check();
}

#[test]
fn a_namespace_for_everybody_is_opened_if_its_owner_is_trusted() {
    let workshop = workshop();
    let mut stranger = workshop.stranger();
    let opening = Opening { mode: 0o666, ..Opening::new("Global\\shared") };
    let id = stranger.open(&opening).unwrap();
    stranger.set("v", 1).unwrap();
    assert_eq!(workshop.names(), ["mmf.shared"]);
    let mut other = workshop.actor();
    if is_root() {
        let error = other.open(&opening.by_name()).unwrap_err();
        assert_eq!(error.kind, "PermissionDenied", "{}", error.text);
        assert!(error.text.contains("trust_owner"), "{}", error.text);
    }
    let trusting = Opening { trust_owner: true, ..opening.by_name() };
    assert_eq!(other.open(&trusting).unwrap(), id);
    other.set("v", 2).unwrap();
    assert_eq!(stranger.get_number("v").unwrap(), Some(2));
    // The other way round, everybody trusts root.
    let made = Opening { mode: 0o666, ..Opening::new("Global\\roots") };
    let id = other.open(&made).unwrap();
    assert_eq!(stranger.open(&made.by_name()).unwrap(), id);
    // Each notices the other's death.
    stranger.lock(None, 1000).unwrap();
    stranger.kill();
    assert!(other.lock(None, 10_000).unwrap());
    other.check();
}

/// Where others may make files too, one of theirs is not taken for one's own namespace, whatever
/// its mode allows.
#[test]
fn a_name_that_somebody_else_has_made_is_refused() {
    let workshop = workshop();
    let mut stranger = workshop.stranger();
    let opening = Opening { mode: 0o666, ..Opening::new("planted") };
    stranger.open(&opening).unwrap();
    stranger.set("v", 1).unwrap();
    let mut victim = workshop.actor();
    let refusal = victim.open(&opening.by_name());
    let trusted = victim.open(&Opening { trust_owner: true, ..opening.by_name() });
    trusted.unwrap();
    if is_root() {
        let error = refusal.unwrap_err();
        assert_eq!(error.kind, "PermissionDenied", "{}", error.text);
        assert!(error.text.contains("belongs to user"), "{}", error.text);
    } else {
        refusal.unwrap();
    }
}
