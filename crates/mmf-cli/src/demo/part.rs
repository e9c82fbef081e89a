//! The processes of the demonstration.

use std::io::Write;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mmf::Namespace;

use super::{counting, rescue, sharing, signalling};
use crate::failure::{Outcome, Verdict};

/// How long a process of the demonstration waits for another one.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What a process of the demonstration does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Reads what another process shares, and changes the structure.
    Reader,
    /// Process 1 of the manual's second example.
    Process1,
    /// Process 2 of the manual's second example.
    Process2,
    /// Counts together with others.
    Counter,
    /// Takes the lock and never gives it back.
    Holder,
    /// Wants the lock that the holder has.
    Next,
}

/// A process of the demonstration.
#[derive(Debug, Args)]
pub struct Part {
    /// What it does.
    #[arg(value_enum)]
    role: Role,
    /// The demonstration's namespace.
    namespace: String,
}

impl Part {
    /// Does it.
    pub fn run(&self) -> Outcome {
        let namespace = Namespace::builder(&self.namespace).timeout(PATIENCE).open()?;
        match self.role {
            Role::Reader => sharing::read(&namespace)?,
            Role::Process1 => signalling::process_1(&namespace)?,
            Role::Process2 => signalling::process_2(&namespace)?,
            Role::Counter => counting::count(&namespace)?,
            Role::Holder => rescue::hold(&namespace)?,
            Role::Next => rescue::follow(&namespace, &onlooker(&self.namespace)?)?,
        }
        Ok(Verdict::Done)
    }
}

/// A handle that reads and writes although somebody holds a lock.
pub fn onlooker(name: &str) -> mmf::Result<Namespace> {
    Namespace::builder(name).timeout(PATIENCE).autolock(false).open()
}

/// Says a line of the story. That nobody listens is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "   {line}");
}
