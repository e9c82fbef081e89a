//! All that can be done to a namespace, done to one that may be damaged.

use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use mmf::{Builder, Condition, ErrorKind, FromValue, LockOptions, Namespace, Value};

use super::shape::Shape;
use super::tally::Tally;
use crate::Result;

/// How long operations on a file wait that nobody else uses: nothing there is worth more.
const TIMEOUT: Duration = Duration::from_millis(20);
/// How long operations wait while others are at work.
const LIVE_TIMEOUT: Duration = Duration::from_millis(200);
const BRIEF: Duration = Duration::from_millis(2);
/// How long one round of the live form lasts.
pub(super) const ROUND: Duration = Duration::from_millis(700);
/// What the namespace under trial is called, and its swapfile if it has one.
pub(super) const NAME: &str = "trial";
pub(super) const SWAPFILE: &str = "trial.mmf";
/// Values read by name in one trial.
const READ: usize = 40;

/// Opens the file, does everything, and mends it.
pub(super) fn whole(tally: &mut Tally, place: &Path, shape: &Shape, seed: u64) -> Result<()> {
    let mut random = Rng::with_seed(seed);
    let builder = builder(place, shape, TIMEOUT);
    let reader = tally.run("open (reading)", || builder.clone().read_only(true).open());
    if let Some(reader) = &reader {
        look(tally, reader, &shape.names);
        inspect(tally, reader);
    }
    drop(reader);
    let writer = tally.run("open", || builder.clone().open());
    if let Some(writer) = writer {
        look(tally, &writer, &shape.names);
        for _ in 0..2 {
            for verb in 0..VERBS {
                one(tally, &writer, &shape.names, &mut random, verb);
            }
        }
        inspect(tally, &writer);
        tally.run("resize", || writer.resize((1 << 20) + random.u64(0..1 << 18)));
        tally.run("flush", || writer.flush());
        tally.run("detach", || {
            drop(writer);
            Ok(())
        });
    }
    mend(tally, &builder, &shape.names);
    tally.run("list namespaces", mmf::list_namespaces);
    tally.run("remove", || mmf::remove_namespace(NAME, true));
    clean(place)
}

fn builder(place: &Path, shape: &Shape, timeout: Duration) -> Builder {
    let builder = Namespace::builder(NAME).timeout(timeout);
    if shape.is_swapfile { builder.swapfile(place.join(SWAPFILE)) } else { builder }
}

/// Once more, then what is left is mended: what comes out must be sound.
fn mend(tally: &mut Tally, builder: &Builder, names: &[String]) {
    if let Some(again) = tally.run("open again", || builder.clone().open()) {
        look(tally, &again, names);
        tally.run("check again", || again.check());
    }
    if tally.run("repair", || builder.clone().repair()).is_none() {
        return;
    }
    let mut is_gone = false;
    let mended = tally.run("open (mended)", || {
        let opened = builder.clone().open();
        // One whose options say, truly or not, that it goes with its last process has gone.
        is_gone = opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        opened
    });
    let Some(mended) = mended else {
        if !is_gone {
            tally.complaints.push("a mended namespace does not open".to_owned());
        }
        return;
    };
    look(tally, &mended, names);
    match tally.run("check (mended)", || mended.check()) {
        Some(findings) if findings.is_empty() => {}
        Some(findings) => tally.complaints.push(format!("mended, and not sound: {}", findings[0])),
        None => tally.complaints.push("a mended namespace cannot be checked".to_owned()),
    }
}

/// Reads by name and by listing.
fn look(tally: &mut Tally, namespace: &Namespace, names: &[String]) {
    for name in names.iter().take(READ) {
        read(tally, namespace, name);
    }
    let mut names = namespace.list("");
    let mut listed = 0;
    while let Some(name) = tally.run("list", || names.next().transpose()).flatten() {
        if str::from_utf8(name.as_bytes()).is_err() {
            tally.complaints.push("a listed name is not UTF-8".to_owned());
        }
        if listed < READ {
            read(tally, namespace, &name);
        }
        listed += 1;
    }
}

fn read(tally: &mut Tally, namespace: &Namespace, name: &str) {
    let value = tally.run("get", || namespace.get::<Value>(name));
    if let Some(Some(value)) = value
        && !is_well_formed(&value)
    {
        tally.complaints.push(format!("{name:?} has a value that is none"));
    }
}

/// Whether a value can be encoded, decoded and read as what it says it is.
fn is_well_formed(value: &Value) -> bool {
    // Every bit of a NaN is kept, and it equals nothing.
    let is_same = |again: &Value| again == value || format!("{again:?}") == format!("{value:?}");
    match value {
        Value::Text(text) => str::from_utf8(text.as_bytes()).is_ok(),
        _ => match mmf::ToValue::encode(value) {
            Ok(encoded) => {
                let again = Value::decode(encoded.value_type(), encoded.as_bytes());
                again.is_ok_and(|again| is_same(&again))
            }
            Err(_) => false,
        },
    }
}

fn inspect(tally: &mut Tally, namespace: &Namespace) {
    tally.run("stat", || namespace.stat());
    tally.run("check", || namespace.check());
    tally.run("debug", || namespace.debug(&mut std::io::sink()));
}

/// Number of verbs that `one` knows.
const VERBS: u8 = 16;

/// One operation of someone who is attached for writing.
fn one(tally: &mut Tally, namespace: &Namespace, names: &[String], random: &mut Rng, verb: u8) {
    let name = match random.u8(0..4) {
        0 => "another",
        1 => "a name so long that it needs a block of its own",
        _ => &names[random.usize(..names.len())],
    };
    let length = [0, 8, 100, 2000, 2100, 9000, 70_000][random.usize(0..7)];
    match verb {
        0..3 => drop(tally.run("set", || namespace.set(name, &vec![random.u8(..); length]))),
        3 => drop(tally.run("set (number)", || namespace.set(name, &random.i64(..)))),
        4 => drop(tally.run("delete", || namespace.delete(name))),
        5 => drop(tally.run("add", || namespace.add("counter", 1))),
        6 => drop(tally.run("add (any)", || namespace.add(name, random.i64(..)))),
        7 => {
            tally.run("wait", || {
                namespace.wait(name, &Condition::ChangedSince(random.u64(0..4)), BRIEF)
            });
        }
        8 => {
            tally.run("wait (value)", || {
                namespace.wait(name, &Condition::Equals(Value::Null), BRIEF)
            });
        }
        9 => {
            tally.run("wait (any)", || {
                let wanted = [(name, &Condition::Gone), ("nobody", &Condition::Exists)];
                namespace.wait_any(&wanted, BRIEF)
            });
        }
        10 => lock(tally, namespace, name, &LockOptions::exclusive()),
        11 => lock(tally, namespace, name, &LockOptions::shared()),
        12 => drop(tally.run("metadata", || namespace.metadata(name))),
        13 => drop(tally.run("version", || namespace.version(name))),
        14 => {
            let mut buffer = Vec::new();
            tally.run("get (buffer)", || namespace.get_into(name, &mut buffer));
        }
        _ => read(tally, namespace, name),
    }
}

/// Locks a variable and the namespace, sets inside, and unlocks.
fn lock(tally: &mut Tally, namespace: &Namespace, name: &str, options: &LockOptions) {
    let variable = tally.run("lock (variable)", || namespace.lock_variable(name, options));
    let whole = tally.run("lock (namespace)", || namespace.lock(options));
    tally.run("set (locked)", || namespace.set(name, "locked"));
    for guard in [whole, variable].into_iter().flatten() {
        tally.run("unlock", || guard.unlock());
    }
}

/// One of several who are at work while the file is changed under them.
pub(super) fn at_work(tally: &mut Tally, place: &Path, shape: &Shape, seed: u64) -> Result<()> {
    let mut random = Rng::with_seed(seed);
    let started = Instant::now();
    while started.elapsed() < ROUND {
        let builder = builder(place, shape, LIVE_TIMEOUT).read_only(random.u8(0..4) == 0);
        let Some(namespace) = tally.run("open", || builder.open()) else { continue };
        for _ in 0..random.u16(20..400) {
            if started.elapsed() >= ROUND {
                break;
            }
            match random.u8(0..40) {
                0 => inspect(tally, &namespace),
                1 => look(tally, &namespace, &shape.names[..1]),
                2 => drop(tally.run("resize", || namespace.resize(1 << 20))),
                _ => {
                    let verb = random.u8(0..VERBS);
                    one(tally, &namespace, &shape.names, &mut random, verb);
                }
            }
        }
        tally.run("detach", || {
            drop(namespace);
            Ok(())
        });
    }
    Ok(())
}

/// Removes whatever a trial has left.
pub(super) fn clean(place: &Path) -> Result<()> {
    for entry in std::fs::read_dir(place)? {
        std::fs::remove_file(entry?.path())?;
    }
    Ok(())
}
