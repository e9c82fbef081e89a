//! Where a storm's namespace is, and how it is opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mmf::{Builder, Namespace};

use crate::scenario::Storage;

/// Longer than the supervisor lets anything take: that shall end a wait, not the library.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The storm's namespace.
const NAMESPACE: &str = "storm";

/// What all processes of one storm know from the start.
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) storage: Storage,
    pub(super) place: PathBuf,
    pub(super) capacity: u64,
}

impl Plan {
    fn builder(&self) -> Builder {
        let builder = Namespace::builder(NAMESPACE).capacity(self.capacity).timeout(TIMEOUT);
        match self.storage {
            Storage::Memory => builder,
            Storage::Swapfile => builder.swapfile(self.place.join("swapfile")),
        }
    }

    /// Makes the namespace.
    pub(super) fn create(&self) -> mmf::Result<Namespace> {
        self.builder().create()
    }

    /// Opens it as workers do.
    pub(super) fn open(&self) -> mmf::Result<Namespace> {
        self.builder().open()
    }

    /// Opens it as readers do.
    pub(super) fn open_read_only(&self) -> mmf::Result<Namespace> {
        self.builder().read_only(true).open()
    }

    /// Where a process writes what it has found.
    pub(super) fn finding(&self, process: u32) -> PathBuf {
        finding(&self.place, process)
    }

    /// A number that depends on the seed and on who asks for it.
    pub(super) fn seed_of(&self, row: usize, incarnation: u64) -> u64 {
        mix(&[self.seed, row as u64, incarnation])
    }
}

fn finding(place: &Path, process: u32) -> PathBuf {
    place.join(format!("finding-{process}"))
}

/// One number from several.
pub(super) fn mix(numbers: &[u64]) -> u64 {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    xxhash_rust::xxh3::xxh3_64(&bytes)
}
