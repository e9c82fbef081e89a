//! Where the files of a run lie.
#![allow(unsafe_code, reason = "the environment can be changed only that way")]

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Result;

/// Begins the name of every directory.
const PREFIX: &str = "mmf-bench-";

/// A directory in system memory that goes with this value, and in which mmf has its namespaces.
pub struct Place {
    directory: TempDir,
    /// Locked for as long as the process lives: what is not locked is left over.
    _lock: File,
}

impl Place {
    /// Makes the directory, and removes those that killed runs have left. To be called once, by a
    /// program that has no other thread yet.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made.
    pub fn take() -> Result<Self> {
        let parent = ["/dev/shm"].map(PathBuf::from).into_iter().find(|path| path.is_dir());
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        remove_left_over(&parent);
        let failed = |error| format!("making a locked directory in {}: {error}", parent.display());
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent);
        let directory = made.map_err(failed)?;
        let lock = File::open(directory.path()).map_err(failed)?;
        lock.lock().map_err(failed)?;
        // SAFETY: obligation: no other thread reads or changes the environment meanwhile. The caller
        // has no other thread; the documentation of this function asks for it.
        unsafe { std::env::set_var("MMF_DIR", directory.path()) };
        Ok(Self { directory, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes directories that nobody has locked. One that another user owns stays.
fn remove_left_over(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let directory = if is_ours { File::open(entry.path()) } else { continue };
        if directory.is_ok_and(|directory| directory.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_that_nobody_has_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        let (mine, other, dead) = ("mmf-bench-a", "something-else", "mmf-bench-b");
        for name in [mine, other, dead] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let lock = File::open(path(mine)).unwrap();
        lock.lock().unwrap();
        remove_left_over(parent.path());
        assert!(path(mine).exists() && path(other).exists() && !path(dead).exists());
    }
}
