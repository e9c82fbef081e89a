//! Want of room: a namespace, or its file system, with ever more pages free.
//!
//! Each operation is tried with nothing free at all, then with one page, two pages and so on until
//! it succeeds. What must be so:
//!
//! - it succeeds, or reports `OutOfSpace`; what gives memory back or needs none succeeds always;
//! - after an error everything is as before, to the byte of live memory, and `check` finds nothing;
//! - once there is room again, the same operation succeeds, and another process can use the
//!   namespace.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Duration;

use mmf::{ErrorKind, LockOptions, Namespace};

use super::limits::holder;
use super::past::Past;
use super::places::give_up_in_time;
use super::victim::{KEEPING_A_LOCK, let_another_judge};
use crate::Result;
use crate::roles::Part;
use crate::scenario::victim::{prepare, warm};
use crate::scenario::{Content, Effect, NAMESPACE, Operation, Scenario, Start, bytes};
use crate::step::{Outcome, compare, look_for_findings, read_all};

/// What is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scarcity {
    /// Pages of the namespace.
    Capacity,
    /// Pages of the file system, which is as small as the victim's mount says.
    FileSystem,
}

/// Capacity of namespaces on a small file system: more than there is.
const LARGE: u64 = 16 << 20;
/// Names of variables that only take room begin so.
const BALLAST: &str = "ballast ";
/// Bytes of ballast values: runs of a page first, then blocks of every smaller class.
const BALLAST_SIZES: &[usize] = &[3000, 1500, 900, 400, 200, 90, 40, 10, 0];
/// More pages than any operation wants.
const MOST_PAGES: usize = 64;
/// Successes in a row after which more room makes no difference.
const ENOUGH: usize = 3;
/// Operations that expect a certain size, or that there is no room.
const WITH_SIZES_OF_THEIR_OWN: &[&str] = &["set-out-of-space", "resize"];
/// Beginnings of the names of operations that need no memory of the namespace.
const NEEDING_NOTHING: &[&str] = &[
    "delete-",
    "lock-namespace-",
    "lock-variable-",
    "lock-twice",
    "wait-",
    "attach",
    "detach",
    "remove",
];

/// How long is waited for what is not to come.
const SHORT: Duration = Duration::from_millis(50);

/// Whether an operation is tried with this scarcity.
pub(super) fn applies(scenario: &Scenario, scarcity: Scarcity) -> bool {
    let is_new = scenario.start != Start::Prepared;
    !WITH_SIZES_OF_THEIR_OWN.contains(&scenario.name)
        && (scarcity == Scarcity::FileSystem || !is_new)
}

/// Executes an operation with ever more room: a process that `faults` starts.
#[derive(Debug, clap::Args)]
pub(crate) struct Room {
    #[command(flatten)]
    part: Part,
    scarcity: Scarcity,
}

impl Room {
    /// Says how many tries were refused and how many succeeded.
    pub(crate) fn run(&self) -> Result<()> {
        let directory = PathBuf::from(std::env::var_os("MMF_DIR").ok_or("MMF_DIR is not set")?);
        give_up_in_time();
        let mut scenario = self.part.scenario()?;
        if self.scarcity == Scarcity::FileSystem {
            scenario.capacity = LARGE;
        }
        let trial = Trial { scenario: &scenario, scarcity: self.scarcity, directory };
        let (mut refused, mut successes) = (0, 0);
        for pages in 0..MOST_PAGES {
            // Whoever is killed by a fault has said where.
            println!("with {pages} pages");
            std::io::stdout().flush()?;
            match trial.run(pages).map_err(|error| format!("with {pages} pages free: {error}"))? {
                Outcome::Before => (refused, successes) = (refused + 1, 0),
                Outcome::After => successes += 1,
            }
            if successes == ENOUGH {
                println!("{refused} refused");
                return Ok(());
            }
        }
        Err(format!("it does not succeed with {MOST_PAGES} pages either").into())
    }
}

struct Trial<'a> {
    scenario: &'a Scenario,
    scarcity: Scarcity,
    directory: PathBuf,
}

impl Trial<'_> {
    /// One try with so many pages free, from the beginning to the end of a namespace.
    fn run(&self, pages: usize) -> Result<Outcome> {
        self.give_room()?;
        for file in std::fs::read_dir(&self.directory)? {
            std::fs::remove_file(file?.path())?;
        }
        prepare(self.scenario)?;
        if self.scenario.start != Start::Prepared {
            return self.creation(pages);
        }
        let namespace = warm(self.scenario)?;
        self.leave(&namespace, pages)?;
        let outcome = match self.scenario.operation {
            Operation::Use(action) => self.action(&namespace, action)?,
            Operation::Open => {
                let other = self.scenario.builder().open()?;
                if self.content(&other)? != self.scenario.before() {
                    return Err("another handle finds another content".into());
                }
                Outcome::After
            }
            Operation::Detach | Operation::Remove => return self.leaving(namespace),
        };
        self.give_room()?;
        clear_ballast(&namespace)?;
        if let Operation::Use(action) = self.scenario.operation
            && outcome == Outcome::Before
        {
            action(&namespace).map_err(|error| format!("though there is room: {error:?}"))?;
        }
        look_for_findings(&namespace, "in the end")?;
        drop(namespace);
        if !KEEPING_A_LOCK.contains(&self.scenario.name) {
            let_another_judge(self.scenario, Past::Calm, &self.directory)?;
        }
        Ok(outcome)
    }

    /// Detaching, and perhaps removing.
    fn leaving(&self, namespace: Namespace) -> Result<Outcome> {
        drop(namespace);
        if self.scenario.effect == Effect::Removes {
            mmf::remove_namespace(NAMESPACE, false)?;
            self.give_room()?;
        } else {
            self.give_room()?;
            clear_ballast(&self.scenario.builder().open()?)?;
        }
        let_another_judge(self.scenario, Past::Calm, &self.directory)?;
        Ok(Outcome::After)
    }

    fn action(
        &self,
        namespace: &Namespace,
        action: fn(&Namespace) -> mmf::Result<()>,
    ) -> Result<Outcome> {
        let before = namespace.stat()?;
        let outcome = action(namespace);
        let found = compare(self.scenario, &self.content(namespace)?)?;
        look_for_findings(namespace, "after the operation")?;
        let Err(error) = outcome else {
            return match found {
                Outcome::After => Ok(found),
                Outcome::Before => Err("success was reported, but nothing happened".into()),
            };
        };
        if NEEDING_NOTHING.iter().any(|begin| self.scenario.name.starts_with(begin)) {
            return Err(format!("it needs no memory: {error:?}").into());
        }
        if error.kind() != ErrorKind::OutOfSpace {
            return Err(format!("an error of another kind: {error:?}").into());
        }
        if found == Outcome::After && self.scenario.before() != self.scenario.after() {
            return Err(format!("it happened, but an error was reported: {error:?}").into());
        }
        let after = namespace.stat()?;
        if (after.live, after.variables) != (before.live, before.variables)
            || after.locks.len() != before.locks.len()
        {
            return Err(format!("something is left: before {before:?}, after {after:?}").into());
        }
        Ok(Outcome::Before)
    }

    /// Making a namespace where so many pages are left.
    fn creation(&self, pages: usize) -> Result<Outcome> {
        self.fill_file_system()?;
        self.free_pages(pages)?;
        let before = self.names()?;
        let outcome = self.scenario.builder().open_or_create();
        match outcome {
            Ok(namespace) => {
                look_for_findings(&namespace, "in a new namespace")?;
                drop(namespace);
                self.give_room()?;
                let_another_judge(self.scenario, Past::Calm, &self.directory)?;
                Ok(Outcome::After)
            }
            Err(error) if error.kind() == ErrorKind::OutOfSpace => {
                if self.names()? != before {
                    return Err(format!("{:?} are left", self.names()?).into());
                }
                self.give_room()?;
                let again = self.scenario.builder().open_or_create();
                drop(again.map_err(|error| format!("though there is room: {error:?}"))?);
                let_another_judge(self.scenario, Past::Calm, &self.directory)?;
                Ok(Outcome::Before)
            }
            Err(error) => Err(format!("an error of another kind: {error:?}").into()),
        }
    }

    /// Leaves so many pages, and nothing beside them.
    fn leave(&self, namespace: &Namespace, pages: usize) -> Result<()> {
        if self.scarcity == Scarcity::FileSystem {
            self.fill_file_system()?;
        }
        let page_runs = fill(namespace)?;
        if page_runs <= pages && self.scarcity == Scarcity::Capacity {
            return Err(format!("there were only {page_runs} pages to fill").into());
        }
        match self.scarcity {
            Scarcity::FileSystem => self.free_pages(pages),
            Scarcity::Capacity => {
                for number in 0..pages {
                    if !namespace.delete(&format!("{BALLAST}{number}"))? {
                        return Err("a variable that took room is not there".into());
                    }
                }
                Ok(())
            }
        }
    }

    fn content(&self, namespace: &Namespace) -> Result<Content> {
        let mut content = read_all(namespace)?;
        content.retain(|name, _| !name.starts_with(BALLAST));
        Ok(content)
    }

    fn ballast(&self) -> PathBuf {
        self.directory.join(".ballast")
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.directory)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names: Vec<_> = names.collect::<Result<_>>()?;
        names.sort();
        Ok(names)
    }

    fn give_room(&self) -> Result<()> {
        match std::fs::remove_file(self.ballast()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn fill_file_system(&self) -> Result<()> {
        let mut file = std::fs::File::create(self.ballast())?;
        loop {
            match file.write(&[1; 4096]) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn free_pages(&self, pages: usize) -> Result<()> {
        let file = std::fs::File::options().write(true).open(self.ballast())?;
        let length = file.metadata()?.len();
        let less = length.checked_sub(pages as u64 * 4096).ok_or("the ballast is too small")?;
        Ok(file.set_len(less)?)
    }
}

/// Fills a namespace until the smallest variable finds no room. Returns how many pages were runs
/// of their own.
fn fill(namespace: &Namespace) -> Result<usize> {
    let (mut number, mut page_runs) = (0, 0);
    for size in BALLAST_SIZES {
        loop {
            match namespace.set(&format!("{BALLAST}{number}"), &bytes(*size)) {
                Ok(_) => number += 1,
                Err(error) if error.kind() == ErrorKind::OutOfSpace => break,
                Err(error) => return Err(format!("while filling: {error:?}").into()),
            }
            if number > 1_000_000 {
                return Err("the namespace never fills".into());
            }
        }
        if *size == BALLAST_SIZES[0] {
            page_runs = number;
        }
    }
    look_for_findings(namespace, "in a full namespace")?;
    Ok(page_runs)
}

fn clear_ballast(namespace: &Namespace) -> Result<()> {
    let names: Vec<_> = namespace.list(BALLAST).collect::<mmf::Result<_>>()?;
    for name in names {
        namespace.delete(&name)?;
    }
    Ok(())
}

/// With nothing free at all: threads that need seats, and a death that is recovered from.
pub(super) fn full_for_many(directory: &Path) -> Result<String> {
    let namespace = Namespace::builder(NAMESPACE).capacity(128 << 10).create()?;
    namespace.add("counted", 0)?;
    fill(&namespace)?;
    let mut holder = holder(directory, None)?;
    let locked = namespace.lock(&LockOptions::exclusive().timeout(SHORT));
    if locked.is_ok() {
        return Err("the lock that another process holds could be taken".into());
    }
    holder.kill()?;
    let guard = namespace.lock(&LockOptions::exclusive())?;
    if !guard.previous_owner_died() {
        return Err("the death of the lock's owner was not reported".into());
    }
    guard.unlock()?;
    let all = Barrier::new(20);
    let add = || {
        let outcome = namespace.add("counted", 1);
        // Nobody leaves before everybody has asked for a seat.
        all.wait();
        outcome.map(drop)
    };
    let refused = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(add)).collect();
        let mut refused = 0;
        for thread in threads {
            match thread.join().map_err(|_| "a thread panicked")? {
                Ok(()) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::OutOfSpace | ErrorKind::LimitReached) =>
                {
                    refused += 1;
                }
                Err(error) => return Err(format!("a thread: {error:?}").into()),
            }
        }
        Result::Ok(refused)
    })?;
    clear_ballast(&namespace)?;
    let counted = namespace.add("counted", 0)?;
    if counted != 20 - refused {
        return Err(format!("{refused} of 20 additions were refused, but {counted} count").into());
    }
    look_for_findings(&namespace, "in the end")?;
    Ok(format!("{refused} of 20 threads found no room"))
}
