//! Starts the programs, tells them when to begin and to end, and gathers what they say.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mmf_bench::Result;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tempfile::TempDir;

use crate::contract::{Call, Figures, Line, Role, Row, Second};
use crate::install::Invocation;

/// Time for everything but a fill: a program that takes longer is ended.
const LIMIT: Duration = Duration::from_secs(60);
/// Time for a program to remove what it has made when it is asked to end.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often to look whether a program has ended.
const LOOK: Duration = Duration::from_millis(5);
/// Where directories of programs lie, and the shared memory whose names are made from theirs.
const SYSTEM_MEMORY: &str = "/dev/shm";

/// What came of one row of one system.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was measured.
    Measured(Vec<Measured>),
    /// The system has no such row.
    Cannot(String),
    /// A value was wrong, or the program failed.
    Wrong(String),
}

/// Figures, and which process they are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Whose they are.
    pub role: Role,
    /// What it said.
    pub figures: Figures,
}

/// How many to measure and how long.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How long one sample takes about.
    pub sample: Duration,
    /// Samples of each measure.
    pub samples: usize,
    /// When a fill stops.
    pub fill: Duration,
}

/// Measures one row of one system, in a directory of its own.
///
/// # Errors
///
/// When the directory cannot be made. What goes wrong with the programs is an [`Outcome`].
pub fn measure(
    invocation: &Invocation,
    system: &str,
    row: Row,
    count: u64,
    effort: &Effort,
) -> Result<Outcome> {
    let directory = tempfile::Builder::new().prefix("mmf-peers-").tempdir_in(SYSTEM_MEMORY)?;
    let call = |role| Call {
        system: system.to_owned(),
        row,
        role,
        directory: directory.path().to_owned(),
        count,
        sample: effort.sample,
        samples: effort.samples,
        fill: effort.fill,
    };
    let mut gathered = Gathered::default();
    let ended = run(invocation, call, row.second(), &mut gathered);
    remove_left_over(&directory);
    Ok(match (ended, gathered) {
        (Err(error), _) => Outcome::Wrong(error.to_string()),
        (_, Gathered { wrong: Some(reason), .. }) => Outcome::Wrong(reason),
        (_, Gathered { cannot: Some(reason), measured, .. }) if measured.is_empty() => {
            Outcome::Cannot(reason)
        }
        (Ok(()), Gathered { measured, .. }) => Outcome::Measured(measured),
    })
}

/// What programs have said so far.
#[derive(Default)]
struct Gathered {
    measured: Vec<Measured>,
    cannot: Option<String>,
    wrong: Option<String>,
}

impl Gathered {
    /// Whether there is nothing more to come of the row.
    fn is_over(&self) -> bool {
        self.cannot.is_some() || self.wrong.is_some()
    }
}

fn run(
    invocation: &Invocation,
    call: impl Fn(Role) -> Call,
    second: Second,
    gathered: &mut Gathered,
) -> Result<()> {
    let mut first = Process::start(invocation, &call(Role::First))?;
    first.read_until(Until::Ready, gathered)?;
    if gathered.is_over() {
        return first.end(gathered);
    }
    match second {
        Second::Never => {
            first.say("go")?;
            first.read_until(Until::Done, gathered)?;
        }
        Second::Afterwards => {
            first.say("go")?;
            first.read_until(Until::Done, gathered)?;
            if !gathered.is_over() {
                let count = filled(gathered).unwrap_or(call(Role::Second).count);
                let told = Call { count, ..call(Role::Second) };
                let mut other = Process::start(invocation, &told)?;
                other.read_until(Until::Ready, gathered)?;
                if !gathered.is_over() {
                    other.say("go")?;
                    other.read_until(Until::Done, gathered)?;
                }
                other.end(gathered)?;
            }
        }
        Second::Together => {
            let mut other = Process::start(invocation, &call(Role::Second))?;
            other.read_until(Until::Ready, gathered)?;
            if gathered.is_over() {
                other.end(gathered)?;
                return first.end(gathered);
            }
            first.say("go")?;
            other.say("go")?;
            first.read_until(Until::Done, gathered)?;
            other.read_until(Until::Done, gathered)?;
            other.end(gathered)?;
        }
    }
    first.end(gathered)
}

/// How many variables the first process has said that there are.
fn filled(gathered: &Gathered) -> Option<u64> {
    gathered.measured.iter().find_map(|measured| measured.figures.count)
}

/// What a reader of a program's lines waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Ready,
    Done,
    Ended,
}

/// A running program. Dropping it ends it and everything that it has started.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<std::io::Result<String>>,
    errors: File,
    role: Role,
    limit: Duration,
    /// Then its number may be another process's.
    is_waited_for: bool,
}

impl Process {
    fn start(invocation: &Invocation, call: &Call) -> Result<Self> {
        let errors = tempfile::tempfile()?;
        let mut command = Command::new(&invocation.program);
        command.args(&invocation.arguments).args(call.arguments());
        // mmf's namespaces lie in the directory too.
        command.env("MMF_DIR", &call.directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors.try_clone()?);
        // A group of its own, so that a server which it starts ends with it.
        command.process_group(0);
        let name = invocation.program.display();
        let mut child =
            command.spawn().map_err(|error| format!("{name} could not be started: {error}"))?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("a program has no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                // Nobody listens any more: the process is being ended.
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            input,
            lines,
            errors,
            role: call.role,
            limit: LIMIT + call.fill,
            is_waited_for: false,
        })
    }

    fn say(&mut self, word: &str) -> Result<()> {
        let input = self.input.as_mut().ok_or("a program's input is closed")?;
        writeln!(input, "{word}").map_err(|_| self.complaint("ended too early"))?;
        Ok(())
    }

    /// Takes lines up to the one awaited. A program that cannot ends by itself.
    fn read_until(&mut self, until: Until, gathered: &mut Gathered) -> Result<()> {
        let deadline = Instant::now() + self.limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line?,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self
                        .complaint(&format!("took longer than {:?}", self.limit))
                        .into());
                }
                Err(RecvTimeoutError::Disconnected) if until == Until::Ended => return Ok(()),
                Err(RecvTimeoutError::Disconnected) if gathered.is_over() => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.complaint("ended too early").into());
                }
            };
            let line = serde_json::from_str(&line)
                .map_err(|error| format!("a program said `{line}`: {error}"))?;
            match line {
                Line::Ready { .. } if until == Until::Ready => return Ok(()),
                Line::Done { .. } if until == Until::Done => return Ok(()),
                Line::Ready { .. } | Line::Done { .. } => {
                    return Err("a program is out of step with the contract".into());
                }
                Line::Cannot { cannot } => gathered.cannot = Some(cannot),
                Line::Wrong { wrong } => gathered.wrong = Some(wrong),
                Line::Figures(figures) => {
                    gathered.measured.push(Measured { role: self.role, figures });
                }
            }
        }
    }

    /// Lets the program end, and takes what it says then.
    fn end(mut self, gathered: &mut Gathered) -> Result<()> {
        if let Some(mut input) = self.input.take() {
            // One that has ended already does not hear it.
            let _ = writeln!(input, "end");
        }
        self.read_until(Until::Ended, gathered)?;
        let deadline = Instant::now() + self.limit;
        while !self.has_ended() {
            if Instant::now() > deadline {
                return Err(self.complaint("does not end").into());
            }
            std::thread::sleep(LOOK);
        }
        self.end_group();
        self.is_waited_for = true;
        let status = self.child.wait()?;
        match status.success() || gathered.is_over() {
            true => Ok(()),
            false => Err(self.complaint(&format!("ended with {status}")).into()),
        }
    }

    /// Whether the program has ended. Its number stays its own until it is waited for.
    fn has_ended(&self) -> bool {
        let pid = WaitId::Pid(Pid::from_child(&self.child));
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // No such child any more: it has been waited for.
        waitid(pid, options).map_or(true, |status| status.is_some())
    }

    /// Ends everything that the program has started. To be called before it is waited for.
    fn end_group(&self) {
        // Nobody may be left to be ended.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
    }

    /// What it did, with the last line of its errors.
    fn complaint(&mut self, what: &str) -> String {
        use std::io::{Read, Seek};
        let mut text = String::new();
        let read = self.errors.rewind().and_then(|()| self.errors.read_to_string(&mut text));
        let last = text.lines().rfind(|line| !line.trim().is_empty());
        match (read, last) {
            (Ok(_), Some(last)) => format!("the program {what}: {}", last.trim()),
            _ => format!("the program {what}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        if self.is_waited_for {
            return;
        }
        // Asked first: some remove what only they know of.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + LAST_WORDS;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        self.end_group();
        // It has been killed, if it had not ended.
        let _ = self.child.wait();
    }
}

/// Removes shared memory whose name begins with that of the directory.
fn remove_left_over(directory: &TempDir) {
    let Some(name) = directory.path().file_name() else { return };
    let name = name.to_string_lossy().into_owned();
    let Ok(entries) = std::fs::read_dir(SYSTEM_MEMORY) else { return };
    for entry in entries.flatten() {
        let own = entry.file_name().to_string_lossy().trim_start_matches("sm_").to_owned();
        if own.starts_with(&name) && entry.path() != directory.path() {
            // What is left over is told by `ls`; the next row does not meet it.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Measure, Unit};

    const EFFORT: Effort =
        Effort { sample: Duration::from_millis(1), samples: 1, fill: Duration::from_secs(1) };

    /// A program that is a line of shell.
    fn shell(text: &str) -> Invocation {
        let arguments = vec!["-c".to_owned(), text.to_owned(), "program".to_owned()];
        Invocation { program: "/bin/sh".into(), arguments }
    }

    fn outcome(row: Row, text: &str) -> Outcome {
        measure(&shell(text), "none", row, 10, &EFFORT).unwrap()
    }

    const READY: &str = r#"echo '{"ready":true}'; read go;"#;
    const DONE: &str = r#"echo '{"done":true}'; read end;"#;

    #[test]
    fn both_processes_are_told_when_to_begin_and_to_end() {
        let figure = r#"echo '{"measure":"counter","unit":"per_second","samples":[1]}';"#;
        let total = r#"[ "$go$end" = goend ] && [ "$4" = role=first ] &&
            echo '{"measure":"counter_total","unit":"count","samples":[2]}' || true"#;
        // The arguments are system, row, role and so on: the third is the role.
        let total = total.replace("$4", "$3");
        let outcome = outcome(Row::Counter, &format!("{READY}{figure}{DONE}{total}"));
        let Outcome::Measured(measured) = outcome else { panic!("{outcome:?}") };
        let measures: Vec<_> = measured.iter().map(|one| (one.role, one.figures.measure)).collect();
        let expected = [
            (Role::First, Measure::Counter),
            (Role::Second, Measure::Counter),
            (Role::First, Measure::CounterTotal),
        ];
        assert_eq!(measures, expected);
        assert_eq!(measured[0].figures.unit, Unit::PerSecond);
    }

    #[test]
    fn the_second_is_told_how_many_there_are() {
        let figure = r#"if [ "$3" = role=first ]; then
            echo '{"measure":"memory","unit":"bytes","samples":[1],"count":7}';
            else [ "$5" = count=7 ] || exit 3; fi;"#;
        let outcome = outcome(Row::Random, &format!("{READY}{figure}{DONE}"));
        assert!(matches!(&outcome, Outcome::Measured(one) if one.len() == 1), "{outcome:?}");
    }

    #[test]
    fn what_goes_wrong_is_told() {
        let cannot = r#"echo '{"cannot":"no"}'"#;
        assert_eq!(outcome(Row::Pair, cannot), Outcome::Cannot("no".to_owned()));
        let wrong = format!(r#"{READY} echo '{{"wrong":"torn"}}'"#);
        assert_eq!(outcome(Row::Hot, &wrong), Outcome::Wrong("torn".to_owned()));
        for (text, expected) in [
            ("echo oops >&2; exit 3", "the program ended too early: oops"),
            ("echo nonsense", "a program said `nonsense`"),
            (r#"echo '{"done":true}'"#, "out of step"),
        ] {
            let outcome = outcome(Row::Hot, text);
            assert!(
                matches!(&outcome, Outcome::Wrong(reason) if reason.contains(expected)),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn nothing_is_left_of_a_program_that_hangs() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let text = format!("sleep 600 & echo $! > {}; {READY} wait", file.display());
        let call = Call {
            system: "none".to_owned(),
            row: Row::Hot,
            role: Role::First,
            directory: directory.path().to_owned(),
            count: 1,
            sample: EFFORT.sample,
            samples: 1,
            fill: EFFORT.fill,
        };
        let mut process = Process::start(&shell(&text), &call).unwrap();
        process.read_until(Until::Ready, &mut Gathered::default()).unwrap();
        let pid = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        process.limit = Duration::from_millis(100);
        let error = process.read_until(Until::Done, &mut Gathered::default()).unwrap_err();
        assert!(error.to_string().contains("took longer than 100ms"), "{error}");
        drop(process);
        let is_there = || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Dead and not yet taken leave of by the process that inherits it is gone as well.
            !state.is_empty() && !state.contains(") Z ")
        };
        let deadline = Instant::now() + LAST_WORDS;
        while is_there() {
            assert!(Instant::now() < deadline, "process {pid} is still there");
            std::thread::sleep(LOOK);
        }
    }
}
