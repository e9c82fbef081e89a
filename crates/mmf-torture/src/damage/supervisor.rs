//! A worker as its parent sees it: asked, watched, and started anew when it has died.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::tally::Tally;
use crate::Result;

/// A worker that says nothing for so long is in an endless loop: no operation waits a second.
const WATCH: Duration = Duration::from_secs(20);
/// Bytes of a dead worker's last words that are shown.
const LAST_WORDS: u64 = 3000;

/// What a worker has done wrong.
pub(super) struct Finding {
    pub(super) what: String,
    /// What the worker wrote to its standard error.
    pub(super) last_words: String,
}

/// A running process.
struct Running {
    process: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
}

/// A worker, which runs when it is asked for something.
pub(super) struct Supervisor {
    place: PathBuf,
    /// Where its standard error goes.
    words: PathBuf,
    memory: u64,
    running: Option<Running>,
}

impl Supervisor {
    /// Worker `number` of those in the directory `place`, which is made.
    pub(super) fn new(place: PathBuf, number: usize, memory: u64) -> Result<Self> {
        if !place.is_dir() {
            std::fs::create_dir(&place)?;
        }
        let words = place.with_extension(format!("errors-{number}"));
        Ok(Self { place, words, memory, running: None })
    }

    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// What an order came to. The worker is gone after a finding.
    pub(super) fn ask(&mut self, order: &str) -> Result<std::result::Result<Tally, Finding>> {
        self.order(order)?;
        self.answer()
    }

    /// Gives an order, whose answer is waited for later.
    pub(super) fn order(&mut self, order: &str) -> Result<()> {
        if self.running.is_none() {
            self.running = Some(self.start()?);
            if let Err(Finding { what, last_words }) = self.answer()? {
                return Err(format!("a worker did not start: {what}\n{last_words}").into());
            }
        }
        let running = self.running.as_mut().ok_or("the worker is gone")?;
        Ok(writeln!(running.orders, "{order}")?)
    }

    /// Waits for the answer to an order.
    pub(super) fn answer(&mut self) -> Result<std::result::Result<Tally, Finding>> {
        let running = self.running.as_mut().ok_or("the worker is gone")?;
        let mut doing = "nothing yet".to_owned();
        let end = loop {
            match running.answers.recv_timeout(WATCH) {
                Ok(line) => match line.split_once(' ') {
                    Some(("done", tally)) => return Ok(Ok(serde_json::from_str(tally)?)),
                    Some(("do", operation)) => operation.clone_into(&mut doing),
                    _ => break format!("wrote {line:?}"),
                },
                Err(RecvTimeoutError::Timeout) => break format!("no end in {WATCH:?}"),
                Err(RecvTimeoutError::Disconnected) => break "died".to_owned(),
            }
        };
        let status = self.stop()?;
        let what = format!("{end}, {status}, in {doing:?}");
        Ok(Err(Finding { what, last_words: self.last_words()? }))
    }

    fn start(&self) -> Result<Running> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("damage-worker")
            .arg(&self.place)
            .arg(self.memory.to_string())
            .env("MMF_DIR", &self.place)
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&self.words)?)
            .spawn()?;
        let orders = process.stdin.take().ok_or("a worker has no standard input")?;
        let output = process.stdout.take().ok_or("a worker has no standard output")?;
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            // Ends with the process, or when nobody listens any more.
            for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Running { process, orders, answers })
    }

    /// Ends the worker and tells how it ended, or that it had to be killed.
    fn stop(&mut self) -> Result<String> {
        let Some(mut running) = self.running.take() else { return Ok("not running".to_owned()) };
        drop(running.orders);
        drop(running.answers);
        // One that has died shows it at once, or nearly: its output is closed before it is gone.
        for _ in 0..200 {
            if let Some(status) = running.process.try_wait()? {
                return Ok(status.to_string());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        running.process.kill()?;
        running.process.wait()?;
        Ok("killed by this program".to_owned())
    }

    fn last_words(&self) -> Result<String> {
        let mut file = File::open(&self.words)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)))?;
        let mut words = Vec::new();
        file.read_to_end(&mut words)?;
        Ok(String::from_utf8_lossy(&words).trim().to_owned())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("could not end a worker: {error}");
        }
    }
}
