//! `mmf resize`.

use clap::Args;
use serde_json::json;

use crate::failure::{Outcome, Verdict};
use crate::output::Output;
use crate::session::{Purpose, Session};
use crate::units;

/// Give a namespace a greater capacity, while others keep working.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf resize shop 1GiB

A capacity cannot become less.")]
pub struct Resize {
    /// Name of the namespace
    namespace: String,

    /// The new capacity, such as 64MiB or 1GiB
    #[arg(value_parser = units::size)]
    capacity: u64,
}

impl Resize {
    /// Resizes it.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        session.open(&self.namespace, Purpose::Write, None)?.resize(self.capacity)?;
        if output.is_json() {
            output.json(&json!({ "namespace": self.namespace, "capacity": self.capacity }))?;
        }
        Ok(Verdict::Done)
    }
}
