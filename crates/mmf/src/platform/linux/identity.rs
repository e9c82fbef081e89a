//! Who this process is, for people to read, and random bytes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex};

use rustix::io::retry_on_intr;
use rustix::rand::{GetRandomFlags, getrandom};

use super::fork::fork_epoch;

/// The longest program name kept, in bytes.
const LONGEST_PROGRAM: usize = 48;
/// More than `/proc` has to say of a process's times, or of a boot of the machine.
const LONGEST_LINE: usize = 2048;

/// What a process was found to be, and the fork epoch in which it was.
static KNOWN: Mutex<Option<(u64, Arc<ProcessIdentity>)>> = Mutex::new(None);

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
    ///
    /// It is read once: none of it changes before an exec, and a forked child reads its own.
    pub(crate) fn current() -> Arc<Self> {
        let epoch = fork_epoch();
        // Tried, never waited for: a child may inherit it locked by a thread that it has not.
        let mut known = KNOWN.try_lock().ok();
        if let Some((then, identity)) = known.as_deref().and_then(Option::as_ref)
            && *then == epoch
        {
            return Arc::clone(identity);
        }
        let identity = Arc::new(Self::read());
        // What could not be read now may be readable the next time.
        if identity.is_complete()
            && let Some(known) = known.as_deref_mut()
        {
            *known = Some((epoch, Arc::clone(&identity)));
        }
        identity
    }

    /// Whether everything could be read.
    fn is_complete(&self) -> bool {
        let numbers = [self.start_time, self.pid_namespace];
        !numbers.contains(&0) && self.boot_id != [0; 2] && !self.program.is_empty()
    }

    fn read() -> Self {
        let stat = read_line("/proc/self/stat");
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
    let text = read_line("/proc/sys/kernel/random/boot_id");
    let bytes = parse_uuid(text.trim()).unwrap_or([0; 16]);
    [0, 8].map(|start| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[start..start + 8]);
        u64::from_le_bytes(word)
    })
}

/// What a file of one line under `/proc` says, read in one call; nothing when it cannot be read.
fn read_line(path: &str) -> String {
    let mut line = [0; LONGEST_LINE];
    let length = File::open(path)
        .and_then(|file| Ok(retry_on_intr(|| rustix::io::read(&file, &mut line))?))
        .unwrap_or(0);
    String::from_utf8_lossy(&line[..length]).into_owned()
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
        .unwrap_or_else(|| read_line("/proc/self/comm"));
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
    fn an_identity_is_read_once() {
        assert_eq!(*ProcessIdentity::current(), ProcessIdentity::read());
        let again = || Arc::ptr_eq(&ProcessIdentity::current(), &ProcessIdentity::current());
        // Another test may hold the lock at any one moment, but not at each.
        assert!((0..1000).any(|_| again()));
    }

    #[test]
    fn an_identity_that_is_not_whole_is_not_kept() {
        let whole = ProcessIdentity::read();
        assert!(whole.is_complete());
        assert!(!ProcessIdentity { start_time: 0, ..whole.clone() }.is_complete());
        assert!(!ProcessIdentity { pid_namespace: 0, ..whole.clone() }.is_complete());
        assert!(!ProcessIdentity { boot_id: [0; 2], ..whole.clone() }.is_complete());
        assert!(!ProcessIdentity { program: String::new(), ..whole }.is_complete());
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
