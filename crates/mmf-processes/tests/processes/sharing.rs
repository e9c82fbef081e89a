//! Values, names and counters between processes.

use mmf_processes::{Answer, Datum, Existence, Opening, Order};

use crate::{each_place, workshop};

fn one_of_each_type() -> Vec<(&'static str, Datum)> {
    let map = vec![
        (Datum::from("inner"), Datum::List(vec![Datum::I64(1), Datum::F64(2.5_f64.to_bits())])),
        (Datum::from("nothing"), Datum::Null),
    ];
    vec![
        ("null", Datum::Null),
        ("bool", Datum::Bool(true)),
        ("i64", Datum::I64(i64::MIN)),
        ("i64", Datum::I64(i64::MAX)),
        ("u64", Datum::U64(u64::MAX)),
        ("f64", Datum::F64((-0.0_f64).to_bits())),
        ("f64", Datum::F64(f64::NAN.to_bits())),
        ("text", Datum::from("")),
        ("text", Datum::from("grüße\0\n")),
        ("bytes", Datum::Bytes((0..=255).collect())),
        ("structure", Datum::List(vec![Datum::Bytes(vec![0; 3000]), Datum::Map(map)])),
        ("opaque", Datum::Opaque("perl".to_owned(), vec![1, 0, 2])),
        ("counter", Datum::Counter(-5)),
    ]
}

#[test]
fn values_of_every_type_are_shared_both_ways() {
    each_place(|workshop, opening| {
        let mut one = workshop.actor_in(opening);
        let mut other = workshop.actor_in(&opening.by_name());
        for (number, (type_name, value)) in one_of_each_type().into_iter().enumerate() {
            let name = format!("variable {number}");
            let there = one.set(&name, value.clone()).unwrap();
            assert_eq!(other.get(&name).unwrap(), Some(value.clone()));
            let Answer::Metadata(found, _, process, program) =
                other.ask(&Order::Metadata(name.clone())).unwrap()
            else {
                panic!("{name} has no metadata")
            };
            assert_eq!((found.as_str(), process), (type_name, one.own_process()));
            assert_eq!(program, "mmf-actor");
            let back = other.set(&name, value.clone()).unwrap();
            assert!(back > there, "version {back} after {there}");
            assert_eq!(one.get(&name).unwrap(), Some(value));
            assert!(other.delete(&name).unwrap());
            assert_eq!(one.get(&name).unwrap(), None);
        }
        one.check();
    });
}

#[test]
fn large_values_and_many_names_are_shared() {
    each_place(|workshop, opening| {
        let mut one = workshop.actor_in(opening);
        let mut other = workshop.actor_in(&opening.by_name());
        for length in [0, 16, 17, 2000, 5000, 70_000, 1 << 20] {
            one.set_payload("large", length).unwrap();
            assert_eq!(other.get_payload("large").unwrap(), Some(length));
        }
        let names: Vec<String> = (0..300).map(|number| format!("name {number:03}")).collect();
        for (number, name) in names.iter().enumerate() {
            let setter = if number % 2 == 0 { &mut one } else { &mut other };
            setter.set(name, number as i64).unwrap();
        }
        let listed = other.ask(&Order::List("name".to_owned())).unwrap();
        assert_eq!(listed, Answer::Names(names));
        other.check();
    });
}

#[test]
fn counters_of_four_processes_lose_nothing() {
    each_place(|workshop, opening| {
        let mut actors: Vec<_> = (0..4).map(|_| workshop.actor_in(opening)).collect();
        for actor in &mut actors {
            actor.tell(&Order::Count("visits".to_owned(), 5000));
        }
        let sums = actors.iter_mut().map(|actor| actor.outcome().unwrap());
        assert!(sums.max_by_key(number).is_some_and(|greatest| number(&greatest) == 20_000));
        assert_eq!(actors[0].get("visits").unwrap(), Some(Datum::Counter(20_000)));
        actors[0].check();
    });
}

fn number(answer: &Answer) -> i64 {
    match answer {
        Answer::Number(number) => *number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_processes_play_ping_pong() {
    each_place(|workshop, opening| {
        let mut server = workshop.actor_in(opening);
        let mut player = workshop.actor_in(&opening.by_name());
        let names = || ("ping".to_owned(), "pong".to_owned());
        let (ping, pong) = names();
        server.tell(&Order::Serve(ping, pong, 1000));
        let (ping, pong) = names();
        player.tell(&Order::Echo(pong, ping, 1000));
        assert_eq!(server.outcome(), Ok(Answer::Done));
        assert_eq!(player.outcome(), Ok(Answer::Done));
        server.check();
    });
}

#[test]
fn a_process_may_use_several_namespaces_and_one_twice() {
    let workshop = workshop();
    let [memory, disk] = workshop.openings();
    let mut one = workshop.actor();
    let id = one.open(&memory).unwrap();
    assert_ne!(one.open(&disk).unwrap(), id);
    assert_eq!(one.open(&memory.by_name()).unwrap(), id);
    one.set("v", "memory").unwrap();
    one.ask(&Order::Use(1)).unwrap();
    assert_eq!(one.get("v").unwrap(), None);
    one.set("v", "disk").unwrap();
    one.ask(&Order::Use(0)).unwrap();
    assert_eq!(one.get("v").unwrap(), Some("memory".into()));
    // Two handles of one process are two owners of locks, as two processes are.
    one.lock(None, 1000).unwrap();
    one.ask(&Order::Use(2)).unwrap();
    assert_eq!(one.lock(None, 50).unwrap_err().holder, Some(one.own_process()));
    let mut other = workshop.actor_in(&disk.by_name());
    assert_eq!(other.get("v").unwrap(), Some("disk".into()));
    assert_eq!(other.stat().alive, [one.own_process(), other.own_process()]);
}

#[test]
fn a_resized_namespace_takes_more_while_others_work() {
    each_place(|workshop, opening| {
        let small = Opening { capacity: 1 << 20, ..opening.clone() };
        let mut one = workshop.actor_in(&small);
        let mut other = workshop.actor_in(&small.by_name());
        let mut reader = workshop.actor_in(&Opening { read_only: true, ..small.by_name() });
        one.set_payload("kept", 3000).unwrap();
        assert_eq!(one.set_payload("large", 2 << 20).unwrap_err().kind, "ValueTooLarge");
        // The other works all the while.
        other.tell(&Order::Count("visits".to_owned(), 3000));
        one.ask(&Order::Resize(8 << 20)).unwrap();
        assert_eq!(other.outcome(), Ok(Answer::Number(3000)));
        assert_eq!(one.ask(&Order::Resize(1 << 20)).unwrap_err().kind, "InvalidArgument");
        for (number, setter) in [&mut other, &mut one].into_iter().enumerate() {
            setter.set_payload(&format!("large {number}"), 2 << 20).unwrap();
        }
        for actor in [&mut one, &mut other, &mut reader] {
            assert_eq!(actor.get_payload("large 0").unwrap(), Some(2 << 20));
            assert_eq!(actor.get_payload("large 1").unwrap(), Some(2 << 20));
            assert_eq!(actor.get_payload("kept").unwrap(), Some(3000));
            assert_eq!(actor.stat().capacity, 8 << 20);
        }
        one.check();
    });
}

#[test]
fn a_swapfile_is_found_by_name_alone() {
    let workshop = workshop();
    let [_, disk] = workshop.openings();
    let mut one = workshop.actor();
    let id = one.open(&disk).unwrap();
    one.set("v", 1).unwrap();
    let mut other = workshop.actor();
    assert_eq!(other.open(&disk.by_name()).unwrap(), id);
    assert_eq!(other.get("v").unwrap(), Some(1.into()));
    let metadata = std::fs::metadata(disk.swapfile.as_ref().unwrap()).unwrap();
    assert_eq!(metadata.len(), disk.capacity);
    let elsewhere = Opening { swapfile: Some(workshop.file("else.mmf")), ..disk.clone() };
    let error = other.open(&elsewhere).unwrap_err();
    assert_eq!(error.kind, "AlreadyExists", "{}", error.text);
    let twice = Opening { existence: Existence::Forbidden, ..disk };
    assert_eq!(other.open(&twice).unwrap_err().kind, "AlreadyExists");
}
