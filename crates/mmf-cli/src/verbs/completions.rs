//! `mmf completions`.

use clap::Args;
use clap_complete::Shell;

use crate::arguments;
use crate::failure::{Outcome, Verdict};
use crate::output::Output;

/// Print a script that completes verbs and options in a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf completions bash > ~/.local/share/bash-completion/completions/mmf
  mmf completions zsh > ~/.zfunc/_mmf
  mmf completions fish > ~/.config/fish/completions/mmf.fish
  source <(mmf completions bash)

The last line is for the running shell alone.")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints it.
    pub fn run(&self, output: &mut Output) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut arguments::shown(), "mmf", &mut script);
        output.writer().write_all(&script)?;
        Ok(Verdict::Done)
    }
}
