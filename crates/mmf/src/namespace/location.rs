//! Where namespaces are: files in one directory, or small files there that lead to a swapfile.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::name::{NamespaceName, Scope};
use crate::error::{Error, ErrorKind, Result};
use crate::platform::{self, Access, FileIdentity};

/// Prefix of the files of `Global\` namespaces.
pub(super) const GLOBAL_PREFIX: &str = "mmf.";
/// First line of a file that leads to a swapfile.
const LINK_MAGIC: &[u8] = b"mmf-link 1\n";
/// Longest file that can be a link: paths have at most 4096 bytes.
const LONGEST_LINK: u64 = 8192;

/// Where the file that bears a namespace's name stands.
pub(super) fn path_of(name: &NamespaceName) -> Result<PathBuf> {
    match name.scope {
        Scope::User => {
            let directory = user_directory()?;
            if directory == platform::global_directory() && name.plain.starts_with(GLOBAL_PREFIX) {
                return Err(Error::new(
                    ErrorKind::InvalidName,
                    "with MMF_DIR set, names that begin with \"mmf.\" are those of Global\\",
                ));
            }
            Ok(directory.join(&name.plain))
        }
        Scope::Machine => {
            Ok(platform::global_directory().join(format!("{GLOBAL_PREFIX}{}", name.plain)))
        }
    }
}

pub(super) fn user_directory() -> Result<PathBuf> {
    platform::namespace_directory()
        .map_err(|error| Error::io("using the directory of namespaces", error))
        .map_err(|error| error.advise("set MMF_DIR to a directory of your own"))
}

/// A swapfile's path and namespace, as its link names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) path: PathBuf,
    pub(super) id: u128,
}

impl Link {
    /// The link in a file, or none when the file is something else.
    pub(super) fn read(file: &File) -> Result<Option<Self>> {
        let mut magic = [0; LINK_MAGIC.len()];
        match file.read_exact_at(&mut magic, 0) {
            Ok(()) if magic == *LINK_MAGIC => {}
            Ok(()) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(Error::io("reading the file", error)),
        }
        let mut content = Vec::new();
        file.take(LONGEST_LINK)
            .read_to_end(&mut content)
            .map_err(|error| Error::io("reading the file", error))?;
        let Some(rest) = content.strip_prefix(LINK_MAGIC) else { return Ok(None) };
        let damaged = || {
            Error::new(ErrorKind::Damaged, "the file that leads to its swapfile is unreadable")
                .advise("remove it with `mmf remove` and open the swapfile by its path")
        };
        let line = rest.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
        let id = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(|digits| u128::from_str_radix(digits, 16).ok())
            .ok_or_else(damaged)?;
        let path = rest[line + 1..].strip_suffix(b"\n").ok_or_else(damaged)?;
        let path = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
        if !path.is_absolute() {
            return Err(damaged());
        }
        Ok(Some(Self { path, id }))
    }

    /// Gives the link the name at `path`, unless something bears it already; returns its file.
    pub(super) fn publish(&self, path: &Path, mode: u32) -> std::io::Result<FileIdentity> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let unnamed = platform::create_unnamed(directory, mode, 0)?;
        let mut content = LINK_MAGIC.to_vec();
        content.extend_from_slice(format!("{:032x}\n", self.id).as_bytes());
        content.extend_from_slice(self.path.as_os_str().as_bytes());
        content.push(b'\n');
        platform::check_length(content.len() as u64)?;
        let mut file = unnamed.file();
        file.write_all(&content)?;
        // Had before the name is: whatever fails, no name is left behind.
        let identity = FileIdentity::of(unnamed.file())?;
        unnamed.publish(path)?;
        Ok(identity)
    }
}

/// What bears a name, as one look at it shows: others may take and give back the name meanwhile.
pub(super) enum Bearer {
    Nobody,
    /// A namespace in system memory, or a file that is none.
    Other,
    /// A link, which is this file.
    Link(Link, FileIdentity),
}

impl Bearer {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let opened = platform::open_with_facts(path, Access::ReadOnly);
        let (file, facts) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::Nobody),
            Err(error) => return Err(Error::io(format!("opening {}", path.display()), error)),
        };
        let Some(link) = Link::read(&file)? else { return Ok(Self::Other) };
        Ok(Self::Link(link, facts.identity))
    }
}

/// A swapfile's path made absolute, its directory resolved.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!("{} is not a file's path", path.display()))
    })?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let directory = std::fs::canonicalize(directory).map_err(|error| {
        Error::io(format!("finding the directory {}", directory.display()), error)
    })?;
    Ok(directory.join(name))
}
