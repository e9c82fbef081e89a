//! The file behind a segment.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::platform::{self, Access, FileIdentity};

/// The file behind a segment, and how to find it again when the program has closed the
/// descriptor.
pub(crate) struct Source {
    /// None only when it is being dropped.
    file: Option<File>,
    pub(crate) path: PathBuf,
    pub(crate) identity: FileIdentity,
    /// The small file by whose name others find this one, if there is one.
    pub(crate) link: OnceLock<(PathBuf, FileIdentity)>,
}

impl Source {
    /// The source of a segment over `file`, which can be found again at `path`.
    pub(crate) fn new(file: File, path: PathBuf, identity: FileIdentity) -> Self {
        Self { file: Some(file), path, identity, link: OnceLock::new() }
    }

    /// Runs `action` on a descriptor that certainly is this file: a daemon may have closed ours,
    /// and its number may mean another file by now.
    pub(crate) fn with_file<T>(
        &self,
        access: Access,
        action: impl FnOnce(&File) -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        if let Some(file) = &self.file
            && self.is_still(file)?
        {
            return action(file);
        }
        let (file, facts) = platform::open_with_facts(&self.path, access)?;
        if facts.identity != self.identity {
            return Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "the descriptor was closed and the path leads to another file",
            ));
        }
        action(&file)
    }

    /// Whether the descriptor is this file's still: the program may have closed it. A failure to
    /// find out is neither.
    fn is_still(&self, file: &File) -> std::io::Result<bool> {
        match FileIdentity::of(file) {
            Ok(identity) => Ok(identity == self.identity),
            Err(error) if platform::is_bad_descriptor(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the name that leads here, unless it leads elsewhere by now.
    pub(crate) fn remove_link(&self) -> std::io::Result<()> {
        match self.link.get() {
            Some((path, link)) if link.is_named(path)? => remove_link(path, *link).map(drop),
            _ => Ok(()),
        }
    }
}

/// Removes the name of the link that is the file `link`. False if the name leads elsewhere by now,
/// or somebody else is removing it.
pub(crate) fn remove_link(path: &Path, link: FileIdentity) -> std::io::Result<bool> {
    let (file, facts) = match platform::open_with_facts(path, Access::ReadWrite) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if facts.identity != link {
        return Ok(false);
    }
    platform::remove_name(path, &file)
}

impl Drop for Source {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        if matches!(self.is_still(&file), Ok(false)) {
            // The descriptor's number is somebody else's by now: closing it would hurt them.
            std::mem::forget(file);
        }
    }
}
