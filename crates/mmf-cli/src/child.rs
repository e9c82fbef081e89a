//! Commands that run inside a lock of this process.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command};

use crate::failure::Failure;
use crate::{held, platform};

/// What shells end with when a command does not exist.
const NO_SUCH_COMMAND: u8 = 127;
/// What shells end with when a command cannot be run.
const NO_COMMAND: u8 = 126;

/// The command of these words; `marks` tell what it runs of the locks that are held for it.
pub fn command(words: &[OsString], marks: Option<OsString>) -> Result<Command, Failure> {
    let [program, arguments @ ..] = words else {
        return Err(Failure::Usage("there is no command to run".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(marks) = marks {
        command.env(held::VARIABLE, marks);
    }
    Ok(command)
}

/// Starts it. Who asks this process to end asks for the command's end from now on.
pub fn start(command: &mut Command) -> Result<Child, Failure> {
    platform::catch_endings();
    let child = command.spawn().map_err(|error| failed(command, &error))?;
    platform::forward_to(Some(child.id()));
    Ok(child)
}

/// Waits for its end; returns the exit code that a shell would report.
pub fn end(command: &Command, mut child: Child) -> Result<u8, Failure> {
    let status = child.wait();
    platform::forward_to(None);
    Ok(platform::exit_code(status.map_err(|error| failed(command, &error))?))
}

fn failed(command: &Command, error: &io::Error) -> Failure {
    Failure::Command {
        code: match error.kind() {
            io::ErrorKind::NotFound => NO_SUCH_COMMAND,
            _ => NO_COMMAND,
        },
        message: format!("cannot run {}: {error}", command.get_program().display()),
    }
}
