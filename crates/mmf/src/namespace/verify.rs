//! Whether a file that has outlived the system it was used on is whole (`docs/protocols.md`,
//! section 12).

use std::fs::File;
use std::path::Path;

use super::builder::Builder;
use super::open::access_of;
use super::repair::{self, Repair, rehearse};
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::BOOT;
use crate::inspect::header::{HeaderFacts, read_any_header};
use crate::platform::{self, FileIdentity};
use crate::segment::Segment;
use crate::sync::Ordering;

/// What verifying a file came to.
pub(super) enum Verified {
    /// It is whole. Who attaches says so in the header before the mark is dropped.
    Sound(HeaderFacts, Option<Mark>),
    /// The name leads to another file by now: look again.
    Again,
    /// It has been replaced by what verified: look again.
    Repaired(Repair),
}

/// The right of one opener to say that a file is sound; other writers wait for it.
pub(super) struct Mark {
    /// The same description as the opener's.
    file: File,
}

impl Mark {
    fn take(builder: &Builder, file: &File) -> Result<Self> {
        let failed = |what: &'static str| move |error| Error::io(what, error);
        let file = file.try_clone().map_err(failed("duplicating a descriptor"))?;
        platform::lock_initialisation(&file, builder.timeout)
            .map_err(failed("waiting for another who verifies it"))?;
        Ok(Self { file })
    }

    /// Notes that the namespace is sound in this boot of the system.
    pub(super) fn set(self, segment: &Segment) -> Result<()> {
        for (index, word) in platform::boot_id().into_iter().enumerate() {
            segment.word(BOOT + index as u64 * 8)?.store(word, Ordering::Release);
        }
        Ok(())
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Err(error) = platform::unlock_initialisation(&self.file) {
            tracing::warn!(%error, "others may have to wait until this process ends");
        }
    }
}

/// Makes sure that the system has not crashed since the file was sound, or mends it.
pub(super) fn verify(builder: &Builder, path: &Path, file: &File) -> Result<Verified> {
    let (facts, length) = read_any_header(file)?;
    facts.check_usable(access_of(builder))?;
    if !facts.is_unverified() {
        facts.check_sizes(length)?;
        return Ok(Verified::Sound(facts, None));
    }
    if builder.read_only {
        return verify_for_reading(file, facts, length);
    }
    let mark = Mark::take(builder, file)?;
    if !leads_to(path, file)? {
        return Ok(Verified::Again);
    }
    let (facts, length) = read_any_header(file)?;
    if !facts.is_unverified() || is_used(file, &facts)? {
        facts.check_sizes(length)?;
        return Ok(Verified::Sound(facts, None));
    }
    let findings = rehearse(file, &facts, length)?;
    if findings.is_empty() {
        return Ok(Verified::Sound(facts, Some(mark)));
    }
    tracing::warn!(path = %path.display(), ?findings, "the system has crashed: mending the file");
    repair::replace(path, file, findings).map(Verified::Repaired)
}

/// Who may only read can mend nothing, and does not hold up those who can.
fn verify_for_reading(file: &File, facts: HeaderFacts, length: u64) -> Result<Verified> {
    if !is_used(file, &facts)? {
        let findings = rehearse(file, &facts, length)?;
        if let Some(finding) = findings.first() {
            let reason = format!("the system has crashed while it was in use: {finding}");
            return Err(Error::new(ErrorKind::Damaged, reason)
                .advise("open it for writing: that keeps what verifies, and names the rest"));
        }
    }
    facts.check_sizes(length)?;
    Ok(Verified::Sound(facts, None))
}

/// Whether a process that may write is attached: it has verified the file.
fn is_used(file: &File, facts: &HeaderFacts) -> Result<bool> {
    for slot in 0..facts.slots.min(u64::from(u16::MAX)) {
        let is_locked = platform::slot_is_locked(file, slot as u32)
            .map_err(|error| Error::io("asking who is attached", error))?;
        if is_locked {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the file still bears its name.
pub(super) fn leads_to(path: &Path, file: &File) -> Result<bool> {
    FileIdentity::of(file)
        .and_then(|identity| identity.is_named(path))
        .map_err(|error| Error::io(format!("asking what {} is", path.display()), error))
}

/// Mends a damaged namespace, whatever damaged it.
pub(super) fn mend(builder: &Builder, path: &Path, file: &File) -> Result<Option<Repair>> {
    let mark = Mark::take(builder, file)?;
    if !leads_to(path, file)? {
        return Ok(None);
    }
    let (facts, length) = read_any_header(file)?;
    facts.check_usable(platform::Access::ReadWrite)?;
    let findings =
        if is_used(file, &facts)? { Vec::new() } else { rehearse(file, &facts, length)? };
    let repair = repair::replace(path, file, findings)?;
    drop(mark);
    Ok(Some(repair))
}
