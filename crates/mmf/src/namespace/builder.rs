//! How a namespace is to be opened or made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::handle::Namespace;
use super::name::NamespaceName;
use super::open;
use super::repair::Repair;
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::{GREATEST_CAPACITY, LEAST_CAPACITY};

/// Capacity of a namespace when nobody says otherwise, in bytes.
const DEFAULT_CAPACITY: u64 = 64 << 20;
/// How long operations wait when nobody says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a namespace lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifetime {
    /// Until it is removed.
    #[default]
    UntilRemoved,
    /// As long as a process is attached; the last one to leave removes it.
    WhileAttached,
}

/// Options for opening or making a namespace; see [`Namespace::builder`].
///
/// Capacity, lifetime, file mode and `wake_always` are fixed when the namespace is made and
/// ignored when it exists.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    pub(super) name: String,
    pub(super) swapfile: Option<PathBuf>,
    pub(super) capacity: u64,
    pub(super) mode: u32,
    pub(super) lifetime: Lifetime,
    pub(super) autolock: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) read_only: bool,
    pub(super) wake_always: bool,
    pub(super) trust_owner: bool,
}

/// Whether a namespace may be made, must be made, or must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existence {
    Required,
    Forbidden,
    Optional,
}

impl Builder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            swapfile: None,
            capacity: DEFAULT_CAPACITY,
            mode: 0o600,
            lifetime: Lifetime::default(),
            autolock: true,
            timeout: Some(DEFAULT_TIMEOUT),
            read_only: false,
            wake_always: false,
            trust_owner: false,
        }
    }

    /// Keeps the namespace in the file at `path` instead of in system memory.
    ///
    /// Other processes find it by its name alone. An existing namespace file keeps its data; an
    /// existing empty file becomes one.
    pub fn swapfile(mut self, path: impl AsRef<Path>) -> Self {
        self.swapfile = Some(path.as_ref().to_owned());
        self
    }

    /// Capacity in bytes, from 65,536 up to 2^40; 64 MiB unless set. The file is exactly this
    /// long, but sparse: memory is taken as it fills.
    pub fn capacity(mut self, bytes: u64) -> Self {
        self.capacity = bytes;
        self
    }

    /// Permission bits of the file; 0o600 unless set.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// How long the namespace lives; until it is removed unless set.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Whether gets and sets wait while another holds a lock; on unless set.
    pub fn autolock(mut self, autolock: bool) -> Self {
        self.autolock = autolock;
        self
    }

    /// How long operations of this handle wait; 10 s unless set, zero is for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// Opens for reading only: needs no more than read permission on the file.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Makes every set wake sleepers, so that read-only waiters need not look every 10 ms. Costs
    /// each set a system call.
    pub fn wake_always(mut self, wake_always: bool) -> Self {
        self.wake_always = wake_always;
        self
    }

    /// Opens what the name leads to although neither this user nor root owns that file.
    pub fn trust_owner(mut self, trust_owner: bool) -> Self {
        self.trust_owner = trust_owner;
        self
    }

    /// Opens the namespace; it must exist.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when it does not exist, [`ErrorKind::NotANamespace`],
    /// [`ErrorKind::UnsupportedFormat`] and [`ErrorKind::Damaged`] for files that are not usable;
    /// nothing is ever overwritten.
    pub fn open(self) -> Result<Namespace> {
        self.build(Existence::Required, "open")
    }

    /// Makes the namespace; it must not exist.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] when it does.
    pub fn create(self) -> Result<Namespace> {
        self.build(Existence::Forbidden, "create")
    }

    /// Opens the namespace, or makes it when it does not exist. Any number of processes may do so
    /// at once: they all get the same one.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`] and [`Builder::create`].
    pub fn open_or_create(self) -> Result<Namespace> {
        self.build(Existence::Optional, "open or create")
    }

    /// Mends a damaged namespace: what verifies goes to a new file, which takes the old one's name.
    ///
    /// Never needed after killed processes. After a crash of the operating system, opening does
    /// the same by itself, when it finds the file damaged.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::NotANamespace`]; [`ErrorKind::InUse`] when others are
    /// attached. The file stays as it was then.
    pub fn repair(self) -> Result<Repair> {
        let named = |error: Error| error.attempting("repair").on_namespace(&self.name);
        let name = NamespaceName::parse(&self.name).map_err(named)?;
        open::repair(&self, &name).map_err(named)
    }

    fn build(self, existence: Existence, attempt: &'static str) -> Result<Namespace> {
        let named = |error: Error| error.attempting(attempt).on_namespace(&self.name);
        let name = NamespaceName::parse(&self.name).map_err(named)?;
        self.check(existence).map_err(named)?;
        open::open(&self, &name, existence).map_err(named)
    }

    fn check(&self, existence: Existence) -> Result<()> {
        if existence != Existence::Required {
            check_capacity(self.capacity)?;
        }
        if self.read_only && existence == Existence::Forbidden {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "a new namespace cannot be read-only",
            ));
        }
        if self.mode & !0o777 != 0 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{:o} is no file mode: only the nine permission bits may be set",
                    self.mode
                ),
            ));
        }
        Ok(())
    }
}

/// Refuses capacities that no namespace can have.
pub(super) fn check_capacity(capacity: u64) -> Result<()> {
    if (LEAST_CAPACITY..=GREATEST_CAPACITY).contains(&capacity) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "a capacity of {capacity} bytes is not between {LEAST_CAPACITY} and {GREATEST_CAPACITY}"
        ),
    ))
}
