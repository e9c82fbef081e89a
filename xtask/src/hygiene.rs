//! Rules of the house that neither rustfmt nor clippy knows; CONTRIBUTING.md says why they hold.

use crate::finding::{self, Finding};
use crate::links;
use crate::paths::paths_from;
use crate::rust_source::{RustSource, lines_with};
use crate::workspace::{TextFile, Workspace};

const LONGEST_FILE: usize = 700;
const LONGEST_MODULE_FILE: usize = 60;
const LONGEST_FRONT_DOOR: usize = 150;

/// The library, and the files of it that may use atomics directly.
const LIBRARY: &str = "crates/mmf/";
const LIBRARY_SOURCES: &str = "crates/mmf/src/";
const ATOMICS_ALLOWED: [&str; 2] = ["crates/mmf/src/sync/", "crates/mmf/src/platform/"];

/// The files of the library that may hold `unsafe`: the system calls, and the one door from an
/// offset to a reference.
const UNSAFE_ALLOWED: [&str; 2] = ["crates/mmf/src/platform/", "crates/mmf/src/segment/"];

/// Crates whose `sync::atomic` are the types that the library takes from its seam.
const ATOMIC_ROOTS: [&str; 3] = ["core", "std", "loom"];

/// Checks the files of `workspace`.
pub fn check(workspace: &Workspace) -> Result<(), String> {
    let sources = workspace.files("", "rs").map_err(|error| error.to_string())?;
    let documents = workspace.files("", "md").map_err(|error| error.to_string())?;
    let mut findings: Vec<Finding> = sources.iter().flat_map(check_source).collect();
    for document in &documents {
        findings.extend(links::check_document(workspace, document));
    }
    finding::report(&findings, sources.len() + documents.len(), "sources and documents")
}

fn check_source(file: &TextFile) -> Vec<Finding> {
    let source = RustSource::new(&file.path, &file.text);
    let mut findings = Vec::new();
    check_length(file, &mut findings);
    check_unfinished(file, &source, &mut findings);
    check_seams(file, &source, &mut findings);
    findings.sort_by_key(|finding| finding.line);
    findings
}

fn check_length(file: &TextFile, findings: &mut Vec<Finding>) {
    let is_test = file.path.split('/').any(|part| part == "tests");
    let longest = match file.path.rsplit('/').next() {
        // What tests share stands in a mod.rs by Cargo's convention, logic and all.
        Some("mod.rs") if !is_test => LONGEST_MODULE_FILE,
        Some("lib.rs") => LONGEST_FRONT_DOOR,
        _ => LONGEST_FILE,
    };
    let length = file.text.lines().count();
    if length > longest {
        let message = format!("{length} lines, and a file of this name has at most {longest}");
        findings.push(Finding::new(&file.path, longest + 1, message));
    }
}

/// Nothing is left for later and no test is switched off.
fn check_unfinished(file: &TextFile, source: &RustSource, findings: &mut Vec<Finding>) {
    let in_code = ["todo!", "unimplemented!", "#[ignore", "TODO", "FIXME"];
    let in_comments = ["TODO", "FIXME", "```ignore"];
    let parts = [(&source.code, &in_code[..]), (&source.comments, &in_comments[..])];
    for (text, patterns) in parts {
        for pattern in patterns {
            for line in lines_with(text, pattern) {
                let message = format!("`{pattern}`: finish it, or take it out");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
}

/// Atomics, the operating system and `unsafe` stay behind their seams.
fn check_seams(file: &TextFile, source: &RustSource, findings: &mut Vec<Finding>) {
    let path = file.path.as_str();
    let is_one_of = |allowed: &[&str]| allowed.iter().any(|prefix| path.starts_with(prefix));
    if path.starts_with(LIBRARY_SOURCES) && !is_one_of(&ATOMICS_ALLOWED) {
        for root in ATOMIC_ROOTS {
            for named in paths_from(&source.code_without_tests, root) {
                if named.parts.starts_with(&["sync".to_owned(), "atomic".to_owned()]) {
                    let message = format!("`{root}::sync::atomic`: use `crate::sync`");
                    findings.push(Finding::new(path, named.line, message));
                }
            }
        }
    }
    if path.starts_with("crates/") && !is_platform_layer(path) {
        for line in lines_with(&source.code, "target_os") {
            let message = "`cfg(target_os)` outside a platform layer";
            findings.push(Finding::new(path, line, message));
        }
    }
    if path.starts_with(LIBRARY) && !is_one_of(&UNSAFE_ALLOWED) {
        for line in lines_with(&source.code, "unsafe") {
            let message = "`unsafe` outside the files that xtask/src/hygiene.rs allows it in";
            findings.push(Finding::new(path, line, message));
        }
    }
}

/// Whether a file is in a directory `platform`, or is the `platform.rs` of a smaller crate.
fn is_platform_layer(path: &str) -> bool {
    path.split('/').any(|part| part == "platform" || part == "platform.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        check_source(&file).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn long_files() {
        assert_eq!(found("crates/a/src/lib.rs", &"\n".repeat(150)), [""; 0]);
        assert!(found("crates/a/src/lib.rs", &"\n".repeat(151))[0].contains("lib.rs:151: 151"));
        assert!(found("crates/a/src/b/mod.rs", &"\n".repeat(61))[0].contains("at most 60"));
        assert!(found("crates/a/tests/common/mod.rs", &"\n".repeat(61)).is_empty());
        assert!(found("crates/a/src/b.rs", &"\n".repeat(701))[0].contains("at most 700"));
    }

    #[test]
    fn unfinished_work() {
        for text in [
            "fn a() { todo!() }",
            "fn a() { unimplemented!(\"b\") }",
            "#[ignore = \"slow\"]",
            "// TODO: b",
            "/// FIXME",
            "/// ```ignore",
        ] {
            assert_eq!(found("crates/a/src/b.rs", text).len(), 1, "{text}");
        }
        assert!(found("crates/a/src/b.rs", "let a = \"TODO todo!()\"; mytodo!()").is_empty());
    }

    #[test]
    fn atomics_come_from_the_seam() {
        for text in [
            "use core::sync::atomic::AtomicU64;",
            "use std::{fmt, sync::{Arc, atomic::AtomicU64}};",
            "static A: ::std::sync::atomic::AtomicU64 = b;",
            "use loom::sync::atomic::AtomicU64;",
        ] {
            assert_eq!(found("crates/mmf/src/heap.rs", text).len(), 1, "{text}");
            assert!(found("crates/mmf/src/sync/mod.rs", text).is_empty());
            assert!(found("crates/mmf/src/platform/futex.rs", text).is_empty());
            assert!(found("crates/mmf/src/heap/tests.rs", text).is_empty());
            assert!(found("crates/mmf-bench/src/lib.rs", text).is_empty());
        }
        assert!(found("crates/mmf/src/heap.rs", "use std::sync::Arc;").is_empty());
    }

    #[test]
    fn the_operating_system_is_the_platform_layers_business() {
        for text in ["#[cfg(target_os = \"linux\")]", "#[cfg(any(unix, target_os = \"a\"))]"] {
            assert_eq!(found("crates/mmf-cli/src/main.rs", text).len(), 1, "{text}");
            assert!(found("crates/mmf/src/platform/mod.rs", text).is_empty());
        }
    }

    #[test]
    fn unsafe_code_is_in_few_files() {
        let text = "fn a() { unsafe { b() } }";
        assert_eq!(found("crates/mmf/src/heap.rs", text).len(), 1);
        assert_eq!(found("crates/mmf/tests/kill.rs", text).len(), 1);
        assert!(found("crates/mmf/src/segment/door.rs", text).is_empty());
        assert!(found("crates/mmf/src/platform/linux/mapping.rs", text).is_empty());
        assert!(found("crates/mmf/src/lib.rs", "#![deny(unsafe_code)] // unsafe").is_empty());
    }
}
