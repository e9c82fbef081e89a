//! `mmf man`.

use std::path::{Path, PathBuf};

use clap::{Args, Command};

use crate::exchange::destination::Destination;
use crate::failure::{Failure, Outcome, Verdict};
use crate::output::Output;
use crate::{arguments, manual};

/// Print a page of the manual, or write all of them to a directory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf man | man -l -
  mmf man get | man -l -
  mmf man --directory ~/.local/share/man/man1

With --directory there is a page mmf.1, and one for each verb, such as mmf-get.1: `man mmf-get` \
shows it.")]
pub struct Man {
    /// The verb; without one it is the page of the whole command
    verb: Option<String>,

    /// Write all pages into this directory, which must exist
    #[arg(long, value_name = "PATH", conflicts_with = "verb")]
    directory: Option<PathBuf>,
}

impl Man {
    /// Prints or writes it.
    pub fn run(&self, output: &mut Output) -> Outcome {
        let command = arguments::shown();
        if let Some(directory) = &self.directory {
            for page in std::iter::once(&command).chain(command.get_subcommands()) {
                write(page, directory)?;
            }
            return Ok(Verdict::Done);
        }
        let page = match &self.verb {
            None => &command,
            Some(verb) => command.find_subcommand(verb).ok_or_else(|| {
                Failure::Usage(format!("there is no verb {verb:?}: `mmf --help` lists them"))
            })?,
        };
        manual::write(page, output.writer())?;
        Ok(Verdict::Done)
    }
}

fn write(page: &Command, directory: &Path) -> Result<(), Failure> {
    let mut text = Vec::new();
    manual::write(page, &mut text)?;
    let mut destination = Destination::new(&directory.join(manual::file_name(page)))?;
    destination.write(&text)?;
    destination.commit()
}
