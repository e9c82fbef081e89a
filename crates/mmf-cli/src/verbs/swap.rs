//! `mmf swap`.

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::{Outcome, Verdict};
use crate::input::ValueSource;
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Store a value and print the one that it replaces; nothing comes between the two.
///
/// Nothing is printed when the variable did not exist. A namespace that does not exist yet is made,
/// as by `mmf set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf swap shop turn mine
  mmf swap shop count 0 --type i64
  date | mmf swap shop today --stdin --type text

Values are given as to `mmf set` and printed as by `mmf get`. With --json there is an object with \
name, existed and before.")]
pub struct Swap {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// The value
    #[command(flatten)]
    source: ValueSource,
}

/// What was there.
#[derive(Serialize)]
struct Replaced<'a> {
    name: &'a str,
    existed: bool,
    before: Option<Box<RawValue>>,
}

impl Swap {
    /// Stores it and prints the one before.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let value = self.source.read()?;
        let name = &self.variable;
        let namespace = session.open(&self.namespace, Purpose::WriteOrMake, Some(name))?;
        let before = namespace.swap(name, &value)?;
        if output.is_json() {
            let existed = before.is_some();
            let before = before.map(|value| RawValue::from_string(value.to_json())).transpose()?;
            output.json(&Replaced { name, existed, before })?;
        } else if let Some(before) = before {
            output.line(before)?;
        }
        Ok(Verdict::Done)
    }
}
