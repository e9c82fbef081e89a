//! `mmf update`.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::Stdio;

use clap::Args;
use mmf::{Namespace, ToValue, Value, ValueType};
use serde_json::json;

use crate::failure::{Failure, Outcome, Verdict};
use crate::input::{self, Input, TypeName};
use crate::output::Output;
use crate::session::{Purpose, Session};
use crate::{child, held};

/// Replace a value by what a command makes of it, under the variable's lock.
///
/// The command reads the value from its standard input, and what it writes to its standard output is
/// stored when it ends with exit code 0. Nobody else changes the variable meanwhile: others wait. A
/// namespace that does not exist yet is made, as by `mmf set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf update shop total -- awk '{print $1 * 2}'
  mmf update shop apple -- jq -c '.weights += [140]'
  mmf update shop greeting -- sed s/world/moon/
  mmf update shop logo --raw -- convert - -negate -

The command gets the value as `mmf get` prints it, or as JSON with --json, or exactly its bytes with \
--raw; of a variable that does not exist, nothing (with --json: null). Its output is stored as a value \
of the same type, unless --type says otherwise; as text when there was none, without the newline at \
its end; with --raw exactly as it comes, as bytes.

An mmf that the command runs may get the variable; what it sets there is replaced by the output. \
Whoever locks the namespace waits for the update: a command must not, or it waits for its timeout.

Exit codes: that of the command, with nothing stored unless it is 0; else as with `mmf lock`. If the \
command or mmf itself is killed, nothing is stored and the lock is free.")]
pub struct Update {
    /// Name of the namespace
    namespace: String,

    /// Name of the variable
    variable: String,

    /// Give the command exactly the stored bytes, and store exactly what it writes
    #[arg(long)]
    raw: bool,

    /// Type of the new value [default: that of the value before, or text; bytes with --raw]
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<TypeName>,

    /// The command and its arguments, behind --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Update {
    /// Runs the command under the lock and stores what it writes.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        if self.raw && output.is_json() {
            return Err(Failure::Usage("--raw and --json exclude each other".to_owned()));
        }
        let name = &self.variable;
        let namespace = session.open(&self.namespace, Purpose::WriteOrMake, Some(name))?;
        let is_json = output.is_json();
        let version = if held::is_held_above(&namespace, Some(name)) {
            // The lock is this command's own.
            let next = self.next(namespace.get(name)?, None, is_json)?;
            namespace.set(name, &next)?
        } else {
            self.update(&namespace, is_json)?
        };
        if is_json {
            output.json(&json!({ "name": name, "version": version }))?;
        }
        Ok(Verdict::Done)
    }

    fn update(&self, namespace: &Namespace, is_json: bool) -> Result<u64, Failure> {
        let marks = held::with_own(namespace, Some(&self.variable));
        namespace.update(&self.variable, |current: Option<Value>| {
            self.next(current, Some(marks), is_json).map(Some)
        })
    }

    /// What the command makes of a value.
    fn next(
        &self,
        current: Option<Value>,
        marks: Option<OsString>,
        is_json: bool,
    ) -> Result<Input, Failure> {
        let given = self.given(current.as_ref(), is_json)?;
        let mut command = child::command(&self.command, marks)?;
        let mut child = child::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        // Written by a thread of its own: the command may write before it has read everything.
        let writer = std::thread::spawn(move || {
            // A command that does not read to the end needs no more.
            let _ = stdin.map(|mut stdin| stdin.write_all(&given));
        });
        let mut made = Vec::new();
        let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut made));
        let code = child::end(&command, child)?;
        // A command's own child may hold the other end, and not read.
        drop(writer);
        read.map_err(|error| Failure::reading("the command's output".as_ref(), &error))?;
        if code != 0 {
            return Err(self.refused(code));
        }
        self.taken(made, current.as_ref().map(Value::value_type))
    }

    /// What the command reads.
    fn given(&self, current: Option<&Value>, is_json: bool) -> Result<Vec<u8>, Failure> {
        Ok(match current {
            None if is_json => b"null\n".to_vec(),
            None => Vec::new(),
            Some(value) if self.raw => value.encode()?.as_bytes().to_vec(),
            Some(value) if is_json => format!("{}\n", value.to_json()).into_bytes(),
            Some(value) => format!("{value}\n").into_bytes(),
        })
    }

    /// What the command wrote, as a value.
    fn taken(&self, mut made: Vec<u8>, before: Option<ValueType>) -> Result<Input, Failure> {
        let type_name = self.type_name.unwrap_or(match before {
            _ if self.raw => TypeName::Bytes,
            Some(value_type) => TypeName::of(value_type),
            None => TypeName::Text,
        });
        if type_name == TypeName::Text && !self.raw && made.last() == Some(&b'\n') {
            made.pop();
        }
        match type_name {
            // As `mmf get` prints them.
            TypeName::Bytes if !self.raw => {
                if made.last() == Some(&b'\n') {
                    made.pop();
                }
                let text = String::from_utf8(made).map_err(|_| {
                    Failure::Usage(
                        "the command's output is neither text nor the digits of bytes (--raw \
                         stores it as it is)"
                            .to_owned(),
                    )
                })?;
                input::from_argument(text, type_name)
            }
            _ => input::from_bytes(made, type_name),
        }
    }

    fn refused(&self, code: u8) -> Failure {
        let Self { namespace, variable, .. } = self;
        let message = format!(
            "did not update variable {variable:?} of namespace {namespace:?}: the command ended with \
             exit code {code}"
        );
        Failure::Command { code, message }
    }
}
