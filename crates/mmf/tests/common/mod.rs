//! What the tests share: namespaces of every kind in directories of their own.
#![allow(dead_code, reason = "every test program uses its own part")]

use std::sync::atomic::{AtomicU64, Ordering};

use mmf::{Builder, Namespace};

/// Numbers the namespaces of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

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
    name: Option<String>,
    directory: tempfile::TempDir,
}

impl Configuration {
    pub const ALL: [Self; 3] = [Self::InMemory, Self::Tmpfs, Self::Swapfile];

    pub fn open(self) -> Place {
        self.open_with(|builder| builder.capacity(16 << 20))
    }

    pub fn open_with(self, adjust: impl FnOnce(Builder) -> Builder) -> Place {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let name = unique_name();
        let builder = adjust(Namespace::builder(&name));
        if self == Self::InMemory {
            let capacity = if format!("{builder:?}").contains("capacity: 262144") {
                256 * 1024
            } else {
                16 << 20
            };
            let namespace = Namespace::in_memory(capacity).expect("memory");
            return Place { namespace, name: None, directory };
        }
        let builder = match self {
            Self::Swapfile => builder.swapfile(directory.path().join("data.mmf")),
            _ => builder,
        };
        let namespace = builder.create().expect("a namespace");
        Place { namespace, name: Some(name), directory }
    }
}

/// A name that no other test uses.
pub fn unique_name() -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("mmf-test-{}-{number}", std::process::id())
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = mmf::remove_namespace(name, true);
        }
    }
}

/// Runs a test on a namespace of every kind.
pub fn each_configuration(test: impl Fn(&Namespace)) {
    for configuration in Configuration::ALL {
        let place = configuration.open();
        eprintln!("configuration {configuration:?}");
        test(&place.namespace);
    }
}
