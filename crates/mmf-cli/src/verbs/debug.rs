//! `mmf debug`.

use clap::Args;
use mmf::Namespace;

use super::stat;
use crate::failure::{Failure, Outcome, Verdict};
use crate::output::Output;
use crate::rows::rows;
use crate::session::{Purpose, Session};

/// Print the descriptor, the heap and the variable definitions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf debug shop | less
  mmf check shop && mmf debug shop | less
  mmf debug shop --json

With --json there is an object with the statistics of `mmf stat` and a row for each variable.")]
pub struct Debug {
    /// Name of the namespace
    namespace: String,
}

impl Debug {
    /// Prints it.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let namespace = session.open(&self.namespace, Purpose::Read, None)?;
        if output.is_json() {
            print_json(&namespace, output)?;
        } else {
            namespace.debug(output.writer())?;
        }
        Ok(Verdict::Done)
    }
}

/// The variables come one by one: there may be millions.
fn print_json(namespace: &Namespace, output: &mut Output) -> Result<(), Failure> {
    output.writer().write_all(b"{\"statistics\":")?;
    output.json_part(&stat::document(namespace)?)?;
    output.writer().write_all(b",\"variables\":")?;
    output.json_list(rows(namespace, "")?)?;
    output.line("}")
}
