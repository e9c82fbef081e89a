//! `mmf demo`.

use clap::Args;

use crate::demo;
use crate::failure::Outcome;
use crate::output::Output;

/// Show separate processes that share variables, signal each other, count together, and survive
/// the kill of one that holds a lock.
///
/// Everything happens in a namespace of its own, which is removed at the end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf demo
  mmf demo --json")]
pub struct Demo {}

impl Demo {
    /// Shows it.
    pub fn run(&self, output: &mut Output) -> Outcome {
        demo::show(output)
    }
}
