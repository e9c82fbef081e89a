//! `mmf export`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use mmf::Namespace;

use crate::exchange::destination::Destination;
use crate::exchange::progress::Progress;
use crate::exchange::{line, order};
use crate::failure::{Failure, Outcome, Verdict};
use crate::output::Output;
use crate::reading::{self, Reading};
use crate::session::{Purpose, Session};

/// Write variables as lines of JSON, which `mmf import` reads.
///
/// Every type comes back to the last bit. There is one line for each variable, in the order of their
/// names, with its name, type, value, version, and when and by whom it was set.
///
/// Each value is whole, but the values are not of one moment when others write meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf export shop shop.jsonl
  mmf export shop --prefix pri
  mmf export shop | jq -r 'select(.type == \"f64\") | .name'
  mmf export shop | gzip > shop.jsonl.gz
  mmf export shop | mmf import copy --create

FILE is replaced when everything is written, and stays as it was until then; an export that is killed \
may leave .mmf-NUMBER.part beside it. Exporting needs a bounded \
amount of memory, however many variables there are.")]
pub struct Export {
    /// Name of the namespace
    namespace: String,

    /// Where to write; without one, it is the standard output
    file: Option<PathBuf>,

    /// Only variables whose names begin like this
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,

    /// Show no progress; without this it is shown on a terminal when the work is long
    #[arg(long, short)]
    quiet: bool,
}

impl Export {
    /// Writes them.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let namespace = session.open(&self.namespace, Purpose::Read, None)?;
        match &self.file {
            None => self.write(&namespace, |part| Ok(output.writer().write_all(part)?))?,
            Some(file) => {
                let mut destination = Destination::new(file)?;
                self.write(&namespace, |part| destination.write(part))?;
                destination.commit()?;
            }
        }
        Ok(Verdict::Done)
    }

    fn write(
        &self,
        namespace: &Namespace,
        mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let total = if self.prefix.is_empty() { Some(namespace.stat()?.variables) } else { None };
        // On a terminal that shows the lines themselves there is no place for anything else.
        let is_free = self.file.is_some() || !io::stdout().is_terminal();
        let mut progress = Progress::new("exporting", total, is_free && !self.quiet);
        let mut text = String::new();
        line::write_first(namespace.name(), &mut text);
        for name in order::ascending(|| namespace.list(&self.prefix)) {
            let name = name?;
            // A variable may go between its name and its value.
            if let Some(reading) = reading::read(namespace, &name)? {
                let Reading { value_type, value, metadata } = &reading;
                text.push('\n');
                line::write_variable(&name, *value_type, value, metadata.as_ref(), &mut text);
                write(text.as_bytes())?;
                text.clear();
            }
            progress.step();
        }
        text.push('\n');
        text.push_str(line::END);
        text.push('\n');
        write(text.as_bytes())
    }
}
