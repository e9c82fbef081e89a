//! A directory of namespaces for one test, and ways to run the command in it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The command under test.
pub const MMF: &str = env!("CARGO_BIN_EXE_mmf");
/// No run takes longer.
const LIMIT: Duration = Duration::from_secs(100);

/// A place where the namespaces of one test are, and its working directory.
pub struct Place {
    directory: TempDir,
}

impl Place {
    /// An empty place.
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A place with the namespace `shop`, as small as can be.
    pub fn with_shop() -> Self {
        let place = Self::new();
        place.mmf("create shop --capacity 256KiB").ends(0);
        place
    }

    /// Where the files of namespaces are.
    pub fn namespaces(&self) -> PathBuf {
        self.directory.path().join("namespaces")
    }

    /// The working directory of all runs.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `mmf` with the words of `line`.
    pub fn mmf(&self, line: &str) -> Run {
        self.mmf_with(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs `mmf` with arguments.
    pub fn mmf_with(&self, arguments: &[&str]) -> Run {
        let mut command = assert_cmd::Command::new(MMF);
        Run::of(self.here(&mut command).args(arguments), &arguments.join(" "))
    }

    /// Runs `mmf` with the words of `line` and with something to read.
    pub fn mmf_reading(&self, line: &str, input: &[u8]) -> Run {
        let mut command = assert_cmd::Command::new(MMF);
        Run::of(self.here(&mut command).args(line.split_whitespace()).write_stdin(input), line)
    }

    /// Runs a shell script that finds `mmf` in its path.
    pub fn shell(&self, script: &str) -> Run {
        let mut command = assert_cmd::Command::new("sh");
        Run::of(self.here(&mut command).args(["-c", script]), script)
    }

    /// Starts a shell script and does not wait for it.
    pub fn start(&self, script: &str) -> Running {
        let mut command = Command::new("sh");
        let child = command
            .args(["-c", script])
            .current_dir(self.path())
            .env("MMF_DIR", self.namespaces())
            .env("PATH", search_path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        Running { child: Some(child), script: script.to_owned() }
    }

    /// Starts an `mmf lock shop` with `options` that holds the lock until [`Place::release`].
    pub fn hold(&self, options: &str) -> Running {
        let inside = "mmf set shop held yes --no-autolock && \
                      mmf wait shop release --exists --no-autolock --timeout 60s >released";
        let running = self.start(&format!("exec mmf lock shop {options} -- sh -c '{inside}'"));
        self.mmf("wait shop held --exists --no-autolock --timeout 60s").ends(0);
        running
    }

    /// Lets whoever holds the lock go.
    pub fn release(&self) {
        self.mmf("set shop release yes --no-autolock").ends(0);
    }

    fn here<'c>(&self, command: &'c mut assert_cmd::Command) -> &'c mut assert_cmd::Command {
        command
            .current_dir(self.path())
            .env("MMF_DIR", self.namespaces())
            .env("PATH", search_path())
            .timeout(LIMIT)
    }
}

/// The path with the command under test in front.
fn search_path() -> std::ffi::OsString {
    let own = Path::new(MMF).parent().expect("a directory").to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::iter::once(own).chain(std::env::split_paths(&others));
    std::env::join_paths(directories).expect("a path")
}

/// A process that runs on its own; it is killed when the test ends before it.
pub struct Running {
    child: Option<Child>,
    script: String,
}

impl Running {
    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("a process").id();
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(status.expect("a shell").success());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Run {
        let child = self.child.take().expect("a process");
        let output = child.wait_with_output().expect("its output");
        Run { line: self.script.clone(), output }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A run that has ended.
pub struct Run {
    line: String,
    output: std::process::Output,
}

impl Run {
    /// Runs `command` to its end.
    pub fn of(command: &mut assert_cmd::Command, line: &str) -> Self {
        let output = command.output().expect("a process");
        Self { line: line.to_owned(), output }
    }

    /// What it printed.
    pub fn text(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).expect("text")
    }

    /// What it printed as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.line, self.text()))
    }

    /// Its complaints.
    pub fn complaints(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// It ended with this exit code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        let ended = self.output.status.code();
        assert_eq!(ended, Some(code), "{}: {}", self.line, self.complaints());
        self
    }

    /// It ended with one of these exit codes, which is returned.
    #[track_caller]
    pub fn ends_either(self, one: i32, other: i32) -> i32 {
        let ended = self.output.status.code();
        assert!([Some(one), Some(other)].contains(&ended), "{}: {}", self.line, self.complaints());
        ended.unwrap_or(other)
    }

    /// It succeeded and printed exactly this.
    #[track_caller]
    pub fn prints(self, expected: &str) -> Self {
        let run = self.ends(0);
        assert_eq!(run.text(), expected, "{}", run.line);
        assert_eq!(run.complaints(), "", "{}", run.line);
        run
    }

    /// It succeeded and wrote exactly these bytes.
    #[track_caller]
    pub fn writes(self, expected: &[u8]) -> Self {
        let run = self.ends(0);
        assert_eq!(run.output.stdout, expected, "{}", run.line);
        run
    }

    /// It ended with this exit code, printed nothing, and complained in one line that has all of
    /// these parts.
    #[track_caller]
    pub fn fails(self, code: i32, parts: &[&str]) -> Self {
        let run = self.ends(code);
        let complaints = run.complaints();
        assert_eq!(run.text(), "", "{}", run.line);
        assert!(complaints.starts_with("mmf: "), "{}: {complaints}", run.line);
        assert_eq!(complaints.trim_end().lines().count(), 1, "{}: {complaints}", run.line);
        for part in parts {
            assert!(complaints.contains(part), "{}: no {part:?} in {complaints}", run.line);
        }
        run
    }
}
