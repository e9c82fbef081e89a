//! `mmf min`.

use clap::Args;
use mmf::Value;

use super::max::print_kept;
use crate::failure::Outcome;
use crate::input;
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Store a number if it is smaller than the variable's, and print the smaller of the two.
///
/// A variable that does not exist becomes the number. A namespace that does not exist yet is made,
/// as by `mmf set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf min shop lowest -2.5
  mmf min shop stock 3

Numbers compare as with `mmf max`.")]
pub struct Min {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// The number
    #[arg(allow_negative_numbers = true, value_parser = input::number)]
    number: Value,
}

impl Min {
    /// Stores the smaller one.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let variable = &self.variable;
        let namespace = session.open(&self.namespace, Purpose::WriteOrMake, Some(variable))?;
        print_kept(variable, &namespace.min(variable, self.number.clone())?, output)
    }
}
