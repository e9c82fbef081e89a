//! `mmf set`.

use clap::Args;
use mmf::Comparison;
use serde_json::json;

use crate::failure::{Failure, Outcome, Verdict};
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
  mmf set shop owner me --if-version 0

An argument is text unless --type says otherwise; --stdin and --file give bytes. Text and bytes are \
stored exactly as they come, a newline at the end included; around everything else white space is \
ignored. When --if-version finds another version, nothing changes and the exit code is 1.")]
pub struct Set {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// Store only if the variable still has this version, as `get --json` tells it; 0: only if it
    /// does not exist
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,

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
        let version = match self.if_version {
            None => namespace.set(&self.variable, &value)?,
            Some(expected) => match namespace.compare_and_set(&self.variable, expected, &value)? {
                Comparison::Stored(version) => version,
                Comparison::Differs(version) => return Err(self.differs(expected, version)),
            },
        };
        if output.is_json() {
            output.json(&json!({ "name": self.variable, "version": version }))?;
        }
        Ok(Verdict::Done)
    }
    fn differs(&self, expected: u64, version: u64) -> Failure {
        let is = match version {
            0 => "it does not exist".to_owned(),
            _ if expected == 0 => format!("it exists, with version {version}"),
            _ => format!("it has version {version}, not {expected}"),
        };
        let Self { namespace, variable, .. } = self;
        Failure::Differs(format!(
            "did not set variable {variable:?} of namespace {namespace:?}: {is}"
        ))
    }
}
