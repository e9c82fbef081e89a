//! Manual pages out of the definitions that `--help` is made of.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;

/// The section of the manual: commands of users.
const SECTION: &str = "1";

/// The file name of the page of `command`.
pub fn file_name(command: &Command) -> String {
    Man::new(command.clone()).get_filename()
}

/// Writes the page of `command`, which was built.
pub fn write(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let source = format!("mmf {}", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.clone()).section(SECTION).source(source).manual("mmf");
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    if command.get_subcommands().next().is_some() {
        page.render_subcommands_section(out)?;
    }
    let remarks = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    out.write_all(remarks_of(&remarks).as_bytes())
}

/// What stands below a verb's help, as sections. Lines that are set in below a heading, such as
/// examples, stay as they are; other paragraphs are notes.
fn remarks_of(remarks: &str) -> String {
    let mut page = String::new();
    let mut in_notes = false;
    for paragraph in remarks.split("\n\n") {
        match paragraph.split_once(":\n  ") {
            Some((heading, lines)) => {
                page += &format!(".SH {}\n.nf\n", heading.to_uppercase());
                for line in lines.lines() {
                    page += &escaped(line.strip_prefix("  ").unwrap_or(line));
                }
                page += ".fi\n";
                in_notes = false;
            }
            None => {
                page += if in_notes { ".PP\n" } else { ".SH NOTES\n" };
                paragraph.lines().for_each(|line| page += &escaped(line));
                in_notes = true;
            }
        }
    }
    page
}

/// A line of text in which nothing is a request to the formatter, and every hyphen is the letter
/// that people type.
fn escaped(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    let guard = if text.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines_and_nothing_is_a_request() {
        let remarks = "Examples:\n  mmf get --raw a\\b\n  .x\n\n.first\nand\n\n'second";
        let expected = ".SH EXAMPLES\n.nf\nmmf get \\-\\-raw a\\eb\n\\&.x\n.fi\n\
                        .SH NOTES\n\\&.first\nand\n.PP\n\\&'second\n";
        assert_eq!(remarks_of(remarks), expected);
    }
}
