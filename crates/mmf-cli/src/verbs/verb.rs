//! Which verbs there are.

use clap::Subcommand;

use super::{
    add, check, completions, create, debug, delete, demo, exists, export, get, import, list, lock,
    man, max, min, remove, resize, set, stat, swap, update, wait,
};
use crate::demo::Part;
use crate::failure::Outcome;
use crate::output::Output;
use crate::session::Session;

/// What the command can do; the verbs' own documentation is what `--help` says of them.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Create(create::Create),
    Set(set::Set),
    Get(get::Get),
    Delete(delete::Delete),
    Exists(exists::Exists),
    List(list::List),
    Add(add::Add),
    Max(max::Max),
    Min(min::Min),
    Swap(swap::Swap),
    Update(update::Update),
    Wait(wait::Wait),
    Lock(lock::Lock),
    Stat(stat::Stat),
    Check(check::Check),
    Debug(debug::Debug),
    Export(export::Export),
    Import(import::Import),
    Resize(resize::Resize),
    Remove(remove::Remove),
    Demo(demo::Demo),
    Completions(completions::Completions),
    Man(man::Man),
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
            Self::Max(verb) => verb.run(session, output),
            Self::Min(verb) => verb.run(session, output),
            Self::Swap(verb) => verb.run(session, output),
            Self::Update(verb) => verb.run(session, output),
            Self::Wait(verb) => verb.run(session, output),
            Self::Lock(verb) => verb.run(session),
            Self::Stat(verb) => verb.run(session, output),
            Self::Check(verb) => verb.run(session, output),
            Self::Debug(verb) => verb.run(session, output),
            Self::Export(verb) => verb.run(session, output),
            Self::Import(verb) => verb.run(session, output),
            Self::Resize(verb) => verb.run(session, output),
            Self::Remove(verb) => verb.run(output),
            Self::Demo(verb) => verb.run(output),
            Self::Completions(verb) => verb.run(output),
            Self::Man(verb) => verb.run(output),
            Self::DemoPart(part) => part.run(),
        }
    }
}
