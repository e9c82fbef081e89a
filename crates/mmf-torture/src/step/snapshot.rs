//! Everything a death would leave: the files of a directory, byte by byte.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::Result;
use crate::byte_lock::is_locked;
use crate::layout::{LINK_MAGIC, PRESENCE_BYTE, committed, live_slots};

/// The files of a directory at one moment.
#[derive(Clone)]
pub(crate) struct Snapshot {
    directory: PathBuf,
    /// Name, length and the committed part of the content.
    files: Vec<(String, usize, Vec<u8>)>,
}

impl Snapshot {
    /// The directory's files at present.
    pub(crate) fn of(directory: &Path) -> Result<Self> {
        Ok(Observer::new(directory)?.snapshot())
    }

    /// Name, length and committed content of each file.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, usize, &[u8])> {
        self.files.iter().map(|(name, length, content)| (name.as_str(), *length, &content[..]))
    }

    /// Writes the same files to another directory. Links lead to the copies.
    pub(crate) fn copy_to(&self, directory: &Path) -> Result<()> {
        std::fs::create_dir(directory)?;
        for (name, length, content) in &self.files {
            let path = directory.join(name);
            if content.starts_with(LINK_MAGIC) {
                let link = std::str::from_utf8(content)?;
                let [from, to] = [&self.directory, directory].map(Path::to_string_lossy);
                std::fs::write(path, link.replace(&*from, &to))?;
            } else {
                std::fs::write(&path, content)?;
                OpenOptions::new().write(true).open(path)?.set_len(*length as u64)?;
            }
        }
        Ok(())
    }
}

/// Watches a directory that a stopped process changes.
pub(crate) struct Observer {
    directory: PathBuf,
    files: Vec<Watched>,
    buffer: Vec<u8>,
    /// Slots that somebody else had when the watch began: state words by file name and number.
    foreign: Vec<(String, usize, u64)>,
}

struct Watched {
    name: String,
    inode: u64,
    file: File,
    length: usize,
    /// The committed part.
    content: Vec<u8>,
}

impl Observer {
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let mut observer = Self {
            directory: directory.to_owned(),
            files: Vec::new(),
            buffer: Vec::new(),
            foreign: Vec::new(),
        };
        observer.look(true)?;
        Ok(observer)
    }

    /// Takes the slots that nobody backs at present for those of the dead.
    pub(crate) fn ignore_the_dead(&mut self) -> Result<()> {
        let mut dead = Vec::new();
        for watched in &self.files {
            for (slot, state) in live_slots(&watched.content) {
                if !is_locked(&watched.file, PRESENCE_BYTE + 1 + slot as i64)? {
                    dead.push((watched.name.clone(), slot, state));
                }
            }
        }
        self.foreign = dead;
        Ok(())
    }

    /// Looks whether anything has changed; at names and lengths only after a system call.
    pub(crate) fn look(&mut self, after_system_call: bool) -> Result<bool> {
        let mut has_changed = after_system_call && self.look_at_names()?;
        for watched in &mut self.files {
            if after_system_call {
                let length = usize::try_from(watched.file.metadata()?.len())?;
                has_changed |= std::mem::replace(&mut watched.length, length) != length;
            }
            // Whoever begins a half-made namespace again shortens its file first.
            let mut expected = watched.content.len().min(watched.length);
            loop {
                self.buffer.resize(expected, 0);
                watched.file.read_exact_at(&mut self.buffer, 0)?;
                let committed = committed(&self.buffer).unwrap_or(usize::MAX).min(watched.length);
                if committed <= expected {
                    self.buffer.truncate(committed);
                    break;
                }
                expected = committed;
            }
            if self.buffer != watched.content {
                std::mem::swap(&mut self.buffer, &mut watched.content);
                has_changed = true;
            }
        }
        Ok(has_changed)
    }

    fn look_at_names(&mut self) -> Result<bool> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            found.push((name, entry.metadata()?.ino()));
        }
        found.sort();
        if found
            .iter()
            .map(|(name, inode)| (name, *inode))
            .eq(self.files.iter().map(|watched| (&watched.name, watched.inode)))
        {
            return Ok(false);
        }
        self.files.clear();
        for (name, inode) in found {
            let file = File::open(self.directory.join(&name))?;
            self.files.push(Watched { name, inode, file, length: 0, content: Vec::new() });
        }
        Ok(true)
    }

    /// What tells this state from others.
    pub(crate) fn hash(&self) -> u128 {
        let mut hash = Xxh3::new();
        for watched in &self.files {
            hash.update(watched.name.as_bytes());
            hash.update(&watched.length.to_le_bytes());
            hash.update(&watched.content);
        }
        hash.digest128()
    }

    /// The state itself.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let files = self.files.iter();
        Snapshot {
            directory: self.directory.clone(),
            files: files
                .map(|watched| (watched.name.clone(), watched.length, watched.content.clone()))
                .collect(),
        }
    }

    /// While a slot says LIVE, the kernel holds its byte and the presence byte.
    pub(crate) fn check_proof_of_life(&self) -> Result<()> {
        for watched in &self.files {
            for (slot, state) in live_slots(&watched.content) {
                let name = &watched.name;
                if self.foreign.iter().any(|it| it.0 == *name && it.1 == slot && it.2 == state) {
                    continue;
                }
                for byte in [PRESENCE_BYTE, PRESENCE_BYTE + 1 + slot as i64] {
                    if !is_locked(&watched.file, byte)? {
                        return Err(format!(
                            "slot {slot} of {name} says LIVE, but nobody holds byte {byte:#x}"
                        )
                        .into());
                    }
                }
            }
        }
        Ok(())
    }
}
