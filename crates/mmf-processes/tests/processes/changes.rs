//! Changes that depend on what is there, by several processes at once, and by one that dies inside.

use std::time::{Duration, Instant};

use mmf_processes::{
    Actor, Answer, Contender, Contest, Datum, Lock, Opening, Order, Until, Workshop,
};
use rustix::process::Signal;

use crate::each_place;

const MEMBERS: i64 = 3;
const ROUNDS: i64 = 3_000;

/// Lets processes change `v` at once; returns the sum of what they came to.
fn compete(workshop: &Workshop, opening: &Opening, contest: Contest) -> i64 {
    let mut actors: Vec<_> = (0..MEMBERS).map(|_| workshop.actor_in(opening)).collect();
    for (actor, member) in actors.iter_mut().zip(0..) {
        let variable = "v".to_owned();
        let contender = Contender { variable, contest, member, members: MEMBERS, rounds: ROUNDS };
        actor.tell(&Order::Contend(contender));
    }
    let sum = actors.iter_mut().map(|actor| match actor.answer() {
        Answer::Number(number) => number,
        other => panic!("{contest:?}: {other:?}"),
    });
    sum.sum()
}

#[test]
fn the_largest_and_the_smallest_of_all_are_kept() {
    each_place(|workshop, opening| {
        let mut judge = workshop.actor_in(opening);
        for first in [None, Some(Datum::I64(0)), Some(Datum::Counter(0))] {
            for (contest, sign) in [(Contest::Max, 1), (Contest::Min, -1)] {
                judge.delete("v").unwrap();
                if let Some(first) = &first {
                    judge.set("v", first.clone()).unwrap();
                }
                compete(workshop, opening, contest);
                let extreme = sign * (MEMBERS * ROUNDS - 1);
                assert_eq!(judge.get_number("v").unwrap(), Some(extreme), "{contest:?}");
            }
        }
        judge.check();
    });
}

#[test]
fn every_value_that_was_swapped_in_comes_out_once() {
    each_place(|workshop, opening| {
        let mut judge = workshop.actor_in(opening);
        let out = compete(workshop, opening, Contest::Swap);
        let last = judge.get_number("v").unwrap().unwrap();
        let all = MEMBERS * ROUNDS;
        assert_eq!(out + last, all * (all - 1) / 2);
        judge.check();
    });
}

#[test]
fn no_update_and_no_set_on_condition_of_a_value_is_lost() {
    each_place(|workshop, opening| {
        let mut judge = workshop.actor_in(opening);
        for contest in [Contest::Update, Contest::CompareValue] {
            judge.delete("v").unwrap();
            let done = compete(workshop, opening, contest);
            assert_eq!(judge.get_number("v").unwrap(), Some(done), "{contest:?}");
            assert_eq!(done, MEMBERS * ROUNDS);
        }
        judge.check();
    });
}

/// A process inside an update of `v`.
fn inside(workshop: &Workshop, opening: &Opening, judge: &mut Actor) -> Actor {
    let mut updater = workshop.actor_in(opening);
    updater.tell(&Order::StayInside("v".to_owned(), "told".to_owned()));
    let told = vec![("told".to_owned(), Until::Exists)];
    judge.ask(&Order::Wait(told, 20_000)).unwrap();
    updater
}

#[test]
fn a_killed_updater_leaves_the_old_value_and_a_lock_for_others() {
    each_place(|workshop, opening| {
        for there in [Some(Datum::I64(7)), Some(Datum::Counter(7)), None] {
            let mut judge = workshop.actor_in(opening);
            judge.delete("v").unwrap();
            judge.delete("told").unwrap();
            if let Some(there) = &there {
                judge.set("v", there.clone()).unwrap();
            }
            let updater = inside(workshop, opening, &mut judge);
            let mut others: Vec<_> = (0..4).map(|_| workshop.actor_in(opening)).collect();
            others[0].tell(&Order::Get("v".to_owned()));
            others[1].tell(&Order::Lock(Lock {
                key: "lock".to_owned(),
                variable: None,
                shared: false,
                timeout: 20_000,
            }));
            others[..2].iter().for_each(Actor::until_asleep);
            let started = Instant::now();
            updater.kill();
            assert_eq!(others[1].answer(), Answer::Truth(false));
            others[1].unlock().unwrap();
            assert_eq!(others[0].answer(), Answer::Found(there), "the old value");
            assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
            // An update in between does not take the news with it.
            let contender = |contest| Contender {
                variable: "v".to_owned(),
                contest,
                member: 0,
                members: 1,
                rounds: 1,
            };
            assert_eq!(others[2].number(&Order::Contend(contender(Contest::Update))).unwrap(), 1);
            assert!(others[3].lock(Some("v"), 10_000).unwrap(), "the next locker is told");
            others[3].unlock().unwrap();
            assert!(!others[3].lock(Some("v"), 10_000).unwrap(), "once");
            others[3].unlock().unwrap();
            judge.check();
        }
    });
}

#[test]
fn a_stopped_updater_keeps_what_it_has_and_is_named() {
    each_place(|workshop, opening| {
        let mut judge = workshop.actor_in(opening);
        judge.set("v", 7).unwrap();
        let updater = inside(workshop, opening, &mut judge);
        updater.signal(Signal::STOP);
        updater.until_state("T");
        let mut other = workshop.actor_in(&opening.timeout(100));
        let in_vain = [
            other.get("v").unwrap_err(),
            other.set("v", 8).unwrap_err(),
            other.lock(Some("v"), 100).unwrap_err(),
            other.lock(None, 100).unwrap_err(),
            other.lock_shared(None, 100).unwrap_err(),
        ];
        for failure in in_vain {
            let named = (failure.kind.as_str(), failure.holder);
            assert_eq!(named, ("TimedOut", Some(updater.own_process())), "{}", failure.text);
        }
        // Everything else goes on.
        other.set("w", 1).unwrap();
        judge.add("counter", 1).unwrap();
        updater.kill();
        assert_eq!(other.get_number("v").unwrap(), Some(7));
        judge.check();
    });
}
