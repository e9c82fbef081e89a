//! Programs that are at work when the system crashes.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mmf::{ErrorKind, LockOptions, Namespace, Value};

use super::disk::Disk;
use super::oracle::Oracle;
use crate::Result;

/// Small enough to be read many times, large enough for the heap to grow.
const CAPACITY: u64 = 384 << 10;
/// What a resize adds: so the file may have been cut to what it was before.
const STEP: u64 = 64 << 10;
/// How long anything takes after a crash, at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// Files mixed from one program's pages.
const CRASHES: usize = 4;
/// Variables that the busy program sets before the flush and never again.
const KEPT: u8 = 20;

/// What the mixtures of some programs came to.
#[derive(Debug, Default, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(super) struct Count {
    pub(super) programs: u64,
    pub(super) sound: u64,
    pub(super) mended: u64,
    pub(super) lost: u64,
    pub(super) set_back: u64,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.programs += other.programs;
        self.sound += other.sound;
        self.mended += other.mended;
        self.lost += other.lost;
        self.set_back += other.set_back;
    }
}

/// Where one program works.
pub(super) struct Place<'a> {
    /// Its swapfile.
    pub(super) data: &'a Path,
    /// Files that a crash has left.
    pub(super) crashed: &'a Path,
}

impl Place<'_> {
    fn create(&self, seed: u64) -> Result<Namespace> {
        let builder = Namespace::builder(&format!("before-{seed}")).capacity(CAPACITY);
        Ok(builder.swapfile(self.data).create()?)
    }

    fn open(&self, name: &str) -> Result<Namespace> {
        Ok(Namespace::builder(name).timeout(PATIENCE).swapfile(self.crashed).open()?)
    }

    /// Mixes files and has each judged.
    fn crash(
        &self,
        disk: &Disk,
        random: &mut fastrand::Rng,
        judge: impl Fn(&Namespace) -> Result<()>,
    ) -> Result<Count> {
        let mut count = Count { programs: 1, ..Count::default() };
        for number in 0..CRASHES {
            let name = format!("after-{number}");
            disk.crash(random, self.crashed)?;
            let namespace = self.open(&name)?;
            match namespace.repair() {
                Some(repair) => {
                    count.mended += 1;
                    count.lost += repair.lost.len() as u64;
                    count.set_back += repair.older.len() as u64;
                    if repair.kept != namespace.list("").count() as u64 {
                        return Err("the mending has miscounted what it kept".into());
                    }
                }
                None => count.sound += 1,
            }
            judge(&namespace)?;
            self.use_it(&name, namespace)?;
            mmf::remove_namespace(&name, false)?;
        }
        Ok(count)
    }

    /// The namespace is sound and works, and opens again as what it is then.
    fn use_it(&self, name: &str, namespace: Namespace) -> Result<()> {
        if let Some(finding) = namespace.check()?.first() {
            return Err(format!("not sound after the crash: {finding}").into());
        }
        nobody_is_in_the_way(&namespace)?;
        let sum = match namespace.add("since the crash", 1) {
            Ok(sum) => Some(sum),
            Err(error) if error.kind() == ErrorKind::OutOfSpace => None,
            Err(error) => return Err(error.into()),
        };
        drop(namespace);
        let again = self.open(name)?;
        if again.repair().is_some() || !again.check()?.is_empty() {
            return Err("not sound when it was opened once more".into());
        }
        if sum.is_some_and(|sum| again.add("since the crash", 1).ok() != Some(sum + 1)) {
            return Err("what was added after the crash is gone".into());
        }
        Ok(())
    }
}

/// Every lock can be had and every variable set: what held them went with the crash.
fn nobody_is_in_the_way(namespace: &Namespace) -> Result<()> {
    let options = LockOptions::exclusive().timeout(PATIENCE);
    drop(namespace.lock(&options)?);
    let names = namespace.list("").collect::<mmf::Result<Vec<_>>>()?;
    for name in names {
        drop(namespace.lock_variable(&name, &options)?);
        let value: Value = namespace.get(&name)?.ok_or("a listed variable is absent")?;
        match namespace.set(&name, &value) {
            Err(error) if error.kind() != ErrorKind::OutOfSpace => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// One thread that does one thing after another; pages are noted in between.
pub(super) fn orderly(place: &Place<'_>, seed: u64) -> Result<Count> {
    let mut random = fastrand::Rng::with_seed(seed);
    let namespace = place.create(seed)?;
    let mut oracle = Oracle::default();
    for _ in 0..random.u8(0..150) {
        act(&namespace, &mut random, &mut oracle)?;
    }
    namespace.flush()?;
    oracle.flush();
    let mut disk = Disk::flushed(place.data)?;
    for _ in 0..random.u8(1..60) {
        act(&namespace, &mut random, &mut oracle)?;
        disk.look()?;
    }
    let judge = |after: &Namespace| oracle.judge(after, after.repair());
    let count = place.crash(&disk, &mut random, judge)?;
    drop(namespace);
    mmf::remove_namespace(&format!("before-{seed}"), false)?;
    Ok(count)
}

fn act(namespace: &Namespace, random: &mut fastrand::Rng, oracle: &mut Oracle) -> Result<()> {
    if random.u8(0..60) == 0 {
        let capacity = namespace.stat()?.capacity;
        return Ok(namespace.resize((capacity + STEP).min(CAPACITY + 4 * STEP))?);
    }
    let number = random.u8(0..24);
    let name = match number % 4 {
        0 => format!("a name that does not fit into its record {number}"),
        _ => format!("name {number}"),
    };
    let done = match random.u8(0..10) {
        0..6 => {
            let value = random_value(random);
            namespace.set(&name, &value).map(|_| oracle.note(&name, Some(value)))
        }
        6..8 => namespace.delete(&name).map(|existed| {
            if existed {
                oracle.note(&name, None);
            }
        }),
        _ => {
            // In place, or by a new block.
            let amount = [1, -2, 1 << 40][random.usize(0..3)];
            let done = namespace.add("counter", amount);
            done.map(|sum| oracle.note("counter", Some(Value::Counter(sum))))
        }
    };
    match done {
        Err(error) if error.kind() != ErrorKind::OutOfSpace => Err(error.into()),
        _ => Ok(()),
    }
}

fn random_value(random: &mut fastrand::Rng) -> Value {
    let length = match random.u8(0..8) {
        0 => 0,
        1..5 => random.usize(1..100),
        5..7 => random.usize(100..2100),
        _ => random.usize(2100..20_000),
    };
    Value::Bytes((0..length).map(|_| random.u8(..)).collect())
}

/// Two threads that are in the middle of something whenever a page is noted.
pub(super) fn busy(place: &Place<'_>, seed: u64) -> Result<Count> {
    let mut random = fastrand::Rng::with_seed(seed);
    let namespace = place.create(seed)?;
    let kept = |number: u8| (format!("kept {number}"), vec![number; 300]);
    for (name, value) in (0..KEPT).map(kept) {
        namespace.set(&name, &value)?;
    }
    namespace.flush()?;
    let mut disk = Disk::flushed(place.data)?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers = [0, 1].map(|thread| {
            let (namespace, is_over) = (&namespace, &is_over);
            scope.spawn(move || change(namespace, is_over, seed.wrapping_mul(2) + thread))
        });
        let looked = (0..40).try_for_each(|_| disk.look());
        is_over.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().map_err(|_| "a thread panicked")??;
        }
        looked
    })?;
    let judge = |after: &Namespace| -> Result<()> {
        for (name, value) in (0..KEPT).map(kept) {
            if after.get::<Vec<u8>>(&name)? != Some(value) {
                return Err(format!("{name:?} was flushed and not changed, and is another").into());
            }
        }
        for name in after.list("changed") {
            let value: Vec<u8> = after.get(&name?)?.ok_or("a listed variable is absent")?;
            if value.windows(2).any(|pair| pair[0] != pair[1]) {
                return Err("a value is mixed of two".into());
            }
        }
        Ok(())
    };
    let count = place.crash(&disk, &mut random, judge)?;
    drop(namespace);
    mmf::remove_namespace(&format!("before-{seed}"), false)?;
    Ok(count)
}

/// Sets values of one byte each, repeated, and deletes them; every other time behind a lock.
fn change(namespace: &Namespace, is_over: &AtomicBool, seed: u64) -> mmf::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    while !is_over.load(Ordering::Relaxed) {
        let name = format!("changed {}", random.u8(0..20));
        // Whoever sets one variable under its own lock must not meet one who locks them all.
        let locks_all = (seed / 2).is_multiple_of(2);
        let _guard = match random.u8(0..8) {
            0 if locks_all => Some(namespace.lock(&LockOptions::exclusive())?),
            1 => {
                // Nobody sets anything meanwhile, this thread neither.
                let shared = namespace.lock(&LockOptions::shared())?;
                namespace.get::<Value>(&name)?;
                shared.unlock()?;
                continue;
            }
            2..4 if !locks_all => Some(namespace.lock_variable(&name, &LockOptions::exclusive())?),
            _ => None,
        };
        if random.u8(0..8) == 0 {
            namespace.delete(&name)?;
        } else {
            namespace.set(&name, &vec![random.u8(..); random.usize(1..3000)])?;
        }
    }
    Ok(())
}
