//! Where a test's actors work: directories of their own, and ways to start them.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::client::Actor;
use crate::protocol::{Opening, Order};

/// The user that a test run by root lets act as a stranger: "nobody".
const STRANGER: u32 = 65_534;
/// Where files are memory.
const SHARED_MEMORY: &str = "/dev/shm";

/// The directories of one test. They go with it, and everything in them.
pub struct Workshop {
    actor: PathBuf,
    namespaces: TempDir,
    files: TempDir,
}

impl Workshop {
    /// A workshop for actors that run the program `actor`.
    pub fn new(actor: &str) -> Self {
        let namespaces = if Path::new(SHARED_MEMORY).is_dir() {
            tempfile::tempdir_in(SHARED_MEMORY)
        } else {
            tempfile::tempdir()
        };
        Self {
            actor: actor.into(),
            namespaces: namespaces.expect("a directory for namespaces"),
            files: tempfile::tempdir().expect("a directory for files"),
        }
    }

    /// The directory of its namespaces.
    pub fn namespaces(&self) -> &Path {
        self.namespaces.path()
    }

    /// The path of a file beside them, on disk if there is one.
    pub fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// One opening in system memory and one with a swapfile.
    pub fn openings(&self) -> [Opening; 2] {
        let swapped = Opening { swapfile: Some(self.file("data.mmf")), ..Opening::new("on-disk") };
        [Opening::new("in-memory"), swapped]
    }

    /// Names in the directory of namespaces.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.namespaces()).expect("the directory of namespaces");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        entries.map(name).collect()
    }

    fn program(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env("MMF_DIR", self.namespaces());
        command
    }

    /// An actor.
    pub fn actor(&self) -> Actor {
        Actor::start(self.program(&self.actor, &[]))
    }

    /// An actor that has opened a namespace.
    pub fn actor_in(&self, opening: &Opening) -> Actor {
        let mut actor = self.actor();
        actor.open(opening).expect("the namespace is opened");
        actor
    }

    /// An actor that is the first process of a PID namespace of its own.
    pub fn actor_in_pid_namespace(&self) -> Actor {
        let mut command = unshare(&["--pid", "--fork", "--mount-proc"]);
        command.arg(&self.actor).env("MMF_DIR", self.namespaces());
        Actor::start(command).inside()
    }

    /// An actor like in a container: the first process of a PID namespace of its own, with a name
    /// of the machine, a time since its start and a boot id of its own.
    pub fn actor_in_container(&self) -> Actor {
        let boot_id = self.file("boot-id");
        std::fs::write(&boot_id, "01234567-89ab-4cde-8f01-23456789abcd\n").expect("a boot id");
        let mut command = unshare(&[
            "--pid",
            "--uts",
            "--time",
            "--boottime",
            "100000",
            "--fork",
            "--mount-proc",
        ]);
        let mount = "mount --bind \"$1\" /proc/sys/kernel/random/boot_id && exec \"$0\"";
        command.args(["sh", "-c", mount]).arg(&self.actor).arg(&boot_id);
        command.env("MMF_DIR", self.namespaces());
        Actor::start(command).inside()
    }

    /// An actor whose namespaces lie on a memory file system of `bytes` bytes, which only it and
    /// its children see and which goes with them.
    pub fn actor_on_small_file_system(&self, bytes: u64) -> Actor {
        let mount =
            format!("mount -t tmpfs -o size={bytes},mode=0755 tmpfs \"$MMF_DIR\" && exec \"$0\"");
        let mut command = unshare(&["--mount"]);
        command.args(["sh", "-c", &mount]).arg(&self.actor).env("MMF_DIR", self.namespaces());
        Actor::start(command)
    }

    /// An actor of another user when this one is root, else of the same.
    pub fn stranger(&self) -> Actor {
        self.admit_strangers();
        let mut actor = self.actor();
        if is_root() {
            actor.ask(&Order::BecomeUser(STRANGER)).expect("another user");
        }
        actor
    }

    fn admit_strangers(&self) {
        for directory in [self.namespaces.path(), self.files.path()] {
            let permissions = std::fs::Permissions::from_mode(0o1777);
            std::fs::set_permissions(directory, permissions).expect("others may work there");
        }
    }
}

/// `unshare` with what somebody who is not root needs as well.
fn unshare(arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(arguments);
    command
}

/// Whether this is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
