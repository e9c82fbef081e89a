//! `mmf add`.

use clap::Args;
use mmf::AddOptions;
use serde_json::json;

use crate::failure::{Outcome, Verdict};
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Add to a counter and print the sum; no increment is ever lost.
///
/// A counter that does not exist begins at 0, or at --initial. A namespace that does not exist yet is made, as by
/// `mmf set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf add shop visits
  mmf add shop visits 10
  mmf add shop visits -1
  mmf add shop invoice --initial 1000
  mmf add shop hash 9223372036854775807 --wrapping

A sum that needs more than 64 bits is an error and changes nothing, unless --wrapping says that it \
goes on at the other end.")]
pub struct Add {
    /// Name of the namespace
    namespace: String,

    /// Name of the counter
    variable: String,

    /// What to add
    #[arg(default_value_t = 1, allow_negative_numbers = true)]
    amount: i64,

    /// What a counter that does not exist begins at, before the amount is added
    #[arg(long, value_name = "NUMBER", default_value_t = 0, allow_negative_numbers = true)]
    initial: i64,

    /// Let a sum that needs more than 64 bits go on at the other end of the range
    #[arg(long)]
    wrapping: bool,
}

impl Add {
    /// Adds.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let namespace =
            session.open(&self.namespace, Purpose::WriteOrMake, Some(&self.variable))?;
        let options = if self.wrapping { AddOptions::wrapping() } else { AddOptions::checked() };
        let options = options.initial(self.initial);
        let sum = namespace.add_with(&self.variable, self.amount, options)?;
        if output.is_json() {
            output.json(&json!({ "name": self.variable, "value": sum }))?;
        } else {
            output.line(sum)?;
        }
        Ok(Verdict::Done)
    }
}
