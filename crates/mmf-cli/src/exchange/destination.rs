//! A file that appears whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Bytes that are written at once.
const BUFFER: usize = 1 << 16;
/// Names of temporary files that are tried before giving up.
const ATTEMPTS: u32 = 1000;

/// Where a file is written: beside the one that it will replace. What is dropped without
/// [`Destination::commit`] leaves no trace.
pub struct Destination {
    path: PathBuf,
    writer: BufWriter<File>,
    /// What is to be renamed; none for a pipe or a device, which is written to as it is.
    temporary: Option<Temporary>,
}

/// A file that is removed unless it is kept.
struct Temporary {
    path: PathBuf,
    is_kept: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_kept {
            // The failure that leads here is the one to be told of.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Destination {
    /// Begins to write what will stand at `path`.
    pub fn new(path: &Path) -> Result<Self, Failure> {
        Self::begin(path).map_err(|error| failure(path, &error))
    }

    fn begin(path: &Path) -> io::Result<Self> {
        // A link is followed, so that what it leads to is replaced and not the link.
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let existing = match fs::metadata(&real) {
            Ok(metadata) if metadata.is_file() => Some(metadata),
            Ok(_) => {
                let writer =
                    BufWriter::with_capacity(BUFFER, OpenOptions::new().write(true).open(&real)?);
                return Ok(Self { path: real, writer, temporary: None });
            }
            Err(_) => None,
        };
        let (file, temporary) = beside(&real)?;
        if let Some(metadata) = existing {
            file.set_permissions(metadata.permissions())?;
        }
        let writer = BufWriter::with_capacity(BUFFER, file);
        Ok(Self { path: real, writer, temporary: Some(temporary) })
    }

    /// Puts what was written in its place, after it has reached the device.
    pub fn commit(mut self) -> Result<(), Failure> {
        let finish = |destination: &mut Self| {
            destination.writer.flush()?;
            if let Some(temporary) = &mut destination.temporary {
                destination.writer.get_ref().sync_all()?;
                fs::rename(&temporary.path, &destination.path)?;
                temporary.is_kept = true;
            }
            Ok(())
        };
        finish(&mut self).map_err(|error| failure(&self.path, &error))
    }

    /// Writes a part.
    pub fn write(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(part).map_err(|error| failure(&self.path, &error))
    }
}

/// Makes a file in the directory of `path`.
fn beside(path: &Path) -> io::Result<(File, Temporary)> {
    let process = std::process::id();
    let mut attempt = 0;
    loop {
        let path = path.with_file_name(format!(".mmf-{process}-{attempt}.part"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, Temporary { path, is_kept: false })),
            // A process that had this number may have been killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::Other(format!("cannot write {}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_a_killed_process_left_is_passed_by() {
        let directory = tempfile::tempdir().expect("a directory");
        let left = directory.path().join(format!(".mmf-{}-0.part", std::process::id()));
        fs::write(&left, "left").expect("a file");
        let path = directory.path().join("n".repeat(255));
        let mut destination = Destination::new(&path).expect("a file");
        destination.write(b"whole").expect("room");
        assert!(!path.exists());
        destination.commit().expect("room");
        assert_eq!(fs::read(&path).expect("the file"), b"whole");
        assert_eq!(fs::read(&left).expect("the file"), b"left");
        let mut dropped = Destination::new(&path).expect("a file");
        dropped.write(b"half").expect("room");
        drop(dropped);
        assert_eq!(fs::read(&path).expect("the file"), b"whole");
        assert_eq!(fs::read_dir(directory.path()).expect("the directory").count(), 2);
    }
}
