//! What has happened before an operation meets its fault.

use std::os::unix::fs::FileExt;
use std::path::Path;

use super::limits::holder;
use crate::Result;
use crate::scenario::{Scenario, TARGET};
use crate::step::Snapshot;

/// Words of the header (`docs/format.md`): the boot, and the number of variables.
const BOOT: u64 = 96;
const RECORD_COUNT: u64 = 272;

/// What has happened to the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Past {
    /// Nothing.
    Calm,
    /// The system has crashed, and the file is sound.
    Crash,
    /// The system has crashed, and the file's structure is broken.
    Damage,
    /// A process has been killed that held the target's lock.
    Death,
}

impl Past {
    /// The prepared namespace in `directory` as it is left.
    pub(super) fn happen(self, scenario: &Scenario, directory: &Path) -> Result<Snapshot> {
        let changed: &[u64] = match self {
            Self::Calm | Self::Death => &[],
            Self::Crash => &[BOOT],
            Self::Damage => &[BOOT, RECORD_COUNT],
        };
        for word in changed {
            let name = scenario.path().file_name().ok_or("the file has no name")?.to_owned();
            let mut options = std::fs::File::options();
            let file = options.read(true).write(true).open(directory.join(name))?;
            let mut byte = [0];
            file.read_exact_at(&mut byte, *word)?;
            file.write_all_at(&[byte[0] ^ 1], *word)?;
        }
        if self == Self::Death {
            // A copy of what a living process uses is what its death would leave.
            let _holder = holder(directory, Some(TARGET))?;
            return Snapshot::of(directory);
        }
        Snapshot::of(directory)
    }

    /// As the command line says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Crash => "crash",
            Self::Damage => "damage",
            Self::Death => "death",
        }
    }
}
