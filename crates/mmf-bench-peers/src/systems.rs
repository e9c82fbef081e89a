//! The systems, and the programs that measure them.

/// A program of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Program {
    /// This one.
    Own,
    /// Built from `peers/rust`.
    Rust,
    /// Built from `peers/boost.cpp`.
    Boost,
    /// `peers/perl.pl`.
    Perl,
    /// `peers/python.py`.
    Python,
}

/// What tells the version of a system; a system that doesn't tell one is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// It is part of this workspace.
    Own,
    /// There is none to tell.
    None,
    /// Of the package in the lock file of `peers/rust`.
    Locked(&'static str),
    /// Of the server: the word behind `v=`.
    Redis,
    /// A macro of the header `boost/version.hpp`.
    Boost,
    /// Of the Perl module.
    Module(&'static str),
    /// Of the Python package.
    Package(&'static str),
    /// Of Python itself.
    Interpreter,
}

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System {
    /// What its program calls it.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What measures it.
    pub program: Program,
    /// What tells its version.
    pub version: Version,
}

impl System {
    /// Whether it is a floor or mmf: nothing may go wrong with those.
    pub fn is_own(&self) -> bool {
        self.program == Program::Own
    }
}

const fn system(
    id: &'static str,
    title: &'static str,
    program: Program,
    version: Version,
) -> System {
    System { id, title, program, version }
}

/// Every system, in the order of the table.
pub const SYSTEMS: [System; 16] = [
    system("floor-memory", "floor: raw memory", Program::Own, Version::None),
    system("floor-asleep", "floor: futex, asleep", Program::Own, Version::None),
    system("floor-map", "floor: HashMap, one process", Program::Own, Version::None),
    system("mmf", "mmf", Program::Own, Version::Own),
    system("iceoryx2", "iceoryx2 blackboard", Program::Rust, Version::Locked("iceoryx2")),
    system("mmap-sync", "mmap-sync", Program::Rust, Version::Locked("mmap-sync")),
    system("boost", "Boost.Interprocess", Program::Boost, Version::Boost),
    system("lmdb", "LMDB (heed)", Program::Rust, Version::Locked("heed")),
    system("redis", "Redis, Unix socket", Program::Rust, Version::Redis),
    system(
        "perl-hash-sharedmem",
        "Perl Hash::SharedMem",
        Program::Perl,
        Version::Module("Hash::SharedMem"),
    ),
    system(
        "perl-cache-fastmmap",
        "Perl Cache::FastMmap",
        Program::Perl,
        Version::Module("Cache::FastMmap"),
    ),
    system(
        "perl-ipc-shareable",
        "Perl IPC::Shareable",
        Program::Perl,
        Version::Module("IPC::Shareable"),
    ),
    system("python-lmdb", "Python lmdb", Program::Python, Version::Package("lmdb")),
    system("python-ultradict", "Python UltraDict", Program::Python, Version::Package("UltraDict")),
    system(
        "python-shared-memory-dict",
        "Python shared-memory-dict",
        Program::Python,
        Version::Package("shared-memory-dict"),
    ),
    system("python-manager", "Python Manager().dict", Program::Python, Version::Interpreter),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once() {
        for (place, one) in SYSTEMS.iter().enumerate() {
            let others = &SYSTEMS[place + 1..];
            assert!(others.iter().all(|other| other.id != one.id && other.title != one.title));
        }
    }
}
