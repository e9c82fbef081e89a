//! The processes that the stepper starts.

use crate::Result;
use crate::scenario::catalogue::find;
use crate::scenario::{Scenario, Storage, victim};

/// Which scenario a process plays in.
#[derive(Debug, clap::Args)]
pub(crate) struct Part {
    name: String,
    storage: Storage,
}

impl Part {
    /// The scenario.
    pub(crate) fn scenario(&self) -> Result<Scenario> {
        find(&self.name, self.storage)
    }
}

/// Processes that the stepper starts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Role {
    /// Makes the namespace of an operation.
    #[command(hide = true)]
    Prepare(Part),
    /// Executes an operation, traced.
    #[command(hide = true)]
    Execute(Part),
    /// Opens what a dead process has left, traced.
    #[command(hide = true)]
    Recover(Part),
    /// Goes on beside a dead process, traced.
    #[command(hide = true)]
    Survive(Part),
    /// Makes a namespace that another is about to make.
    #[command(hide = true)]
    Rival(Part),
}

impl Role {
    /// Plays it.
    pub(crate) fn play(&self) -> Result<()> {
        match self {
            Self::Prepare(part) => victim::prepare(&part.scenario()?),
            Self::Execute(part) => victim::execute(&part.scenario()?),
            Self::Recover(part) => victim::recover(&part.scenario()?),
            Self::Survive(part) => victim::survive(&part.scenario()?),
            Self::Rival(part) => victim::rival(&part.scenario()?),
        }
    }
}
