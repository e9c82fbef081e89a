//! Children, programs that take a process over, and daemons.

use std::time::{Duration, Instant};

use mmf_processes::Order;

use crate::each_place;

#[test]
fn a_child_is_a_process_of_its_own() {
    each_place(|workshop, opening| {
        let mut parent = workshop.actor_in(opening);
        parent.set("v", 1).unwrap();
        let mut child = parent.fork(&workshop.file("child"));
        assert_ne!(child.own_process(), parent.own_process());
        for round in 0..50 {
            parent.set("parents", round).unwrap();
            child.set("childs", round).unwrap();
            assert_eq!(child.get_number("parents").unwrap(), Some(round));
            assert_eq!(parent.get_number("childs").unwrap(), Some(round));
            assert_eq!(child.add("both", 1).unwrap(), 2 * round + 1);
            assert_eq!(parent.add("both", 1).unwrap(), 2 * round + 2);
        }
        let alive = parent.stat().alive;
        assert_eq!(alive.len(), 2, "{alive:?}");
        assert!(alive.contains(&child.own_process()), "{alive:?}");
        // Both lock, and keep each other out.
        child.lock(None, 1000).unwrap();
        parent.lock(None, 200).unwrap_err().is_timeout_by(&child, 200);
        child.unlock().unwrap();
        parent.lock(None, 1000).unwrap();
        child.lock(None, 200).unwrap_err().is_timeout_by(&parent, 200);
        parent.unlock().unwrap();
        child.finish();
        assert_eq!(parent.stat().alive, [parent.own_process()]);
        parent.check();
    });
}

#[test]
fn inherited_guards_release_nothing() {
    each_place(|workshop, opening| {
        let mut parent = workshop.actor_in(opening);
        let mut other = workshop.actor_in(&opening.by_name());
        parent.lock(None, 1000).unwrap();
        let mut child = parent.fork(&workshop.file("child"));
        assert_eq!(child.unlock().unwrap_err().kind, "NotHeld");
        other.lock(None, 200).unwrap_err().is_timeout_by(&parent, 200);

        let mut second = parent.fork(&workshop.file("child"));
        second.ask(&Order::Close).unwrap();
        second.finish();
        child.finish();
        other.lock(None, 200).unwrap_err().is_timeout_by(&parent, 200);
        parent.unlock().unwrap();
        assert!(!other.lock(None, 1000).unwrap(), "nobody died");
        other.unlock().unwrap();
        other.check();
    });
}

#[test]
fn a_childs_death_is_not_its_parents() {
    each_place(|workshop, opening| {
        let mut parent = workshop.actor_in(opening);
        let mut other = workshop.actor_in(&opening.by_name());
        parent.lock(Some("parents"), 1000).unwrap();
        let mut child = parent.fork(&workshop.file("child"));
        child.lock(Some("childs"), 1000).unwrap();
        child.kill();
        let started = Instant::now();
        assert!(other.lock(Some("childs"), 10_000).unwrap());
        assert!(started.elapsed() < Duration::from_millis(700));
        other.lock(Some("parents"), 200).unwrap_err().is_timeout_by(&parent, 200);
        parent.set("parents", 1).unwrap();
        parent.unlock().unwrap();
        other.set("parents", 2).unwrap();
        other.unlock().unwrap();
        other.check();
    });
}

#[test]
fn children_of_children_write_while_their_ancestors_do() {
    each_place(|workshop, opening| {
        let mut family = vec![workshop.actor_in(opening)];
        family[0].add("counter", 1).unwrap();
        for _ in 0..3 {
            let child = family.last_mut().unwrap().fork(&workshop.file("child"));
            family.push(child);
        }
        for member in &mut family {
            member.tell(&Order::Count("counter".to_owned(), 1000));
        }
        family.iter_mut().for_each(|member| assert!(member.outcome().is_ok()));
        assert_eq!(family[0].get_number("counter").unwrap(), Some(4001));
        family[0].check();
    });
}

#[test]
fn another_program_in_the_process_holds_nothing() {
    each_place(|workshop, opening| {
        let mut other = workshop.actor_in(opening);
        let mut holder = workshop.actor_in(&opening.by_name());
        holder.lock(None, 1000).unwrap();
        holder.set("v", 1).unwrap();
        // The answer comes from the new program.
        holder.ask(&Order::Exec).unwrap();
        let started = Instant::now();
        assert!(other.lock(None, 10_000).unwrap(), "what it held is given back as by a death");
        assert!(started.elapsed() < Duration::from_millis(700));
        assert_eq!(other.get_number("v").unwrap(), Some(1));
        assert_eq!(other.stat().alive, [other.own_process()]);
        other.unlock().unwrap();
        other.check();
        holder.finish();
    });
}

#[test]
fn a_daemon_that_closes_all_descriptors_goes_on() {
    each_place(|workshop, opening| {
        let mut other = workshop.actor_in(opening);
        let mut daemon = workshop.actor_in(&opening.by_name());
        daemon.lock(Some("held"), 1000).unwrap();
        daemon.ask(&Order::CloseDescriptors).unwrap();
        // It still counts as alive, and its lock as held.
        other.lock(Some("held"), 300).unwrap_err().is_timeout_by(&daemon, 300);
        assert_eq!(other.stat().recoveries, 0);
        // It grows the file, and uses what others grew.
        daemon.set_payload("grown", 1 << 20).unwrap();
        assert_eq!(other.get_payload("grown").unwrap(), Some(1 << 20));
        other.set_payload("more", 1 << 20).unwrap();
        assert_eq!(daemon.get_payload("more").unwrap(), Some(1 << 20));
        other.ask(&Order::Resize(8 << 20)).unwrap();
        daemon.set_payload("beyond", 4 << 20).unwrap();
        assert_eq!(other.get_payload("beyond").unwrap(), Some(4 << 20));
        // It recovers from the death of others.
        let mut victim = workshop.actor_in(&opening.by_name());
        victim.lock(None, 1000).unwrap();
        victim.kill();
        let started = Instant::now();
        daemon.set("v", 1).unwrap();
        assert!(started.elapsed() < Duration::from_millis(950));
        // Its children are processes of their own.
        let mut child = daemon.fork(&workshop.file("child"));
        child.set("v", 2).unwrap();
        assert_eq!(daemon.get_number("v").unwrap(), Some(2));
        child.finish();
        daemon.check();
        daemon.finish();
        assert!(!other.lock(Some("held"), 1000).unwrap(), "it gave its lock back in leaving");
    });
}
