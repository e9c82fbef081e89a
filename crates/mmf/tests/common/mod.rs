//! What the tests share: namespaces of every kind under names of their own.
#![allow(dead_code, reason = "every test program uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mmf::{Builder, Error, Namespace};

/// Numbers the namespaces of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Capacity of a test's namespace unless it asks for another, in bytes.
const CAPACITY: u64 = 16 << 20;

/// Where a namespace's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configuration {
    /// Memory of this process alone.
    InMemory,
    /// System memory.
    Tmpfs,
    /// A file in a temporary directory.
    Swapfile,
}

/// A namespace that is removed at the end of the test.
pub struct Place {
    pub namespace: Namespace,
    /// Holds the name and the swapfile, if there are any.
    pub ground: Ground,
}

impl Configuration {
    pub const ALL: [Self; 3] = [Self::InMemory, Self::Tmpfs, Self::Swapfile];

    pub fn open(self) -> Place {
        self.open_sized(CAPACITY)
    }

    pub fn open_sized(self, capacity: u64) -> Place {
        let ground = Ground::new();
        let namespace = match self {
            Self::InMemory => Namespace::in_memory(capacity),
            Self::Tmpfs => ground.builder().capacity(capacity).create(),
            Self::Swapfile => {
                ground.builder().swapfile(ground.file("data.mmf")).capacity(capacity).create()
            }
        };
        Place { namespace: namespace.expect("a namespace"), ground }
    }
}

/// A name that no other test uses, and a directory: both go at the end of the test.
pub struct Ground {
    name: String,
    directory: tempfile::TempDir,
}

impl Ground {
    pub fn new() -> Self {
        Self { name: unique_name(), directory: tempfile::tempdir().expect("a directory") }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn builder(&self) -> Builder {
        Namespace::builder(&self.name)
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Most tests have taken it away by now, or never made it.
        let _ = mmf::remove_namespace(&self.name, true);
    }
}

/// A name that no other test uses.
pub fn unique_name() -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("mmf-test-{}-{number}", std::process::id())
}

/// Runs a test on a namespace of every kind.
pub fn each_configuration(test: impl Fn(&Namespace)) {
    for configuration in Configuration::ALL {
        let place = configuration.open();
        eprintln!("configuration {configuration:?}");
        test(&place.namespace);
    }
}

/// Asserts that an error is of this kind and says every one of `parts`.
#[track_caller]
pub fn says(error: &Error, kind: mmf::ErrorKind, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

/// Every way to open or make what a builder describes.
#[track_caller]
pub fn attempts(builder: &Builder) -> [Error; 3] {
    let builder = || builder.clone();
    [builder().open(), builder().create(), builder().open_or_create()]
        .map(|result| result.expect_err("bad input is refused"))
}
