//! Runs other programs and says what it runs.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::workspace::Workspace;

/// A program with its arguments, to be run in the root of a workspace.
pub struct CommandLine {
    command: Command,
    shown: String,
}

impl CommandLine {
    /// `program` with the arguments in `arguments`, which blanks separate.
    pub fn new(workspace: &Workspace, program: impl AsRef<OsStr>, arguments: &str) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.current_dir(workspace.root()).args(arguments.split_whitespace());
        let name = Path::new(program).file_stem().unwrap_or(program).to_string_lossy();
        Self { command, shown: format!("{name} {arguments}") }
    }

    /// The cargo that runs this program, with the arguments in `arguments`.
    pub fn cargo(workspace: &Workspace, arguments: &str) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Self::new(workspace, cargo, arguments)
    }

    /// Adds one argument, blanks and all.
    pub fn and(mut self, argument: impl AsRef<OsStr>) -> Self {
        let argument = argument.as_ref();
        self.command.arg(argument);
        self.shown = format!("{} {}", self.shown, argument.to_string_lossy());
        self
    }

    /// Sets an environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        let quote = if value.contains(' ') { "\"" } else { "" };
        self.shown = format!("{name}={quote}{value}{quote} {}", self.shown);
        self
    }

    /// Runs the program, with its output shown as it comes.
    pub fn run(mut self) -> Result<(), String> {
        println!("$ {}", self.shown);
        let status = self.command.stdin(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{}` ended with {status}", self.shown)),
            Err(error) => Err(format!("`{}` could not be started: {error}", self.shown)),
        }
    }

    /// Runs the program and takes what it writes to its standard output; its errors are shown.
    /// Fails when it fails.
    pub fn read(mut self) -> Result<String, String> {
        println!("$ {}", self.shown);
        let output = self.command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        match output {
            Ok(Output { status, stdout, .. }) if status.success() => {
                Ok(String::from_utf8_lossy(&stdout).into_owned())
            }
            Ok(Output { status, .. }) => Err(format!("`{}` ended with {status}", self.shown)),
            Err(error) => Err(format!("`{}` could not be started: {error}", self.shown)),
        }
    }

    /// Runs the program and takes what it writes, its errors as well, which are shown when it
    /// fails.
    pub fn read_all(mut self) -> Result<String, String> {
        println!("$ {}", self.shown);
        match self.command.stdin(Stdio::null()).output() {
            Ok(Output { status, stdout, stderr }) => {
                let text =
                    [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                let text = text.concat();
                if status.success() {
                    Ok(text)
                } else {
                    print!("{text}");
                    Err(format!("`{}` ended with {status}", self.shown))
                }
            }
            Err(error) => Err(format!("`{}` could not be started: {error}", self.shown)),
        }
    }

    /// What the program writes to its standard output, silently; none when it fails or isn't
    /// there.
    pub fn probe(mut self) -> Option<String> {
        let output = self.command.stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The program of one source file in the output of cargo's `--no-run`.
pub fn program_of(workspace: &Workspace, output: &str, source: &str) -> Option<PathBuf> {
    let mut lines = output.lines().filter(|line| line.trim_start().starts_with("Executable "));
    let line = lines.find(|line| line.contains(&format!(" {source} (")))?;
    let path = line.split_once('(')?.1.strip_suffix(')')?;
    Some(workspace.root().join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_cargos_output() {
        let workspace = Workspace::at(Path::new("/a"));
        let text = "   Compiling b\n  Executable unittests src/lib.rs (target/c/mmf-1)\n";
        let program = |output| program_of(&workspace, output, "src/lib.rs");
        assert_eq!(program(text), Some(PathBuf::from("/a/target/c/mmf-1")));
        assert_eq!(program("  Executable unittests src/main.rs (d)\n"), None);
        let bench = "  Executable benches/b.rs (target/b-1)\n";
        assert!(program_of(&workspace, bench, "benches/b.rs").is_some());
    }
}
