//! Who this process is, for people to read, and random bytes.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::rand::{GetRandomFlags, getrandom};

/// The longest program name kept, in bytes.
const LONGEST_PROGRAM: usize = 48;

/// A description of a process for people to read. No decision is made from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessIdentity {
    /// The process id, in its own PID namespace.
    pub(crate) pid: u32,
    /// When it started, in clock ticks since boot.
    pub(crate) start_time: u64,
    /// The file name of its executable, at most 48 bytes.
    pub(crate) program: String,
    /// The inode of its PID namespace.
    pub(crate) pid_namespace: u64,
    /// The kernel's number for this boot of the machine.
    pub(crate) boot_id: [u64; 2],
}

impl ProcessIdentity {
    /// The identity of the calling process, with zeros for whatever cannot be read.
    pub(crate) fn current() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self {
            pid: std::process::id(),
            start_time: start_time_in(&stat).unwrap_or(0),
            program: program(),
            pid_namespace: fs::metadata("/proc/self/ns/pid").map_or(0, |link| link.ino()),
            boot_id: boot_id(),
        }
    }
}

/// The kernel's number for this boot of the machine as two words; zeros when it cannot be read.
pub(crate) fn boot_id() -> [u64; 2] {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let bytes = parse_uuid(text.trim()).unwrap_or([0; 16]);
    [0, 8].map(|start| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[start..start + 8]);
        u64::from_le_bytes(word)
    })
}

/// Field 22 of a `/proc/PID/stat` line. Field 2 may hold spaces and parentheses, so counting
/// starts behind the last one.
fn start_time_in(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The executable's file name, or else the kernel's short name of the process.
fn program() -> String {
    let executable = fs::read_link("/proc/self/exe").ok();
    let name = executable
        .as_deref()
        .and_then(|path| path.file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .or_else(|| fs::read_to_string("/proc/self/comm").ok())
        .unwrap_or_default();
    let name = name.trim_end();
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    name[..name.floor_char_boundary(LONGEST_PROGRAM)].to_owned()
}

/// The bytes of a UUID in its usual text form.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let mut digits = text.chars().filter(|letter| *letter != '-');
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        let high = digits.next()?.to_digit(16)?;
        let low = digits.next()?.to_digit(16)?;
        *byte = (high * 16 + low) as u8;
    }
    digits.next().is_none().then_some(bytes)
}

/// `N` bytes from the kernel's random generator.
pub(crate) fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_process_knows_itself() {
        let identity = ProcessIdentity::current();
        assert_eq!(identity.pid, std::process::id());
        assert_ne!(identity.start_time, 0);
        assert_ne!(identity.pid_namespace, 0);
        assert_ne!(identity.boot_id, [0; 2]);
        assert!(!identity.program.is_empty() && identity.program.len() <= LONGEST_PROGRAM);
    }

    #[test]
    fn the_start_time_is_found_behind_any_program_name() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(start_time_in(stat), Some(4242));
        assert_eq!(start_time_in("7 (a) S 1"), None);
        assert_eq!(start_time_in(""), None);
    }

    #[test]
    fn a_uuid_has_exactly_sixteen_bytes() {
        let bytes = parse_uuid("00010203-0405-0607-0809-0a0b0c0d0e0f").unwrap();
        assert_eq!(bytes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(parse_uuid("00"), None);
        assert_eq!(parse_uuid("00010203-0405-0607-0809-0a0b0c0d0e0f0"), None);
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_bytes::<32>().unwrap(), random_bytes::<32>().unwrap());
        assert_ne!(random_bytes::<1000>().unwrap()[900..], [0; 100]);
    }
}
