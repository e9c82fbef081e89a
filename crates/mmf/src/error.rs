//! The library's one error type: what was attempted, on which namespace and variable, why it
//! failed, and what to do about it.

use std::fmt;
use std::time::{Duration, SystemTime};

/// Shorthand for results whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure an [`Error`] reports.
///
/// The numbers are stable: they are the status codes of every language's front end. A retired
/// number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum ErrorKind {
    /// A namespace or variable name is empty, too long, or holds forbidden characters.
    InvalidName = 1,
    /// An option or argument is out of its range.
    InvalidArgument = 2,
    /// The namespace does not exist.
    NotFound = 3,
    /// The namespace exists already.
    AlreadyExists = 4,
    /// The operating system refused access.
    PermissionDenied = 5,
    /// The file is not a namespace.
    NotANamespace = 6,
    /// The file is a namespace of a format this library cannot use.
    UnsupportedFormat = 7,
    /// The file's content breaks a rule of the format.
    Damaged = 8,
    /// No space is left in the namespace or on its file system.
    OutOfSpace = 9,
    /// The value can never fit into the namespace.
    ValueTooLarge = 10,
    /// The variable holds a value of another type.
    WrongType = 11,
    /// The wait ended before its condition held.
    TimedOut = 12,
    /// A read-only reader met endless rewriting until its timeout.
    Contended = 13,
    /// A signal ended the wait.
    Interrupted = 14,
    /// The namespace was opened for reading only.
    ReadOnly = 15,
    /// Going on would wait for a lock that the caller itself holds.
    WouldDeadlock = 16,
    /// A fixed table of the namespace is full (attached processes, threads, held locks).
    LimitReached = 17,
    /// The operating system reported an error.
    Io = 18,
    /// The platform or file system lacks something that is needed.
    Unsupported = 19,
    /// Other processes are attached.
    InUse = 20,
    /// A value cannot be encoded or decoded.
    Encoding = 21,
    /// The counter would leave the range of a 64-bit integer.
    Overflow = 22,
    /// The lock is not held by the caller.
    NotHeld = 23,
}

/// Who holds what somebody waits for. For people to read: no decision is made from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id, in the holder's own PID namespace.
    pub pid: u32,
    /// The holder's program.
    pub program: String,
    /// When the holder acquired it.
    pub since: Option<SystemTime>,
    /// Whether `pid` counts in another PID namespace than the caller's, as in a container: out
    /// here the process has another number.
    pub in_other_pid_namespace: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "process {} ({})", self.pid, self.program)?;
        if self.in_other_pid_namespace {
            write!(out, " in another PID namespace")?;
        }
        match self.since.and_then(|since| SystemTime::now().duration_since(since).ok()) {
            Some(age) => write!(out, ", for {:.1} s", age.as_secs_f64()),
            None => Ok(()),
        }
    }
}

/// What to do about a holder. It was alive when it was looked at, or it would hold nothing.
const WHEN_HELD: &str =
    "wait longer, or end that process: what it holds is given back at its end, however it ends";

/// Every failure of this library.
///
/// Its text has four parts: the attempt, the namespace and variable, the reason, and advice.
pub struct Error(Box<Details>);

struct Details {
    kind: ErrorKind,
    attempt: Option<&'static str>,
    namespace: Option<String>,
    variable: Option<String>,
    reason: String,
    advice: Option<String>,
    holder: Option<Holder>,
    source: Option<std::io::Error>,
}

impl Error {
    /// An error of `kind` for `reason`.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            attempt: None,
            namespace: None,
            variable: None,
            reason: reason.into(),
            advice: None,
            holder: None,
            source: None,
        }))
    }

    /// A violated rule of the file format, found at byte `offset`.
    #[cold]
    pub(crate) fn damaged(offset: u64, rule: &str) -> Self {
        Self::new(ErrorKind::Damaged, format!("at byte {offset}: {rule}"))
            .advise("run `mmf check` on the namespace")
    }

    /// An operating-system error met while doing `what`.
    #[cold]
    pub(crate) fn io(what: impl fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::PermissionDenied => ErrorKind::PermissionDenied,
            Io::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge | Io::OutOfMemory => {
                ErrorKind::OutOfSpace
            }
            Io::Interrupted => ErrorKind::Interrupted,
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            _ => ErrorKind::Io,
        };
        let mut error = Self::new(kind, format!("{what}: {source}"));
        error.0.source = Some(source);
        error
    }

    /// A wait for `what` that ended at its timeout.
    #[cold]
    pub(crate) fn timed_out(what: &str, timeout: Duration, holder: Option<Holder>) -> Self {
        let reason = match &holder {
            Some(holder) => format!("{what} within {timeout:?}: held by {holder}"),
            None => format!("{what} within {timeout:?}"),
        };
        let mut error = Self::new(ErrorKind::TimedOut, reason);
        if holder.is_some() {
            error = error.advise(WHEN_HELD);
        }
        error.0.holder = holder;
        error
    }

    /// Names what was attempted, unless an inner layer did.
    pub(crate) fn attempting(mut self, attempt: &'static str) -> Self {
        self.0.attempt.get_or_insert(attempt);
        self
    }

    /// Names the namespace, unless an inner layer did.
    pub(crate) fn on_namespace(mut self, namespace: &str) -> Self {
        self.0.namespace.get_or_insert_with(|| namespace.to_owned());
        self
    }

    /// Names the variable, unless an inner layer did.
    pub(crate) fn on_variable(mut self, variable: &str) -> Self {
        self.0.variable.get_or_insert_with(|| variable.to_owned());
        self
    }

    /// Says what to do, unless an inner layer did.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.0.advice.get_or_insert_with(|| advice.into());
        self
    }

    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable number of the kind, shared by all languages.
    pub fn number(&self) -> u16 {
        self.0.kind as u16
    }

    /// The namespace concerned.
    pub fn namespace(&self) -> Option<&str> {
        self.0.namespace.as_deref()
    }

    /// The variable concerned.
    pub fn variable(&self) -> Option<&str> {
        self.0.variable.as_deref()
    }

    /// Why, without the attempt and the names.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// Who holds what was waited for, when the error is a timeout that knows.
    pub fn holder(&self) -> Option<&Holder> {
        self.0.holder.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &self.0;
        if let Some(attempt) = details.attempt {
            write!(out, "cannot {attempt}")?;
            match (&details.variable, &details.namespace) {
                (Some(variable), Some(namespace)) => {
                    write!(out, " variable {variable:?} of namespace {namespace:?}")?;
                }
                (Some(variable), None) => write!(out, " variable {variable:?}")?,
                (None, Some(namespace)) => write!(out, " namespace {namespace:?}")?,
                (None, None) => {}
            }
            write!(out, ": ")?;
        }
        write!(out, "{}", details.reason)?;
        if let Some(advice) = &details.advice {
            write!(out, " ({advice})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} error {}: {self}", self.kind(), self.number())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
