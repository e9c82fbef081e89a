//! A second process: the program started again, which does its part of a piece of work at the same
//! time as the first.
//!
//! Between two turns it sleeps. A turn begins for both when both are ready, and ends for both when
//! the first says so.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};

use crate::floors::{Pages, SharedMemory};
use crate::{Error, Result};

/// Nothing that one process waits for at another takes longer, or it hangs.
const LIMIT: Duration = Duration::from_secs(60);
/// Operations between two looks at whether the turn is over.
const BATCH: u64 = 64;

/// Words of the shared memory, each on a line of its own.
const READY: usize = 0;
const BEGUN: usize = 128;
const OVER: usize = 256;
const BYTES: u64 = 4096;

/// What one process did in a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Operations.
    pub operations: u64,
    /// Nanoseconds from the first to the last.
    pub nanoseconds: u64,
    /// What else the work has to say: a count, a number of values verified.
    pub extra: u64,
}

impl Done {
    /// Nanoseconds for one operation.
    pub fn each(&self) -> f64 {
        self.nanoseconds as f64 / self.operations.max(1) as f64
    }
}

/// One turn, as a process that takes part sees it.
pub struct Turn<'a> {
    memory: &'a SharedMemory,
    number: u64,
    /// What the first process has to say about the turn.
    pub argument: u64,
}

impl Turn<'_> {
    /// Whether the first process has ended the turn.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.memory.word(OVER).load(Ordering::Relaxed) >= self.number
    }

    /// Does operations until the turn is over, and at least one batch of 64. The numbers given to
    /// `operation` rise from 0.
    ///
    /// # Errors
    ///
    /// The first of an operation; and when the turn does not end.
    pub fn repeat(&self, mut operation: impl FnMut(u64) -> Result<()>) -> Result<Done> {
        let mut operations = 0;
        let begin = Instant::now();
        loop {
            for number in operations..operations + BATCH {
                operation(number)?;
            }
            operations += BATCH;
            if self.is_over() {
                break;
            }
            // Rarely: the first process may have been killed.
            if operations.is_multiple_of(BATCH * 1024) && begin.elapsed() > LIMIT {
                return Err(format!("a turn does not end within {LIMIT:?}").into());
            }
        }
        Ok(Done { operations, nanoseconds: begin.elapsed().as_nanos() as u64, extra: 0 })
    }

    /// As [`Turn::repeat`], but ends the turn after this time. For the first process.
    ///
    /// # Errors
    ///
    /// The first of an operation.
    pub fn repeat_for(
        &self,
        time: Duration,
        mut operation: impl FnMut(u64) -> Result<()>,
    ) -> Result<Done> {
        let mut operations = 0;
        let begin = Instant::now();
        loop {
            for number in operations..operations + BATCH {
                operation(number)?;
            }
            operations += BATCH;
            let elapsed = begin.elapsed();
            if elapsed >= time {
                self.end();
                let nanoseconds = elapsed.as_nanos() as u64;
                return Ok(Done { operations, nanoseconds, extra: 0 });
            }
        }
    }

    /// Ends the turn. For the first process.
    pub fn end(&self) {
        self.memory.word(OVER).store(self.number, Ordering::Release);
    }

    /// Waits, awake, until both processes are ready for the turn.
    fn meet(&self, own: usize, others: usize) -> Result<()> {
        self.memory.word(own).store(self.number, Ordering::Release);
        let begin = Instant::now();
        while self.memory.word(others).load(Ordering::Acquire) < self.number {
            if begin.elapsed() > LIMIT {
                return Err(format!("the other process is not ready within {LIMIT:?}").into());
            }
            std::hint::spin_loop();
        }
        Ok(())
    }
}

/// What is asked of a companion.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    number: u64,
    argument: u64,
}

/// The first process's end of a companion. Dropping it ends the process.
pub struct Companion {
    role: String,
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    memory: SharedMemory,
    number: u64,
}

impl Companion {
    /// Starts this program again as `companion MEMORY ROLE ARGUMENTS`, which is to call [`serve`].
    ///
    /// # Errors
    ///
    /// When the program does not start.
    pub fn start(directory: &Path, role: &str, arguments: &[&str]) -> Result<Self> {
        let failed = |error: std::io::Error| format!("starting the companion `{role}`: {error}");
        // The file needs no name once both have mapped it, but a name of its own until then.
        let file = tempfile::Builder::new().prefix("turns-").tempdir_in(directory);
        let file = file.map_err(failed)?.keep().join("memory");
        let memory = SharedMemory::create(&file, BYTES, Pages::Present)?;
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .arg("companion")
            .arg(&file)
            .arg(role)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let orders = child.stdin.take();
        let answers = child.stdout.take().ok_or("a companion has no output")?;
        let answers = BufReader::new(answers);
        Ok(Self { role: role.to_owned(), child, orders, answers, memory, number: 0 })
    }

    /// Takes a turn: begins `work` here and the companion's part there at the same time, and returns
    /// what both did. `work` is to end the turn.
    ///
    /// # Errors
    ///
    /// Those of `work` and of the companion.
    pub fn turn(
        &mut self,
        argument: u64,
        work: impl FnOnce(&Turn<'_>) -> Result<Done>,
    ) -> Result<(Done, Done)> {
        self.number += 1;
        let request = Request { number: self.number, argument };
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        let orders = self.orders.as_mut().ok_or("the companion has been told to end")?;
        orders.write_all(&line).map_err(|error| format!("companion `{}`: {error}", self.role))?;
        let turn = Turn { memory: &self.memory, number: self.number, argument };
        let own = turn.meet(BEGUN, READY).and_then(|()| work(&turn));
        turn.end();
        let answer = self.answer();
        // The companion's error is the better one: it is why the other failed.
        let others = answer?;
        Ok((own?, others))
    }

    /// The process id.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    fn answer(&mut self) -> Result<Done> {
        let failed =
            |error: &str| -> Error { format!("companion `{}`: {error}", self.role).into() };
        let limit = Timespec { tv_sec: 2 * LIMIT.as_secs() as i64, tv_nsec: 0 };
        let mut descriptors = [PollFd::new(self.answers.get_ref(), PollFlags::IN)];
        if poll(&mut descriptors, Some(&limit)).map_err(|error| failed(&error.to_string()))? == 0 {
            return Err(failed("it does not answer"));
        }
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) => Err(failed("it has ended")),
            Ok(_) => serde_json::from_str::<std::result::Result<Done, String>>(&line)
                .map_err(|error| failed(&error.to_string()))?
                .map_err(|error| failed(&error)),
            Err(error) => Err(failed(&error.to_string())),
        }
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        // Without orders it ends by itself; one that hangs is killed.
        self.orders = None;
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(2) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves the first process until it has no more orders: takes each turn with `work`.
///
/// # Errors
///
/// When the first process cannot be understood. Errors of `work` go to the first process.
pub fn serve(memory: &Path, mut work: impl FnMut(&Turn<'_>) -> Result<Done>) -> Result<()> {
    let memory = SharedMemory::open(memory, Pages::Present)?;
    for line in std::io::stdin().lock().lines() {
        let Request { number, argument } = serde_json::from_str(&line?)?;
        let turn = Turn { memory: &memory, number, argument };
        let done = turn.meet(READY, BEGUN).and_then(|()| work(&turn));
        let answer = done.map_err(|error| error.to_string());
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        std::io::stdout().lock().write_all(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_begins_when_both_are_ready_and_ends_for_both() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("memory");
        let memory = SharedMemory::create(&path, BYTES, Pages::Present).unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let turn = Turn { memory: &memory, number: 1, argument: 0 };
                turn.meet(READY, BEGUN).unwrap();
                turn.repeat(|_| Ok(())).unwrap()
            });
            let turn = Turn { memory: &memory, number: 1, argument: 0 };
            turn.meet(BEGUN, READY).unwrap();
            let own = turn.repeat_for(Duration::from_millis(5), |_| Ok(())).unwrap();
            let other = other.join().unwrap();
            assert!(own.operations >= BATCH && own.nanoseconds >= 5_000_000);
            assert!(other.operations >= BATCH && other.operations.is_multiple_of(BATCH));
        });
    }

    #[test]
    fn an_operation_that_fails_ends_the_work() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("memory");
        let memory = SharedMemory::create(&path, BYTES, Pages::Present).unwrap();
        let turn = Turn { memory: &memory, number: 1, argument: 0 };
        let fails = |number| if number == 3 { Err("torn".into()) } else { Ok(()) };
        assert_eq!(turn.repeat(fails).unwrap_err().to_string(), "torn");
    }
}
