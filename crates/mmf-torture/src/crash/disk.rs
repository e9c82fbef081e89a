//! What a disk may hold after a crash.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::layout::{BOOT, PAGE};

/// What each page of a file has been since the last flush.
pub(super) struct Disk {
    path: PathBuf,
    pages: Vec<Vec<Vec<u8>>>,
}

impl Disk {
    /// A disk to which everything has just been written back.
    pub(super) fn flushed(path: &Path) -> Result<Self> {
        let pages = read_pages(path)?.into_iter().map(|page| vec![page]).collect();
        Ok(Self { path: path.to_owned(), pages })
    }

    /// Takes note of the pages as they are: each might be written back now.
    pub(super) fn look(&mut self) -> Result<()> {
        for (seen, page) in self.pages.iter_mut().zip(read_pages(&self.path)?) {
            if seen.last() != Some(&page) {
                seen.push(page);
            }
        }
        Ok(())
    }

    /// Writes a file of pages from several moments, last used in another boot of the system.
    pub(super) fn crash(&self, random: &mut fastrand::Rng, path: &Path) -> Result<()> {
        let manner = random.u8(0..4);
        let mut content = Vec::new();
        for seen in &self.pages {
            let last = seen.len() - 1;
            let moment = match manner {
                0 => 0,
                1 => last,
                2 => [0, last][random.usize(0..2)],
                _ => random.usize(0..=last),
            };
            content.extend_from_slice(&seen[moment]);
        }
        content[BOOT] ^= 1;
        Ok(std::fs::write(path, content)?)
    }
}

fn read_pages(path: &Path) -> Result<Vec<Vec<u8>>> {
    Ok(std::fs::read(path)?.chunks(PAGE).map(<[u8]>::to_vec).collect())
}
