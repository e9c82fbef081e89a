//! Shared mappings of files, and making sure that their memory is there before it is touched.

#![allow(unsafe_code, reason = "mapping memory, advising on it and unmapping it")]

use core::ffi::c_void;
use core::ptr;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{FallocateFlags, fallocate, fstatfs};
use rustix::io::{Errno, retry_on_intr};
use rustix::mm::{
    Advice, MapFlags, MsyncFlags, ProtFlags, madvise, mmap, mmap_anonymous, msync, munmap,
};

use super::files::TMPFS_MAGIC;

/// How often an interrupted or refused system call is repeated before its error is reported.
const LONGEST_RETRY: u32 = 64;
/// So many bytes of shared memory are populated page by page.
const FEW_BYTES: usize = 8 << 10;
/// The smallest step, in bytes, in which an interrupted `commit` goes on.
const SMALLEST_COMMIT: u64 = 64 << 10;

/// What a process may do with a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading only.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// Where the bytes of a mapping come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backing {
    /// Private memory of this process.
    Memory,
    /// A file, with this access.
    File(Access),
    /// A file of shared memory, mapped for writing: the kernel need not be told of the first write
    /// to a page, so a page that can be read can be written as well.
    SharedMemory,
    /// A file's content; what is stored stays in private memory of this process.
    Copy,
}

/// A range of addresses that stays valid, at the same place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: *mut u8,
    length: u64,
    backing: Backing,
}

// SAFETY: a mapping belongs to the process, not to a thread; any thread may unmap it, and the
// type hands out an address without ever touching the bytes behind it.
unsafe impl Send for Mapping {}
// SAFETY: as above; the shared methods are system calls that may run at the same time.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes of `file`, which may end before that. Reserves no memory.
    pub(crate) fn map_file(file: &File, length: u64, access: Access) -> io::Result<Self> {
        let protection = match access {
            Access::ReadOnly => ProtFlags::READ,
            Access::ReadWrite => ProtFlags::READ | ProtFlags::WRITE,
        };
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        let size = in_memory(length)?;
        // SAFETY: a new mapping must not replace one in use. The null hint lets the kernel choose.
        let base = unsafe { mmap(ptr::null_mut(), size, protection, flags, file, 0) }?;
        let backing = match access {
            Access::ReadWrite if is_shared_memory(file) => Backing::SharedMemory,
            _ => Backing::File(access),
        };
        Ok(Self { base: base.cast(), length, backing })
    }

    /// Maps the first `length` bytes of `file` as they are now, for this process to change for
    /// itself. Pages that it has not changed may still show what others store meanwhile.
    pub(crate) fn map_copy(file: &File, length: u64) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let size = in_memory(length)?;
        // SAFETY: a new mapping must not replace one in use. The null hint lets the kernel choose.
        let base = unsafe { mmap(ptr::null_mut(), size, protection, flags, file, 0) }?;
        Ok(Self { base: base.cast(), length, backing: Backing::Copy })
    }

    /// Maps `length` zeros that only this process sees.
    pub(crate) fn anonymous(length: u64) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let size = in_memory(length)?;
        // SAFETY: a new mapping must not replace one in use. The null hint lets the kernel choose.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), size, protection, flags) }?;
        Ok(Self { base: base.cast(), length, backing: Backing::Memory })
    }

    /// The address of the first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    /// The length in bytes, as asked for.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Gives this process every page of a range, so that touching it cannot fault for want of
    /// memory. For writing too, if the mapping is writable.
    ///
    /// # Errors
    ///
    /// `StorageFull` if no page can be had (the file system is full, or the file was shrunk),
    /// `OutOfMemory` if the process may have no more memory, `Unsupported` before Linux 5.14.
    pub(crate) fn populate(&self, offset: u64, length: u64) -> io::Result<()> {
        let (address, size) = self.pages(offset, length)?;
        let advice = match self.backing {
            Backing::Memory => return Ok(()),
            Backing::File(Access::ReadOnly) | Backing::Copy => Advice::LinuxPopulateRead,
            // A reading fault maps sixteen pages for twice the price of one.
            Backing::SharedMemory if size > FEW_BYTES => Advice::LinuxPopulateRead,
            Backing::File(Access::ReadWrite) | Backing::SharedMemory => Advice::LinuxPopulateWrite,
        };
        if size == 0 {
            return Ok(());
        }
        let mut retries = 0;
        loop {
            // SAFETY: the advice must be about memory of ours and change none of its bytes.
            // `pages` stayed inside this mapping, and populating only brings pages in.
            let answer = unsafe { madvise(address, size, advice) };
            match answer {
                Ok(()) => return Ok(()),
                Err(Errno::INTR | Errno::AGAIN) if retries < LONGEST_RETRY => retries += 1,
                Err(error) => return Err(population_error(error)),
            }
        }
    }

    /// Writes the changed pages of a range to the file's storage, and waits for it.
    pub(crate) fn flush(&self, offset: u64, length: u64) -> io::Result<()> {
        let (address, size) = self.pages(offset, length)?;
        if size == 0 || matches!(self.backing, Backing::Memory | Backing::Copy) {
            return Ok(());
        }
        // SAFETY: the range must be memory of ours. `pages` stayed inside this mapping.
        Ok(retry_on_intr(|| unsafe { msync(address, size, MsyncFlags::SYNC) })?)
    }

    /// The address and length of the pages that hold a range, which must lie inside.
    fn pages(&self, offset: u64, length: u64) -> io::Result<(*mut c_void, usize)> {
        let page = rustix::param::page_size() as u64;
        let end = offset.checked_add(length).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the range leaves the mapping")
        })?;
        let begin = offset - offset % page;
        let address = self.base.wrapping_add(begin as usize);
        Ok((address.cast(), (end.next_multiple_of(page) - begin) as usize))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nothing may use the range any more, and it must be ours. Both constructors
        // mapped it at this length; whoever uses the address keeps this value alive meanwhile.
        let _ = unsafe { munmap(self.base.cast(), self.length as usize) };
    }
}

/// A length as the size of a mapping, which is at most half the address space.
fn in_memory(length: u64) -> io::Result<usize> {
    isize::try_from(length).map(|size| size as usize).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "the length exceeds the address space")
    })
}

/// Whether a file lies on tmpfs. That it could not be told is no harm: populating takes longer.
fn is_shared_memory(file: &File) -> bool {
    retry_on_intr(|| fstatfs(file)).is_ok_and(|facts| facts.f_type as u32 == TMPFS_MAGIC)
}

/// What a failure to populate means.
fn population_error(error: Errno) -> io::Error {
    match error {
        Errno::FAULT => io::Error::new(
            io::ErrorKind::StorageFull,
            "no memory for the file's pages: its file system is full, or the file was shrunk",
        ),
        Errno::INVAL => io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel cannot populate mappings: Linux 5.14 or later is needed",
        ),
        other => other.into(),
    }
}

/// Allocates storage for the bytes `from..to` of `file`, which must lie before its end.
///
/// An interrupted allocation is undone by the kernel, so it goes on in smaller steps: what stands
/// after an error may be partly allocated, and can be committed again.
///
/// # Errors
///
/// `StorageFull` if there is no space, `UnexpectedEof` if the file ends before `to`.
pub(crate) fn commit(file: &File, from: u64, to: u64) -> io::Result<()> {
    if to > file.metadata()?.size() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the file ends before the range to commit",
        ));
    }
    let mut done = from;
    let mut step = to.saturating_sub(from);
    let mut retries = 0;
    while done < to {
        let length = step.min(to - done);
        match fallocate(file, FallocateFlags::empty(), done, length) {
            Ok(()) => {
                done += length;
                retries = 0;
            }
            Err(Errno::INTR) if retries < LONGEST_RETRY => {
                retries += 1;
                step = (step / 2).max(SMALLEST_COMMIT);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    /// A sparse file of `length` bytes in the test's own temporary place.
    fn sparse(length: u64) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(length).unwrap();
        file
    }

    /// Page faults of this thread so far.
    fn minor_faults() -> i64 {
        let mut usage = core::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the pointer must lead to a `rusage`, which the call fills.
        assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) }, 0);
        // SAFETY: it must be initialised: it is plain numbers, zeroed and then filled.
        unsafe { usage.assume_init() }.ru_minflt
    }

    #[test]
    fn two_mappings_of_one_file_are_coherent() {
        let file = sparse(8192);
        commit(&file, 0, 8192).unwrap();
        let writer = Mapping::map_file(&file, 8192, Access::ReadWrite).unwrap();
        let reader = Mapping::map_file(&file, 8192, Access::ReadOnly).unwrap();
        writer.populate(5000, 8).unwrap();
        reader.populate(0, 8192).unwrap();
        let (written, read) = (writer.base().wrapping_add(5000), reader.base().wrapping_add(5000));
        // SAFETY: the byte must be mapped for writing; it was populated above.
        unsafe { written.write_volatile(42) };
        // SAFETY: the byte must be mapped for reading; it was populated above.
        assert_eq!(unsafe { read.read_volatile() }, 42);
        writer.flush(5000, 1).unwrap();
        writer.flush(0, 8192).unwrap();
    }

    /// A file on tmpfs was populated by writing faults, a page at a time; now by reading ones,
    /// sixteen at once. What follows from that is that no write faults, let alone fails.
    #[test]
    fn writes_to_populated_shared_memory_do_not_fault() {
        const LENGTH: u64 = 1 << 20;
        let file =
            File::from(rustix::fs::memfd_create("", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        assert!(is_shared_memory(&file));
        file.set_len(LENGTH).unwrap();
        commit(&file, 0, LENGTH / 2).unwrap();
        let mapping = Mapping::map_file(&file, LENGTH, Access::ReadWrite).unwrap();
        // The second half is a hole.
        mapping.populate(0, LENGTH).unwrap();
        assert_eq!(file.metadata().unwrap().blocks() * 512, LENGTH);
        let before = minor_faults();
        for page in 0..LENGTH / 4096 {
            let byte = mapping.base().wrapping_add((page * 4096) as usize);
            // SAFETY: the byte must be mapped for writing; it was populated above.
            unsafe { byte.write_volatile(1) };
        }
        let faults = minor_faults() - before;
        assert!(faults < 16, "{faults} faults in {} pages", LENGTH / 4096);
    }

    #[test]
    fn anonymous_memory_is_zero() {
        let mapping = Mapping::anonymous(100).unwrap();
        mapping.populate(0, 100).unwrap();
        mapping.flush(0, 100).unwrap();
        let last = mapping.base().wrapping_add(99);
        // SAFETY: the byte must be mapped for reading; the mapping is 100 bytes long.
        assert_eq!(unsafe { last.read_volatile() }, 0);
        assert_eq!(mapping.length(), 100);
    }

    #[test]
    fn ranges_outside_are_refused() {
        let mapping = Mapping::map_file(&sparse(4096), 4096, Access::ReadWrite).unwrap();
        for (offset, length) in [(0, 4097), (4096, 1), (u64::MAX, 2), (8192, 0)] {
            let error = mapping.populate(offset, length).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(mapping.flush(offset, length).is_err());
        }
        mapping.populate(4096, 0).unwrap();
        assert!(Mapping::anonymous(u64::MAX).is_err());
        assert!(Mapping::anonymous(0).is_err());
    }

    #[test]
    fn pages_beyond_the_end_of_the_file_are_an_error_not_a_signal() {
        let file = sparse(4096);
        for access in [Access::ReadOnly, Access::ReadWrite] {
            let mapping = Mapping::map_file(&file, 1 << 20, access).unwrap();
            let error = mapping.populate(0, 1 << 20).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        }
    }

    #[test]
    fn commit_allocates_and_keeps_the_length() {
        let file = sparse(1 << 20);
        assert_eq!(file.metadata().unwrap().blocks(), 0);
        commit(&file, 0, 65536).unwrap();
        assert!(file.metadata().unwrap().blocks() * 512 >= 65536);
        assert_eq!(file.metadata().unwrap().len(), 1 << 20);
        commit(&file, 10, 10).unwrap();
        assert_eq!(commit(&file, 0, 2 << 20).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(file.metadata().unwrap().len(), 1 << 20);
    }
}
