//! What a disk may hold after a crash.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::layout::{BOOT, PAGE};

/// What a file has been since the last flush.
pub(super) struct Disk {
    path: PathBuf,
    pages: Vec<Vec<Vec<u8>>>,
    /// Its lengths in pages.
    lengths: Vec<usize>,
}

impl Disk {
    /// A disk to which everything has just been written back.
    pub(super) fn flushed(path: &Path) -> Result<Self> {
        let pages: Vec<_> = read_pages(path)?.into_iter().map(|page| vec![page]).collect();
        let lengths = vec![pages.len()];
        Ok(Self { path: path.to_owned(), pages, lengths })
    }

    /// Takes note of the file as it is: each page, and its length, might be written back now.
    pub(super) fn look(&mut self) -> Result<()> {
        let now = read_pages(&self.path)?;
        if now.len() > self.pages.len() {
            // A page that was never written back is zeros.
            self.pages.resize(now.len(), vec![vec![0; PAGE]]);
            self.lengths.push(now.len());
        }
        for (seen, page) in self.pages.iter_mut().zip(now) {
            if seen.last() != Some(&page) {
                seen.push(page);
            }
        }
        Ok(())
    }

    /// Writes a file of pages from several moments, cut to one of its lengths, last used in
    /// another boot of the system.
    pub(super) fn crash(&self, random: &mut fastrand::Rng, path: &Path) -> Result<()> {
        let manner = random.u8(0..4);
        let mut content = Vec::new();
        let mut moment_of = |moments: usize| {
            let last = moments - 1;
            match manner {
                0 => 0,
                1 => last,
                2 => [0, last][random.usize(0..2)],
                _ => random.usize(0..=last),
            }
        };
        let length = self.lengths[moment_of(self.lengths.len())];
        for seen in &self.pages[..length] {
            content.extend_from_slice(&seen[moment_of(seen.len())]);
        }
        content[BOOT] ^= 1;
        Ok(std::fs::write(path, content)?)
    }
}

fn read_pages(path: &Path) -> Result<Vec<Vec<u8>>> {
    Ok(std::fs::read(path)?.chunks(PAGE).map(<[u8]>::to_vec).collect())
}
