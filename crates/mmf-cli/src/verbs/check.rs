//! `mmf check`.

use clap::Args;
use mmf::{ErrorKind, Finding};
use serde_json::json;

use crate::failure::{Failure, Outcome, Verdict};
use crate::format::one_line;
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Verify every rule of the format, and that every byte is accounted for.
///
/// Works while others read and write, and on damaged files.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf check shop
  mmf check shop && mmf debug shop | less

The exit code is 0 when nothing was found, 1 when something was.")]
pub struct Check {
    /// Name of the namespace
    namespace: String,
}

impl Check {
    /// Prints the findings.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let findings = self.look(session)?;
        let verdict = if findings.is_empty() { Verdict::Done } else { Verdict::No };
        self.print(&findings, output).map(|()| verdict).or_else(|failure| failure.or(verdict))
    }

    /// What is found; damage that keeps the namespace from being opened is a finding too.
    fn look(&self, session: &Session) -> Result<Vec<Finding>, Failure> {
        let found = session
            .open(&self.namespace, Purpose::Read, None)
            .and_then(|namespace| Ok(namespace.check()?));
        match found {
            Err(Failure::Library(error)) if error.kind() == ErrorKind::Damaged => {
                let problem = error.reason().to_owned();
                Ok(vec![Finding { place: "namespace".to_owned(), problem }])
            }
            found => found,
        }
    }

    fn print(&self, findings: &[Finding], output: &mut Output) -> Result<(), Failure> {
        if output.is_json() {
            return output.json(&json!({ "namespace": self.namespace, "findings": findings }));
        }
        if findings.is_empty() {
            return output.line(format_args!("{}: no findings", one_line(&self.namespace)));
        }
        for finding in findings {
            output.line(one_line(&finding.to_string()))?;
        }
        Ok(())
    }
}
