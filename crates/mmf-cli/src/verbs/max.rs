//! `mmf max`.

use clap::Args;
use mmf::Value;
use serde_json::json;

use crate::failure::{Outcome, Verdict};
use crate::input;
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Store a number if it is larger than the variable's, and print the larger of the two.
///
/// A variable that does not exist becomes the number. A namespace that does not exist yet is made,
/// as by `mmf set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf max shop peak 12.5
  mmf max shop visits 1000

A number without a fraction is an integer. Integers and floats compare by their exact numbers, and \
the larger one is stored with its own type; a counter stays a counter, and takes integers only.")]
pub struct Max {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// The number
    #[arg(allow_negative_numbers = true, value_parser = input::number)]
    number: Value,
}

impl Max {
    /// Stores the larger one.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let variable = &self.variable;
        let namespace = session.open(&self.namespace, Purpose::WriteOrMake, Some(variable))?;
        print_kept(variable, &namespace.max(variable, self.number.clone())?, output)
    }
}

/// Prints the number that was kept.
pub(super) fn print_kept(variable: &str, kept: &Value, output: &mut Output) -> Outcome {
    if output.is_json() {
        let value = serde_json::value::RawValue::from_string(kept.to_json())?;
        output.json(&json!({ "name": variable, "value": value }))?;
    } else {
        output.line(kept)?;
    }
    Ok(Verdict::Done)
}
