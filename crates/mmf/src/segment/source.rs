//! The file behind a segment.

use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::platform::{self, Access, FileIdentity};

/// The file behind a segment, and how to find it again when the program has closed the
/// descriptor.
pub(crate) struct Source {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) identity: FileIdentity,
    /// The small file by whose name others find this one, if there is one.
    pub(crate) link: OnceLock<(PathBuf, FileIdentity)>,
}

impl Source {
    /// Runs `action` on a descriptor that certainly is this file: a daemon may have closed ours,
    /// and its number may mean another file by now.
    pub(crate) fn with_file<T>(
        &self,
        access: Access,
        action: impl FnOnce(&File) -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        if FileIdentity::of(&self.file).is_ok_and(|identity| identity == self.identity) {
            return action(&self.file);
        }
        let file = platform::open_existing(&self.path, access)?;
        if FileIdentity::of(&file)? != self.identity {
            return Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "the descriptor was closed and the path leads to another file",
            ));
        }
        action(&file)
    }

    /// Removes the name that leads here, unless it leads elsewhere by now.
    pub(crate) fn remove_link(&self) -> std::io::Result<()> {
        match self.link.get() {
            Some((path, link)) if FileIdentity::of_path(path).ok() == Some(*link) => {
                platform::remove_file(path)
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let ours = FileIdentity::of(&self.file).is_ok_and(|identity| identity == self.identity);
        if !ours {
            // The descriptor's number is somebody else's by now: closing it would hurt them.
            let null = File::open("/dev/null");
            if let Ok(null) = null {
                std::mem::forget(std::mem::replace(&mut self.file, null));
            }
        }
    }
}
