//! `mmf remove`.

use clap::Args;
use serde_json::json;

use crate::failure::{Outcome, Verdict};
use crate::output::Output;

/// Remove a namespace and everything in it, its swapfile included.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf remove shop
  mmf remove shop --force

While others are attached only --force removes it. They keep what they have mapped, and whoever \
makes the namespace again gets another one.")]
pub struct Remove {
    /// Name of the namespace
    namespace: String,

    /// Remove it although others are attached
    #[arg(long)]
    force: bool,
}

impl Remove {
    /// Removes it.
    pub fn run(&self, output: &mut Output) -> Outcome {
        mmf::remove_namespace(&self.namespace, self.force)?;
        if output.is_json() {
            output.json(&json!({ "removed": self.namespace }))?;
        }
        Ok(Verdict::Done)
    }
}
