//! `mmf import`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use mmf::{Comparison, Namespace};
use serde_json::json;

use crate::exchange::document::{self, Held, RECORD};
use crate::exchange::progress::Progress;
use crate::failure::{Failure, Outcome, Verdict};
use crate::output::Output;
use crate::session::{Purpose, Session};
use crate::units;

/// The capacity of a namespace that is made without one, as that of `mmf create`.
const USUAL_CAPACITY: u64 = 64 << 20;
/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// Store the variables that `mmf export` wrote.
///
/// Everything is read and verified before anything is stored: when a line is wrong, nothing is
/// imported. Versions, times and setters are those of the import.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf import shop shop.jsonl
  mmf import shop shop.jsonl --replace
  mmf import copy shop.jsonl --create --capacity 256MiB
  zcat shop.jsonl.gz | mmf import shop --keep
  mmf import shop shop.jsonl --dry-run

A variable that exists already is an error, and then nothing is imported; --replace and --keep say what \
to do instead. Variables are stored one by one, in the order of the lines. When one cannot be stored, \
because the memory is full or somebody holds a lock for longer than --timeout, the message says which \
are stored and which are not. Importing again with --keep or --replace goes on from there.

What was read is held in memory: at most the capacity of the namespace, about 100 bytes a variable, and \
a line.")]
pub struct Import {
    /// Name of the namespace
    namespace: String,

    /// What to read; without one, it is the standard input
    file: Option<PathBuf>,

    /// Give variables that exist the imported values
    #[arg(long, conflicts_with = "keep")]
    replace: bool,

    /// Leave variables that exist as they are
    #[arg(long)]
    keep: bool,

    /// Verify everything and store nothing
    #[arg(long)]
    dry_run: bool,

    /// Make the namespace when it does not exist
    #[arg(long)]
    create: bool,

    /// Most bytes that a namespace made by --create may take [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size, requires = "create")]
    capacity: Option<u64>,

    /// Show no progress; without this it is shown on a terminal when the work is long
    #[arg(long, short)]
    quiet: bool,
}

/// How many variables are or would be dealt with in which way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    new: u64,
    replaced: u64,
    kept: u64,
}

impl Import {
    /// Reads, verifies and stores.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let existing = self.open_existing(session)?;
        let capacity = match &existing {
            Some(namespace) => namespace.stat()?.capacity,
            None => self.capacity.unwrap_or(USUAL_CAPACITY),
        };
        let held =
            document::read(self.input()?, capacity).map_err(|reason| self.refuse(&reason))?;
        let expected = match &existing {
            Some(namespace) => {
                self.verify(namespace, &held).map_err(|failure| self.nothing(&failure))?
            }
            None => Counts { new: held.len() as u64, ..Counts::default() },
        };
        let counts = if self.dry_run {
            expected
        } else {
            let namespace = existing.map_or_else(|| self.make(session, capacity), Ok)?;
            self.store(&namespace, &held)?
        };
        self.report(counts, output)
    }

    /// The namespace; none when it does not exist and may be made.
    fn open_existing(&self, session: &Session) -> Result<Option<Namespace>, Failure> {
        let purpose = if self.dry_run { Purpose::Read } else { Purpose::Write };
        match session.open(&self.namespace, purpose, None) {
            Ok(namespace) => Ok(Some(namespace)),
            Err(failure) if failure.is_missing_namespace() => match self.create {
                true => Ok(None),
                false => Err(Failure::Missing(format!(
                    "{failure}; `mmf import --create` makes it, as does `mmf create`"
                ))),
            },
            Err(failure) => Err(failure),
        }
    }

    fn make(&self, session: &Session, capacity: u64) -> mmf::Result<Namespace> {
        session.builder(&self.namespace).capacity(capacity).open_or_create()
    }

    /// What the input is called in messages.
    fn source(&self) -> String {
        self.file.as_deref().unwrap_or(Path::new("the standard input")).display().to_string()
    }

    fn input(&self) -> Result<Box<dyn BufRead>, Failure> {
        Ok(match &self.file {
            None => Box::new(BufReader::with_capacity(BUFFER, io::stdin().lock())),
            Some(path) => {
                let file = File::open(path).map_err(|error| Failure::reading(path, &error))?;
                Box::new(BufReader::with_capacity(BUFFER, file))
            }
        })
    }

    fn refuse(&self, reason: &str) -> Failure {
        self.nothing(&Failure::Other(reason.to_owned()))
    }

    /// A failure before anything was stored.
    fn nothing(&self, failure: &Failure) -> Failure {
        let source = self.source();
        let message = format!("cannot import {source}: {failure}; nothing was imported");
        Failure::Halted { code: failure.exit_code(), message }
    }

    /// Looks which variables exist, and whether there can be room for the others.
    fn verify(&self, namespace: &Namespace, held: &[Held]) -> Result<Counts, Failure> {
        let mut counts = Counts::default();
        let mut least = 0;
        for variable in held {
            let Held { line, name, .. } = variable;
            match namespace.contains(name)? {
                false => {
                    counts.new += 1;
                    least += variable.least();
                }
                true if self.replace => counts.replaced += 1,
                true if self.keep => counts.kept += 1,
                true => {
                    return Err(Failure::Other(format!(
                        "line {line}: variable {name:?} of namespace {:?} exists (--replace gives \
                         it the imported value, --keep leaves it as it is)",
                        self.namespace
                    )));
                }
            }
        }
        let statistics = namespace.stat()?;
        let taken = statistics.live + RECORD * statistics.variables;
        let left = statistics.capacity.saturating_sub(taken);
        if least > left {
            return Err(Failure::Other(format!(
                "namespace {:?} has at most {left} bytes left, and the new variables take \
                 at least {least} (resize it, or delete some)",
                self.namespace
            )));
        }
        Ok(counts)
    }

    /// Stores them one by one.
    fn store(&self, namespace: &Namespace, held: &[Held]) -> Result<Counts, Failure> {
        let total = Some(held.len() as u64);
        let mut progress = Progress::new("importing", total, !self.quiet);
        let mut counts = Counts::default();
        for (index, variable) in held.iter().enumerate() {
            self.store_one(namespace, variable, &mut counts)
                .map_err(|failure| self.halted(held, index, counts, &failure))?;
            progress.step();
        }
        Ok(counts)
    }

    fn store_one(
        &self,
        namespace: &Namespace,
        Held { name, value, .. }: &Held,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        match namespace.compare_and_set(name, 0, value)? {
            Comparison::Stored(_) => counts.new += 1,
            Comparison::Differs(_) if self.keep => counts.kept += 1,
            Comparison::Differs(_) if self.replace => {
                namespace.set(name, value)?;
                counts.replaced += 1;
            }
            Comparison::Differs(_) => {
                return Err(Failure::Other(format!(
                    "variable {name:?} of namespace {:?} has been made by somebody else meanwhile",
                    self.namespace
                )));
            }
        }
        Ok(())
    }

    /// Says what was stored before the variable at `index` could not be.
    fn halted(&self, held: &[Held], index: usize, counts: Counts, failure: &Failure) -> Failure {
        let (line, last) = (held[index].line, held[held.len() - 1].line);
        let source = self.source();
        let done = match index {
            0 => "nothing was imported".to_owned(),
            _ => {
                let (from, to) = (held[0].line, held[index - 1].line);
                let stored = counts.new + counts.replaced;
                let kept = match counts.kept {
                    0 => String::new(),
                    kept => format!(", {kept} kept as they were"),
                };
                let left = held.len() - index;
                format!(
                    "stored from lines {from} to {to}: {stored} variables{kept}; not stored: all \
                     {left} from lines {line} to {last}"
                )
            }
        };
        let message = format!("cannot import line {line} of {source}: {failure}; {done}");
        Failure::Halted { code: failure.exit_code(), message }
    }

    fn report(&self, counts: Counts, output: &mut Output) -> Outcome {
        let Counts { new, replaced, kept } = counts;
        if output.is_json() {
            output.json(&json!({
                "dry_run": self.dry_run, "new": new, "replaced": replaced, "kept": kept,
            }))?;
        } else if self.dry_run {
            output.line(format_args!("would store {new} new, replace {replaced}, keep {kept}"))?;
        }
        Ok(Verdict::Done)
    }
}
