//! The checkout these checks run on, and which of its files they look at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Directories that hold built or foreign files; hidden ones are left out as well.
const SKIPPED_DIRECTORIES: [&str; 3] = ["target", "blib", "node_modules"];

/// The root of a checkout.
pub struct Workspace {
    root: PathBuf,
}

/// A text file of the checkout.
pub struct TextFile {
    /// Path from the root, with `/` between its parts on every system.
    pub path: String,
    /// The whole content.
    pub text: String,
}

impl Workspace {
    /// The checkout that this program was built from.
    pub fn of_this_build() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::at(package.parent().unwrap_or(package))
    }

    /// The checkout at `root`.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// The directory of the checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads every file under `directory` whose name ends in `.extension`, sorted by path; a
    /// directory that isn't there has none.
    pub fn files(&self, directory: &str, extension: &str) -> io::Result<Vec<TextFile>> {
        let mut found = Vec::new();
        let start = self.root.join(directory);
        if start.is_dir() {
            self.collect(&start, extension, &mut found)?;
        }
        found.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(found)
    }

    fn collect(
        &self,
        directory: &Path,
        extension: &str,
        found: &mut Vec<TextFile>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            // A link's own type is neither, so links are not followed and cannot make a circle.
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED_DIRECTORIES.contains(&name.as_str()) {
                self.collect(&path, extension, found)?;
            } else if kind.is_file() && path.extension().is_some_and(|found| found == extension) {
                found.push(TextFile { path: self.relative(&path), text: read_text(&path)? });
            }
        }
        Ok(())
    }

    fn relative(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
