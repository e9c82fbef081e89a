//! How long namespaces live.

use mmf_processes::{Answer, Existence, Opening, Order};

use crate::{each_place, workshop};

#[test]
fn a_while_attached_namespace_goes_with_its_last_process() {
    each_place(|workshop, opening| {
        let opening = Opening { while_attached: true, ..opening.clone() };
        let mut first = workshop.actor();
        let id = first.open(&opening).unwrap();
        first.set("v", 1).unwrap();
        let mut second = workshop.actor_in(&opening.by_name());
        first.finish();
        assert_eq!(second.get_number("v").unwrap(), Some(1));
        let mut third = workshop.actor_in(&opening.by_name());
        second.finish();
        assert_eq!(third.get_number("v").unwrap(), Some(1));
        third.finish();
        assert!(!workshop.names().contains(&opening.name), "its name has gone");
        if let Some(swapfile) = &opening.swapfile {
            assert!(!swapfile.exists(), "its file has gone");
        }
        let mut next = workshop.actor();
        assert_eq!(next.open(&opening.by_name()).unwrap_err().kind, "NotFound");
        assert_ne!(next.open(&opening).unwrap(), id);
        assert_eq!(next.get("v").unwrap(), None);
    });
}

#[test]
fn a_while_attached_namespace_ends_with_a_last_process_that_was_killed() {
    each_place(|workshop, opening| {
        let opening = Opening { while_attached: true, ..opening.clone() };
        for existence in [Existence::Optional, Existence::Forbidden] {
            let mut last = workshop.actor();
            let id = last.open(&opening).unwrap();
            last.set("v", 1).unwrap();
            last.kill();
            let mut next = workshop.actor();
            assert_ne!(next.open(&Opening { existence, ..opening.clone() }).unwrap(), id);
            assert_eq!(next.get("v").unwrap(), None);
            next.check();
        }
        let mut next = workshop.actor();
        assert_eq!(next.open(&opening.by_name()).unwrap_err().kind, "NotFound");
    });
}

#[test]
fn a_while_attached_namespace_stays_for_a_forked_child() {
    each_place(|workshop, opening| {
        let opening = Opening { while_attached: true, ..opening.clone() };
        let mut parent = workshop.actor_in(&opening);
        parent.set("v", 1).unwrap();
        let mut child = parent.fork(&workshop.file("child"));
        assert_eq!(child.get_number("v").unwrap(), Some(1));
        child.set("v", 2).unwrap();
        parent.finish();
        let mut other = workshop.actor_in(&opening.by_name());
        assert_eq!(other.get_number("v").unwrap(), Some(2));
        other.finish();
        assert_eq!(child.get_number("v").unwrap(), Some(2));
        child.finish();
        let mut next = workshop.actor();
        assert_eq!(next.open(&opening.by_name()).unwrap_err().kind, "NotFound");
    });
}

#[test]
fn data_outlives_all_processes() {
    each_place(|workshop, opening| {
        let mut id = None;
        for round in 0..5 {
            // By path and by name alone in turns, ended well and killed in turns.
            let opening = if round % 2 == 0 { opening.clone() } else { opening.by_name() };
            let mut actor = workshop.actor();
            let opened = actor.open(&opening).unwrap();
            assert_eq!(id.get_or_insert(opened.clone()), &opened);
            for before in 0..round {
                let length = 1000 * before as usize + 8;
                assert_eq!(actor.get_payload(&format!("v{before}")).unwrap(), Some(length));
            }
            actor.set_payload(&format!("v{round}"), 1000 * round as usize + 8).unwrap();
            actor.check();
            if round < 3 { actor.finish() } else { actor.kill() }
        }
    });
}

#[test]
fn a_removed_namespace_stays_with_those_who_have_it() {
    each_place(|workshop, opening| {
        let mut old = workshop.actor_in(opening);
        let mut remover = workshop.actor();
        let remove = |force| Order::Remove(opening.name.clone(), force);
        assert_eq!(remover.ask(&remove(false)).unwrap_err().kind, "InUse");
        remover.ask(&remove(true)).unwrap();
        old.set("v", 1).unwrap();
        let mut new = workshop.actor_in(opening);
        assert_eq!(new.get("v").unwrap(), None);
        new.set("v", 2).unwrap();
        assert_eq!(old.get_number("v").unwrap(), Some(1));
        old.check();
        new.check();
        new.finish();
        old.finish();
        remover.ask(&remove(false)).unwrap();
        assert_eq!(remover.ask(&remove(false)).unwrap_err().kind, "NotFound");
        assert!(!workshop.names().contains(&opening.name));
    });
}

#[test]
fn a_swapfile_removed_by_hand_is_made_anew() {
    let workshop = workshop();
    let [_, opening] = workshop.openings();
    let mut one = workshop.actor_in(&opening);
    one.set("v", 1).unwrap();
    one.finish();
    std::fs::remove_file(opening.swapfile.as_ref().unwrap()).unwrap();
    let mut next = workshop.actor();
    assert_eq!(next.open(&opening.by_name()).unwrap_err().kind, "NotFound");
    next.open(&opening).unwrap();
    assert_eq!(next.get("v").unwrap(), None);
    let mut other = workshop.actor_in(&opening.by_name());
    next.set("v", 2).unwrap();
    assert_eq!(other.get_number("v").unwrap(), Some(2));
}

#[test]
fn a_listing_tells_who_is_attached_and_what_is_left_over() {
    each_place(|workshop, opening| {
        let mut observer = workshop.actor();
        let mut listed = || observer.ask(&Order::Namespaces).unwrap();
        let line = |text: &str| Answer::Names(vec![format!("{}: {text}", opening.name)]);
        let opening = Opening { while_attached: true, ..opening.clone() };
        let one = workshop.actor_in(&opening);
        let two = workshop.actor_in(&opening.by_name());
        assert_eq!(listed(), line("2"));
        two.kill();
        assert_eq!(listed(), line("1"));
        one.kill();
        assert_eq!(listed(), line("0, left over"));
        observer.ask(&Order::Remove(opening.name.clone(), false)).unwrap();
        assert_eq!(observer.ask(&Order::Namespaces).unwrap(), Answer::Names(vec![]));
    });
}
