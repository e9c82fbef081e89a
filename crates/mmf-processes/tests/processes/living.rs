//! The living are not robbed, whatever they look like from outside; the dead are recovered from.

use std::time::{Duration, Instant};

use mmf_processes::{Actor, Answer, Lock, Opening, Order, Workshop, is_root};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::Signal;

use crate::{each_place, workshop};

/// Longer than everything that the library waits for of its own accord: 10 s, the time within
/// which operations end unless told otherwise.
const LONGER_THAN_EVERY_TIMEOUT: u64 = 10_500;
/// Recovery takes a look after 5 ms and some work; this leaves room for a busy machine.
const WELL_UNDER_A_SECOND: Duration = Duration::from_millis(700);

/// What a process can hold between two operations.
#[derive(Debug, Clone, Copy)]
enum Held {
    NamespaceExclusive,
    NamespaceShared,
    VariableExclusive,
    VariableShared,
}

impl Held {
    const ALL: [Self; 4] = [
        Self::NamespaceExclusive,
        Self::NamespaceShared,
        Self::VariableExclusive,
        Self::VariableShared,
    ];

    fn variable(self) -> Option<&'static str> {
        match self {
            Self::NamespaceExclusive | Self::NamespaceShared => None,
            Self::VariableExclusive | Self::VariableShared => Some("v"),
        }
    }

    fn is_shared(self) -> bool {
        matches!(self, Self::NamespaceShared | Self::VariableShared)
    }

    fn take(self, actor: &mut Actor) {
        let died = match self.is_shared() {
            true => actor.lock_shared(self.variable(), 1000),
            false => actor.lock(self.variable(), 1000),
        };
        assert!(!died.expect("nobody else holds it"), "nobody died before");
    }

    /// An order to take the same exclusively.
    fn wanted(self, timeout: u64) -> Order {
        Order::Lock(Lock {
            key: "lock".to_owned(),
            variable: self.variable().map(str::to_owned),
            shared: false,
            timeout,
        })
    }
}

/// A holder, and others who want what it holds.
struct Scene {
    held: Held,
    holder: Actor,
    locker: Actor,
    setter: Actor,
    reader: Actor,
}

impl Scene {
    fn new(workshop: &Workshop, opening: &Opening, held: Held) -> Self {
        let timeout = LONGER_THAN_EVERY_TIMEOUT;
        let mut holder = workshop.actor_in(opening);
        holder.set("v", 1).unwrap();
        held.take(&mut holder);
        let other = || workshop.actor_in(&opening.by_name().timeout(timeout));
        Self { held, holder, locker: other(), setter: other(), reader: other() }
    }

    /// Everybody wants in.
    fn press(&mut self) {
        self.locker.tell(&self.held.wanted(LONGER_THAN_EVERY_TIMEOUT));
        self.setter.tell(&Order::Set("v".to_owned(), 3.into()));
        self.reader.tell(&Order::Get("v".to_owned()));
    }

    /// Nobody got in, and everybody was told who is in the way.
    fn is_kept_out(&mut self) {
        let long = LONGER_THAN_EVERY_TIMEOUT;
        self.locker.outcome().unwrap_err().is_timeout_by(&self.holder, long);
        self.setter.outcome().unwrap_err().is_timeout_by(&self.holder, long);
        let read = self.reader.outcome();
        match self.held.is_shared() {
            true => assert_eq!(read, Ok(Answer::Found(Some(1.into()))), "{:?}", self.held),
            false => read.unwrap_err().is_timeout_by(&self.holder, long),
        }
    }

    /// The holder goes on as if nothing had happened.
    fn goes_on(&mut self) {
        let Self { held, holder, locker, .. } = self;
        if !held.is_shared() {
            holder.set("v", 2).unwrap();
        }
        holder.unlock().unwrap();
        assert_eq!(locker.ask(&held.wanted(1000)), Ok(Answer::Truth(false)), "nobody died");
        let left = if held.is_shared() { 1 } else { 2 };
        assert_eq!(locker.get_number("v").unwrap(), Some(left));
        locker.unlock().unwrap();
        assert_eq!(locker.stat().recoveries, 0, "{held:?}");
        locker.check();
    }
}

#[test]
fn who_is_stopped_for_longer_than_every_timeout_is_not_robbed() {
    let workshop = workshop();
    let mut scenes = Vec::new();
    for opening in workshop.openings() {
        for held in Held::ALL {
            let name = format!("{}-{held:?}", opening.name);
            let swapfile = opening.swapfile.as_ref().map(|_| workshop.file(&name));
            scenes.push(Scene::new(
                &workshop,
                &Opening { name, swapfile, ..opening.clone() },
                held,
            ));
        }
    }
    for scene in &scenes {
        scene.holder.signal(Signal::STOP);
        scene.holder.until_state("T");
    }
    scenes.iter_mut().for_each(Scene::press);
    scenes.iter_mut().for_each(Scene::is_kept_out);
    for scene in &mut scenes {
        scene.holder.until_state("T");
        scene.holder.signal(Signal::CONT);
        scene.goes_on();
    }
}

#[test]
fn who_stands_under_a_debugger_is_not_robbed() {
    each_place(|workshop, opening| {
        let mut other = workshop.actor_in(opening);
        let mut holder = workshop.actor_in(&opening.by_name());
        holder.set("v", 1).unwrap();
        holder.lock(None, 1000).unwrap();
        let debugged = Pid::from_raw(holder.process() as i32);
        ptrace::seize(debugged, ptrace::Options::empty()).expect("a debugger may attach");
        ptrace::interrupt(debugged).expect("the holder is stopped");
        let status = waitpid(debugged, Some(WaitPidFlag::__WALL)).expect("it has stopped");
        assert!(matches!(status, WaitStatus::PtraceEvent(..)), "{status:?}");
        holder.until_state("t");
        other.lock(None, 600).unwrap_err().is_timeout_by(&holder, 600);
        ptrace::detach(debugged, None).expect("the debugger goes");
        holder.set("v", 2).unwrap();
        holder.unlock().unwrap();
        assert!(!other.lock(None, 1000).unwrap(), "nobody died");
        assert_eq!(other.get_number("v").unwrap(), Some(2));
        other.unlock().unwrap();
        assert_eq!(other.stat().recoveries, 0);
        other.check();
    });
}

#[test]
fn a_holder_in_a_container_is_kept_alive_and_recovered_from_dead() {
    each_place(|workshop, opening| {
        let mut heir = workshop.actor_in(opening);
        let mut holder = workshop.actor_in_container();
        holder.open(&opening.by_name()).unwrap();
        assert_eq!(holder.own_process(), 1, "it counts its processes for itself");
        is_kept_then_recovered(&mut heir, holder);
    });
}

#[test]
fn a_process_in_a_container_recovers_from_one_out_here() {
    each_place(|workshop, opening| {
        let holder = workshop.actor_in(opening);
        let mut heir = workshop.actor_in_container();
        heir.open(&opening.by_name()).unwrap();
        is_kept_then_recovered(&mut heir, holder);
    });
}

#[test]
fn processes_in_two_containers_keep_and_recover_each_other() {
    each_place(|workshop, opening| {
        let [mut heir, mut holder] = [(); 2].map(|()| workshop.actor_in_container());
        holder.open(opening).unwrap();
        heir.open(&opening.by_name()).unwrap();
        // To each of them, its own process id is the other's as well.
        assert_eq!((heir.own_process(), holder.own_process()), (1, 1));
        is_kept_then_recovered(&mut heir, holder);
    });
}

/// The holder takes a lock, which the heir gets when the holder is dead, and not before.
fn is_kept_then_recovered(heir: &mut Actor, mut holder: Actor) {
    holder.set("v", 1).unwrap();
    holder.lock(None, 1000).unwrap();
    holder.set("v", 2).unwrap();
    let failure = heir.lock(None, 400).unwrap_err();
    failure.is_timeout_by(&holder, 400);
    assert!(failure.text.contains(" in another PID namespace"), "{}", failure.text);
    holder.kill();
    is_inherited(heir, None);
    assert_eq!(heir.get_number("v").unwrap(), Some(2));
    assert_eq!(heir.stat().dead, [0; 0]);
}

/// The lock comes with the news of the death, within a moment.
fn is_inherited(heir: &mut Actor, variable: Option<&str>) {
    let started = Instant::now();
    assert!(heir.lock(variable, 10_000).unwrap(), "the heir is told of the death");
    let taken = started.elapsed();
    assert!(taken < WELL_UNDER_A_SECOND, "recovery took {taken:?}");
    heir.unlock().unwrap();
    heir.check();
}

#[test]
fn a_dead_holders_process_id_may_be_anothers_by_now() {
    assert!(is_root(), "only root chooses process ids: run the tests as root");
    each_place(|workshop, opening| {
        let mut heir = workshop.actor_in(opening);
        let mut parent = workshop.actor_in_pid_namespace();
        let mut holder = parent.fork(&workshop.file("child"));
        holder.open(&opening.by_name()).unwrap();
        holder.set("v", 1).unwrap();
        holder.lock(None, 1000).unwrap();
        let process = holder.own_process();
        holder.kill_and_leave();
        // The same number, attached to the same namespace, and then another program.
        let mut namesake = parent.fork_as(process, &workshop.file("child"));
        assert_eq!(namesake.own_process(), process);
        namesake.open(&opening.by_name()).unwrap();
        namesake.lock(Some("mine"), 1000).unwrap();
        let seen = heir.stat();
        assert!(seen.alive.contains(&process), "{seen:?}");
        is_inherited(&mut heir, None);
        // It is not taken for the dead one, in nothing.
        heir.lock(Some("mine"), 300).unwrap_err().is_timeout_by(&namesake, 300);
        namesake.ask(&Order::Exec).unwrap();
        is_inherited(&mut heir, Some("mine"));
        namesake.finish();
    });
}

#[test]
fn a_dead_holder_whose_process_id_another_program_has_is_recovered_from() {
    assert!(is_root(), "only root chooses process ids: run the tests as root");
    each_place(|workshop, opening| {
        let mut heir = workshop.actor_in(opening);
        let mut parent = workshop.actor_in_pid_namespace();
        let mut holder = parent.fork(&workshop.file("child"));
        holder.open(&opening.by_name()).unwrap();
        holder.lock(None, 1000).unwrap();
        let process = holder.own_process();
        holder.kill_and_leave();
        let mut stranger = parent.fork_as(process, &workshop.file("child"));
        stranger.ask(&Order::Exec).unwrap();
        is_inherited(&mut heir, None);
        assert_eq!(heir.stat().alive, [heir.own_process()]);
        stranger.finish();
    });
}

#[test]
fn a_child_that_outlives_its_parent_keeps_its_own_locks() {
    each_place(|workshop, opening| {
        let mut heir = workshop.actor_in(opening);
        let mut parent = workshop.actor_in(&opening.by_name());
        parent.lock(Some("parents"), 1000).unwrap();
        let mut child = parent.fork(&workshop.file("child"));
        child.lock(Some("childs"), 1000).unwrap();
        child.lock_shared(Some("shared"), 1000).unwrap();
        parent.kill();
        is_inherited(&mut heir, Some("parents"));
        for name in ["childs", "shared"] {
            heir.lock(Some(name), 300).unwrap_err().is_timeout_by(&child, 300);
        }
        child.set("childs", 1).unwrap();
        child.unlock().unwrap();
        child.unlock().unwrap();
        for name in ["childs", "shared"] {
            assert!(!heir.lock(Some(name), 1000).unwrap(), "its holder lives");
            heir.unlock().unwrap();
        }
        assert_eq!(heir.get_number("childs").unwrap(), Some(1));
        assert_eq!(heir.stat().recoveries, 1);
        child.finish();
    });
}

/// A process whose first thread has ended looks like a zombie, and lives.
#[test]
fn a_process_without_its_first_thread_is_no_zombie() {
    each_place(|workshop, opening| {
        let mut other = workshop.actor_in(opening);
        let mut holder = workshop.actor();
        holder.ask(&Order::EndFirstThread).unwrap();
        holder.until_state("Z");
        holder.open(&opening.by_name()).unwrap();
        holder.set("v", 1).unwrap();
        holder.lock(None, 1000).unwrap();
        let failure = other.lock(None, 400).unwrap_err();
        failure.is_timeout_by(&holder, 400);
        holder.unlock().unwrap();
        assert!(!other.lock(None, 1000).unwrap(), "nobody died");
        other.unlock().unwrap();
        assert_eq!(other.stat().recoveries, 0);
        holder.finish();
        other.check();
    });
}

/// Whoever closes a lock and waits for those inside was named to all who came later, although it
/// held nobody up but was held up itself.
#[test]
fn who_waits_for_a_stopped_holder_is_not_named_in_its_place() {
    each_place(|workshop, opening| {
        let mut holder = workshop.actor_in(opening);
        let mut locker = workshop.actor_in(&opening.by_name());
        let mut setter = workshop.actor_in(&opening.by_name().timeout(300));
        holder.set("v", 1).unwrap();
        for held in [Held::NamespaceShared, Held::VariableShared] {
            held.take(&mut holder);
            holder.signal(Signal::STOP);
            holder.until_state("T");
            locker.tell(&held.wanted(20_000));
            locker.until_asleep();
            setter.set("v", 2).unwrap_err().is_timeout_by(&holder, 300);
            holder.signal(Signal::CONT);
            holder.unlock().unwrap();
            assert_eq!(locker.outcome(), Ok(Answer::Truth(false)));
            locker.unlock().unwrap();
            setter.set("v", 1).unwrap();
        }
        setter.check();
    });
}
