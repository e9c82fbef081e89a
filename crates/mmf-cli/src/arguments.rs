//! What the command line may be, and what is said when it is not.

use std::io::Write;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Parser};

use crate::failure::USAGE;
use crate::output;
use crate::session::Session;
use crate::verbs::Verb;

/// Shared variables between processes, in any language, without a server.
///
/// A namespace is a named block of shared memory. In it live variables, each with a name and a typed
/// value. Any process on the machine opens the namespace by its name.
#[derive(Debug, Parser)]
#[command(name = "mmf", version, arg_required_else_help = true, max_term_width = 100)]
#[command(disable_help_subcommand = true, after_help = AFTER_HELP)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// How to do it.
    #[command(flatten)]
    pub session: Session,
}

/// What stands below the list of verbs.
const AFTER_HELP: &str = "\
Examples:
  mmf create shop --capacity 64MiB --swapfile shop.mmf
  mmf set shop price 12.5 --type f64
  mmf get shop price
  mmf add shop visits 1
  mmf update shop total -- awk '{print $1 * 2}'
  mmf wait shop door --exists --timeout 5s
  mmf lock shop --timeout 300ms -- ./update
  mmf export shop shop.jsonl
  mmf demo

Exit codes:
  0  done
  1  no such variable or namespace, another value than expected, or check found something
  2  the command line is wrong
  3  timed out
  4  any other error
  mmf lock and mmf update pass on the exit code of their command.

Environment:
  MMF_DIR  the directory of the namespaces, instead of a private one in shared memory

`mmf VERB --help` has examples for each verb.";

/// The command with the verbs that are for people, as completions and manual pages describe it.
pub fn shown() -> Command {
    let whole = CommandLine::command();
    let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    let mut shown = Command::new("mmf")
        .about(whole.get_about().cloned().unwrap_or_default())
        .long_about(whole.get_long_about().cloned().unwrap_or_default())
        .after_help(AFTER_HELP)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .subcommand_value_name("VERB")
        .subcommand_help_heading("VERBS")
        .args(whole.get_arguments().cloned())
        .subcommands(verbs);
    shown.build();
    shown
}

/// Answers a command line that asks for help or is wrong; returns the exit code.
pub fn explain(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed pipe is no error, and nobody is left to be told of another one.
            let _ = error.print();
            0
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = write!(std::io::stderr(), "{}", error.render());
            USAGE
        }
        _ => {
            output::complain(&in_one_line(&error.render().to_string()));
            USAGE
        }
    }
}

/// The parser's message, which has paragraphs, as one line.
fn in_one_line(message: &str) -> String {
    let mut line = String::new();
    for part in message.lines().map(str::trim).filter(|part| !part.is_empty()) {
        if part.starts_with("For more information") {
            break;
        }
        let part = part.strip_prefix("error: ").unwrap_or(part);
        let separator = match part.split_once(':') {
            _ if line.is_empty() => "",
            Some(("Usage" | "tip" | "[possible values", _)) => "; ",
            _ => " ",
        };
        line += separator;
        line += part.strip_prefix("Usage:").map_or(part, |_| "usage:");
        line += part.strip_prefix("Usage:").unwrap_or_default();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_defined() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_verb_has_examples() {
        for verb in CommandLine::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = format!("  mmf {}", verb.get_name());
            assert!(help.contains("Examples:") && help.contains(&example), "{}", verb.get_name());
        }
    }

    #[test]
    fn usage_errors_are_one_line() {
        let error = CommandLine::try_parse_from(["mmf", "get", "shop"]).expect_err("no variable");
        let line = in_one_line(&error.render().to_string());
        assert!(
            line.starts_with("the following required arguments were not provided: <"),
            "{line}"
        );
        assert!(line.contains("; usage: mmf get"), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
}
