//! `mmf wait`.

use clap::Args;
use mmf::{Condition, ErrorKind, Namespace, Value};
use serde_json::json;

use crate::failure::{Failure, Outcome, Verdict};
use crate::input::{self, TypeName};
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Sleep until a variable appears, goes, changes or has a value; print its version.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf wait shop door --exists --timeout 5s
  mmf wait shop door --since 7 --timeout 5s
  mmf wait shop door --gone --timeout 0
  mmf wait shop state --equals ready
  mmf wait shop visits --equals 100 --type counter

A value to wait for is text unless --type says otherwise, and only equals a value of its own type. \
The namespace must exist. Version 0 stands for a variable that does not exist. The exit code is 3 \
when the time is over.")]
pub struct Wait {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// What to wait for
    #[command(flatten)]
    condition: ConditionArguments,

    /// Type of the value to wait for [default: text]
    #[arg(long = "type", value_name = "TYPE", conflicts_with_all = ["exists", "gone", "since"])]
    type_name: Option<TypeName>,
}

/// What to wait for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ConditionArguments {
    /// Until it exists
    #[arg(long)]
    exists: bool,

    /// Until it does not exist
    #[arg(long)]
    gone: bool,

    /// Until its version is another one
    #[arg(long, value_name = "VERSION")]
    since: Option<u64>,

    /// Until it has this value
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    equals: Option<String>,
}

impl Wait {
    /// Waits.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let condition = self.condition()?;
        let namespace = session.open(&self.namespace, Purpose::Read, Some(&self.variable))?;
        let outcome = namespace
            .wait(&self.variable, &condition, session.timeout())
            .map_err(|error| self.explain(error, &namespace, &condition))?;
        if output.is_json() {
            output.json(&json!({ "name": self.variable, "version": outcome.version }))?;
        } else {
            output.line(outcome.version)?;
        }
        Ok(Verdict::Done)
    }

    fn condition(&self) -> Result<Condition, Failure> {
        let wanted = &self.condition;
        if let Some(version) = wanted.since {
            return Ok(Condition::ChangedSince(version));
        }
        if let Some(text) = &wanted.equals {
            let type_name = self.type_name.unwrap_or(TypeName::Text);
            return Ok(Condition::Equals(
                input::from_argument(text.clone(), type_name)?.into_value()?,
            ));
        }
        Ok(if wanted.gone { Condition::Gone } else { Condition::Exists })
    }

    /// A wait for a value of one type never ends when the variable has another: says so.
    fn explain(&self, error: mmf::Error, namespace: &Namespace, condition: &Condition) -> Failure {
        let Condition::Equals(wanted) = condition else { return error.into() };
        if error.kind() != ErrorKind::TimedOut {
            return error.into();
        }
        match namespace.get::<Value>(&self.variable) {
            Ok(Some(found)) if found.value_type() != wanted.value_type() => {
                let (found, wanted) = (found.value_type(), wanted.value_type());
                Failure::TimedOut(format!("{error} (it holds {found}, and {wanted} is waited for)"))
            }
            _ => error.into(),
        }
    }
}
