//! Finds the paths that code names, with the groups of `use a::{b, c::d}` written out.

use crate::rust_source::is_word_byte;

/// A path as code names it.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedPath {
    /// The line, from 1, on which its last part stands.
    pub line: usize,
    /// The parts after the root; `*` and `self` stand for themselves.
    pub parts: Vec<String>,
}

/// Every path in `code` that starts with `root::`, where `code` is free of comments and literals.
pub fn paths_from(code: &str, root: &str) -> Vec<NamedPath> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices(root) {
        let starts_word = !code.as_bytes()[..start].last().is_some_and(|byte| is_word_byte(*byte));
        let mut reader = Reader { code, position: start + root.len(), found: &mut found };
        if starts_word && reader.accept("::") {
            reader.tree(&[]);
        }
    }
    found
}

/// Reads one `use` tree or path from a position on; what follows it is left alone.
struct Reader<'a> {
    code: &'a str,
    position: usize,
    found: &'a mut Vec<NamedPath>,
}

impl Reader<'_> {
    fn tree(&mut self, before: &[String]) {
        if self.accept("{") {
            while !self.accept("}") && self.position < self.code.len() {
                let start = self.position;
                self.tree(before);
                self.rename();
                if !self.accept(",") && self.position == start {
                    return;
                }
            }
            return;
        }
        let name = if self.accept("*") { "*".to_owned() } else { self.word() };
        if name.is_empty() {
            return;
        }
        let mut parts = before.to_vec();
        parts.push(name);
        let after_name = self.position;
        if self.accept("::") {
            let count = self.found.len();
            self.tree(&parts);
            if self.found.len() > count {
                return;
            }
        }
        self.found.push(NamedPath { line: self.line_of(after_name), parts });
    }

    /// Steps over `as name`.
    fn rename(&mut self) {
        let start = self.position;
        if self.word() == "as" {
            self.word();
        } else {
            self.position = start;
        }
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let matches = self.code[self.position..].starts_with(token);
        if matches {
            self.position += token.len();
        }
        matches
    }

    fn word(&mut self) -> String {
        self.accept("r#");
        self.skip_blanks();
        let rest = &self.code[self.position..];
        let length = rest.bytes().take_while(|byte| is_word_byte(*byte)).count();
        self.position += length;
        rest[..length].to_owned()
    }

    fn skip_blanks(&mut self) {
        let rest = &self.code[self.position..];
        self.position += rest.len() - rest.trim_start().len();
    }

    fn line_of(&self, position: usize) -> usize {
        1 + self.code[..position].matches('\n').count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(code: &str) -> Vec<String> {
        let paths = paths_from(code, "crate");
        paths.into_iter().map(|path| format!("{}:{}", path.line, path.parts.join("::"))).collect()
    }

    #[test]
    fn single_paths() {
        assert_eq!(named("use crate::heap::Block;"), ["1:heap::Block"]);
        assert_eq!(named("let a = crate :: heap :: take::<u8>(1);"), ["1:heap::take"]);
        assert_eq!(named("$crate::lock!()\n crate::r#index"), ["1:lock", "2:index"]);
        assert_eq!(named("use crate::*;"), ["1:*"]);
    }

    #[test]
    fn groups_are_written_out() {
        assert_eq!(
            named("use crate::{\n    error::{self, Error as E},\n    heap,\n    lock::*,\n};"),
            ["2:error::self", "2:error::Error", "3:heap", "4:lock::*"]
        );
    }

    #[test]
    fn what_is_no_path_is_passed_over() {
        assert!(named("pub(crate) fn mycrate::a() { crate_name::b() }").is_empty());
        assert!(named("use crate::{").is_empty());
        assert!(named("use crate::{ + }").is_empty());
        assert!(named("crate::").is_empty());
    }
}
