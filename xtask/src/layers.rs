//! The layers of the library: a module imports from its own layer and from lower ones only.

use crate::finding::{self, Finding};
use crate::paths::paths_from;
use crate::rust_source::RustSource;
use crate::workspace::{TextFile, Workspace};

/// The library's sources.
const SOURCES: &str = "crates/mmf/src";

/// The top-level modules of the library, from the lowest layer to the highest.
const LAYERS: [&str; 17] = [
    "error",
    "sync",
    "platform",
    "format",
    "value",
    "segment",
    "journal",
    "heap",
    "tree",
    "index",
    "seat",
    "record",
    "registry",
    "lock",
    "variable",
    "inspect",
    "namespace",
];

/// The front door, which gathers from every layer and belongs to none.
const FRONT_DOOR: &str = "lib.rs";

/// Checks the library of `workspace`.
pub fn check(workspace: &Workspace) -> Result<(), String> {
    let files = workspace.files(SOURCES, "rs").map_err(|error| error.to_string())?;
    if files.is_empty() {
        return Err(format!("there are no Rust files in {SOURCES}"));
    }
    let findings: Vec<Finding> = files.iter().flat_map(check_file).collect();
    finding::report(&findings, files.len(), "files of the library")
}

fn check_file(file: &TextFile) -> Vec<Finding> {
    let inside = file.path.strip_prefix(SOURCES).unwrap_or(&file.path).trim_start_matches('/');
    if inside == FRONT_DOOR {
        return Vec::new();
    }
    let module = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
    let Some(own_layer) = layer_of(module) else {
        let message =
            format!("the top-level module `{module}` is in no layer of xtask/src/layers.rs");
        return vec![Finding::new(&file.path, 1, message)];
    };
    let source = RustSource::new(&file.path, &file.text);
    let mut findings = Vec::new();
    for path in paths_from(&source.code_without_tests, "crate") {
        let imported = &path.parts[0];
        let message = match layer_of(imported) {
            Some(layer) if layer <= own_layer => continue,
            Some(_) => format!("layer `{module}` imports from the higher layer `{imported}`"),
            None => format!(
                "layer `{module}` names `crate::{imported}`, which hides a layer: name the module \
                 it comes from"
            ),
        };
        findings.push(Finding::new(&file.path, path.line, message));
    }
    findings
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let file = TextFile { path: format!("{SOURCES}/{path}"), text: text.to_owned() };
        check_file(&file).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_lower_layer_may_not_import_a_higher_one() {
        let offending = "use crate::error::Error;\n\nfn find() { crate::index::find() }\n";
        assert_eq!(
            found("heap/extent.rs", offending),
            ["crates/mmf/src/heap/extent.rs:3: layer `heap` imports from the higher layer `index`"]
        );
        assert!(found("registry.rs", offending).is_empty());
    }

    #[test]
    fn groups_are_looked_into() {
        let offending = "use crate::{\n    error::Error,\n    namespace::{self, Namespace},\n};\n";
        let findings = found("value/mod.rs", offending);
        assert_eq!(findings.len(), 2);
        assert!(findings[0].contains("value/mod.rs:3: layer `value` imports"), "{}", findings[0]);
    }

    #[test]
    fn own_layer_comments_and_tests_are_free() {
        let text = concat!(
            "//! See [`crate::namespace`].\n",
            "use crate::heap::Block;\n",
            "const NAME: &str = \"crate::namespace\";\n",
            "#[cfg(test)]\nmod tests {\n    use crate::namespace::Namespace;\n}\n",
        );
        assert!(found("heap/mod.rs", text).is_empty());
        assert!(found("heap/tests.rs", "use crate::namespace::Namespace;\n").is_empty());
        assert!(found("lib.rs", "pub use crate::namespace::Namespace;\n").is_empty());
    }

    #[test]
    fn code_after_a_test_module_is_checked() {
        let text = "#[cfg(test)]\nmod tests {\n    fn a() {}\n}\nuse crate::lock::Lock;\n";
        assert_eq!(found("heap.rs", text).len(), 1);
    }

    #[test]
    fn every_top_level_module_has_a_layer() {
        assert!(found("helpers.rs", "")[0].contains("module `helpers` is in no layer"));
        assert!(found("helpers/deep/file.rs", "")[0].contains("module `helpers` is in no layer"));
    }

    #[test]
    fn the_front_door_is_no_way_round() {
        assert!(found("heap.rs", "use crate::Namespace;\n")[0].contains("hides a layer"));
        assert!(found("heap.rs", "use crate::*;\n")[0].contains("hides a layer"));
    }
}
