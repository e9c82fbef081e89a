//! `mmf set`.

use clap::Args;
use mmf::{Comparison, Namespace};
use serde_json::json;

use crate::failure::{Failure, Outcome, Verdict};
use crate::input::{self, Input, TypeName, ValueSource};
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
  mmf set shop owner me --if-absent
  mmf set shop door open --if-value shut
  mmf set shop stock 4 --type i64 --if-value 5 --if-type i64

An argument is text unless --type says otherwise; --stdin and --file give bytes. Text and bytes are \
stored exactly as they come, a newline at the end included; around everything else white space is \
ignored. When --if-version finds another version, --if-value another value or --if-absent any, nothing \
changes and the exit code is 1.")]
pub struct Set {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// Store only if the variable still has this version, as `get --json` tells it; 0: only if it
    /// does not exist
    #[arg(long, value_name = "VERSION", group = "condition")]
    if_version: Option<u64>,

    /// Store only if the variable has this value; a counter equals its number
    #[arg(long, value_name = "VALUE", group = "condition", allow_negative_numbers = true)]
    if_value: Option<String>,

    /// Type of the value of --if-value [default: text]
    #[arg(long, value_name = "TYPE", requires = "if_value")]
    if_type: Option<TypeName>,

    /// Store only if the variable does not exist
    #[arg(long, group = "condition")]
    if_absent: bool,

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
        let version = match self.store(&namespace, &value)? {
            Comparison::Stored(version) => version,
            Comparison::Differs(version) => return Err(self.differs(version)),
        };
        if output.is_json() {
            output.json(&json!({ "name": self.variable, "version": version }))?;
        }
        Ok(Verdict::Done)
    }

    fn store(&self, namespace: &Namespace, value: &Input) -> Result<Comparison, Failure> {
        let name = &self.variable;
        if let Some(expected) = self.if_version {
            return Ok(namespace.compare_and_set(name, expected, value)?);
        }
        if let Some(expected) = &self.if_value {
            let type_name = self.if_type.unwrap_or(TypeName::Text);
            let expected = input::from_argument(expected.clone(), type_name)?.into_value()?;
            return Ok(namespace.compare_value_and_set(name, Some(&expected), value)?);
        }
        if self.if_absent {
            return Ok(namespace.compare_value_and_set(name, None, value)?);
        }
        Ok(Comparison::Stored(namespace.set(name, value)?))
    }

    fn differs(&self, version: u64) -> Failure {
        let is = match (version, self.if_version) {
            (0, _) => "it does not exist".to_owned(),
            (_, Some(expected @ 1..)) => format!("it has version {version}, not {expected}"),
            _ if self.if_value.is_some() => format!("it has another value, of version {version}"),
            _ => format!("it exists, with version {version}"),
        };
        let Self { namespace, variable, .. } = self;
        Failure::Differs(format!(
            "did not set variable {variable:?} of namespace {namespace:?}: {is}"
        ))
    }
}
