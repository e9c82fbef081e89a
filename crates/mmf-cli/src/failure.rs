//! How a run of the command ends: exit codes, and errors as one line.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::Path;

use mmf::ErrorKind;

/// The exit code for a wrong command line.
pub const USAGE: u8 = 2;
/// The exit code for "no such variable or namespace" and for a "no".
const NO: u8 = 1;
/// The exit code for a wait that ended at its timeout.
const TIMED_OUT: u8 = 3;
/// The exit code for every other error.
const OTHER: u8 = 4;
/// What shells add to a signal's number in an exit code.
pub const SIGNALLED: u8 = 128;

/// How a verb ended that met no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// The answer is no, or something was found to be wrong.
    No,
    /// What the command under a lock ended with.
    Command(u8),
}

impl Verdict {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => NO,
            Self::Command(code) => code,
        }
    }
}

/// What a verb returns.
pub type Outcome = Result<Verdict, Failure>;

/// Why a verb could not do what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// The library reports an error.
    Library(mmf::Error),
    /// The command line is wrong in a way that the parser cannot see.
    Usage(String),
    /// A variable does not exist.
    Missing(String),
    /// A variable has another version than the one to replace.
    Differs(String),
    /// A wait ended at its timeout.
    TimedOut(String),
    /// Something else went wrong.
    Other(String),
    /// A command could not be started or did not do its work; shells have exit codes for that.
    Command {
        /// The exit code.
        code: u8,
        /// Why.
        message: String,
    },
    /// The work ended half-way; the message says what is done and what is not.
    Halted {
        /// The exit code.
        code: u8,
        /// What is done, what is not, and why.
        message: String,
    },
    /// A signal asked the process to end.
    Signalled(u8),
    /// Whoever read the output has left.
    ClosedPipe,
}

impl Failure {
    /// A variable that does not exist, met when trying to do `attempt`.
    pub fn missing(attempt: &str, namespace: &str, variable: &str) -> Self {
        Self::Missing(format!(
            "cannot {attempt} variable {variable:?} of namespace {namespace:?}: it does not exist"
        ))
    }

    /// A file that could not be read.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        Self::Other(format!("cannot read {}: {error}", path.display()))
    }

    /// Whether it says that the namespace does not exist.
    pub fn is_missing_namespace(&self) -> bool {
        matches!(self, Self::Library(error) if is_missing(error))
    }

    /// This failure, or the verdict when it only says that nobody reads the output any more.
    pub fn or(self, verdict: Verdict) -> Outcome {
        match self {
            Self::ClosedPipe => Ok(verdict),
            other => Err(other),
        }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Library(error) => exit_code_of(error),
            Self::Usage(_) => USAGE,
            Self::Missing(_) | Self::Differs(_) => NO,
            Self::TimedOut(_) => TIMED_OUT,
            Self::Other(_) => OTHER,
            Self::Command { code, .. } | Self::Halted { code, .. } => *code,
            Self::Signalled(signal) => SIGNALLED.saturating_add(*signal),
            Self::ClosedPipe => Verdict::Done.exit_code(),
        }
    }
}

/// Whether a namespace does not exist. With a source, it is the operating system that misses a file
/// on the way.
fn is_missing(error: &mmf::Error) -> bool {
    error.kind() == ErrorKind::NotFound && error.source().is_none()
}

fn exit_code_of(error: &mmf::Error) -> u8 {
    match error.kind() {
        _ if is_missing(error) => NO,
        ErrorKind::InvalidName | ErrorKind::InvalidArgument => USAGE,
        ErrorKind::TimedOut | ErrorKind::Contended => TIMED_OUT,
        _ => OTHER,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(error) => error.fmt(out),
            Self::Usage(message)
            | Self::Missing(message)
            | Self::Differs(message)
            | Self::TimedOut(message)
            | Self::Other(message)
            | Self::Command { message, .. }
            | Self::Halted { message, .. } => out.write_str(message),
            Self::Signalled(signal) => write!(out, "ended by signal {signal}"),
            Self::ClosedPipe => out.write_str("whoever read the output has left"),
        }
    }
}

impl From<mmf::Error> for Failure {
    fn from(error: mmf::Error) -> Self {
        let closed = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>())
            .is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe);
        if closed { Self::ClosedPipe } else { Self::Library(error) }
    }
}

/// Errors of writing to the standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Other(format!("cannot write the output: {error}")),
        }
    }
}

/// Errors of turning something into JSON.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        if error.is_io() {
            return Self::from(io::Error::from(error));
        }
        Self::Other(format!("cannot write JSON: {error}"))
    }
}
