//! Many processes that open one namespace at once, some of them killed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mmf_processes::{Actor, Answer, Existence, Opening, Order, Random, Workshop};

use crate::{each_place, workshop};

fn open_all(workshop: &Workshop, openings: impl Iterator<Item = Opening>) {
    let mut openers: Vec<_> = openings.map(|opening| (workshop.actor(), opening)).collect();
    for (opener, opening) in &mut openers {
        opener.tell(&Order::Open(opening.clone()));
    }
    let ids: BTreeSet<_> = openers
        .iter_mut()
        .map(|(opener, _)| match opener.outcome() {
            Ok(Answer::Opened(id)) => id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids.len(), 1, "they opened different namespaces: {ids:?}");
    for (opener, _) in &mut openers {
        opener.tell(&Order::Add("opened".to_owned(), 1));
    }
    let count = openers.len() as i64;
    openers.iter_mut().for_each(|(opener, _)| assert!(opener.outcome().is_ok()));
    let (first, _) = &mut openers[0];
    assert_eq!(first.get_number("opened").unwrap(), Some(count));
    assert_eq!(first.stat().alive.len() as i64, count);
    first.check();
}

#[test]
fn sixty_four_processes_open_one_new_namespace() {
    each_place(|workshop, opening| {
        open_all(workshop, (0..64).map(|_| opening.clone()));
    });
}

#[test]
fn sixty_four_processes_open_one_empty_swapfile() {
    let workshop = workshop();
    let [_, opening] = workshop.openings();
    std::fs::write(opening.swapfile.as_ref().unwrap(), "").unwrap();
    open_all(&workshop, (0..64).map(|_| opening.clone()));
}

#[test]
fn sixty_four_processes_open_one_that_lives_while_attached() {
    each_place(|workshop, opening| {
        let opening = Opening { while_attached: true, ..opening.clone() };
        open_all(workshop, (0..64).map(|_| opening.clone()));
    });
}

#[test]
fn one_of_many_creators_wins() {
    each_place(|workshop, opening| {
        let create = Opening { existence: Existence::Forbidden, ..opening.clone() };
        let mut creators: Vec<_> = (0..16).map(|_| workshop.actor()).collect();
        for creator in &mut creators {
            creator.tell(&Order::Open(create.clone()));
        }
        let outcomes: Vec<_> = creators.iter_mut().map(Actor::outcome).collect();
        let (made, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1, "{refused:?}");
        assert!(refused.iter().all(|refusal| {
            refusal.as_ref().is_err_and(|failure| failure.kind == "AlreadyExists")
        }));
    });
}

/// Opens and removes the name again and again: nobody gets a namespace that leads nowhere.
#[test]
fn opening_races_with_removing() {
    each_place(|workshop, opening| {
        let mut remover = workshop.actor();
        let mut openers: Vec<_> = (0..3).map(|_| workshop.actor()).collect();
        for _ in 0..40 {
            for opener in &mut openers {
                opener.tell(&Order::Open(opening.clone()));
            }
            remover.tell(&Order::Remove(opening.name.clone(), false));
            for opener in &mut openers {
                opener.outcome().unwrap();
                opener.set("v", 1).unwrap();
            }
            match remover.outcome() {
                Ok(_) => {}
                Err(failure) => {
                    assert!(["InUse", "NotFound"].contains(&failure.kind.as_str()), "{failure:?}");
                }
            }
            for opener in &mut openers {
                opener.ask(&Order::Close).unwrap();
            }
            let mut witness = workshop.actor_in(&opening.by_name());
            assert_eq!(witness.get_number("v").unwrap(), Some(1));
            witness.finish();
        }
    });
}

/// Kills an actor that begins to open, after `delay`.
fn kill_while_opening(workshop: &Workshop, opening: &Opening, delay: Duration) {
    let mut victim = workshop.actor();
    let told = Instant::now();
    victim.tell(&Order::Open(opening.clone()));
    while told.elapsed() < delay {
        std::hint::spin_loop();
    }
    victim.kill();
}

/// What bears the name after the kill is whole, and if nothing does, opening makes it.
fn is_absent_or_whole(workshop: &Workshop, opening: &Opening) -> bool {
    let mut next = workshop.actor();
    let existing = Opening { existence: Existence::Required, ..opening.clone() };
    let existed = match next.open(&existing) {
        Ok(_) => {
            next.check();
            true
        }
        Err(failure) => {
            assert!(["NotFound", "NotANamespace"].contains(&failure.kind.as_str()), "{failure:?}");
            false
        }
    };
    next.open(opening).unwrap();
    next.set("v", 1).unwrap();
    next.check();
    next.finish();
    existed
}

#[test]
fn a_killed_creator_leaves_all_or_nothing() {
    let workshop = workshop();
    let mut random = Random::new(1);
    let mut whole = 0;
    let rounds = 60;
    for round in 0..rounds {
        let name = format!("round-{round}");
        let swapfile = workshop.file(&format!("{name}.mmf"));
        let opening = match round % 3 {
            0 => Opening::new(&name),
            _ => Opening { swapfile: Some(swapfile.clone()), ..Opening::new(&name) },
        };
        if round % 3 == 2 {
            std::fs::write(&swapfile, "").unwrap();
        }
        kill_while_opening(&workshop, &opening, Duration::from_micros(random.below(2500)));
        let names = workshop.names();
        assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
        if round % 3 != 2 {
            // Only an empty file that was there before may be found half-way.
            let path = opening.swapfile.clone().unwrap_or(workshop.namespaces().join(&name));
            let length = std::fs::metadata(path).map(|metadata| metadata.len());
            assert!(length.is_err() || length.is_ok_and(|length| length == opening.capacity));
        }
        whole += usize::from(is_absent_or_whole(&workshop, &opening));
    }
    // The kills came early and late; were they all on one side, this would show nothing.
    eprintln!("{whole} of {rounds} were whole when their creator was killed");
    assert!((1..rounds).contains(&whole), "{whole} of {rounds} kills came too late");
}

#[test]
fn kills_among_many_openers_hurt_no_survivor() {
    each_place(|workshop, opening| {
        let mut random = Random::new(2);
        for round in 0..8 {
            let name = format!("{}-{round}", opening.name);
            let swapfile = opening.swapfile.as_ref().map(|_| workshop.file(&name));
            let opening = Opening { swapfile, ..Opening::new(&name) };
            let mut openers: Vec<_> = (0..12).map(|_| workshop.actor()).collect();
            for opener in &mut openers {
                opener.tell(&Order::Open(opening.clone()));
            }
            let survivors = openers.split_off(6);
            for victim in openers {
                let told = Instant::now();
                let delay = Duration::from_micros(random.below(800));
                while told.elapsed() < delay {
                    std::hint::spin_loop();
                }
                victim.kill();
            }
            let mut ids = BTreeSet::new();
            let mut survivors = survivors;
            for survivor in &mut survivors {
                ids.insert(format!("{:?}", survivor.outcome().unwrap()));
                survivor.add("opened", 1).unwrap();
            }
            assert_eq!(ids.len(), 1, "{ids:?}");
            assert_eq!(survivors[0].get_number("opened").unwrap(), Some(6));
            survivors[0].check();
        }
    });
}
