//! The operations that are stepped.

use std::time::Duration;

use mmf::{Condition, ErrorKind, Lifetime, LockOptions, Namespace, Value};

use super::{
    Effect, NAMESPACE, Operation, Scenario, Start, Storage, TARGET, bytes, changes, contended,
    index, text,
};
use crate::Result;
use crate::layout::{BOOT, INDEX_ROOT, change_word};

/// A name that does not fit into a record.
const LONG_NAME: &str = "a name that is much too long for a record of 64 bytes";
/// A value in the class of the block that the warm-up leaves in the magazine, and one that is not.
const STOCKED: &str = "stocked";
const UNSTOCKED: &str = "a text of a size that nobody has used in this namespace before, so that \
                         its block comes straight from the heap";
/// The number of the system call that gives a file its name.
const LINKAT: u64 = nix::libc::SYS_linkat as u64;
/// More threads than the first extent of seats holds.
const CROWD: usize = 10;

/// The scenario of a name, on a storage: some have one of their own.
pub(crate) fn find(name: &str, storage: Storage) -> Result<Scenario> {
    let mut scenarios = unfilled(storage).into_iter().chain(faulty());
    // Only this one is filled: who is stepped shall have done nothing else before.
    let found = scenarios.find(|scenario| scenario.name == name).map(Scenario::filled);
    found.ok_or_else(|| {
        format!("there is no operation {name}; see `mmf-torture step --list`").into()
    })
}

/// Every scenario.
pub(crate) fn all(storage: Storage) -> Vec<Scenario> {
    unfilled(storage).into_iter().map(Scenario::filled).collect()
}

fn unfilled(storage: Storage) -> Vec<Scenario> {
    let mut scenarios: Vec<_> = [
        looks(),
        sets(),
        deletes(),
        counters(),
        changes::all(),
        locks(),
        contended::all(),
        waits(),
        members(),
        structure(),
        index::all(),
    ]
    .into_iter()
    .flatten()
    .collect();
    if storage == Storage::Swapfile {
        for scenario in &mut scenarios {
            scenario.storage = Storage::Swapfile;
        }
    }
    scenarios
}

/// Operations that are not what they say: who finds nothing here finds nothing at all.
fn faulty() -> Vec<Scenario> {
    let faulty = |name, action| {
        Scenario::using(name, action).with(TARGET, text("small")).sets(TARGET, text(STOCKED))
    };
    vec![
        faulty("faulty-two-sets", |it| {
            it.set(TARGET, "half")?;
            it.set(TARGET, STOCKED).map(drop)
        }),
        faulty("faulty-set-and-back", |it| {
            it.set(TARGET, STOCKED)?;
            it.set(TARGET, "small")?;
            it.set(TARGET, STOCKED).map(drop)
        }),
        faulty("faulty-other-variable", |it| {
            it.set(TARGET, STOCKED)?;
            it.set("large", "gone").map(drop)
        }),
        faulty("faulty-lock-left-behind", |it| {
            std::mem::forget(it.lock(&LockOptions::exclusive())?);
            it.set(TARGET, STOCKED).map(drop)
        }),
        faulty("faulty-nothing", |_| Ok(())),
    ]
}

/// Large values of two sizes in pages; all of 2,017 bytes and more are runs of pages.
fn large() -> Value {
    bytes(2100)
}

fn larger() -> Value {
    bytes(4300)
}

/// What only looks leaves every byte as it is.
fn looks() -> Vec<Scenario> {
    vec![
        Scenario::looking("get-small", |it| it.get::<Value>("small").map(drop)),
        Scenario::looking("get-large", |it| it.get::<Value>("large").map(drop)),
        Scenario::looking("get-missing", |it| it.get::<Value>(TARGET).map(drop)),
        Scenario::looking("contains", |it| it.contains("small").map(drop)),
        Scenario::looking("version", |it| it.version("visits").map(drop)),
        Scenario::looking("list", |it| it.list("").try_for_each(|name| name.map(drop))),
        // These two take the structural lock.
        Scenario::using("stat", |it| it.stat().map(drop)),
        Scenario::using("check", |it| it.check().map(drop)),
    ]
}

fn sets() -> Vec<Scenario> {
    let with_target = |name, value, action| Scenario::using(name, action).with(TARGET, value);
    vec![
        Scenario::using("set-new", |it| it.set(TARGET, STOCKED).map(drop))
            .sets(TARGET, text(STOCKED)),
        Scenario::using("set-new-unstocked", |it| it.set(TARGET, UNSTOCKED).map(drop))
            .sets(TARGET, text(UNSTOCKED)),
        Scenario::using("set-new-long-name", |it| it.set(LONG_NAME, STOCKED).map(drop))
            .sets(LONG_NAME, text(STOCKED)),
        Scenario::using("set-new-large", |it| it.set(TARGET, &large()).map(drop))
            .sets(TARGET, large()),
        with_target("set-small-by-small", text("small"), |it| it.set(TARGET, STOCKED).map(drop))
            .sets(TARGET, text(STOCKED)),
        with_target("set-small-by-unstocked", text("small"), |it| {
            it.set(TARGET, UNSTOCKED).map(drop)
        })
        .sets(TARGET, text(UNSTOCKED)),
        with_target("set-small-by-large", text("small"), |it| it.set(TARGET, &large()).map(drop))
            .sets(TARGET, large()),
        with_target("set-large-by-small", large(), |it| it.set(TARGET, STOCKED).map(drop))
            .sets(TARGET, text(STOCKED)),
        with_target("set-large-by-large", bytes(2050), |it| it.set(TARGET, &large()).map(drop))
            .sets(TARGET, large()),
        // The magazine holds a run of another size, which goes back to the heap.
        with_target("set-large-by-larger", bytes(2050), |it| it.set(TARGET, &larger()).map(drop))
            .warmed(|it| it.set("large", &bytes(2200)).map(drop))
            .sets(TARGET, larger()),
        with_target("set-empty", text("small"), |it| it.set(TARGET, "").map(drop))
            .sets(TARGET, text("")),
        // A dead waiter has left its mark: the publication wakes.
        with_target("set-with-waiters", text("small"), |it| it.set(TARGET, STOCKED).map(drop))
            .prepared(|it| wait(it, &[(TARGET, &Condition::Gone)]))
            .sets(TARGET, text(STOCKED)),
        Scenario::using("set-new-with-waiters", |it| it.set(TARGET, STOCKED).map(drop))
            .prepared(|it| wait(it, &[(TARGET, &Condition::Exists)]))
            .sets(TARGET, text(STOCKED)),
        with_target("compare-and-set", text("small"), |it| {
            let version = it.version(TARGET)?.unwrap_or(0);
            it.compare_and_set(TARGET, version, STOCKED).map(drop)
        })
        .conditional()
        .sets(TARGET, text(STOCKED)),
        with_target("compare-and-set-in-vain", text("small"), |it| {
            it.compare_and_set(TARGET, 0, STOCKED).map(drop)
        }),
        Scenario::using("compare-and-set-missing", |it| {
            it.compare_and_set(TARGET, 0, STOCKED).map(drop)
        })
        .conditional()
        .sets(TARGET, text(STOCKED)),
        with_target("set-out-of-space", text("small"), fails_for_space).capacity(96 << 10),
    ]
}

fn deletes() -> Vec<Scenario> {
    let delete = |name| Scenario::using(name, |it| it.delete(TARGET).map(drop)).deletes(TARGET);
    vec![
        delete("delete-small").with(TARGET, text("small")),
        delete("delete-unstocked").with(TARGET, text(UNSTOCKED)),
        delete("delete-large").with(TARGET, large()),
        delete("delete-empty").with(TARGET, text("")),
        Scenario::using("delete-long-name", |it| it.delete(LONG_NAME).map(drop))
            .with(LONG_NAME, text("small"))
            .deletes(LONG_NAME),
        Scenario::using("delete-missing", |it| it.delete(TARGET).map(drop)),
        // The magazine is full: a block goes back to the heap first.
        delete("delete-to-full-magazine").with(TARGET, text("small")).warmed(|it| {
            it.set("warm", "warm")?;
            for name in ["one", "two", "three"] {
                it.set(name, STOCKED)?;
            }
            ["one", "two", "three"].iter().try_for_each(|name| it.delete(name).map(drop))
        }),
        delete("delete-under-own-lock").with(TARGET, text("small")).locking().warmed(|it| {
            it.set("warm", "warm")?;
            std::mem::forget(it.lock_variable(TARGET, &LockOptions::exclusive())?);
            Ok(())
        }),
    ]
}

/// More than is added in place.
const MUCH: i64 = 1 << 40;

/// Adds in place, an odd number of times, that change nothing together.
fn count(it: &Namespace) -> mmf::Result<()> {
    it.set("warm", "warm")?;
    [1, -1, 0].into_iter().try_for_each(|amount| it.add("visits", amount).map(drop))
}

fn counters() -> Vec<Scenario> {
    vec![
        Scenario::using("add", |it| it.add("visits", 7).map(drop))
            .sets("visits", Value::Counter(12)),
        Scenario::using("add-much", |it| it.add("visits", MUCH).map(drop))
            .sets("visits", Value::Counter(5 + MUCH))
            .warmed(count),
        Scenario::using("add-under-own-lock", |it| it.add("visits", 7).map(drop))
            .sets("visits", Value::Counter(12))
            .locking()
            .warmed(|it| {
                count(it)?;
                std::mem::forget(it.lock_variable("visits", &LockOptions::exclusive())?);
                Ok(())
            }),
        Scenario::using("set-a-counter", |it| it.set("visits", STOCKED).map(drop))
            .sets("visits", text(STOCKED))
            .warmed(count),
        Scenario::using("delete-a-counter", |it| it.delete("visits").map(drop))
            .deletes("visits")
            .warmed(count),
        Scenario::using("add-new", |it| it.add(TARGET, 7).map(drop))
            .sets(TARGET, Value::Counter(7)),
        Scenario::using("add-to-locked-missing", |it| it.add(TARGET, 7).map(drop))
            .sets(TARGET, Value::Counter(7))
            .locking()
            .warmed(|it| {
                it.set("warm", "warm")?;
                std::mem::forget(it.lock_variable(TARGET, &LockOptions::exclusive())?);
                Ok(())
            }),
    ]
}

fn locks() -> Vec<Scenario> {
    vec![
        Scenario::using("lock-namespace-exclusive", |it| {
            it.lock(&LockOptions::exclusive())?.unlock()
        })
        .locking(),
        Scenario::using("lock-namespace-shared", |it| it.lock(&LockOptions::shared())?.unlock()),
        Scenario::using("lock-variable-exclusive", |it| {
            it.lock_variable(TARGET, &LockOptions::exclusive())?.unlock()
        })
        .with(TARGET, text("small"))
        .locking(),
        Scenario::using("lock-variable-shared", |it| {
            it.lock_variable(TARGET, &LockOptions::shared())?.unlock()
        })
        .with(TARGET, text("small")),
        Scenario::using("lock-missing-exclusive", |it| {
            it.lock_variable(TARGET, &LockOptions::exclusive())?.unlock()
        })
        .locking(),
        Scenario::using("lock-missing-shared", |it| {
            it.lock_variable(TARGET, &LockOptions::shared())?.unlock()
        }),
        Scenario::using("lock-twice", |it| {
            let outer = it.lock(&LockOptions::exclusive())?;
            it.lock(&LockOptions::exclusive())?.unlock()?;
            outer.unlock()
        })
        .locking(),
        Scenario::using("set-under-locks", |it| {
            let whole = it.lock(&LockOptions::exclusive())?;
            let one = it.lock_variable(TARGET, &LockOptions::exclusive())?;
            it.set(TARGET, STOCKED)?;
            one.unlock()?;
            whole.unlock()
        })
        .sets(TARGET, text(STOCKED))
        .locking(),
    ]
}

fn waits() -> Vec<Scenario> {
    vec![
        Scenario::using("wait-for-change", |it| wait(it, &[("small", &Condition::Gone)])),
        Scenario::using("wait-for-missing", |it| wait(it, &[(TARGET, &Condition::Exists)])),
        Scenario::using("wait-for-any", |it| {
            wait(it, &[("small", &Condition::Gone), (TARGET, &Condition::Exists)])
        }),
    ]
}

/// Waits in vain, for long enough to fall asleep even when every instruction takes its time.
fn wait(namespace: &Namespace, wanted: &[(&str, &Condition)]) -> mmf::Result<()> {
    match namespace.wait_any(wanted, Duration::from_millis(50)) {
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
        outcome => outcome.map(drop),
    }
}

fn members() -> Vec<Scenario> {
    let creation = |name| {
        let mut scenario = Scenario::new(name, Operation::Open);
        scenario.start = Start::Nothing;
        scenario.effect = Effect::Creates;
        scenario.fill.clear();
        scenario.alone()
    };
    let mut swapfile = creation("create-swapfile");
    swapfile.storage = Storage::Swapfile;
    let mut in_place = creation("create-in-empty-swapfile");
    in_place.storage = Storage::Swapfile;
    in_place.start = Start::EmptyFile;
    // Another makes the same namespace just before this one gets its name.
    let mut beaten = creation("create-against-a-rival");
    beaten.rival_at = Some(LINKAT);
    let mut attached = creation("create-while-attached");
    attached.lifetime = Lifetime::WhileAttached;
    attached.effect = Effect::Vanishes;
    let mut remove = Scenario::new("remove", Operation::Remove);
    remove.effect = Effect::Removes;
    remove.alone = true;
    let mut attach_swapfile = Scenario::new("attach-swapfile", Operation::Open);
    attach_swapfile.storage = Storage::Swapfile;
    let mut verify = Scenario::new("attach-after-a-crash", Operation::Open)
        .prepared(|it| tamper(it, BOOT, |boot| boot ^ 1));
    verify.storage = Storage::Swapfile;
    verify.alone = true;
    let mut mend = Scenario::new("mend-after-a-crash", Operation::Open).prepared(|it| {
        tamper(it, BOOT, |boot| boot ^ 1)?;
        tamper(it, INDEX_ROOT, |_| 0)
    });
    mend.storage = Storage::Swapfile;
    mend.alone = true;
    mend.is_unsound = true;
    let mut first = Scenario::using("first-seat", |it| it.set(TARGET, STOCKED).map(drop))
        .sets(TARGET, text(STOCKED))
        .warmed(|_| Ok(()));
    first.fill.clear();
    first.crowd = CROWD;
    first.alone = true;
    let mut leasing = Scenario::using("lease-seat", |it| it.set(TARGET, STOCKED).map(drop))
        .sets(TARGET, text(STOCKED))
        .warmed(|_| Ok(()));
    leasing.crowd = CROWD;
    vec![
        creation("create"),
        swapfile,
        in_place,
        beaten,
        attached,
        remove,
        Scenario::new("attach", Operation::Open),
        attach_swapfile,
        verify,
        mend,
        Scenario::new("detach", Operation::Detach),
        Scenario::new("detach-with-full-magazine", Operation::Detach).warmed(|it| {
            it.set("warm", UNSTOCKED)?;
            it.set("warm", &large())?;
            it.set("warm", "warm").map(drop)
        }),
        Scenario::using("second-handle", |it| {
            let other = Namespace::builder(NAMESPACE).open()?;
            other.set("warm", "warm")?;
            drop(other);
            it.set("warm", "warm").map(drop)
        }),
        first,
        leasing,
    ]
}

/// Changes a word of the file behind the library's back.
fn tamper(namespace: &Namespace, offset: usize, change: fn(u64) -> u64) -> mmf::Result<()> {
    let path = namespace.path().ok_or("the namespace has no file");
    let changed = path.map_err(Into::into).and_then(|path| change_word(path, offset, change));
    changed.expect("the file can be changed");
    Ok(())
}

fn structure() -> Vec<Scenario> {
    vec![
        // With the filler, more pages than the first step of the heap has left.
        Scenario::using("grow", |it| it.set(TARGET, &bytes(11_000)).map(drop))
            .with("filler", bytes(12_000))
            .sets(TARGET, bytes(11_000))
            .capacity(256 << 10),
        Scenario::using("resize", |it| it.resize(192 << 10)),
    ]
}

/// A set that finds no room, after everything that could give some has been tried.
fn fails_for_space(namespace: &Namespace) -> mmf::Result<()> {
    match namespace.set(TARGET, &vec![1_u8; 90_000]) {
        Err(error) if error.kind() == ErrorKind::OutOfSpace => Ok(()),
        outcome => outcome.map(drop),
    }
}
