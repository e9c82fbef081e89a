//! Limits of real processes and file systems, and signals.

use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mmf::{Condition, ErrorKind, LockOptions, Namespace};
use nix::mount::{MsFlags, mount};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, geteuid, seteuid};

use super::places::give_up_in_time;
use super::possessions::Possessions;
use super::room::full_for_many;
use super::storm::Storm;
use super::verbs::{lock, store, wait};
use crate::Result;
use crate::scenario::{NAMESPACE, bytes};
use crate::step::look_for_findings;

/// How long a storm of signals lasts.
const STORM: Duration = Duration::from_secs(4);
/// Between two of its signals.
const STORM_INTERVAL: Duration = Duration::from_micros(500);
/// A user who owns nothing.
const NOBODY: u32 = 65534;

/// What a process meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Limit {
    /// No descriptor is left, then one, two and so on.
    Descriptors,
    /// No address space is left for a mapping.
    AddressSpace,
    /// No file may be longer than so much.
    FileSize,
    /// A file system is mounted read-only.
    ReadOnlyFileSystem,
    /// A directory may not be written, or not entered.
    Directory,
    /// Signals interrupt whatever sleeps.
    Signals,
    /// Nothing is free in a namespace that many use, of whom one dies.
    FullNamespace,
}

/// Meets a limit: a process that `faults` starts.
#[derive(Debug, clap::Args)]
pub(crate) struct Limited {
    limit: Limit,
}

impl Limited {
    /// Says what it came to.
    pub(crate) fn run(&self) -> Result<()> {
        let directory = PathBuf::from(std::env::var_os("MMF_DIR").ok_or("MMF_DIR is not set")?);
        give_up_in_time();
        let said = match self.limit {
            Limit::Descriptors => descriptors(),
            Limit::AddressSpace => address_space(),
            Limit::FileSize => file_size(),
            Limit::ReadOnlyFileSystem => read_only_file_system(&directory),
            Limit::Directory => closed_directory(&directory),
            Limit::Signals => signals(),
            Limit::FullNamespace => full_for_many(&directory),
        };
        println!("{}", said?);
        Ok(())
    }
}

/// Holds a lock until it is killed: a process that another starts.
#[derive(Debug, clap::Args)]
pub(crate) struct Holder {
    /// The variable; the whole namespace unless set.
    variable: Option<String>,
}

impl Holder {
    pub(crate) fn run(&self) -> Result<()> {
        let namespace = Namespace::builder(NAMESPACE).open()?;
        let _guard = match &self.variable {
            Some(name) => namespace.lock_variable(name, &LockOptions::exclusive())?,
            None => namespace.lock(&LockOptions::exclusive())?,
        };
        println!("holds it");
        std::io::stdout().flush()?;
        // Until whoever started it has gone, at the latest.
        std::io::stdin().lock().read_line(&mut String::new())?;
        Ok(())
    }
}

/// A process that holds a lock, killed when this is dropped.
pub(super) struct Held(Child);

/// Starts a process that holds the lock of a variable, or of the whole namespace in `directory`.
pub(super) fn holder(directory: &Path, variable: Option<&str>) -> Result<Held> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("fault-holder")
        .args(variable)
        .env("MMF_DIR", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let held = Held(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    if line.trim_end() != "holds it" {
        return Err(format!("the holder said {line:?}").into());
    }
    Ok(held)
}

impl Held {
    pub(super) fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Sets the soft limit of a resource; returns the one before.
fn limit(resource: Resource, value: u64) -> Result<u64> {
    let (soft, hard) = getrlimit(resource)?;
    setrlimit(resource, value, hard)?;
    Ok(soft)
}

/// The error must be of this kind.
fn expect<T>(outcome: mmf::Result<T>, kind: ErrorKind, what: &str) -> Result<()> {
    match outcome {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(format!("{what}: an error of another kind: {error:?}").into()),
        Ok(_) => Err(format!("{what}: succeeded").into()),
    }
}

fn builder() -> mmf::Builder {
    Namespace::builder(NAMESPACE).capacity(1 << 20)
}

fn descriptors() -> Result<String> {
    const MOST: u64 = 64;
    let namespace = builder().create()?;
    store(&namespace, 20_000)?;
    let usual = limit(Resource::RLIMIT_NOFILE, MOST)?;
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    // At the limit: whoever is attached goes on, and the namespace grows.
    store(&namespace, 100_000)?;
    lock(&namespace)?;
    wait(&namespace)?;
    namespace.resize(2 << 20)?;
    store(&namespace, 1_300_000)?;
    let mut needed = 0;
    loop {
        let opened = builder().open();
        let made = Namespace::builder("another").capacity(1 << 20).create();
        let listed = mmf::list_namespaces();
        let errors = [opened.as_ref().err(), made.as_ref().err(), listed.as_ref().err()];
        for error in errors.into_iter().flatten() {
            if error.kind() != ErrorKind::Io {
                return Err(format!("with {needed} descriptors: {error:?}").into());
            }
        }
        let all = opened.is_ok() && made.is_ok() && listed.is_ok();
        let was_made = made.is_ok();
        drop((opened, made));
        if was_made {
            mmf::remove_namespace("another", false)?;
        }
        if all {
            break;
        }
        needed += 1;
        taken.pop().ok_or("no number of descriptors is enough")?;
    }
    drop(taken);
    limit(Resource::RLIMIT_NOFILE, usual)?;
    let alive = namespace.stat()?.members.iter().filter(|member| member.alive).count();
    if alive != 1 {
        return Err(format!("{alive} processes seem to be attached").into());
    }
    expect(Namespace::builder("another").open(), ErrorKind::NotFound, "what was not made")?;
    drop(builder().open()?);
    look_for_findings(&namespace, "in the end")?;
    Ok(format!("opening and making take {needed} descriptors more"))
}

/// Bytes of address space that this process uses.
fn address_space_used() -> Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').next().ok_or("an empty statm")?.parse()?;
    Ok(pages * 4096)
}

fn address_space() -> Result<String> {
    // For the program's own memory; what is mapped here is larger.
    const SPARE: u64 = 32 << 20;
    let value = bytes(2 << 20);
    let namespace = builder().create()?;
    namespace.set("kept", "kept")?;
    namespace.set("large", &bytes(1000))?;
    drop(Namespace::builder("wide").capacity(256 << 20).create()?);
    let (descriptors, directory) = (Possessions::descriptors()?, std::env::var("MMF_DIR")?);
    let mappings = Possessions::mappings(directory.as_ref())?;
    let usual = limit(Resource::RLIMIT_AS, address_space_used()? + SPARE)?;
    for _ in 0..3 {
        expect(Namespace::builder("wide").open(), ErrorKind::OutOfSpace, "opening a wide one")?;
        let made = Namespace::builder("wider").capacity(256 << 20).create();
        expect(made, ErrorKind::OutOfSpace, "making a wide one")?;
        let leaked = Possessions::descriptors()?.difference(&descriptors);
        let leaked = leaked.or(Possessions::mappings(directory.as_ref())?.difference(&mappings));
        if let Some(leaked) = leaked {
            return Err(format!("after a failed opening: {leaked}").into());
        }
    }
    expect(Namespace::builder("wider").open(), ErrorKind::NotFound, "what was not made")?;
    // It grows beyond what is mapped, and cannot be mapped anew.
    namespace.resize(256 << 20)?;
    expect(namespace.set("large", &value), ErrorKind::OutOfSpace, "a value beyond the mapping")?;
    if namespace.get::<mmf::Value>("large")? != Some(bytes(1000)) {
        return Err("the old value does not stand".into());
    }
    store(&namespace, 20_000)?;
    lock(&namespace)?;
    wait(&namespace)?;
    limit(Resource::RLIMIT_AS, usual)?;
    namespace.set("large", &value)?;
    drop(Namespace::builder("wide").open()?);
    look_for_findings(&namespace, "in the end")?;
    Ok("mappings that find no room are errors".to_owned())
}

fn file_size() -> Result<String> {
    let namespace = builder().create()?;
    let swapfile = PathBuf::from(std::env::var("MMF_DIR")?).join("empty.mmf");
    for most in [512 << 10, 4096, 4, 0] {
        let usual = limit(Resource::RLIMIT_FSIZE, most)?;
        let another = Namespace::builder("another").capacity(1 << 20);
        expect(another.clone().create(), ErrorKind::OutOfSpace, "making a longer file")?;
        File::create(&swapfile)?;
        let in_place = another.swapfile(&swapfile).open_or_create();
        expect(in_place, ErrorKind::OutOfSpace, "lengthening an empty file")?;
        if std::fs::metadata(&swapfile)?.len() != 0 {
            return Err("the empty file is no longer empty".into());
        }
        std::fs::remove_file(&swapfile)?;
        expect(namespace.resize(2 << 20), ErrorKind::OutOfSpace, "resizing")?;
        // The file has its length: what is stored in it is no matter of the limit.
        store(&namespace, 300_000)?;
        drop(builder().open()?);
        limit(Resource::RLIMIT_FSIZE, usual)?;
    }
    namespace.resize(2 << 20)?;
    store(&namespace, 1_300_000)?;
    Ok("longer files are errors, and no signal".to_owned())
}

fn read_only_file_system(directory: &Path) -> Result<String> {
    let namespace = builder().create()?;
    namespace.set("kept", "kept")?;
    drop(namespace);
    let remount = |flags| {
        let flags = MsFlags::MS_REMOUNT | flags;
        mount(None::<&str>, directory, None::<&str>, flags, None::<&str>)
    };
    remount(MsFlags::MS_RDONLY)?;
    let reader = builder().read_only(true).open()?;
    if reader.get::<String>("kept")?.as_deref() != Some("kept") {
        return Err("the value cannot be read".into());
    }
    expect(reader.set("kept", "new"), ErrorKind::ReadOnly, "setting by a reader")?;
    let refused = ErrorKind::PermissionDenied;
    expect(builder().open(), refused, "opening for writing")?;
    expect(builder().open_or_create(), refused, "opening or making")?;
    expect(Namespace::builder("another").create(), refused, "making")?;
    expect(mmf::remove_namespace(NAMESPACE, false), refused, "removing")?;
    match &mmf::list_namespaces()?[..] {
        [only] if only.name == NAMESPACE && only.problem.is_none() => {}
        other => return Err(format!("listed: {other:?}").into()),
    }
    look_for_findings(&reader, "for a reader")?;
    drop(reader);
    remount(MsFlags::empty())?;
    store(&builder().open()?, 20_000)?;
    Ok("readers read, writers are refused".to_owned())
}

/// Becomes a user who does not own the directory; one who is no superuser stays who it is.
fn without_privileges<T>(action: impl FnOnce() -> Result<T>) -> Result<T> {
    let privileged = geteuid().is_root();
    if privileged {
        seteuid(Uid::from_raw(NOBODY))?;
    }
    let outcome = action();
    if privileged {
        seteuid(Uid::from_raw(0))?;
    }
    outcome
}

fn closed_directory(directory: &Path) -> Result<String> {
    let namespace = builder().mode(0o666).create()?;
    namespace.set("kept", "kept")?;
    let refused = ErrorKind::PermissionDenied;
    let permit = |mode| std::fs::set_permissions(directory, Permissions::from_mode(mode));
    permit(0o555)?;
    without_privileges(|| {
        let other = builder().open()?;
        store(&other, 20_000)?;
        if other.get::<String>("kept")?.as_deref() != Some("kept") {
            return Err("the value cannot be read".into());
        }
        let made = Namespace::builder("another").create();
        expect(made, refused, "making in a read-only directory")?;
        expect(mmf::remove_namespace(NAMESPACE, true), refused, "removing in one")?;
        Ok(())
    })?;
    for mode in [0o444, 0o000] {
        permit(mode)?;
        without_privileges(|| {
            expect(builder().open(), refused, "opening in a directory without entrance")?;
            let read_only = builder().read_only(true).open();
            expect(read_only, refused, "opening for reading in one")?;
            expect(builder().open_or_create(), refused, "opening or making in one")?;
            expect(mmf::remove_namespace(NAMESPACE, false), refused, "removing in one")
        })?;
        // Whoever is attached needs the directory no more.
        store(&namespace, 20_000)?;
    }
    permit(0o755)?;
    store(&namespace, 20_000)?;
    drop(namespace);
    drop(builder().open()?);
    mmf::remove_namespace(NAMESPACE, false)?;
    Ok("what is refused is an error".to_owned())
}

fn signals() -> Result<String> {
    let started = Instant::now();
    let storm = Storm::begin(STORM_INTERVAL)?;
    let mut rounds = 0;
    while started.elapsed() < STORM {
        let namespace = builder().open_or_create()?;
        store(&namespace, 300_000)?;
        lock(&namespace)?;
        wait(&namespace)?;
        namespace.resize(2 << 20)?;
        store(&namespace, 1_000_000)?;
        store(&builder().open()?, 20_000)?;
        let wanted = [("never there", &Condition::Exists)];
        let has_come = || Storm::arrived() > 0;
        let waited = namespace.wait_interruptibly(&wanted, Duration::from_secs(10), has_come);
        expect(waited, ErrorKind::Interrupted, "a wait that signals may end")?;
        mmf::list_namespaces()?;
        drop(namespace);
        mmf::remove_namespace(NAMESPACE, false)?;
        rounds += 1;
    }
    drop(storm);
    let arrived = Storm::arrived();
    if arrived < rounds * 10 {
        return Err(format!("only {arrived} signals in {rounds} rounds").into());
    }
    Ok(format!("{rounds} rounds of every verb under {arrived} signals"))
}
