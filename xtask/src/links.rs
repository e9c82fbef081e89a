//! Relative links of the documents lead to files that exist.

use std::path::{Path, PathBuf};

use crate::finding::Finding;
use crate::workspace::{TextFile, Workspace};

/// Checks the links of one document.
pub fn check_document(workspace: &Workspace, document: &TextFile) -> Vec<Finding> {
    let directory = Path::new(&document.path).parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (line, target) in link_targets(&document.text) {
        if let Some(path) = local_path(&target) {
            let found = match path.strip_prefix("/") {
                Ok(from_root) => workspace.root().join(from_root),
                Err(_) => workspace.root().join(directory).join(&path),
            };
            if !found.exists() {
                let message = format!("the link to `{target}` leads to no file");
                findings.push(Finding::new(&document.path, line, message));
            }
        }
    }
    findings
}

/// The targets of `[text](target)`, `![text](target)` and `[name]: target` with their lines,
/// outside code blocks and code spans.
fn link_targets(text: &str) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let marker = ["```", "~~~"].into_iter().find(|marker| start.starts_with(marker));
        match (fence, marker) {
            (None, Some(opening)) => fence = Some(opening),
            (Some(opening), _) if marker == Some(opening) => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                let line = without_code_spans(line);
                let found = inline_targets(&line).into_iter().chain(definition_target(&line));
                targets.extend(found.map(|target| (index + 1, target)));
            }
        }
    }
    targets
}

fn without_code_spans(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::new();
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].bytes().take_while(|byte| *byte == b'`').count();
        let after = start + ticks;
        let Some(length) = rest[after..].find(&"`".repeat(ticks)) else { break };
        kept.push_str(&rest[..start]);
        rest = &rest[after + length + ticks..];
    }
    kept + rest
}

fn inline_targets(line: &str) -> Vec<String> {
    line.match_indices("](")
        .map(|(start, opening)| target_at(&line[start + opening.len()..]))
        .collect()
}

fn definition_target(line: &str) -> Option<String> {
    let (name, rest) = line.trim_start().strip_prefix('[')?.split_once("]:")?;
    let is_definition = !name.contains(']') && !name.starts_with('^');
    is_definition.then(|| target_at(rest.trim_start()))
}

/// The target at the start of `rest`: up to a blank or to the parenthesis that closes the link,
/// or all within angle brackets.
fn target_at(rest: &str) -> String {
    if let Some((target, _)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        return target.to_owned();
    }
    let mut depth = 0;
    let is_end = |character: char| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth < 0 || character.is_whitespace()
    };
    rest[..rest.find(is_end).unwrap_or(rest.len())].to_owned()
}

/// The file that a target names; none for other sites and for headings of the same document.
fn local_path(target: &str) -> Option<PathBuf> {
    let path = target.split(['#', '?']).next().unwrap_or(target);
    let has_scheme = path.split_once(':').is_some_and(|(scheme, _)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    let is_local = !path.is_empty() && !has_scheme && !path.starts_with("//");
    is_local.then(|| PathBuf::from(path.replace("%20", " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<String> {
        link_targets(text).into_iter().map(|(line, target)| format!("{line} {target}")).collect()
    }

    #[test]
    fn links_of_every_form() {
        assert_eq!(
            targets("a [b](c.md) ![d](e_(1).png \"title\") [f](<g h.md>)\n[i]: j.md#k\n[^l]: m"),
            ["1 c.md", "1 e_(1).png", "1 g h.md", "2 j.md#k"]
        );
    }

    #[test]
    fn code_has_no_links() {
        assert_eq!(targets("```\n[a](b)\n~~~\n```\n`[c](d)` [e](f) ``g`[h](i)``"), ["5 f"]);
    }

    #[test]
    fn only_files_are_looked_for() {
        for target in ["https://example.org/a", "mailto:a@example.org", "#heading", "//host/a"] {
            assert_eq!(local_path(target), None, "{target}");
        }
        assert_eq!(local_path("a%20b.md#c"), Some(PathBuf::from("a b.md")));
    }

    #[test]
    fn missing_files_are_found() {
        let workspace = Workspace::at(Path::new(env!("CARGO_MANIFEST_DIR")));
        let text = "[a](../Cargo.toml)\n[b](missing.md)\n[c](/Cargo.toml) [d](lib.md)".to_owned();
        let document = TextFile { path: "src/document.md".to_owned(), text };
        let findings = check_document(&workspace, &document);
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2, 3]);
        assert!(findings[0].to_string().starts_with("src/document.md:2: the link to `missing.md`"));
    }
}
