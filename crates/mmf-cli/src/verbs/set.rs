//! `mmf set`.

use clap::Args;
use serde_json::json;

use crate::failure::{Outcome, Verdict};
use crate::input::ValueSource;
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Store a value; the namespace is made when it does not exist.
///
/// A namespace made by this has the usual capacity and lives until it is removed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf set shop greeting 'Hello world!'
  mmf set shop price 12.5 --type f64
  mmf set shop logo --file logo.png
  mmf set shop magic 0xcafe --type bytes
  mmf set shop apple '{\"colour\": \"red\", \"weights\": [120, 135.5]}' --type json
  date | mmf set shop today --stdin --type text
  mmf set shop nothing --type null
  mmf set shop temperature --type i64 -- -5

An argument is text unless --type says otherwise; --stdin and --file give bytes. Text and bytes are \
stored exactly as they come, a newline at the end included; around everything else white space is \
ignored.")]
pub struct Set {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// The value
    #[command(flatten)]
    source: ValueSource,
}

impl Set {
    /// Stores it.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let value = self.source.read()?;
        let namespace =
            session.open(&self.namespace, Purpose::WriteOrMake, Some(&self.variable))?;
        let version = namespace.set(&self.variable, &value)?;
        if output.is_json() {
            output.json(&json!({ "name": self.variable, "version": version }))?;
        }
        Ok(Verdict::Done)
    }
}
