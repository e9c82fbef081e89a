//! All namespaces of a user: listing and removing them.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::location::{GLOBAL_PREFIX, Link, path_of, user_directory};
use super::name::NamespaceName;
use super::repair::report_path;
use super::verify::leads_to;
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::OPTION_WHILE_ATTACHED;
use crate::inspect::header::read_header;
use crate::platform::{self, Access};

/// One namespace of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Its name; `Global\` stands in front of those that everybody shares.
    pub name: String,
    /// The file that holds it.
    pub path: PathBuf,
    /// Whether that is a swapfile rather than system memory.
    pub swapfile: bool,
    /// Most bytes it may take.
    pub capacity: u64,
    /// Bytes it has taken.
    pub committed: u64,
    /// Variables in it.
    pub variables: u64,
    /// Attached processes.
    pub attached: u32,
    /// It should have gone with its last process, which was killed. The next open removes it.
    pub left_over: bool,
    /// Why it cannot be looked at, when it cannot.
    pub problem: Option<String>,
}

/// Lists the user's namespaces and those that everybody shares, sorted by name.
///
/// # Errors
///
/// When the directory of namespaces cannot be read.
pub fn list_namespaces() -> Result<Vec<Summary>> {
    let user = user_directory()?;
    let global = platform::global_directory();
    let mut summaries = Vec::new();
    for (name, path) in entries(&user)? {
        if name.starts_with('.') || (user == global && name.starts_with(GLOBAL_PREFIX)) {
            continue;
        }
        summaries.extend(summarise(name, &path));
    }
    for (name, path) in entries(&global)? {
        if let Some(plain) = name.strip_prefix(GLOBAL_PREFIX) {
            summaries.extend(summarise(format!("Global\\{plain}"), &path));
        }
    }
    summaries.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(summaries)
}

fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>> {
    let failed = |error| Error::io(format!("reading {}", directory.display()), error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        entries.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    Ok(entries)
}

/// What is at `path`; none when it has just gone.
fn summarise(name: String, path: &Path) -> Option<Summary> {
    let mut summary = Summary {
        name,
        path: path.to_owned(),
        swapfile: false,
        capacity: 0,
        committed: 0,
        variables: 0,
        attached: 0,
        left_over: false,
        problem: None,
    };
    match look(path, &mut summary) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound && !summary.swapfile => return None,
        Err(error) => summary.problem = Some(error.reason().to_owned()),
    }
    Some(summary)
}

fn look(path: &Path, summary: &mut Summary) -> Result<()> {
    let mut file = open(path)?;
    if let Some(link) = Link::read(&file)? {
        summary.swapfile = true;
        summary.path = link.path;
        file = open(&summary.path)?;
    }
    let facts = read_header(&file)?;
    // Of another version the sizes have not been verified, and mean something else.
    facts.check_usable(Access::ReadOnly)?;
    summary.capacity = facts.capacity;
    summary.committed = facts.committed;
    summary.variables = facts.variables;
    let failed = |error| Error::io("asking who is attached", error);
    for slot in 0..facts.slots {
        let locked = platform::slot_is_locked(&file, slot as u32).map_err(failed)?;
        summary.attached += u32::from(locked);
    }
    let is_present = platform::presence_is_held(&file).map_err(failed)?;
    summary.left_over = facts.options & OPTION_WHILE_ATTACHED != 0 && !is_present;
    Ok(())
}

fn open(path: &Path) -> Result<File> {
    platform::open_existing(path, Access::ReadOnly)
        .map_err(|error| Error::io(format!("opening {}", path.display()), error))
}

/// Removes a namespace: its name, its file and everything in it.
///
/// With `force` the name goes although others are attached; they keep what they have mapped.
///
/// # Errors
///
/// [`ErrorKind::NotFound`]; [`ErrorKind::InUse`] when others are attached and `force` is not
/// given. When a swapfile could be removed and the name that leads to it could not, the error says
/// so, and removing again removes the name.
pub fn remove_namespace(name: &str, force: bool) -> Result<()> {
    remove(name, force).map_err(|error| error.attempting("remove").on_namespace(name))
}

fn remove(name: &str, force: bool) -> Result<()> {
    let path = path_of(&NamespaceName::parse(name)?)?;
    let file = match platform::open_existing(&path, Access::ReadWrite) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::new(ErrorKind::NotFound, "it does not exist"));
        }
        Err(error) => return Err(Error::io(format!("opening {}", path.display()), error)),
    };
    let link = Link::read(&file)?;
    if let Some(link) = &link {
        // Everything that can fail comes first, but for the removals themselves. Nobody puts a new
        // link in the place of this one while its file is locked.
        if !is_alone(&file)? {
            return Err(Error::new(ErrorKind::InUse, "somebody else is removing its name"));
        }
        let bears_the_name = leads_to(&path, &file)?;
        match platform::open_existing(&link.path, Access::ReadWrite) {
            // The swapfile has been replaced: it is another namespace's, and only the name is left.
            Ok(target) if read_header(&target).is_ok_and(|facts| facts.id != link.id) => {}
            Ok(target) => remove_unattached(&link.path, &target, force)?,
            // The swapfile has gone by itself: only the name is left.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(format!("opening {}", link.path.display()), error)),
        }
        if !bears_the_name {
            return Ok(());
        }
        return unlink(&path).map_err(|error| {
            error.advise("its swapfile is gone: remove it again to remove the name, too")
        });
    }
    remove_unattached(&path, &file, force)
}

/// Unlinks the file unless somebody is attached. The exclusive presence lock lives with `file`,
/// so that nobody attaches between the look and the end of the name.
fn remove_unattached(path: &Path, file: &File, force: bool) -> Result<()> {
    if !force {
        // A file that is no sound namespace may be somebody's only copy of something.
        read_header(file)?;
    }
    if !is_alone(file)? && !force {
        return Err(Error::new(ErrorKind::InUse, "other processes are attached")
            .advise("end them first, or force it: they keep what they have mapped"));
    }
    // The name may lead to another file by now: another removed this one, a third made a new one.
    if !leads_to(path, file)? {
        return Err(Error::new(ErrorKind::NotFound, "somebody else has removed it"));
    }
    unlink(path)?;
    // It may never have been there.
    let _ = platform::remove_file(&report_path(path));
    Ok(())
}

/// Whether nobody uses the file. If so, nobody begins to before `file` is closed.
fn is_alone(file: &File) -> Result<bool> {
    platform::try_exclusive_presence(file)
        .map_err(|error| Error::io("asking whether somebody is attached", error))
}

fn unlink(path: &Path) -> Result<()> {
    platform::remove_file(path)
        .map_err(|error| Error::io(format!("removing {}", path.display()), error))
}
