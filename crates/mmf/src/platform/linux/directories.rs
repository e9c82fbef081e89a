//! Where namespaces lie, and whether that place can be trusted.

#![allow(unsafe_code, reason = "asking whether the program runs with raised privileges")]

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::files::current_user;

/// The environment variable that names the directory of all namespaces.
const DIRECTORY_VARIABLE: &str = "MMF_DIR";
/// Where the system's shared memory lies.
const SHARED_MEMORY: &str = "/dev/shm";
/// The bit of a directory in which only owners may rename and remove their files.
const STICKY: u32 = 0o1000;
/// The bit of a directory in which everybody may create files.
const WORLD_WRITABLE: u32 = 0o002;
/// The bits that give anybody but the owner access.
const NOT_PRIVATE: u32 = 0o077;

/// The directory of this user's namespaces, created if it is missing.
///
/// `$MMF_DIR` if set, else a private directory in shared memory, in `$XDG_RUNTIME_DIR` or in
/// `/tmp`. A program that runs with raised privileges does not listen to the environment.
///
/// # Errors
///
/// `PermissionDenied` if somebody else could tamper with the directory, `NotADirectory` if it is
/// something else.
pub(crate) fn namespace_directory() -> io::Result<PathBuf> {
    if let Some(chosen) = from_environment(DIRECTORY_VARIABLE) {
        return chosen_directory(chosen);
    }
    let own_name = format!("mmf-{}", current_user());
    match private_directory(Path::new(SHARED_MEMORY).join(&own_name)) {
        Err(_) if !Path::new(SHARED_MEMORY).is_dir() => {}
        answer => return answer,
    }
    match from_environment("XDG_RUNTIME_DIR").filter(|runtime| runtime.is_dir()) {
        Some(runtime) => private_directory(runtime.join("mmf")),
        None => private_directory(Path::new("/tmp").join(own_name)),
    }
}

/// The directory of the namespaces that all users share: `$MMF_DIR` if set, else `/dev/shm`.
pub(crate) fn global_directory() -> PathBuf {
    from_environment(DIRECTORY_VARIABLE).unwrap_or_else(|| SHARED_MEMORY.into())
}

/// A path from the environment, if set, not empty and to be trusted.
fn from_environment(variable: impl AsRef<OsStr>) -> Option<PathBuf> {
    // SAFETY: the call reads the process's auxiliary vector, which never changes; it has no
    // obligation to meet.
    let privileged = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    if privileged {
        return None;
    }
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Accepts a directory that the user named, after creating it if needed.
fn chosen_directory(path: PathBuf) -> io::Result<PathBuf> {
    let metadata = existing_or_created(&path, |path| fs::metadata(path))?;
    check_chosen(&metadata, current_user()).map_err(|reason| refused(&path, reason))?;
    Ok(path)
}

/// Accepts a directory that only this user can enter, after creating it if needed.
fn private_directory(path: PathBuf) -> io::Result<PathBuf> {
    let metadata = existing_or_created(&path, |path| fs::symlink_metadata(path))?;
    check_private(&metadata, current_user()).map_err(|reason| refused(&path, reason))?;
    Ok(path)
}

/// What `look` shows of a directory, which is created if it is missing.
fn existing_or_created(
    path: &Path,
    look: fn(&Path) -> io::Result<Metadata>,
) -> io::Result<Metadata> {
    match look(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_private(path)?;
            look(path)
        }
        answer => answer,
    }
}

/// Creates a directory of mode 0700 unless something has its name.
fn create_private(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(io::Error::new(error.kind(), format!("cannot create {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Why a directory is refused: the kind of error and the reason for people.
type Refusal = (io::ErrorKind, &'static str);

/// The rules for a directory that the user named.
fn check_chosen(metadata: &Metadata, user: u32) -> Result<(), Refusal> {
    check_is_directory(metadata)?;
    if metadata.uid() != user && metadata.uid() != 0 {
        return Err((io::ErrorKind::PermissionDenied, "belongs to neither this user nor root"));
    }
    if metadata.mode() & WORLD_WRITABLE != 0 && metadata.mode() & STICKY == 0 {
        return Err((io::ErrorKind::PermissionDenied, "is world-writable without the sticky bit"));
    }
    Ok(())
}

/// The rules for a directory of this user alone.
fn check_private(metadata: &Metadata, user: u32) -> Result<(), Refusal> {
    check_is_directory(metadata)?;
    if metadata.uid() != user {
        return Err((io::ErrorKind::PermissionDenied, "belongs to another user"));
    }
    if metadata.mode() & NOT_PRIVATE != 0 {
        return Err((io::ErrorKind::PermissionDenied, "gives other users access"));
    }
    Ok(())
}

/// Refuses what is not itself a directory.
fn check_is_directory(metadata: &Metadata) -> Result<(), Refusal> {
    if metadata.is_symlink() {
        return Err((io::ErrorKind::PermissionDenied, "is a symbolic link"));
    }
    if !metadata.is_dir() {
        return Err((io::ErrorKind::NotADirectory, "is not a directory"));
    }
    Ok(())
}

/// The error for a directory that breaks a rule.
fn refused(path: &Path, (kind, reason): Refusal) -> io::Error {
    let path = path.display();
    io::Error::new(kind, format!("{path} {reason}: remove it, or name another in MMF_DIR"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// The kind of error for a private directory of the given mode.
    fn verdict_on_mode(mode: u32) -> Option<io::ErrorKind> {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), Permissions::from_mode(mode)).unwrap();
        private_directory(place.path().to_owned()).err().map(|error| error.kind())
    }

    #[test]
    fn a_private_directory_is_made_with_mode_0700() {
        let place = tempfile::tempdir().unwrap();
        let path = private_directory(place.path().join("own")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(private_directory(path.clone()).unwrap(), path);
    }

    #[test]
    fn a_directory_open_to_others_is_refused() {
        assert_eq!(verdict_on_mode(0o700), None);
        assert_eq!(verdict_on_mode(0o750), Some(io::ErrorKind::PermissionDenied));
        assert_eq!(verdict_on_mode(0o701), Some(io::ErrorKind::PermissionDenied));
    }

    #[test]
    fn another_users_directory_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = private_directory(place.path().join("own")).unwrap();
        let metadata = fs::metadata(path).unwrap();
        let stranger = metadata.uid() + 1;
        assert!(check_private(&metadata, metadata.uid()).is_ok());
        assert!(check_private(&metadata, stranger).is_err());
        assert_eq!(check_chosen(&metadata, stranger).is_ok(), metadata.uid() == 0);
    }

    #[test]
    fn links_and_files_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let (link, file) = (place.path().join("link"), place.path().join("file"));
        symlink(place.path(), &link).unwrap();
        fs::write(&file, "").unwrap();
        let error = private_directory(link).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
        assert_eq!(
            private_directory(file.clone()).unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        assert_eq!(chosen_directory(file).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_chosen_directory_may_be_shared_only_if_sticky() {
        let place = tempfile::tempdir().unwrap();
        let path = chosen_directory(place.path().join("new")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        fs::set_permissions(&path, Permissions::from_mode(0o1777)).unwrap();
        chosen_directory(path.clone()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        let error = chosen_directory(path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(chosen_directory(place.path().join("no/parent")).is_err());
    }
}
