//! What a check of the source found.

use std::fmt;

/// One offence: where it is and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// File, from the root of the checkout.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, and where it helps, what to do instead.
    pub message: String,
}

impl Finding {
    /// A finding at `line` of the file at `path`.
    pub fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Prints what a check found; any finding makes the check fail.
pub fn report(findings: &[Finding], checked: usize, subject: &str) -> Result<(), String> {
    for finding in findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("{checked} {subject} checked, nothing found");
            Ok(())
        }
        1 => Err("1 finding, listed above".to_owned()),
        count => Err(format!("{count} findings, listed above")),
    }
}
