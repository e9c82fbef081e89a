//! `mmf delete`.

use clap::Args;
use serde_json::json;

use crate::failure::{Failure, Outcome, Verdict};
use crate::output::{self, Output};
use crate::session::{Purpose, Session};

/// Delete variables and free their memory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf delete shop price
  mmf delete shop price logo

The exit code is 1 when one of them does not exist; the others are deleted all the same.")]
pub struct Delete {
    /// Name of the namespace
    namespace: String,

    /// Names of the variables
    #[arg(required = true, value_name = "VARIABLE")]
    variables: Vec<String>,
}

impl Delete {
    /// Deletes them.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let (mut deleted, mut missing) = (Vec::new(), Vec::new());
        for variable in &self.variables {
            let namespace = session.open(&self.namespace, Purpose::Write, Some(variable))?;
            let existed = namespace.delete(variable)?;
            if existed { deleted.push(variable) } else { missing.push(variable) }
        }
        for variable in &missing {
            let failure = Failure::missing("delete", &self.namespace, variable);
            output::complain(&failure.to_string());
        }
        if output.is_json() {
            output.json(&json!({ "deleted": deleted, "missing": missing }))?;
        }
        Ok(if missing.is_empty() { Verdict::Done } else { Verdict::No })
    }
}
