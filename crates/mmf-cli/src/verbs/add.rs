//! `mmf add`.

use clap::Args;
use serde_json::json;

use crate::failure::{Outcome, Verdict};
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Add to a counter and print the sum; no increment is ever lost.
///
/// A counter that does not exist begins at 0. A namespace that does not exist yet is made, as by
/// `mmf set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf add shop visits
  mmf add shop visits 10
  mmf add shop visits -1")]
pub struct Add {
    /// Name of the namespace
    namespace: String,

    /// Name of the counter
    variable: String,

    /// What to add
    #[arg(default_value_t = 1, allow_negative_numbers = true)]
    amount: i64,
}

impl Add {
    /// Adds.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let namespace =
            session.open(&self.namespace, Purpose::WriteOrMake, Some(&self.variable))?;
        let sum = namespace.add(&self.variable, self.amount)?;
        if output.is_json() {
            output.json(&json!({ "name": self.variable, "value": sum }))?;
        } else {
            output.line(sum)?;
        }
        Ok(Verdict::Done)
    }
}
