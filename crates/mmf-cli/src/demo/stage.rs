//! Where the demonstration plays: its namespace, its processes, and the end of both.

use std::fmt::Display;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use mmf::{Condition, ErrorKind, Namespace};

use super::part::{PATIENCE, Role, onlooker};
use crate::failure::Failure;
use crate::output::Output;
use crate::platform;

/// Capacity of the demonstration's namespace, in bytes.
const CAPACITY: u64 = 4 << 20;
/// Names that are tried: an earlier process of the same number may have been killed.
const ATTEMPTS: u32 = 100;
/// After this a wait looks whether the process was asked to end.
const SLICE: Duration = Duration::from_millis(200);

/// The demonstration's namespace and its voice. Whatever happens, the namespace goes with it.
pub struct Stage<'o> {
    /// The namespace.
    pub namespace: Namespace,
    /// The same, for looking although somebody holds a lock.
    pub onlooker: Namespace,
    output: &'o mut Output,
    // Behind the handles: it is dropped after them.
    removal: Removal,
}

impl<'o> Stage<'o> {
    /// Makes a namespace that nobody else uses.
    pub fn build(output: &'o mut Output) -> Result<Self, Failure> {
        let namespace = new_namespace()?;
        let removal = Removal { name: namespace.name().to_owned(), is_due: true };
        let onlooker = onlooker(&removal.name)?;
        Ok(Self { namespace, onlooker, output, removal })
    }

    /// Says a line, unless JSON is wanted.
    pub fn say(&mut self, line: impl Display) -> Result<(), Failure> {
        if !self.output.is_json() {
            self.output.line(line)?;
            self.output.flush()?;
        }
        Ok(())
    }

    /// Begins a part of the story, unless the process was asked to end.
    pub fn begin(&mut self, heading: &str) -> Result<(), Failure> {
        check_signals()?;
        self.say(format_args!("\n{heading}"))
    }

    /// Starts a process.
    pub fn start(&mut self, role: Role) -> Result<Actor, Failure> {
        self.output.flush()?;
        let failed = |error| Failure::Other(format!("cannot start a process: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let role = role.to_possible_value().map(|role| role.get_name().to_owned());
        let role = role.unwrap_or_default();
        let voice = if self.output.is_json() { Stdio::null() } else { Stdio::inherit() };
        let child = Command::new(program)
            .args(["demo-part", &role, &self.removal.name])
            .stdin(Stdio::null())
            .stdout(voice)
            .spawn()
            .map_err(failed)?;
        Ok(Actor { child, role })
    }

    /// Waits for a condition, unless the process is asked to end before it holds.
    pub fn wait(
        &self,
        namespace: &Namespace,
        variable: &str,
        condition: &Condition,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            match namespace.wait(variable, condition, SLICE) {
                Err(error) if error.kind() == ErrorKind::TimedOut && began.elapsed() < PATIENCE => {
                    check_signals()?;
                }
                outcome => return Ok(outcome.map(drop)?),
            }
        }
    }

    /// Removes the namespace; nobody may be attached any more.
    pub fn strike(self) -> Result<(), Failure> {
        let Self { namespace, onlooker, mut removal, .. } = self;
        drop((namespace, onlooker));
        mmf::remove_namespace(&removal.name, false)?;
        removal.is_due = false;
        Ok(())
    }
}

/// Ends the demonstration when the process was asked to end.
fn check_signals() -> Result<(), Failure> {
    platform::caught_signal().map_or(Ok(()), |signal| Err(Failure::Signalled(signal)))
}

fn new_namespace() -> Result<Namespace, Failure> {
    let process = std::process::id();
    for attempt in 0..ATTEMPTS {
        let name = match attempt {
            0 => format!("mmf-demo-{process}"),
            attempt => format!("mmf-demo-{process}-{attempt}"),
        };
        match Namespace::builder(&name).capacity(CAPACITY).timeout(PATIENCE).create() {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return Ok(made?),
        }
    }
    Err(Failure::Other(format!("{ATTEMPTS} namespaces of earlier demonstrations are left over")))
}

/// Removes the namespace when the demonstration failed.
struct Removal {
    name: String,
    is_due: bool,
}

impl Drop for Removal {
    fn drop(&mut self) {
        if self.is_due {
            // The failure that led here is the one to report.
            let _ = mmf::remove_namespace(&self.name, true);
        }
    }
}

/// A running process; it is killed when the demonstration ends before it.
pub struct Actor {
    child: Child,
    role: String,
}

impl Actor {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has done its part.
    pub fn finish(mut self) -> Result<(), Failure> {
        let lost = |error| Failure::Other(format!("cannot wait for a process: {error}"));
        let status = self.child.wait().map_err(lost)?;
        if status.success() {
            return Ok(());
        }
        check_signals()?;
        let (id, role) = (self.child.id(), &self.role);
        Err(Failure::Other(format!("process {id} ({role}) failed: {status}")))
    }

    /// Kills it at once.
    pub fn kill(&mut self) -> Result<(), Failure> {
        let failed = |error| Failure::Other(format!("cannot kill a process: {error}"));
        self.child.kill().map_err(failed)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Both fail when it has ended already, and that is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The failure of a demonstration in which something else happened than promised.
pub fn broken(promise: impl Display) -> Failure {
    Failure::Other(format!("the demonstration failed: {promise}"))
}
