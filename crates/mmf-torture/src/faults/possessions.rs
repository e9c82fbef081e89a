//! What a process holds of the system: descriptors, and mappings of a directory's files.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Result;

/// What a process holds, by name, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Possessions(BTreeMap<String, usize>);

impl Possessions {
    /// The calling process's open descriptors.
    pub(super) fn descriptors() -> Result<Self> {
        let mut found = Self::default();
        for entry in std::fs::read_dir("/proc/self/fd")? {
            let Ok(target) = std::fs::read_link(entry?.path()) else { continue };
            // The listing's own descriptor.
            if !target.starts_with("/proc") {
                found.note(&target.to_string_lossy());
            }
        }
        Ok(found)
    }

    /// The calling process's mappings of files below `directory`.
    pub(super) fn mappings(directory: &Path) -> Result<Self> {
        let mut found = Self::default();
        let directory = directory.to_string_lossy();
        for line in std::fs::read_to_string("/proc/self/maps")?.lines() {
            if line.contains(&*directory) {
                let mut fields = line.split_ascii_whitespace();
                let (permissions, file) = (fields.nth(1), fields.nth(3));
                found.note(&format!("{} {}", permissions.unwrap_or("?"), file.unwrap_or("?")));
            }
        }
        Ok(found)
    }

    fn note(&mut self, name: &str) {
        *self.0.entry(name.to_owned()).or_insert(0) += 1;
    }

    /// What is here and not in `earlier`, and the other way round; none if they are the same.
    pub(super) fn difference(&self, earlier: &Self) -> Option<String> {
        let names =
            self.0.keys().chain(earlier.0.keys()).collect::<std::collections::BTreeSet<_>>();
        let count = |of: &Self, name: &String| of.0.get(name).copied().unwrap_or(0);
        let changes = names.into_iter().filter(|name| count(self, name) != count(earlier, name));
        let changes: Vec<_> = changes
            .map(|name| {
                format!("{name}: {} before, {} after", count(earlier, name), count(self, name))
            })
            .collect();
        (!changes.is_empty()).then(|| changes.join("; "))
    }
}
