//! A file system without room.

use mmf_processes::{Actor, Opening, Order, Workshop};

use crate::workshop;

/// Bytes of the small file system.
const ROOM: u64 = 1 << 20;

/// The openings of a namespace on a small file system, larger than that.
fn openings(workshop: &Workshop) -> [Opening; 2] {
    let opening = Opening { capacity: 64 << 20, ..Opening::new("small") };
    let swapfile = workshop.namespaces().join("data.mmf");
    [opening.clone(), Opening { swapfile: Some(swapfile), name: "other".to_owned(), ..opening }]
}

/// Runs a test with two processes on a file system of their own.
fn on_small_file_system(test: impl Fn(&Workshop, &mut Actor, &mut Actor)) {
    let workshop = workshop();
    for opening in openings(&workshop) {
        eprintln!("in {}", opening.name);
        let mut actor = workshop.actor_on_small_file_system(ROOM);
        actor.open(&opening).unwrap();
        let mut child = actor.fork(&workshop.file("child"));
        test(&workshop, &mut actor, &mut child);
        actor.check();
        child.finish();
        actor.finish();
        assert_eq!(workshop.names(), [""; 0], "the file system went with its processes");
    }
}

/// Sets variables until there is no room for another; returns how many.
fn fill(actor: &mut Actor, length: usize) -> usize {
    for number in 0..10_000 {
        if let Err(failure) = actor.set_payload(&format!("fill {number}"), length) {
            assert_eq!(failure.kind, "OutOfSpace", "{}", failure.text);
            return number;
        }
    }
    panic!("the file system never fills")
}

#[test]
fn a_full_file_system_keeps_the_old_value() {
    on_small_file_system(|_, actor, child| {
        for length in [50_000, 3000, 10] {
            actor.set_payload("v", 1000).unwrap();
            let filled = fill(actor, length);
            assert!(filled > 5, "only {filled}");
            for other in [&mut *actor, child] {
                assert_eq!(other.set_payload("v", 400_000).unwrap_err().kind, "OutOfSpace");
                assert_eq!(other.get_payload("v").unwrap(), Some(1000));
                // What is there can be read by everybody, and locked.
                for number in 0..filled {
                    let there = other.get_payload(&format!("fill {number}")).unwrap();
                    assert_eq!(there, Some(length));
                }
                other.lock(None, 1000).unwrap();
                other.unlock().unwrap();
                other.check();
            }
            // Deleting needs no room, and makes some: as much fits again, but for the few blocks
            // that each process keeps at hand.
            for number in 0..filled {
                assert!(child.delete(&format!("fill {number}")).unwrap());
            }
            child.check();
            let again = fill(child, length);
            assert!(again + 2 >= filled, "{again} after {filled}");
            for number in 0..again {
                assert!(actor.delete(&format!("fill {number}")).unwrap());
            }
        }
    });
}

#[test]
fn room_made_by_deleting_serves_a_larger_value() {
    on_small_file_system(|_, actor, child| {
        for length in [50_000, 3000] {
            actor.set_payload("v", 1000).unwrap();
            let filled = fill(actor, length);
            assert_eq!(child.set_payload("v", 300_000).unwrap_err().kind, "OutOfSpace");
            for number in 0..filled {
                assert!(child.delete(&format!("fill {number}")).unwrap());
            }
            actor.set_payload("v", 300_000).unwrap();
            assert_eq!(child.get_payload("v").unwrap(), Some(300_000));
        }
    });
}

#[test]
fn what_others_take_and_give_back_is_noticed() {
    on_small_file_system(|workshop, actor, child| {
        let ballast = workshop.namespaces().join("ballast");
        actor.set_payload("v", 1000).unwrap();
        // Writing the ballast ends when the file system is full.
        let error = actor.ask(&Order::WriteFile(ballast.clone(), ROOM as usize)).unwrap_err();
        assert_eq!(error.kind, "StorageFull", "{}", error.text);
        for other in [&mut *actor, child] {
            let error = other.set_payload("v", 300_000).unwrap_err();
            assert_eq!(error.kind, "OutOfSpace", "{}", error.text);
            assert_eq!(other.get_payload("v").unwrap(), Some(1000));
            assert_eq!(other.set_payload("new", 300_000).unwrap_err().kind, "OutOfSpace");
            assert_eq!(other.get_payload("new").unwrap(), None);
        }
        // New processes and namespaces meet it as well.
        let mut late = child.fork(&workshop.file("late"));
        assert_eq!(late.get_payload("v").unwrap(), Some(1000));
        let another = Opening { capacity: 64 << 20, ..Opening::new("another") };
        assert_eq!(late.open(&another).unwrap_err().kind, "OutOfSpace");
        late.kill();
        actor.check();
        actor.ask(&Order::RemoveFile(ballast)).unwrap();
        actor.set_payload("v", 300_000).unwrap();
        assert_eq!(child.get_payload("v").unwrap(), Some(300_000));
        child.set_payload("new", 100_000).unwrap();
    });
}
