//! `mmf get`.

use clap::Args;
use mmf::{LockOptions, Namespace, Value, ValueType};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::{Failure, Outcome, Verdict};
use crate::output::Output;
use crate::reading::{self, Reading};
use crate::session::{Purpose, Session};

/// Print a value.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf get shop price
  mmf get shop apple --json
  mmf get --raw shop logo > copy.png

A scalar is printed as text with a newline, bytes as hexadecimal with 0x, a structure as JSON. With \
--json there is an object with name, type, version and value.")]
pub struct Get {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// Write exactly the stored bytes, and nothing else
    #[arg(long)]
    raw: bool,
}

/// A value and what belongs to it.
#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    type_name: &'static str,
    version: u64,
    value: Box<RawValue>,
}

impl Get {
    /// Prints it.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        if self.raw && output.is_json() {
            return Err(Failure::Usage("--raw and --json exclude each other".to_owned()));
        }
        let namespace = session.open(&self.namespace, Purpose::Read, Some(&self.variable))?;
        let missing = || Failure::missing("get", &self.namespace, &self.variable);
        if self.raw {
            let mut bytes = Vec::new();
            namespace.get_into(&self.variable, &mut bytes)?.ok_or_else(missing)?;
            output.writer().write_all(&bytes)?;
        } else if output.is_json() {
            let (type_name, version, value) = self.read(&namespace)?.ok_or_else(missing)?;
            let value = RawValue::from_string(value.to_json())?;
            let type_name = type_name.name();
            output.json(&Document { name: &self.variable, type_name, version, value })?;
        } else {
            let value: Value = namespace.get(&self.variable)?.ok_or_else(missing)?;
            output.line(value)?;
        }
        Ok(Verdict::Done)
    }

    /// A value with its own type and version.
    fn read(&self, namespace: &Namespace) -> mmf::Result<Option<(ValueType, u64, Value)>> {
        let Some(Reading { value_type, value, metadata }) =
            reading::read(namespace, &self.variable)?
        else {
            return Ok(None);
        };
        if let Some(metadata) = metadata {
            return Ok(Some((value_type, metadata.version, value)));
        }
        // Others set it without a pause: under a shared lock they have to make one.
        let _lock = namespace.lock_variable(&self.variable, &LockOptions::shared())?;
        let Some(metadata) = namespace.metadata(&self.variable)? else { return Ok(None) };
        let value = namespace.get(&self.variable)?;
        Ok(value.map(|value| (metadata.value_type, metadata.version, value)))
    }
}
