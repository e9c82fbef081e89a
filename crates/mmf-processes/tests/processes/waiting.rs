//! Waits that another process ends.

use mmf_processes::{Actor, Answer, Datum, Opening, Order, Until};
use rustix::process::Signal;

use crate::each_place;

/// An actor that sets, one that waits, and one that waits and may only read.
fn with_waiters(test: impl Fn(&mut Actor, &mut Actor)) {
    each_place(|workshop, opening| {
        let mut setter = workshop.actor_in(opening);
        for read_only in [false, true] {
            eprintln!("read-only waiter: {read_only}");
            let manner = Opening { read_only, ..opening.by_name() };
            let mut waiter = workshop.actor_in(&manner);
            test(&mut setter, &mut waiter);
        }
        setter.check();
    });
}

fn wait_order(name: &str, until: Until) -> Order {
    Order::Wait(vec![(name.to_owned(), until)], 20_000)
}

#[test]
fn a_missing_name_that_appears_ends_the_wait() {
    with_waiters(|setter, waiter| {
        setter.delete("door").unwrap();
        waiter.tell(&wait_order("door", Until::Exists));
        waiter.until_asleep();
        let version = setter.set("door", "open").unwrap();
        assert_eq!(waiter.outcome(), Ok(Answer::Woken(0, version)));
    });
}

#[test]
fn deletion_ends_a_wait_for_gone() {
    with_waiters(|setter, waiter| {
        setter.set("door", "open").unwrap();
        waiter.tell(&wait_order("door", Until::Gone));
        waiter.until_asleep();
        assert!(setter.delete("door").unwrap());
        assert_eq!(waiter.outcome(), Ok(Answer::Woken(0, 0)));
    });
}

#[test]
fn a_change_and_a_value_end_a_wait() {
    with_waiters(|setter, waiter| {
        let version = setter.set("price", 1).unwrap();
        waiter.tell(&wait_order("price", Until::ChangedSince(version)));
        waiter.until_asleep();
        let version = setter.set("price", 1).unwrap();
        assert_eq!(waiter.outcome(), Ok(Answer::Woken(0, version)));

        waiter.tell(&wait_order("price", Until::Equals(Datum::I64(3))));
        waiter.until_asleep();
        setter.set("price", 2).unwrap();
        waiter.until_asleep();
        let version = setter.set("price", 3).unwrap();
        assert_eq!(waiter.outcome(), Ok(Answer::Woken(0, version)));

        // A deletion and a new beginning are changes as well.
        waiter.tell(&wait_order("price", Until::ChangedSince(version)));
        waiter.until_asleep();
        setter.delete("price").unwrap();
        assert_eq!(waiter.outcome(), Ok(Answer::Woken(0, 0)));
        assert!(setter.set("price", 3).unwrap() > version);
    });
}

#[test]
fn a_counter_ends_a_wait() {
    with_waiters(|setter, waiter| {
        setter.delete("visits").unwrap();
        setter.add("visits", 1).unwrap();
        waiter.tell(&wait_order("visits", Until::Equals(Datum::Counter(2))));
        waiter.until_asleep();
        setter.add("visits", 1).unwrap();
        assert!(matches!(waiter.outcome(), Ok(Answer::Woken(0, _))));
    });
}

#[test]
fn any_of_several_variables_ends_a_wait() {
    each_place(|workshop, opening| {
        let mut setter = workshop.actor_in(opening);
        let mut waiter = workshop.actor_in(&opening.by_name());
        let there = setter.set("there", 0).unwrap();
        for round in 0..3 {
            let wanted = vec![
                ("missing".to_owned(), Until::Exists),
                ("there".to_owned(), Until::ChangedSince(there + round)),
            ];
            waiter.tell(&Order::Wait(wanted, 20_000));
            waiter.until_asleep();
            let version = setter.set("there", 1).unwrap();
            assert_eq!(waiter.outcome(), Ok(Answer::Woken(1, version)));
        }
        let wanted = vec![
            ("there".to_owned(), Until::Gone),
            ("other".to_owned(), Until::Exists),
            ("missing".to_owned(), Until::Exists),
        ];
        waiter.tell(&Order::Wait(wanted, 20_000));
        waiter.until_asleep();
        let version = setter.set("missing", 1).unwrap();
        assert_eq!(waiter.outcome(), Ok(Answer::Woken(2, version)));
        setter.check();
    });
}

#[test]
fn a_wait_in_vain_ends_at_its_timeout() {
    with_waiters(|setter, waiter| {
        let version = setter.set("still", 0).unwrap();
        let error = waiter.wait("still", Until::ChangedSince(version), 200).unwrap_err();
        assert_eq!(error.kind, "TimedOut", "{}", error.text);
        assert!((200..5_200).contains(&error.after), "after {} ms", error.after);
    });
}

#[test]
fn a_waiter_that_dies_hurts_nobody() {
    each_place(|workshop, opening| {
        let mut setter = workshop.actor_in(opening);
        let version = setter.set("v", 0).unwrap();
        for name in ["v", "missing"] {
            let mut victim = workshop.actor_in(&opening.by_name());
            victim.tell(&wait_order(name, Until::ChangedSince(version * u64::from(name == "v"))));
            victim.until_asleep();
            victim.kill();
        }
        let mut waiter = workshop.actor_in(&opening.by_name());
        waiter.tell(&wait_order("v", Until::ChangedSince(version)));
        waiter.until_asleep();
        let version = setter.set("v", 1).unwrap();
        assert_eq!(waiter.outcome(), Ok(Answer::Woken(0, version)));
        setter.set("missing", 1).unwrap();
        setter.check();
    });
}

#[test]
fn a_signal_ends_an_interruptible_wait_and_no_other() {
    each_place(|workshop, opening| {
        let mut setter = workshop.actor_in(opening);
        let mut waiter = workshop.actor_in(&opening.by_name());
        waiter.ask(&Order::HandleSignal).unwrap();
        let wanted = vec![("door".to_owned(), Until::Exists)];
        waiter.tell(&Order::WaitInterruptibly(wanted, 20_000));
        waiter.until_asleep();
        waiter.signal(Signal::USR1);
        let failure = waiter.outcome().unwrap_err();
        assert_eq!(failure.kind, "Interrupted", "{}", failure.text);

        waiter.tell(&wait_order("door", Until::Exists));
        waiter.until_asleep();
        waiter.signal(Signal::USR1);
        waiter.until_asleep();
        let version = setter.set("door", 1).unwrap();
        assert_eq!(waiter.outcome(), Ok(Answer::Woken(0, version)));

        setter.lock(None, 1000).unwrap();
        waiter.tell(&Order::Lock(mmf_processes::Lock {
            key: "lock".to_owned(),
            variable: None,
            shared: false,
            timeout: 20_000,
        }));
        waiter.until_asleep();
        waiter.signal(Signal::USR1);
        let failure = waiter.outcome().unwrap_err();
        assert_eq!(failure.kind, "Interrupted", "{}", failure.text);
        setter.unlock().unwrap();
        setter.check();
    });
}
