//! Which verbs there are.

use clap::Subcommand;

use super::{
    add, check, create, debug, delete, demo, exists, get, list, lock, remove, resize, set, stat,
    wait,
};
use crate::demo::Part;
use crate::failure::Outcome;
use crate::output::Output;
use crate::session::Session;

/// What the command can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a namespace
    Create(create::Create),
    /// Store a value; the namespace is made when it does not exist
    Set(set::Set),
    /// Print a value
    Get(get::Get),
    /// Delete variables
    Delete(delete::Delete),
    /// Tell by the exit code whether a variable or a namespace exists
    Exists(exists::Exists),
    /// List the namespaces, or the variables of one
    List(list::List),
    /// Add to a counter and print the sum
    Add(add::Add),
    /// Sleep until a variable appears, goes, changes or has a value
    Wait(wait::Wait),
    /// Run a command while a lock is held
    Lock(lock::Lock),
    /// Print sizes, counts, attached processes and held locks
    Stat(stat::Stat),
    /// Verify every rule of the format
    Check(check::Check),
    /// Print descriptor, heap and variable definitions
    Debug(debug::Debug),
    /// Give a namespace a greater capacity
    Resize(resize::Resize),
    /// Remove a namespace and everything in it
    Remove(remove::Remove),
    /// Show separate processes that share, signal, count and survive a kill
    Demo(demo::Demo),
    /// A process of the demonstration
    #[command(hide = true)]
    DemoPart(Part),
}

impl Verb {
    /// Does it.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        match self {
            Self::Create(verb) => verb.run(session, output),
            Self::Set(verb) => verb.run(session, output),
            Self::Get(verb) => verb.run(session, output),
            Self::Delete(verb) => verb.run(session, output),
            Self::Exists(verb) => verb.run(session, output),
            Self::List(verb) => verb.run(session, output),
            Self::Add(verb) => verb.run(session, output),
            Self::Wait(verb) => verb.run(session, output),
            Self::Lock(verb) => verb.run(session),
            Self::Stat(verb) => verb.run(session, output),
            Self::Check(verb) => verb.run(session, output),
            Self::Debug(verb) => verb.run(session, output),
            Self::Resize(verb) => verb.run(session, output),
            Self::Remove(verb) => verb.run(output),
            Self::Demo(verb) => verb.run(output),
            Self::DemoPart(part) => part.run(),
        }
    }
}
