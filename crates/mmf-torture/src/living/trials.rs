//! What the onlooker tries beside a process that stands still, and how each attempt must end.

use std::time::Duration;

use mmf::{Condition, Error, ErrorKind, LockOptions, Namespace, Value};
use serde::{Deserialize, Serialize};

use super::holdings::Standing;
use super::stopwatch::Stopwatch;
use crate::Result;
use crate::scenario::{NAMESPACE, PATIENCE, Scenario, TARGET};
use crate::step::oracle::{Outcome, compare, read_all, target_of};

/// How long the onlooker's operations wait: longer than two looks at who lives.
pub(super) const SHORT: Duration = Duration::from_millis(40);
/// A variable that nobody makes but the onlooker.
const FRESH: &str = "fresh";
/// What the onlooker stores in the operation's variable.
const VALUE: &str = "by the onlooker";

/// How an attempt must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// It succeeds: what it needs is not held.
    Success,
    /// It waits in vain, and the timeout names who holds it.
    Vain,
    /// Whether it needs what is held depends on what the onlooker has in store.
    Either,
}

/// What came of the attempts at one state.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) attempts: u64,
    /// Those that ended in a timeout, each of which named the right process.
    pub(super) vain: u64,
    /// The longest that anything took which had not to wait.
    pub(super) longest: Duration,
    /// Whether the operation had happened.
    pub(super) happened: bool,
    /// Whether the onlooker has stored the operation's variable.
    pub(super) stored: bool,
}

/// The onlooker's handles.
pub(super) struct Handles {
    pub(super) writer: Namespace,
    pub(super) reader: Namespace,
    /// Reads whatever is locked.
    pub(super) careless: Namespace,
}

impl Handles {
    pub(super) fn open(scenario: &Scenario) -> Result<Self> {
        let builder = || scenario.builder().timeout(SHORT);
        Ok(Self {
            writer: builder().open()?,
            reader: builder().read_only(true).open()?,
            careless: builder().read_only(true).autolock(false).open()?,
        })
    }
}

/// The attempts at one state.
pub(super) struct Trials<'a> {
    scenario: &'a Scenario,
    handles: &'a Handles,
    standing: &'a Standing,
    tally: Tally,
}

impl<'a> Trials<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        handles: &'a Handles,
        standing: &'a Standing,
    ) -> Self {
        Self { scenario, handles, standing, tally: Tally::default() }
    }

    /// Tries everything.
    pub(super) fn run(mut self) -> Result<Tally> {
        self.look()?;
        self.read()?;
        self.set()?;
        self.make_and_delete()?;
        self.lock()?;
        self.attach_and_verify()?;
        Ok(self.tally)
    }

    /// One attempt; its value if it succeeded.
    fn attempt<T>(
        &mut self,
        what: &str,
        expected: Expected,
        operation: impl FnOnce() -> mmf::Result<T>,
    ) -> Result<Option<T>> {
        let watch = Stopwatch::start();
        let outcome = operation();
        let (time, own_time) = (watch.elapsed(), watch.own_time());
        self.tally.attempts += 1;
        match (outcome, expected) {
            (Ok(_), Expected::Vain) => {
                Err(format!("{what}: got what {:?} holds", self.standing).into())
            }
            (Ok(value), _) => {
                if own_time > PATIENCE {
                    return Err(format!("{what}: took {own_time:?} of {time:?}").into());
                }
                self.tally.longest = self.tally.longest.max(own_time);
                Ok(Some(value))
            }
            (Err(error), Expected::Vain | Expected::Either)
                if error.kind() == ErrorKind::TimedOut =>
            {
                names(&error, self.standing.process)
                    .map_err(|problem| format!("{what}: {problem}: {error}"))?;
                if time < SHORT || own_time > SHORT + PATIENCE {
                    let times = format!("{own_time:?} of {time:?}");
                    return Err(format!("{what}: timed out after {times}").into());
                }
                self.tally.vain += 1;
                Ok(None)
            }
            (Err(error), _) => Err(format!("{what}: {error}, beside {:?}", self.standing).into()),
        }
    }

    /// What nothing but the memory itself is needed for.
    fn look(&mut self) -> Result<()> {
        let handles = self.handles;
        let content = self
            .attempt("reading everything", Expected::Success, || Ok(read_all(&handles.careless)))?;
        let content = content.ok_or("nothing was read")??;
        self.tally.happened = compare(self.scenario, &content)? == Outcome::After;
        let seen = self.attempt("stat", Expected::Success, || handles.writer.stat())?;
        let seen = seen.ok_or("nothing was seen")?;
        let process = self.standing.process;
        let is_member = seen.members.iter().any(|it| it.process == process && it.alive);
        if is_member != self.standing.attached || seen.members.iter().any(|it| !it.alive) {
            let members = &seen.members;
            return Err(format!("stat: of {process} that lives, it says {members:?}").into());
        }
        Ok(())
    }

    /// Gets that respect locks, by one who may write and one who may not.
    fn read(&mut self) -> Result<()> {
        let handles = self.handles;
        let names = [target_of(self.scenario), "small", "never there"];
        for (who, namespace) in [("writer", &handles.writer), ("reader", &handles.reader)] {
            for name in names {
                let whole = self.standing.namespace.keeps_out_readers();
                let expected = match self.standing.target.grip().keeps_out_readers() {
                    _ if whole => Expected::Vain,
                    true if name == target_of(self.scenario) => Expected::Vain,
                    _ => Expected::Success,
                };
                let what = format!("get {name:?} as {who}");
                self.attempt(&what, expected, || namespace.get::<Value>(name))?;
            }
        }
        let gone = Condition::Gone;
        let wait = || handles.writer.wait("small", &gone, SHORT);
        if self.standing.namespace.keeps_out_readers() {
            return self.attempt("wait for \"small\" to go", Expected::Vain, wait).map(drop);
        }
        match wait() {
            Err(error) if error.kind() == ErrorKind::TimedOut && error.holder().is_none() => Ok(()),
            other => Err(format!("wait for \"small\" to go: {other:?}").into()),
        }
    }

    /// How an attempt ends that no more than a closed namespace keeps from working.
    fn under_namespace(&self) -> Expected {
        match self.standing.namespace.keeps_out_writers() {
            true => Expected::Vain,
            false => Expected::Success,
        }
    }

    /// Sets and adds: of what the victim does not touch, and of what it does.
    fn set(&mut self) -> Result<()> {
        let writer = &self.handles.writer;
        let (target, expected) = (target_of(self.scenario), self.under_namespace());
        for name in ["small", "visits"] {
            let Some(value) = self.scenario.fill.get(name).filter(|_| name != target) else {
                continue;
            };
            match value {
                Value::Counter(_) => {
                    let more = self.attempt("add", expected, || writer.add(name, 1))?;
                    if more.is_some() {
                        self.attempt("add back", expected, || writer.add(name, -1))?;
                    }
                }
                value => drop(self.attempt("set \"small\"", expected, || writer.set(name, value))?),
            }
        }
        let held = &self.standing.target;
        let expected = match held.grip().keeps_out_writers() || held.is_being_set() {
            true => Expected::Vain,
            false if expected == Expected::Vain => Expected::Vain,
            false if matches!(held, super::holdings::Target::Unknown) => Expected::Either,
            false if self.standing.structural => Expected::Either,
            false => Expected::Success,
        };
        if held.is_being_added_to() {
            // Others add beside it, but nobody takes the counter away under its hands.
            self.attempt("set the counter", Expected::Vain, || writer.set(target, VALUE))?;
            self.attempt("delete the counter", Expected::Vain, || writer.delete(target))?;
        }
        let stored = match self.scenario.after().get(target) {
            Some(Value::Counter(_)) => {
                self.attempt("add to the target", expected, || writer.add(target, 1))?.is_some()
            }
            _ => self.attempt("set the target", expected, || writer.set(target, VALUE))?.is_some(),
        };
        self.tally.stored = stored;
        Ok(())
    }

    /// Changes of the structure.
    fn make_and_delete(&mut self) -> Result<()> {
        let writer = &self.handles.writer;
        let expected = match self.standing.structural {
            true => Expected::Vain,
            false => self.under_namespace(),
        };
        if self.attempt("make", expected, || writer.set(FRESH, &1_i64))?.is_some() {
            let deleted = self.attempt("delete", expected, || writer.delete(FRESH))?;
            if deleted != Some(true) {
                return Err("what was made could not be deleted".into());
            }
        }
        Ok(())
    }

    /// Every lock.
    fn lock(&mut self) -> Result<()> {
        let (writer, standing) = (&self.handles.writer, self.standing);
        let (exclusive, shared) = (LockOptions::exclusive(), LockOptions::shared());
        let grip = standing.namespace;
        for (options, what, kept_out) in [
            (&exclusive, "lock the namespace", grip.keeps_out_exclusive()),
            (&shared, "lock the namespace as shared", grip.keeps_out_shared()),
        ] {
            let expected =
                if kept_out || standing.intent { Expected::Vain } else { Expected::Success };
            let died = self.attempt(what, expected, || {
                let guard = writer.lock(options)?;
                let died = guard.previous_owner_died();
                guard.unlock().map(|()| died)
            })?;
            nobody_died(died)?;
        }
        let (target, name) = (standing.target, target_of(self.scenario));
        for (options, what, kept_out) in [
            (&exclusive, "lock the target", target.grip().keeps_out_exclusive()),
            (&shared, "lock the target as shared", target.grip().keeps_out_shared()),
        ] {
            let expected = match target {
                _ if kept_out || target.is_being_set() => Expected::Vain,
                _ if target.is_being_added_to() => Expected::Vain,
                // Whether it exists by now, or has to be made.
                super::holdings::Target::Unknown => Expected::Either,
                _ if standing.structural || grip.keeps_out_writers() => Expected::Either,
                _ => Expected::Success,
            };
            let died = self.attempt(what, expected, || {
                let guard = writer.lock_variable(name, options)?;
                let died = guard.previous_owner_died();
                guard.unlock().map(|()| died)
            })?;
            nobody_died(died)?;
        }
        Ok(())
    }

    /// A newcomer, and somebody who verifies.
    fn attach_and_verify(&mut self) -> Result<()> {
        let scenario = self.scenario;
        self.attempt("attach and detach", Expected::Success, || {
            scenario.builder().timeout(SHORT).open().map(drop)
        })?;
        let expected = if self.standing.structural { Expected::Vain } else { Expected::Success };
        let writer = &self.handles.writer;
        let findings = self.attempt("check", expected, || writer.check())?;
        match findings {
            Some(findings) if !findings.is_empty() => {
                let lines: Vec<_> = findings.iter().map(|it| format!("  {it}")).collect();
                Err(format!("check beside {:?}:\n{}", self.standing, lines.join("\n")).into())
            }
            _ => Ok(()),
        }
    }
}

/// The value that the operation's variable has when it has gone on to its end.
pub(super) fn stored_value() -> Value {
    Value::Text(VALUE.to_owned())
}

fn nobody_died(died: Option<bool>) -> Result<()> {
    match died {
        Some(true) => Err("a lock tells of a death that did not happen".into()),
        _ => Ok(()),
    }
}

/// A timeout says what was attempted, on what, who is in the way, and what to do.
fn names(error: &Error, process: u32) -> std::result::Result<(), String> {
    let Some(holder) = error.holder() else { return Err("names nobody".to_owned()) };
    // Who stands still executes this program, too.
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let is_program = program.file_name().is_some_and(|name| *name == *holder.program);
    if holder.pid != process || !is_program {
        return Err(format!("names {holder}, not process {process}"));
    }
    let text = error.to_string();
    for part in ["cannot ", &format!("namespace {NAMESPACE:?}"), &format!("process {process} (")] {
        if !text.contains(part) {
            return Err(format!("does not say {part:?}"));
        }
    }
    let is_about_one = ["set", "add", "get", "delete"]
        .iter()
        .any(|verb| text.starts_with(&format!("cannot {verb} ")));
    if is_about_one && error.variable().is_none() {
        return Err(format!("does not name {TARGET:?} or another variable"));
    }
    match error.advice() {
        Some(advice) if text.contains(advice) => Ok(()),
        _ => Err("does not say what to do".to_owned()),
    }
}
