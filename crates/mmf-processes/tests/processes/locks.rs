//! Locks that processes keep from each other.

use mmf_processes::{Actor, Answer, Opening, Order};

use crate::each_place;

/// A holder, and another process whose operations time out after 200 ms.
fn with_two(test: impl Fn(&mut Actor, &mut Actor)) {
    each_place(|workshop, opening| {
        let mut holder = workshop.actor_in(opening);
        let mut other = workshop.actor_in(&opening.by_name().timeout(200));
        test(&mut holder, &mut other);
        holder.check();
    });
}

#[test]
fn a_locked_namespace_makes_gets_and_sets_wait_and_time_out() {
    with_two(|holder, other| {
        holder.set("v", 1).unwrap();
        holder.lock(None, 1000).unwrap();
        holder.set("v", 2).unwrap();
        assert_eq!(holder.get_number("v").unwrap(), Some(2));
        other.get("v").unwrap_err().is_timeout_by(holder, 200);
        other.set("v", 3).unwrap_err().is_timeout_by(holder, 200);
        other.set("new", 3).unwrap_err().is_timeout_by(holder, 200);
        other.delete("v").unwrap_err().is_timeout_by(holder, 200);
        other.add("counter", 1).unwrap_err().is_timeout_by(holder, 200);
        other.lock(None, 300).unwrap_err().is_timeout_by(holder, 300);
        other.lock_shared(None, 300).unwrap_err().is_timeout_by(holder, 300);
        assert_eq!(holder.stat().holders, [holder.own_process()]);
        holder.unlock().unwrap();
        assert_eq!(other.get_number("v").unwrap(), Some(2));
        assert_eq!(other.get("new").unwrap(), None);
        assert_eq!(other.get("counter").unwrap(), None);
        other.set("v", 3).unwrap();
        assert_eq!(holder.stat().holders, [0; 0]);
    });
}

#[test]
fn who_waits_goes_on_when_the_lock_is_given_back() {
    each_place(|workshop, opening| {
        let mut holder = workshop.actor_in(opening);
        let mut others: Vec<_> = (0..4).map(|_| workshop.actor_in(&opening.by_name())).collect();
        holder.set("v", 1).unwrap();
        holder.lock(None, 1000).unwrap();
        others[0].tell(&Order::Get("v".to_owned()));
        others[1].tell(&Order::Set("v".to_owned(), 3.into()));
        others[2].tell(&Order::Set("new".to_owned(), 3.into()));
        others[3].tell(&Order::Add("counter".to_owned(), 3));
        others.iter().for_each(Actor::until_asleep);
        holder.set("v", 2).unwrap();
        holder.unlock().unwrap();
        let Ok(Answer::Found(Some(seen))) = others[0].outcome() else { panic!("nothing found") };
        assert!(seen == 2.into() || seen == 3.into(), "{seen:?}");
        others[1..].iter_mut().for_each(|other| assert!(other.outcome().is_ok()));
        for name in ["v", "new", "counter"] {
            assert_eq!(holder.get_number(name).unwrap(), Some(3));
        }
        holder.check();
    });
}

#[test]
fn with_autolock_off_nobody_waits() {
    each_place(|workshop, opening| {
        let mut holder = workshop.actor_in(opening);
        let free = Opening { autolock: false, ..opening.by_name().timeout(200) };
        let mut other = workshop.actor_in(&free);
        holder.set("v", 1).unwrap();
        holder.lock(None, 1000).unwrap();
        assert_eq!(other.get_number("v").unwrap(), Some(1));
        other.set("v", 2).unwrap();
        other.set("new", 3).unwrap();
        assert_eq!(other.add("counter", 1), Ok(1));
        assert!(other.delete("new").unwrap());
        assert_eq!(holder.get_number("v").unwrap(), Some(2));
        // The lock itself is one for everybody.
        other.lock(None, 200).unwrap_err().is_timeout_by(&holder, 200);
        holder.unlock().unwrap();
        holder.check();
    });
}

#[test]
fn a_shared_lock_lets_gets_through_and_makes_sets_wait() {
    each_place(|workshop, opening| {
        let mut holder = workshop.actor_in(opening);
        let mut second = workshop.actor_in(&opening.by_name());
        let mut other = workshop.actor_in(&opening.by_name().timeout(200));
        holder.set("v", 1).unwrap();
        holder.lock_shared(None, 1000).unwrap();
        second.lock_shared(None, 1000).unwrap();
        assert_eq!(other.get_number("v").unwrap(), Some(1));
        for error in [
            other.set("v", 2).unwrap_err(),
            other.set("new", 2).unwrap_err(),
            other.delete("v").unwrap_err(),
            other.lock(None, 200).unwrap_err(),
        ] {
            let holders = [Some(holder.own_process()), Some(second.own_process())];
            assert_eq!(error.kind, "TimedOut", "{}", error.text);
            assert!(holders.contains(&error.holder), "{}", error.text);
        }
        holder.unlock().unwrap();
        other.set("v", 2).unwrap_err().is_timeout_by(&second, 200);
        second.unlock().unwrap();
        other.set("v", 2).unwrap();
        assert_eq!(holder.get_number("v").unwrap(), Some(2));
        holder.check();
    });
}

#[test]
fn a_locked_variable_keeps_others_from_it_alone() {
    with_two(|holder, other| {
        holder.set("mine", 1).unwrap();
        holder.set("free", 1).unwrap();
        for name in ["mine", "not there"] {
            holder.lock(Some(name), 1000).unwrap();
            other.get(name).unwrap_err().is_timeout_by(holder, 200);
            other.set(name, 2).unwrap_err().is_timeout_by(holder, 200);
            other.delete(name).unwrap_err().is_timeout_by(holder, 200);
            other.lock(Some(name), 300).unwrap_err().is_timeout_by(holder, 300);
            assert_eq!(other.get_number("free").unwrap(), Some(1));
            other.set("free", 1).unwrap();
            holder.set(name, 2).unwrap();
            holder.unlock().unwrap();
            assert_eq!(other.get_number(name).unwrap(), Some(2));
        }
        holder.lock_shared(Some("mine"), 1000).unwrap();
        assert_eq!(other.get_number("mine").unwrap(), Some(2));
        other.set("mine", 3).unwrap_err().is_timeout_by(holder, 200);
        holder.unlock().unwrap();
        other.set("mine", 3).unwrap();
    });
}

#[test]
fn four_processes_keep_each_other_out() {
    each_place(|workshop, opening| {
        let mut actors: Vec<_> = (0..4).map(|_| workshop.actor_in(opening)).collect();
        actors[0].set("sum", 0).unwrap();
        // A read and a write each, and everybody else kept waiting in between.
        let mut sum = 0;
        for round in 0..25 {
            let (first, rest) = actors.split_at_mut(1);
            let holder = &mut first[0];
            holder.lock(None, 20_000).unwrap();
            for other in rest.iter_mut() {
                other.tell(&Order::Add("counter".to_owned(), 1));
            }
            sum += holder.get_number("counter").unwrap().unwrap_or(0) - sum;
            assert_eq!(sum, 3 * round, "counted while another held the lock");
            holder.unlock().unwrap();
            rest.iter_mut().for_each(|other| assert!(other.outcome().is_ok()));
            actors.rotate_left(1);
        }
        actors[0].check();
    });
}
