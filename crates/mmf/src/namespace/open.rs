//! Opening by name or by swapfile, whatever others do at the same time.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::builder::{Builder, Existence};
use super::create::{build_unnamed, initialise_in_place, is_unfinished};
use super::handle::Namespace;
use super::location::{Bearer, Link, absolute, path_of};
use super::name::NamespaceName;
use super::repair::Repair;
use super::verify::{Mark, Verified, leads_to, mend, verify};
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::{
    HASH_SEED, NAMESPACE_ID, OPTION_CHECKSUMS, OPTION_WAKE_ALWAYS, OPTION_WHILE_ATTACHED, OPTIONS,
};
use crate::inspect::header::read_header;
use crate::platform::{self, Access, FileFacts, FileIdentity, Owner};
use crate::registry::{Patience, Registry};
use crate::segment::{Segment, Source, remove_link};
use crate::sync::Ordering;
use crate::variable::Context;

/// How long opening is tried again when others remove and make the same name meanwhile.
const PERSISTENCE: Duration = Duration::from_secs(10);

/// What one attempt came to.
enum Attempt {
    Opened(Namespace),
    /// It was damaged, and has been mended: look again.
    Repaired(Repair),
    /// Somebody changed what the name leads to: look again.
    Again,
}

/// Opens or makes the namespace.
pub(super) fn open(
    builder: &Builder,
    name: &NamespaceName,
    existence: Existence,
) -> Result<Namespace> {
    let started = Instant::now();
    let mut repair = None;
    loop {
        let attempt = match &builder.swapfile {
            None => open_by_name(builder, name, existence)?,
            Some(path) => open_by_swapfile(builder, name, path, existence)?,
        };
        match attempt {
            Attempt::Opened(namespace) => return Ok(namespace.repaired_by(repair)),
            Attempt::Repaired(done) => repair = Some(done),
            Attempt::Again if started.elapsed() < PERSISTENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Attempt::Again => {
                return Err(Error::new(ErrorKind::Contended, "others kept removing and making it"));
            }
        }
    }
}

/// Mends a namespace, whatever damaged it.
pub(super) fn repair(builder: &Builder, name: &NamespaceName) -> Result<Repair> {
    let started = Instant::now();
    loop {
        let path = match &builder.swapfile {
            Some(path) => absolute(path)?,
            None => {
                let path = path_of(name)?;
                match Bearer::of(&path)? {
                    Bearer::Link(link, _) => link.path,
                    Bearer::Nobody | Bearer::Other => path,
                }
            }
        };
        let (file, known) = open_file(&path, Access::ReadWrite)?.ok_or_else(missing)?;
        if builder.swapfile.is_none() {
            check_owner(builder, known.owner, &path)?;
        }
        if let Some(repair) = mend(builder, &path, &file)? {
            return Ok(repair);
        }
        if started.elapsed() > PERSISTENCE {
            return Err(Error::new(ErrorKind::Contended, "others kept replacing it"));
        }
    }
}

fn open_by_name(builder: &Builder, name: &NamespaceName, existence: Existence) -> Result<Attempt> {
    let path = path_of(name)?;
    let Some((file, known)) = open_file(&path, access_of(builder))? else {
        return match existence {
            Existence::Required => Err(missing()),
            Existence::Forbidden | Existence::Optional => {
                Ok(create_at(builder, &path, existence)?.0)
            }
        };
    };
    if existence == Existence::Forbidden {
        let is_left_over = match Link::read(&file) {
            Ok(Some(link)) => remove_left_over_by_link(builder, &path, &file, &link)?,
            Ok(None) => remove_left_over(&path, &file)?,
            // Whatever it is, it is there.
            Err(error) if error.kind() == ErrorKind::Damaged => false,
            Err(error) => return Err(error),
        };
        return if is_left_over { Ok(Attempt::Again) } else { Err(already_exists(&path)) };
    }
    check_owner(builder, known.owner, &path)?;
    match Link::read(&file)? {
        Some(link) => {
            if remove_left_over_by_link(builder, &path, &file, &link)? {
                return Ok(Attempt::Again);
            }
            let Some((target, target_known)) = open_file(&link.path, access_of(builder))? else {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("its swapfile {} is gone", link.path.display()),
                )
                .advise("remove the name with `mmf remove`"));
            };
            let identity = target_known.identity;
            let attempt = attach_existing(builder, &link.path, target, identity, Some(link.id))?;
            if let Attempt::Opened(namespace) = &attempt {
                namespace.remember_link(&path, known.identity);
            }
            Ok(attempt)
        }
        None => attach_existing(builder, &path, file, known.identity, None),
    }
}

fn open_by_swapfile(
    builder: &Builder,
    name: &NamespaceName,
    swapfile: &Path,
    existence: Existence,
) -> Result<Attempt> {
    let path = absolute(swapfile)?;
    let name_path = path_of(name)?;
    match Bearer::of(&name_path)? {
        Bearer::Link(link, _) if link.path != path => {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the name leads to another swapfile, {}", link.path.display()),
            ));
        }
        Bearer::Other => {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                "a namespace in system memory bears the name",
            ));
        }
        Bearer::Nobody | Bearer::Link(..) => {}
    }
    let mut made = None;
    let opened = match open_file(&path, access_of(builder))? {
        None if existence == Existence::Required => return Err(missing()),
        None => {
            let (attempt, file) = create_at(builder, &path, existence)?;
            made = file;
            attempt
        }
        Some((file, FileFacts { identity, .. })) => {
            let length = platform::length(&file)
                .map_err(|error| Error::io("asking for the file's length", error))?;
            let is_new = length == 0 || is_unfinished(&file);
            if is_new && existence != Existence::Required {
                let is_mine = initialise_in_place(builder, &file)?;
                if !is_mine && existence == Existence::Forbidden {
                    return Err(already_exists(&path));
                }
                attach(builder, &path, file, identity, None)?
            } else if existence == Existence::Forbidden {
                if !remove_left_over(&path, &file)? {
                    return Err(already_exists(&path));
                }
                Attempt::Again
            } else {
                attach_existing(builder, &path, file, identity, None)?
            }
        }
    };
    if let Attempt::Opened(namespace) = &opened {
        match publish_link(builder, &name_path, &path, namespace) {
            Ok(Some(identity)) => namespace.remember_link(&name_path, identity),
            Ok(None) => {}
            Err(error) => {
                drop(opened);
                if let Some(file) = made {
                    withdraw(&path, &file);
                }
                return Err(error);
            }
        }
    }
    Ok(opened)
}

/// Makes the swapfile known by the namespace's name, for which this process is attached to it.
/// Returns the link.
fn publish_link(
    builder: &Builder,
    name_path: &Path,
    path: &Path,
    namespace: &Namespace,
) -> Result<Option<FileIdentity>> {
    let started = Instant::now();
    let link = Link { path: path.to_owned(), id: namespace.id() };
    let failed = |error| Error::io("making the swapfile known by name", error);
    while started.elapsed() < PERSISTENCE {
        match Bearer::of(name_path)? {
            Bearer::Link(existing, identity) if existing == link => return Ok(Some(identity)),
            _ if builder.read_only => return Ok(None),
            Bearer::Nobody => match link.publish(name_path, builder.mode) {
                Ok(identity) => return Ok(Some(identity)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            },
            // The swapfile was removed and made anew: the old link leads nowhere.
            Bearer::Link(existing, identity) if existing.path == link.path => {
                if !remove_link(name_path, identity).map_err(failed)? {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Bearer::Link(..) | Bearer::Other => {
                let reason = "another namespace took the name meanwhile";
                return Err(Error::new(ErrorKind::AlreadyExists, reason));
            }
        }
    }
    Err(Error::new(ErrorKind::Contended, "others kept removing and making its name"))
}

/// Makes the namespace and attaches to it. Also the new file, by which it can be withdrawn.
fn create_at(
    builder: &Builder,
    path: &Path,
    existence: Existence,
) -> Result<(Attempt, Option<File>)> {
    if builder.read_only {
        return Err(missing());
    }
    let (unnamed, segment) = build_unnamed(builder, path)?;
    match unnamed.publish(path) {
        Ok(file) => match attach_to(builder, path, segment, None) {
            Ok(attempt) => Ok((attempt, Some(file))),
            Err(error) => {
                withdraw(path, &file);
                Err(error)
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            if existence == Existence::Forbidden {
                return Err(already_exists(path));
            }
            Ok((Attempt::Again, None))
        }
        Err(error) => Err(Error::io(format!("naming {}", path.display()), error)),
    }
}

/// Takes the name back from a namespace that this process has made and cannot use, unless others
/// are attached by now or have stored something.
fn withdraw(path: &Path, file: &File) {
    let alone = platform::try_exclusive_presence(file)
        .map_err(|error| Error::io("asking whether somebody is attached", error));
    let withdrawn = alone.and_then(|alone| {
        // Others may have been here already, and have left something.
        if alone && leads_to(path, file)? && read_header(file)?.variables == 0 {
            platform::remove_file(path).map_err(|error| Error::io("removing it", error))?;
        }
        Ok(())
    });
    if let Err(error) = withdrawn {
        tracing::warn!(%error, path = %path.display(), "left a new namespace behind");
    }
}

/// Attaches to a file that somebody else has made, unless it should have gone with its users.
fn attach_existing(
    builder: &Builder,
    path: &Path,
    file: File,
    identity: FileIdentity,
    id: Option<u128>,
) -> Result<Attempt> {
    if remove_left_over(path, &file)? {
        return Ok(Attempt::Again);
    }
    attach(builder, path, file, identity, id)
}

/// Attaches to a file that the path led to a moment ago.
fn attach(
    builder: &Builder,
    path: &Path,
    file: File,
    identity: FileIdentity,
    id: Option<u128>,
) -> Result<Attempt> {
    let (facts, mark) = match verify(builder, path, &file)? {
        Verified::Sound(facts, mark) => (facts, mark),
        Verified::Repaired(repair) => return Ok(Attempt::Repaired(repair)),
        Verified::Again => return Ok(Attempt::Again),
    };
    if id.is_some_and(|id| id != facts.id) {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("{} holds another namespace by now", path.display()),
        ));
    }
    let source = Source::new(file, path.to_owned(), identity);
    let segment = Segment::of_file(source, facts.capacity, access_of(builder))?;
    attach_to(builder, path, segment, mark)
}

/// Attaches to the memory of a sound file, or of a new one, that the path led to a moment ago.
fn attach_to(
    builder: &Builder,
    path: &Path,
    segment: Segment,
    mark: Option<Mark>,
) -> Result<Attempt> {
    let registry = match Registry::attach(segment) {
        Ok(registry) => registry,
        // Removed, or being removed, between the look and the attachment.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InUse) => {
            return Ok(Attempt::Again);
        }
        Err(error) => return Err(error),
    };
    let is_named = registry
        .segment()
        .source()
        .map_or(Ok(false), |source| source.identity.is_named(path))
        .map_err(|error| Error::io(format!("asking what {} is", path.display()), error))?;
    if !is_named {
        return Ok(Attempt::Again);
    }
    if let Some(mark) = mark {
        registry.settle_after_crash(&mut Patience::new(builder.timeout, None))?;
        mark.set(registry.segment())?;
    }
    handle(builder, registry).map(Attempt::Opened)
}

/// A handle with the builder's manners.
pub(super) fn handle(builder: &Builder, registry: Arc<Registry>) -> Result<Namespace> {
    let load =
        |offset| -> Result<u64> { Ok(registry.segment().word(offset)?.load(Ordering::Relaxed)) };
    let id = u128::from(load(NAMESPACE_ID)?) | u128::from(load(NAMESPACE_ID + 8)?) << 64;
    let options = load(OPTIONS)?;
    let context = Context {
        autolock: builder.autolock,
        timeout: builder.timeout,
        wake_always: options & OPTION_WAKE_ALWAYS != 0,
        checksums: options & OPTION_CHECKSUMS != 0,
        seed: load(HASH_SEED)?,
        registry: Arc::clone(&registry),
    };
    tracing::debug!(namespace = builder.name, capacity = registry.segment().length(), "opened");
    Ok(Namespace::new(context, &builder.name, id))
}

pub(super) fn access_of(builder: &Builder) -> Access {
    if builder.read_only { Access::ReadOnly } else { Access::ReadWrite }
}

fn open_file(path: &Path, access: Access) -> Result<Option<(File, FileFacts)>> {
    match platform::open_with_facts(path, access) {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("opening {}", path.display()), error)),
    }
}

/// The same through a link, which goes too.
fn remove_left_over_by_link(
    builder: &Builder,
    path: &Path,
    file: &File,
    link: &Link,
) -> Result<bool> {
    let Ok(Some((target, _))) = open_file(&link.path, access_of(builder)) else { return Ok(false) };
    if !read_header(&target).is_ok_and(|facts| facts.id == link.id) {
        return Ok(false);
    }
    let is_left_over = remove_left_over(&link.path, &target)?;
    if is_left_over {
        let removed = FileIdentity::of(file).and_then(|identity| remove_link(path, identity));
        removed.map_err(|error| Error::io("removing the name of what was left over", error))?;
    }
    Ok(is_left_over)
}

/// Unlinks a namespace that should have gone with its last process, which was killed.
fn remove_left_over(path: &Path, file: &File) -> Result<bool> {
    let Ok(facts) = read_header(file) else { return Ok(false) };
    // Another version's file may mean something else by the same bits.
    let is_usable = facts.check_usable(Access::ReadWrite).is_ok();
    if !is_usable || facts.options & OPTION_WHILE_ATTACHED == 0 {
        return Ok(false);
    }
    // The lock lives with this description: nobody attaches before the name is gone.
    match platform::try_exclusive_presence(file) {
        Ok(true) => {
            if leads_to(path, file)? {
                platform::remove_file(path)
                    .map_err(|error| Error::io("removing what was left over", error))?;
            }
            Ok(true)
        }
        Ok(false) => Ok(false),
        // A read-only descriptor cannot take the lock.
        Err(error) if platform::is_bad_descriptor(&error) => Ok(false),
        Err(error) => Err(Error::io("asking whether somebody is attached", error)),
    }
}

/// What a name leads to is one's own, root's, or somebody's whom the caller trusts: the directory may
/// be one where others make files too.
fn check_owner(builder: &Builder, owner: Owner, path: &Path) -> Result<()> {
    if builder.trust_owner || owner.uid == 0 || owner.uid == platform::current_user() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::PermissionDenied,
        format!("{} belongs to user {}", path.display(), owner.uid),
    )
    .advise("open it with trust_owner if you trust that user"))
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "it does not exist").advise("create it first")
}

fn already_exists(path: &Path) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("{} exists already", path.display()))
}
