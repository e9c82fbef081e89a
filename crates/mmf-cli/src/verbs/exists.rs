//! `mmf exists`.

use clap::Args;
use mmf::ErrorKind;
use serde_json::json;

use crate::failure::{Failure, Outcome, Verdict};
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Tell by the exit code whether a variable, or a namespace, exists.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf exists shop price && echo yes
  mmf exists shop || mmf create shop --capacity 1GiB

The exit code is 0 when it exists, 1 when it does not, and another one when that cannot be told.")]
pub struct Exists {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable; without one the question is about the namespace
    variable: Option<String>,
}

impl Exists {
    /// Answers.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let exists = self.look(session)?;
        let verdict = if exists { Verdict::Done } else { Verdict::No };
        if output.is_json() {
            output
                .json(&json!({ "exists": exists }))
                .or_else(|failure| failure.or(verdict).map(drop))?;
        }
        Ok(verdict)
    }

    fn look(&self, session: &Session) -> Result<bool, Failure> {
        let namespace = match session.open(&self.namespace, Purpose::Read, self.variable.as_deref())
        {
            Err(Failure::Library(error)) if error.kind() == ErrorKind::NotFound => {
                return Ok(false);
            }
            opened => opened?,
        };
        match &self.variable {
            Some(variable) => Ok(namespace.contains(variable)?),
            None => Ok(true),
        }
    }
}
