//! Holders that die, and holders that only look dead.

use std::time::{Duration, Instant};

use mmf_processes::{Actor, Answer, Order};
use rustix::process::Signal;

use crate::each_place;

/// Recovery takes a look after 5 ms and some work; this leaves room for a busy machine.
const WELL_UNDER_A_SECOND: Duration = Duration::from_millis(700);

/// A holder inside its lock on `variable`, or on the namespace.
fn holding(mut holder: Actor, variable: Option<&str>) -> Actor {
    holder.set("v", 1).unwrap();
    assert!(!holder.lock(variable, 1000).unwrap(), "nobody died before");
    holder.set("v", 2).unwrap();
    holder
}

/// Everything goes on after the holder's death, and the next holder learns of it, once.
fn is_recovered(heir: &mut Actor, variable: Option<&str>) {
    let started = Instant::now();
    assert!(heir.lock(variable, 10_000).unwrap(), "the heir is told of the death");
    let taken = started.elapsed();
    assert!(taken < WELL_UNDER_A_SECOND, "recovery took {taken:?}");
    assert_eq!(heir.get_number("v").unwrap(), Some(2));
    heir.set("v", 3).unwrap();
    heir.unlock().unwrap();
    assert!(!heir.lock(variable, 10_000).unwrap(), "the death is told once");
    heir.unlock().unwrap();
    heir.check();
}

#[test]
fn a_killed_holder_is_recovered_from() {
    each_place(|workshop, opening| {
        // The third has no value: it exists by its lock alone, and its holder's death is told too.
        for variable in [None, Some("v"), Some("without a value")] {
            let mut heir = workshop.actor_in(opening);
            holding(workshop.actor_in(opening), variable).kill();
            // What stays of the dead one's lock is no variable.
            let mut newcomer = workshop.actor_in(&opening.by_name());
            assert_eq!(newcomer.stat().variables, 1, "{variable:?}");
            is_recovered(&mut heir, variable);
            assert_eq!(heir.stat().dead, [0; 0]);
        }
    });
}

/// A shared holder that came and went unmade the record of a variable without value, and with it
/// what was to be told.
#[test]
fn a_shared_holder_does_not_take_the_news_of_a_death_with_it() {
    each_place(|workshop, opening| {
        for variable in [None, Some("v"), Some("without a value")] {
            let mut heir = workshop.actor_in(opening);
            holding(workshop.actor_in(opening), variable).kill();
            let mut reader = workshop.actor_in(opening);
            assert!(reader.lock_shared(variable, 10_000).unwrap(), "{variable:?}");
            reader.unlock().unwrap();
            is_recovered(&mut heir, variable);
        }
    });
}

#[test]
fn gets_and_sets_that_wait_for_a_killed_holder_go_on() {
    each_place(|workshop, opening| {
        let holder = holding(workshop.actor_in(opening), None);
        let mut others: Vec<_> = (0..3).map(|_| workshop.actor_in(&opening.by_name())).collect();
        let reading = mmf_processes::Opening { read_only: true, ..opening.by_name() };
        others.push(workshop.actor_in(&reading));
        others[0].tell(&Order::Set("other".to_owned(), 1.into()));
        others[1].tell(&Order::Add("counter".to_owned(), 1));
        others[2].tell(&Order::Get("v".to_owned()));
        others[3].tell(&Order::Get("v".to_owned()));
        others.iter().for_each(Actor::until_asleep);
        let started = Instant::now();
        holder.kill();
        for other in &mut others {
            other.outcome().unwrap();
        }
        // A sleep lasts 250 ms at most, and nobody is there to end it.
        assert!(started.elapsed() < Duration::from_millis(950), "{:?}", started.elapsed());
        others[0].check();
    });
}

#[test]
fn shared_holders_are_recovered_from_one_by_one() {
    each_place(|workshop, opening| {
        let mut heir = workshop.actor_in(opening);
        heir.set("v", 2).unwrap();
        let mut readers: Vec<_> = (0..3).map(|_| workshop.actor_in(opening)).collect();
        for reader in &mut readers {
            reader.lock_shared(None, 1000).unwrap();
        }
        let last = readers.pop().unwrap();
        readers.into_iter().for_each(Actor::kill);
        heir.lock(None, 200).unwrap_err().is_timeout_by(&last, 200);
        last.kill();
        let started = Instant::now();
        assert!(!heir.lock(None, 10_000).unwrap(), "shared holders change nothing");
        assert!(started.elapsed() < WELL_UNDER_A_SECOND);
        heir.unlock().unwrap();
        heir.check();
    });
}

#[test]
fn a_zombie_holds_nothing() {
    each_place(|workshop, opening| {
        let mut heir = workshop.actor_in(opening);
        let zombie = holding(workshop.actor_in(opening), None);
        zombie.kill_and_leave();
        is_recovered(&mut heir, None);
        zombie.until_state("Z");
    });
}

#[test]
fn a_forked_child_does_not_keep_its_parents_lock() {
    each_place(|workshop, opening| {
        let mut heir = workshop.actor_in(opening);
        let mut holder = holding(workshop.actor_in(opening), None);
        let mut child = holder.fork(&workshop.file("child"));
        // While its parent lives the child waits like everybody.
        child.lock(None, 200).unwrap_err().is_timeout_by(&holder, 200);
        holder.kill();
        is_recovered(&mut heir, None);
        child.set("v", 4).unwrap();
        assert_eq!(heir.get_number("v").unwrap(), Some(4));
        child.finish();
    });
}

#[test]
fn a_holder_in_another_pid_namespace_is_kept_alive_and_recovered_from_dead() {
    each_place(|workshop, opening| {
        let mut heir = workshop.actor_in(opening);
        let mut inner = workshop.actor_in_pid_namespace();
        inner.open(&opening.by_name()).unwrap();
        assert_eq!(inner.own_process(), 1, "it counts its processes for itself");
        let holder = holding(inner, None);
        // Process 1 is another one out here, and lives either way.
        heir.lock(None, 400).unwrap_err().is_timeout_by(&holder, 400);
        holder.kill();
        is_recovered(&mut heir, None);
    });
}

#[test]
fn a_process_in_another_pid_namespace_recovers_from_one_out_here() {
    each_place(|workshop, opening| {
        let holder = holding(workshop.actor_in(opening), None);
        let mut heir = workshop.actor_in_pid_namespace();
        heir.open(&opening.by_name()).unwrap();
        heir.lock(None, 400).unwrap_err().is_timeout_by(&holder, 400);
        holder.kill();
        is_recovered(&mut heir, None);
    });
}

#[test]
fn a_stopped_holder_keeps_its_lock() {
    each_place(|workshop, opening| {
        let mut other = workshop.actor_in(opening);
        let mut holder = holding(workshop.actor_in(opening), None);
        holder.signal(Signal::STOP);
        holder.until_state("T");
        other.lock(None, 600).unwrap_err().is_timeout_by(&holder, 600);
        other.tell(&Order::Get("v".to_owned()));
        other.until_asleep();
        holder.signal(Signal::CONT);
        holder.set("v", 3).unwrap();
        holder.unlock().unwrap();
        assert_eq!(other.outcome(), Ok(Answer::Found(Some(3.into()))));
        assert!(!other.lock(None, 1000).unwrap(), "nobody died");
        other.unlock().unwrap();
        assert_eq!(other.stat().recoveries, 0);
        other.check();
    });
}

#[test]
fn many_dead_holders_in_a_row_are_recovered_from() {
    each_place(|workshop, opening| {
        let mut witness = workshop.actor_in(opening);
        for round in 0..30 {
            let mut holder = workshop.actor_in(opening);
            let died_before = holder.lock(None, 10_000).unwrap();
            assert_eq!(died_before, round > 0, "round {round}");
            holder.set("v", round).unwrap();
            holder.add("counter", 1).unwrap();
            holder.kill();
        }
        assert_eq!(witness.get_number("counter").unwrap(), Some(30));
        assert_eq!(witness.get_number("v").unwrap(), Some(29));
        witness.check();
        let seen = witness.stat();
        assert_eq!((seen.alive, seen.dead), (vec![witness.own_process()], vec![]));
        assert_eq!(seen.recoveries, 30);
    });
}
