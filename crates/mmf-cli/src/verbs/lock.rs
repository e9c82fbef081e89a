//! `mmf lock`.

use std::ffi::OsString;

use clap::Args;
use mmf::{LockGuard, LockOptions, Namespace};

use crate::failure::{Outcome, Verdict};
use crate::session::{Purpose, Session};
use crate::{child, held, output};

/// Run a command while a lock is held, and pass on its exit code.
///
/// While a namespace is locked, gets and sets of all others wait; while one variable is, those of that
/// variable. The command itself, and every mmf that it runs, is inside the lock.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf lock shop --timeout 300ms -- ./update
  mmf lock shop -- sh -c 'mmf set shop total $(( $(mmf get shop total) + 5 ))'
  mmf lock shop --variable price -- ./reprice
  mmf lock shop --shared -- mmf list shop --long

Exit codes: that of the command, 128 and the number of a signal that killed it, 127 when there is no \
such command, 126 when it cannot be run; 1 when there is no such namespace, 3 when the lock did not \
become free in time: the message names the holder.

When the previous owner died while holding the lock, a message says so before the command runs: \
what the lock protects may be half-way.

SIGTERM and SIGHUP are passed on to the command. If mmf itself is killed by SIGKILL, the lock is free \
while the command may still run.")]
pub struct Lock {
    /// Name of the namespace
    namespace: String,

    /// Lock this variable instead of the whole namespace; it need not exist
    #[arg(long, value_name = "NAME")]
    variable: Option<String>,

    /// Let others lock it as shared too, and read; only sets wait, the command's own as well
    #[arg(long)]
    shared: bool,

    /// The command and its arguments, behind --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Lock {
    /// Locks, runs the command, unlocks.
    pub fn run(&self, session: &Session) -> Outcome {
        let namespace = session.open(&self.namespace, Purpose::Write, self.variable.as_deref())?;
        let variable = self.variable.as_deref();
        if held::is_held_above(&namespace, variable) {
            return self.run_command(None);
        }
        let guard = self.lock(&namespace, session)?;
        if guard.previous_owner_died() {
            output::complain("the previous owner of the lock died while holding it");
        }
        let marks = (!self.shared).then(|| held::with_own(&namespace, variable));
        let outcome = self.run_command(marks);
        if let Err(error) = guard.unlock() {
            // The command has run: its exit code is the answer.
            output::complain(&error.to_string());
        }
        outcome
    }

    fn lock(&self, namespace: &Namespace, session: &Session) -> mmf::Result<LockGuard> {
        let options = if self.shared { LockOptions::shared() } else { LockOptions::exclusive() };
        let options = options.timeout(session.timeout());
        match &self.variable {
            Some(variable) => namespace.lock_variable(variable, &options),
            None => namespace.lock(&options),
        }
    }

    fn run_command(&self, marks: Option<OsString>) -> Outcome {
        let mut command = child::command(&self.command, marks)?;
        // Who asks this process to end asks for the command's end: the lock is held until then.
        let child = child::start(&mut command)?;
        child::end(&command, child).map(Verdict::Command)
    }
}
