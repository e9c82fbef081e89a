//! Where programs work.

use tempfile::TempDir;

use crate::Result;

/// A directory of this process alone: in memory, so that copies are quick, else in the usual place.
pub(crate) fn work_directory() -> Result<TempDir> {
    let mut place = tempfile::Builder::new();
    place.prefix("mmf-torture-");
    Ok(place.tempdir_in("/dev/shm").or_else(|_| place.tempdir())?)
}
