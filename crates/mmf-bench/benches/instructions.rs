//! The hot paths, each in a loop of its own, for `cargo xtask instructions`: it has valgrind count
//! what `measured` does, and compares that with `docs/measured/instructions.txt`.
//!
//! Whatever a count could depend on is the same in every run: the seed of the namespaces' hashes,
//! names and their order, sizes, numbers of rounds. The command line has the number of rounds, and
//! MMF_DIR an empty place of their own for the namespaces; without a number, a few rounds in a
//! place of the program's own show that every path works. The standard output has a line for every
//! call of `measured`, in their order: its path, and the rounds.

use std::fs::File;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use mmf::{Builder, LockOptions, Namespace, ToValue};

/// Rounds to show that every path works.
const FEW_ROUNDS: u64 = 3;
/// Rounds before those that are measured: they take places in memory, and fill caches.
const ROUNDS_BEFORE: u64 = 8;
/// Rounds of a path per one of an opening, which takes as long as hundreds of the others.
const ROUNDS_PER_OPENING: u64 = 20;
/// Variables of the paths that walk through many.
const MANY: u64 = 10_000;
/// Offset of HASH_SEED in a namespace's file, by `docs/format.md`.
const HASH_SEED: u64 = 64;
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// Where the library looks for the directory of its namespaces.
const DIRECTORY: &str = "MMF_DIR";
/// The namespace that is opened and closed.
const OPENED: &str = "opened";

const NAME: &str = "name000000000001";
const MISSING: &str = "name000000000000";
const LARGE_NAME: &str = "name000000004096";
const NUMBER_NAME: &str = "number0000000001";
const COUNTER_NAME: &str = "counter000000001";
const SMALL: [u8; 16] = [2; 16];
const LARGE: [u8; 4096] = [2; 4096];
const NUMBER: i64 = 5;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What valgrind counts: nothing else is in the program's profile.
#[inline(never)]
fn measured(operation: &mut dyn FnMut(), rounds: u64) {
    for _ in 0..rounds {
        operation();
    }
}

/// Runs the paths, and says which.
struct Meter {
    rounds: u64,
}

impl Meter {
    fn path(&self, name: &str, operation: impl FnMut()) {
        run(name, self.rounds, operation);
    }

    fn opening(&self, name: &str, operation: impl FnMut()) {
        run(name, self.rounds.div_ceil(ROUNDS_PER_OPENING), operation);
    }

    /// Every variable of many once, in one order without a pattern.
    fn walk(&self, name: &str, names: &[String], mut operation: impl FnMut(&str)) {
        let mut order: Vec<&str> = names.iter().map(String::as_str).collect();
        fastrand::Rng::with_seed(SEED).shuffle(&mut order);
        let mut next = order.iter().cycle();
        run(name, MANY, || operation(next.next().expect("names without end")));
    }
}

fn run(name: &str, rounds: u64, mut operation: impl FnMut()) {
    for _ in 0..ROUNDS_BEFORE {
        operation();
    }
    measured(&mut operation, rounds);
    println!("{name}\t{rounds}");
}

fn main() -> Result<ExitCode> {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let Some(rounds) = rounds else { return run_in_own_directory() };
    let directory = std::env::var_os(DIRECTORY).ok_or("MMF_DIR is not set")?;
    let meter = Meter { rounds };
    meter.path("nothing", || black_box(()));
    let hot = create(Namespace::builder("hot"))?;
    gets(&meter, "", &hot)?;
    other_reads(&meter, &hot)?;
    sets(&meter, "set 16 B", &hot, NAME, &SMALL)?;
    sets(&meter, "set 4 KiB", &hot, LARGE_NAME, &LARGE)?;
    sets(&meter, "set i64", &hot, NUMBER_NAME, &NUMBER)?;
    counters(&meter, &hot)?;
    locks(&meter, &hot)?;
    let read_only = Namespace::builder("hot").read_only(true).open()?;
    gets(&meter, "read-only: ", &read_only)?;
    let swapfile = PathBuf::from(directory).with_file_name("swapfile");
    let sealed = create(Namespace::builder("sealed").swapfile(swapfile))?;
    gets(&meter, "checksums: ", &sealed)?;
    sets(&meter, "checksums: set 16 B", &sealed, NAME, &SMALL)?;
    sets(&meter, "checksums: set 4 KiB", &sealed, LARGE_NAME, &LARGE)?;
    walks(&meter)?;
    openings(&meter)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs this program again, for a few rounds in a directory that goes when it has ended.
fn run_in_own_directory() -> Result<ExitCode> {
    let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let mut command = Command::new(std::env::current_exe()?);
    let command = command.arg(FEW_ROUNDS.to_string()).env(DIRECTORY, place.path().join("names"));
    Ok(if command.status()?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A namespace with one hash for ever: while it is empty, no name depends on the seed.
fn create(builder: Builder) -> Result<Namespace> {
    let namespace = builder.clone().create()?;
    let path = namespace.path().ok_or("a namespace without a file")?.to_owned();
    drop(namespace);
    let mut file = File::options().write(true).open(path)?;
    file.seek(SeekFrom::Start(HASH_SEED))?;
    file.write_all(&SEED.to_le_bytes())?;
    let namespace = builder.open()?;
    namespace.set(NAME, &SMALL)?;
    namespace.set(LARGE_NAME, &LARGE)?;
    namespace.set(NUMBER_NAME, &NUMBER)?;
    Ok(namespace)
}

/// Gets of bytes into the caller's buffer.
fn gets(meter: &Meter, kind: &str, namespace: &Namespace) -> Result {
    let mut buffer = Vec::new();
    for (size, name, length) in [("16 B", NAME, SMALL.len()), ("4 KiB", LARGE_NAME, LARGE.len())] {
        meter.path(&format!("{kind}get {size}, by name"), || {
            let seen = namespace.get_into(black_box(name), &mut buffer).expect("get");
            assert!(seen.is_some() && buffer.len() == length);
        });
        let variable = namespace.variable(name)?;
        meter.path(&format!("{kind}get {size}, by handle"), || {
            let seen = variable.get_into(&mut buffer).expect("get");
            assert!(seen.is_some() && buffer.len() == length);
        });
    }
    Ok(())
}

fn other_reads(meter: &Meter, namespace: &Namespace) -> Result {
    meter.path("get i64, by name", || {
        assert_eq!(namespace.get(black_box(NUMBER_NAME)).expect("get"), Some(NUMBER));
    });
    let number = namespace.variable(NUMBER_NAME)?;
    meter.path("get i64, by handle", || {
        assert_eq!(number.get().expect("get"), Some(NUMBER));
    });
    let mut buffer = Vec::new();
    meter.path("get of a missing name", || {
        assert!(namespace.get_into(black_box(MISSING), &mut buffer).expect("get").is_none());
    });
    meter.path("contains, of a name", || {
        assert!(namespace.contains(black_box(NAME)).expect("contains"));
    });
    meter.path("contains, of a missing name", || {
        assert!(!namespace.contains(black_box(MISSING)).expect("contains"));
    });
    let version = namespace.version(NAME)?;
    meter.path("version, by name", || {
        assert_eq!(namespace.version(black_box(NAME)).expect("version"), version);
    });
    let variable = namespace.variable(NAME)?;
    meter.path("version, by handle", || {
        assert_eq!(variable.version().expect("version"), version);
    });
    Ok(())
}

/// Sets of one value; each gives the next version.
fn sets<T: ToValue + ?Sized>(
    meter: &Meter,
    path: &str,
    namespace: &Namespace,
    name: &str,
    value: &T,
) -> Result {
    let mut version = namespace.version(name)?.unwrap_or_default();
    meter.path(&format!("{path}, by name"), || {
        version += 1;
        assert_eq!(namespace.set(black_box(name), black_box(value)).expect("set"), version);
    });
    let variable = namespace.variable(name)?;
    meter.path(&format!("{path}, by handle"), || {
        version += 1;
        assert_eq!(variable.set(black_box(value)).expect("set"), version);
    });
    Ok(())
}

fn counters(meter: &Meter, namespace: &Namespace) -> Result {
    let mut sum = namespace.add(COUNTER_NAME, 1)?;
    meter.path("add, by name", || {
        sum += 1;
        assert_eq!(namespace.add(black_box(COUNTER_NAME), 1).expect("add"), sum);
    });
    let counter = namespace.variable(COUNTER_NAME)?;
    meter.path("add, by handle", || {
        sum += 1;
        assert_eq!(counter.add(1).expect("add"), sum);
    });
    Ok(())
}

fn locks(meter: &Meter, namespace: &Namespace) -> Result {
    let modes = [("exclusive", LockOptions::exclusive()), ("shared", LockOptions::shared())];
    let variable = namespace.variable(NAME)?;
    for (mode, options) in modes {
        meter.path(&format!("lock and unlock a variable, {mode}, by name"), || {
            let lock = namespace.lock_variable(black_box(NAME), &options).expect("lock");
            lock.unlock().expect("unlock");
        });
        meter.path(&format!("lock and unlock a variable, {mode}, by handle"), || {
            variable.lock(&options).expect("lock").unlock().expect("unlock");
        });
        meter.path(&format!("lock and unlock the namespace, {mode}"), || {
            namespace.lock(&options).expect("lock").unlock().expect("unlock");
        });
    }
    Ok(())
}

fn walks(meter: &Meter) -> Result {
    let namespace = create(Namespace::builder("many"))?;
    let names: Vec<String> = (0..MANY).map(|index| format!("many{index:012}")).collect();
    for name in &names {
        namespace.set(name, &[1; 64])?;
    }
    let mut buffer = Vec::new();
    meter.walk("get 64 B, of 10,000", &names, |name| {
        let seen = namespace.get_into(name, &mut buffer).expect("get");
        assert!(seen.is_some() && buffer.len() == 64);
    });
    meter.walk("set 64 B, of 10,000", &names, |name| {
        namespace.set(name, black_box(&[2; 64])).expect("set");
    });
    Ok(())
}

fn openings(meter: &Meter) -> Result {
    drop(create(Namespace::builder(OPENED))?);
    let mut buffer = Vec::new();
    meter.opening("open, get 16 B, close", || {
        let namespace = Namespace::open(black_box(OPENED)).expect("open");
        let seen = namespace.get_into(NAME, &mut buffer).expect("get");
        assert!(seen.is_some() && buffer.len() == 16);
    });
    meter.opening("create, set 16 B, close, remove", || {
        let namespace = Namespace::builder("created").create().expect("create");
        namespace.set(NAME, &SMALL).expect("set");
        drop(namespace);
        mmf::remove_namespace("created", false).expect("remove");
    });
    Ok(())
}
