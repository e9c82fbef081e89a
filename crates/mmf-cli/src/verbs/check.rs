//! `mmf check`.

use clap::Args;
use mmf::{ErrorKind, Finding, Repair};
use serde_json::json;

use crate::failure::{Failure, Outcome, Verdict};
use crate::format::one_line;
use crate::output::Output;
use crate::session::{Purpose, Session};

/// Verify every rule of the format, every checksum, and that every byte is accounted for.
///
/// Works while others read and write, and on damaged files. With --repair, what verifies goes to
/// a new file, which takes the damaged one's place; what does not is named. That is for files that a
/// hostile program has written to: killed processes leave nothing to repair, and after a crash of
/// the operating system the next opening does it by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf check shop
  mmf check shop && mmf debug shop | less
  mmf check shop --repair

The exit code is 0 when nothing was found, 1 when something was; with --repair, 0 when nothing
was lost.")]
pub struct Check {
    /// Name of the namespace
    namespace: String,
    /// Mend what is found; nobody else may be attached
    #[arg(long)]
    repair: bool,
}

impl Check {
    /// Prints the findings, and what was kept and lost.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let findings = self.look(session)?;
        let repair = (self.repair && !findings.is_empty())
            .then(|| session.builder(&self.namespace).repair())
            .transpose()?;
        let is_well = match &repair {
            Some(repair) => repair.lost.is_empty() && repair.older.is_empty(),
            None => findings.is_empty(),
        };
        let verdict = if is_well { Verdict::Done } else { Verdict::No };
        self.print(&findings, repair.as_ref(), output)
            .map(|()| verdict)
            .or_else(|failure| failure.or(verdict))
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

    fn print(
        &self,
        findings: &[Finding],
        repair: Option<&Repair>,
        output: &mut Output,
    ) -> Result<(), Failure> {
        if output.is_json() {
            let mut report = json!({ "namespace": self.namespace, "findings": findings });
            if self.repair {
                report["repair"] = json!(repair);
            }
            return output.json(&report);
        }
        if findings.is_empty() {
            return output.line(format_args!("{}: no findings", one_line(&self.namespace)));
        }
        for finding in findings {
            output.line(one_line(&finding.to_string()))?;
        }
        let Some(repair) = repair else { return Ok(()) };
        output.line(format_args!(
            "{}: repaired, {} variables kept",
            one_line(&self.namespace),
            repair.kept
        ))?;
        for loss in &repair.lost {
            output.line(one_line(&format!("lost: {:?} ({})", loss.name, loss.reason)))?;
        }
        for name in &repair.older {
            output.line(one_line(&format!("set back to the value before the last: {name:?}")))?;
        }
        Ok(())
    }
}
