//! Opening, creating and naming files without races, and what they are.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, SeekFrom, fchmod, ftruncate, linkat, open,
    renameat_with, seek,
};
use rustix::io::{Errno, retry_on_intr};

use super::identity::random_bytes;
use super::mapping::Access;

/// Which file it is, whatever its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    /// The number of its file system.
    pub(crate) device: u64,
    /// Its number there.
    pub(crate) inode: u64,
}

impl FileIdentity {
    /// The identity of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from_metadata(&metadata))
    }

    /// The identity of what bears a name now, which is the link itself for a symbolic link.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    /// Whether this file bears the name now. A failure to find out is an error: it must
    /// not pass for another file, nor for the same.
    pub(crate) fn is_named(self, path: &Path) -> io::Result<bool> {
        match Self::of_path(path) {
            Ok(found) => Ok(found == self),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The identity among what the kernel says of a file.
    fn from_metadata(metadata: &fs::Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Whose file it is, and who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The owner's user id.
    pub(crate) uid: u32,
    /// The permission bits.
    pub(crate) mode: u32,
}

/// What the kernel said of a file when it was opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileFacts {
    /// Which file it is.
    pub(crate) identity: FileIdentity,
    /// Whose it is.
    pub(crate) owner: Owner,
}

impl FileFacts {
    /// The facts among what the kernel says of a file.
    fn from_metadata(metadata: &fs::Metadata) -> Self {
        let owner = Owner { uid: metadata.uid(), mode: metadata.mode() & 0o7777 };
        Self { identity: FileIdentity::from_metadata(metadata), owner }
    }
}

/// The effective user id of this process.
pub(crate) fn current_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a call failed because its descriptor is closed, or not open for what was asked of it.
pub(crate) fn is_bad_descriptor(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::BADF)
}

/// Removes a name. The file lives on while anybody has it open or mapped.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Fails when this process may not make a file so long: trying it would end the process by a
/// signal.
///
/// # Errors
///
/// `FileTooLarge`.
pub(crate) fn check_length(length: u64) -> io::Result<()> {
    match rustix::process::getrlimit(rustix::process::Resource::Fsize).current {
        Some(limit) if length > limit => Err(Errno::FBIG.into()),
        _ => Ok(()),
    }
}

/// Makes the file longer, with a hole, or shorter.
pub(crate) fn set_length(file: &File, length: u64) -> io::Result<()> {
    check_length(length)?;
    Ok(retry_on_intr(|| ftruncate(file, length))?)
}

/// The length in bytes.
pub(crate) fn length(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

/// The ranges below `end` outside of which the file holds nothing but zeros.
pub(crate) fn data_ranges(file: &File, end: u64) -> io::Result<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    let mut from = 0;
    while from < end {
        let start = match seek(file, SeekFrom::Data(from)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            // The file system cannot tell.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => from,
            Err(error) => return Err(error.into()),
        };
        let stop = match seek(file, SeekFrom::Hole(start)) {
            Ok(stop) => stop.min(end),
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => end,
            Err(error) => return Err(error.into()),
        };
        if stop <= start {
            break;
        }
        ranges.push(start..stop);
        from = stop;
    }
    Ok(ranges)
}

/// Opens the regular file that bears a name, and never creates one.
///
/// # Errors
///
/// `PermissionDenied` for a symbolic link, `IsADirectory` for a directory, `InvalidInput` for
/// anything else that is not a regular file.
pub(crate) fn open_existing(path: &Path, access: Access) -> io::Result<File> {
    open_with_facts(path, access).map(|(file, _)| file)
}

/// The same, with what the look at its kind has shown beside that.
pub(crate) fn open_with_facts(path: &Path, access: Access) -> io::Result<(File, FileFacts)> {
    let direction = match access {
        Access::ReadOnly => OFlags::RDONLY,
        Access::ReadWrite => OFlags::RDWR,
    };
    // Without NONBLOCK a pipe put in the file's place would hang the opening.
    let guards = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match retry_on_intr(|| open(path, direction | guards, Mode::empty())) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::LOOP) => {
            return Err(refused(io::ErrorKind::PermissionDenied, path, "a symbolic link"));
        }
        Err(Errno::ISDIR) => {
            return Err(refused(io::ErrorKind::IsADirectory, path, "a directory"));
        }
        Err(Errno::NXIO | Errno::NODEV) => {
            return Err(refused(io::ErrorKind::InvalidInput, path, "a socket, pipe or device"));
        }
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(refused(io::ErrorKind::IsADirectory, path, "a directory"));
    }
    if !kind.is_file() {
        return Err(refused(io::ErrorKind::InvalidInput, path, "a pipe or device"));
    }
    let facts = FileFacts::from_metadata(&metadata);
    Ok((file, facts))
}

/// The error for a name that leads to something else than a regular file.
fn refused(kind: io::ErrorKind, path: &Path, what: &str) -> io::Error {
    io::Error::new(kind, format!("{} is {what}, not a regular file", path.display()))
}

/// A file that bears no name yet, and goes when it is dropped.
#[derive(Debug)]
pub(crate) struct UnnamedFile {
    file: File,
    /// On a file system without unnamed files, the name to hide it under meanwhile.
    hidden: Option<HiddenName>,
}

/// A name that is removed when it is dropped, unless the file was moved from it.
#[derive(Debug)]
struct HiddenName {
    path: Option<PathBuf>,
}

impl Drop for HiddenName {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

/// Creates a file of `length` zeros on the file system of `directory`, open for reading and
/// writing, with exactly the permission bits `mode`.
///
/// On a file system without unnamed files it bears a hidden random name until it is published or
/// dropped, which a kill can leave behind.
pub(crate) fn create_unnamed(directory: &Path, mode: u32, length: u64) -> io::Result<UnnamedFile> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let unnamed = match retry_on_intr(|| open(directory, flags, Mode::RUSR | Mode::WUSR)) {
        Ok(descriptor) => UnnamedFile { file: File::from(descriptor), hidden: None },
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => create_hidden(directory)?,
        Err(error) => return Err(error.into()),
    };
    fchmod(&unnamed.file, Mode::from_raw_mode(mode & 0o7777))?;
    set_length(&unnamed.file, length)?;
    Ok(unnamed)
}

/// Creates an empty file under a hidden random name.
fn create_hidden(directory: &Path) -> io::Result<UnnamedFile> {
    let path = hidden_name(directory)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
    let opened = retry_on_intr(|| open(&path, flags, Mode::RUSR | Mode::WUSR))?;
    let file = File::from(opened);
    Ok(UnnamedFile { file, hidden: Some(HiddenName { path: Some(path) }) })
}

impl UnnamedFile {
    /// The open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, in one step, if the name is free.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if anything bears the name, also a symbolic link that leads nowhere.
    pub(crate) fn publish(self, path: &Path) -> io::Result<File> {
        let Self { file, hidden } = self;
        match hidden {
            None => link_descriptor(&file, path)?,
            Some(name) => name.move_to(path)?,
        }
        Ok(file)
    }
}

impl UnnamedFile {
    /// Gives the file the name of another, in one step, once its content is on its device. It
    /// gets the other's owner and permission bits as far as this process may give them.
    pub(crate) fn replace(self, path: &Path) -> io::Result<File> {
        let before = fs::symlink_metadata(path)?;
        // An owner that cannot be given stays this process's own, as for any file it makes.
        let _ = std::os::unix::fs::fchown(&self.file, Some(before.uid()), Some(before.gid()));
        fchmod(&self.file, Mode::from_raw_mode(before.mode() & 0o777))?;
        self.file.sync_all()?;
        let Self { file, hidden } = self;
        let mut hidden = match hidden {
            Some(hidden) => hidden,
            None => {
                let name = hidden_name(parent_of(path))?;
                link_descriptor(&file, &name)?;
                HiddenName { path: Some(name) }
            }
        };
        if let Some(name) = hidden.path.as_deref() {
            fs::rename(name, path)?;
        }
        hidden.path = None;
        File::open(parent_of(path))?.sync_all()?;
        Ok(file)
    }
}

/// The directory that a file stands in.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A random name in `directory` that listings leave out.
fn hidden_name(directory: &Path) -> io::Result<PathBuf> {
    let number = u64::from_le_bytes(random_bytes()?);
    Ok(directory.join(format!(".mmf-{number:016x}")))
}

/// Gives an unnamed open file a name.
fn link_descriptor(file: &File, path: &Path) -> io::Result<()> {
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    match linkat(CWD, descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW) {
        // Without /proc there is a second way, which some kernels allow only to privileged users.
        Err(Errno::NOENT) => Ok(linkat(file, "", CWD, path, AtFlags::EMPTY_PATH)?),
        answer => Ok(answer?),
    }
}

impl HiddenName {
    /// Moves the file to a name that must be free.
    fn move_to(mut self, path: &Path) -> io::Result<()> {
        let Some(hidden) = self.path.take() else { return Ok(()) };
        match renameat_with(CWD, &hidden, CWD, path, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL | Errno::NOSYS) => {
                let linked = fs::hard_link(&hidden, path);
                self.path = Some(hidden);
                linked
            }
            Err(error) => {
                self.path = Some(hidden);
                Err(error.into())
            }
        }
    }
}

/// What `statfs` says of a tmpfs.
pub(super) const TMPFS_MAGIC: u32 = 0x0102_1994;

/// What kind of file system a file lies on, as far as mappings are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileSystem {
    /// Memory: gone after a reboot.
    Memory,
    /// Local storage that overwrites in place.
    Disk,
    /// Local storage that may need new space to overwrite what is allocated already.
    CopyOnWrite(&'static str),
    /// Storage whose mappings are not coherent between all who map it.
    Network(&'static str),
}

/// The kind of file system that `file` lies on.
pub(crate) fn file_system_of(file: &File) -> io::Result<FileSystem> {
    let facts = retry_on_intr(|| rustix::fs::fstatfs(file))?;
    Ok(classify(facts.f_type as u32))
}

/// The kind of file system with this magic number, by `statfs(2)` and the kernel's `magic.h`.
fn classify(magic: u32) -> FileSystem {
    match magic {
        TMPFS_MAGIC | 0x8584_58f6 => FileSystem::Memory,
        0x9123_683e => FileSystem::CopyOnWrite("btrfs"),
        0x2fc1_2fc1 => FileSystem::CopyOnWrite("zfs"),
        0xca45_1a4e => FileSystem::CopyOnWrite("bcachefs"),
        0x0000_6969 => FileSystem::Network("NFS"),
        0x0000_517b => FileSystem::Network("SMB"),
        0xff53_4d42 => FileSystem::Network("CIFS"),
        0xfe53_4d42 => FileSystem::Network("SMB2"),
        0x0102_1997 => FileSystem::Network("9p"),
        0x6573_5546 => FileSystem::Network("FUSE"),
        0x00c3_6400 => FileSystem::Network("Ceph"),
        0x5346_414f | 0x6b41_4653 => FileSystem::Network("AFS"),
        0x7375_7245 => FileSystem::Network("Coda"),
        0x0116_1970 => FileSystem::Network("GFS2"),
        0x7461_636f => FileSystem::Network("OCFS2"),
        0x0bd0_0bd0 => FileSystem::Network("Lustre"),
        0x786f_4256 => FileSystem::Network("VirtualBox shared folder"),
        _ => FileSystem::Disk,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// The owner and permission bits of an open file.
    fn ownership(file: &File) -> io::Result<Owner> {
        Ok(FileFacts::from_metadata(&file.metadata()?).owner)
    }

    /// Both ways to create a file that has no name.
    fn both_ways(directory: &Path) -> [UnnamedFile; 2] {
        [create_unnamed(directory, 0o600, 10).unwrap(), create_hidden(directory).unwrap()]
    }

    #[test]
    fn a_new_file_has_its_exact_mode_and_length_and_no_name() {
        let place = tempfile::tempdir().unwrap();
        let unnamed = create_unnamed(place.path(), 0o666, 12_345).unwrap();
        assert_eq!(ownership(unnamed.file()).unwrap(), Owner { uid: current_user(), mode: 0o666 });
        assert_eq!(length(unnamed.file()).unwrap(), 12_345);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_data_of_a_sparse_file_is_found() {
        use std::os::unix::fs::FileExt;
        let file = tempfile::tempfile().unwrap();
        assert_eq!(data_ranges(&file, 1 << 20).unwrap(), []);
        file.set_len(1 << 40).unwrap();
        for offset in [5, 1 << 20, (1 << 40) - 1] {
            file.write_all_at(b"x", offset).unwrap();
        }
        let ranges = data_ranges(&file, 1 << 39).unwrap();
        assert_eq!(ranges.len(), 2, "{ranges:?}");
        assert!(ranges[0].contains(&5) && ranges[1].contains(&(1 << 20)));
        assert!(ranges.iter().map(|range| range.end - range.start).sum::<u64>() <= 1 << 19);
    }

    #[test]
    fn publishing_gives_the_name() {
        let place = tempfile::tempdir().unwrap();
        for (number, unnamed) in both_ways(place.path()).into_iter().enumerate() {
            let path = place.path().join(number.to_string());
            let identity = FileIdentity::of(unnamed.file()).unwrap();
            let file = unnamed.publish(&path).unwrap();
            assert_eq!(FileIdentity::of(&file).unwrap(), identity);
            assert_eq!(FileIdentity::of_path(&path).unwrap(), identity);
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn publishing_refuses_a_taken_name() {
        let place = tempfile::tempdir().unwrap();
        let (taken, link) = (place.path().join("taken"), place.path().join("link"));
        fs::write(&taken, "mine").unwrap();
        symlink(place.path().join("nowhere"), &link).unwrap();
        for path in [&taken, &link] {
            for unnamed in both_ways(place.path()) {
                let error = unnamed.publish(path).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            }
        }
        assert_eq!(fs::read(&taken).unwrap(), b"mine");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn replacing_takes_the_name_and_its_permissions() {
        let place = tempfile::tempdir().unwrap();
        for (number, unnamed) in both_ways(place.path()).into_iter().enumerate() {
            let path = place.path().join(number.to_string());
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640))
                .unwrap();
            let identity = FileIdentity::of(unnamed.file()).unwrap();
            let file = unnamed.replace(&path).unwrap();
            assert_eq!(FileIdentity::of_path(&path).unwrap(), identity);
            assert_eq!(ownership(&file).unwrap(), Owner { uid: current_user(), mode: 0o640 });
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn only_regular_files_are_opened() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::write(path("file"), "").unwrap();
        symlink(path("file"), path("link")).unwrap();
        rustix::fs::mknodat(CWD, path("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        for access in [Access::ReadOnly, Access::ReadWrite] {
            let kind = |name: &str| open_existing(&path(name), access).unwrap_err().kind();
            open_existing(&path("file"), access).unwrap();
            assert_eq!(kind("link"), io::ErrorKind::PermissionDenied);
            assert_eq!(kind("."), io::ErrorKind::IsADirectory);
            assert_eq!(kind("pipe"), io::ErrorKind::InvalidInput);
            assert_eq!(kind("socket"), io::ErrorKind::InvalidInput);
            assert_eq!(kind("missing"), io::ErrorKind::NotFound);
        }
    }

    #[test]
    fn file_systems_are_told_apart() {
        assert_eq!(classify(0x0102_1994), FileSystem::Memory);
        assert_eq!(classify(0x6969), FileSystem::Network("NFS"));
        assert_eq!(classify(0x9123_683e), FileSystem::CopyOnWrite("btrfs"));
        assert_eq!(classify(0xef53), FileSystem::Disk);
        if let Ok(unnamed) = create_unnamed(Path::new("/dev/shm"), 0o600, 0) {
            assert_eq!(file_system_of(unnamed.file()).unwrap(), FileSystem::Memory);
        }
    }
}
