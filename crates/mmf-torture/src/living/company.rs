//! The program's end of an onlooker.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::onlooker::{Reply, Word};
use crate::Result;
use crate::scenario::Scenario;
use crate::step::stepper::command;

/// A process that goes on while others stand still; killed when dropped.
pub(super) struct Onlooker {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Onlooker {
    /// Starts one and waits until it is attached and at rest.
    pub(super) fn start(scenario: &Scenario, directory: &Path) -> Result<Self> {
        let mut child = command(scenario, directory, "look-on")?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("the onlooker has no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("the onlooker has no output")?);
        let mut onlooker = Self { child, orders, answers };
        match onlooker.answer()? {
            Reply::Ready => Ok(onlooker),
            other => Err(format!("the onlooker began with {other:?}").into()),
        }
    }

    /// Tells it something and waits for its answer. It ends by itself if that takes too long.
    pub(super) fn tell(&mut self, word: &Word) -> Result<Reply> {
        writeln!(self.orders, "{}", serde_json::to_string(word)?)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Reply> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(self.complaint());
        }
        Ok(serde_json::from_str(&line)?)
    }

    fn complaint(&mut self) -> Box<dyn std::error::Error + Send + Sync> {
        let mut said = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = errors.read_to_string(&mut said);
        }
        format!("the onlooker: {}", said.trim_end()).into()
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
