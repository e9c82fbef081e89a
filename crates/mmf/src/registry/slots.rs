//! Slots: taking one, leaving it, and telling whether another's owner is dead.

use super::Registry;
use super::attachment::Attachment;
use crate::error::{Error, ErrorKind, Holder, Result};
use crate::format::header::{OPTION_CHECKSUMS, OPTIONS, SLOT_COUNT, SLOTS};
use crate::format::slot::{
    ATTACHED, BOOT_ID, PID_NAMESPACE, PROCESS, PROGRAM, PROGRAM_BYTES, PROGRAM_LENGTH, SIZE,
    START_TIME, STATE, SlotState, WORDS,
};
use crate::platform::{Access, Anchor, AnchorBuilder, ProcessIdentity};
use crate::segment::Segment;
use crate::sync::{AtomicU64, Ordering};

/// What a slot says of its process. For people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlotInformation {
    pub(crate) process: u32,
    pub(crate) program: String,
    pub(crate) attached: u64,
    pub(crate) pid_namespace: u64,
}

pub(super) fn words(segment: &Segment, slot: u32) -> Result<&[AtomicU64; WORDS]> {
    segment.words(SLOTS + u64::from(slot) * SIZE)
}

/// Number of slots, the last of which is for those who must reap before they find room.
pub(crate) fn count(segment: &Segment) -> Result<u32> {
    let count = segment.word(SLOT_COUNT)?.load(Ordering::Relaxed);
    if count == 0 || count > 4096 {
        return Err(Error::damaged(SLOT_COUNT, "the number of slots is impossible"));
    }
    Ok(count as u32)
}

/// Becomes a member: presence for everybody, a slot for those who may write. Who is alone needs no
/// proof of life.
pub(super) fn attach(segment: &Segment, room: Room, is_alone: bool) -> Result<Attachment> {
    let who = ProcessIdentity::current();
    let access = if segment.is_writable() { Access::ReadWrite } else { Access::ReadOnly };
    let Some(source) = segment.source().filter(|_| !is_alone) else {
        let slot = take_slot(segment, None, &who, room)?;
        return Ok(Attachment::new(Some(slot), None, who));
    };
    let mut builder = Anchor::open(&source.path, source.identity, access)
        .map_err(|error| Error::io("opening the file to attach", error))?;
    let present =
        builder.share_presence().map_err(|error| Error::io("locking the presence byte", error))?;
    if !present {
        return Err(Error::new(ErrorKind::InUse, "somebody is removing it"));
    }
    let slot = match access {
        Access::ReadOnly => None,
        Access::ReadWrite => Some(take_slot(segment, Some(&mut builder), &who, room)?),
    };
    // The source's description is another than the anchor's.
    let sealed = source.with_file(access, |probe| builder.seal(probe));
    let anchor = sealed.map_err(|error| {
        if error.kind() == std::io::ErrorKind::Unsupported {
            Error::io("locking the slot", error)
                .advise("use a file on tmpfs or a local file system, not an overlay")
        } else {
            Error::io("locking the slot", error)
        }
    })?;
    Ok(Attachment::new(slot, Some(anchor), who))
}

/// Which slots to try.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Ordinary,
    /// The last slot, for those who must reap the dead before they find an ordinary one.
    Reserved,
}

/// Takes a free slot.
fn take_slot(
    segment: &Segment,
    mut builder: Option<&mut AnchorBuilder>,
    who: &ProcessIdentity,
    room: Room,
) -> Result<u32> {
    let last = count(segment)? - 1;
    let slots = if room == Room::Ordinary { 0..last } else { last..last + 1 };
    for slot in slots {
        let words = words(segment, slot)?;
        let seen = SlotState(words[STATE].load(Ordering::Relaxed));
        // Looked at first: a taken byte of a dead owner's slot would make the owner look alive.
        if seen.is_live() {
            continue;
        }
        let locked = match builder.as_deref_mut() {
            Some(builder) => builder
                .try_take_slot(slot)
                .map_err(|error| Error::io("locking the slot's byte", error))?,
            None => true,
        };
        if !locked {
            pass_by(&words[STATE], seen);
            continue;
        }
        // A second look: somebody may have passed by meanwhile.
        let claimed = claim(&words[STATE], seen)
            || (seen.is_untouched() && claim(&words[STATE], SlotState::PASSED));
        if claimed {
            describe(words, who);
            return Ok(slot);
        }
        if let Some(builder) = builder.as_deref_mut() {
            builder
                .release_slot(slot)
                .map_err(|error| Error::io("unlocking the slot's byte", error))?;
        }
    }
    Err(Error::new(ErrorKind::LimitReached, "every slot for an attached process is taken")
        .advise("end some of the attached processes, or make the namespace larger"))
}

/// The slots that may be LIVE: all below the first that nobody has touched. A file that may have
/// been left by a crash, with pages of different moments, has no such first one.
pub(super) fn touched(segment: &Segment) -> Result<impl Iterator<Item = Result<u32>>> {
    let is_one_moment = segment.word(OPTIONS)?.load(Ordering::Relaxed) & OPTION_CHECKSUMS == 0;
    let is_end = move |state: &AtomicU64| {
        is_one_moment && SlotState(state.load(Ordering::Relaxed)).is_untouched()
    };
    Ok((0..count(segment)?).map_while(move |slot| match words(segment, slot) {
        Ok(words) if is_end(&words[STATE]) => None,
        Ok(_) => Some(Ok(slot)),
        Err(error) => Some(Err(error)),
    }))
}

/// Notes that a slot above one that somebody is about to take may be taken: no slot is claimed above
/// an untouched one. Relaxed: the claim that follows is the release.
pub(super) fn pass_by(state: &AtomicU64, seen: SlotState) {
    if seen.is_untouched() {
        // Somebody else has touched it if this fails.
        let _ = state.compare_exchange(
            seen.0,
            SlotState::PASSED.0,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }
}

/// From free to live. Release: whoever sees LIVE comes after the lock on the byte, and finds no slot
/// below untouched.
pub(super) fn claim(state: &AtomicU64, seen: SlotState) -> bool {
    let live = seen.attached();
    state.compare_exchange(seen.0, live.0, Ordering::Release, Ordering::Relaxed).is_ok()
}

/// From live to free. Release: everything that the slot owned has gone before.
pub(super) fn free(state: &AtomicU64) {
    let seen = SlotState(state.load(Ordering::Relaxed));
    state.store(seen.free().0, Ordering::Release);
}

/// Whether the owner of a slot is dead; `is_locked` asks the kernel for its byte.
pub(super) fn owner_is_dead(
    state: &AtomicU64,
    is_locked: impl FnOnce() -> Result<bool>,
) -> Result<bool> {
    // Acquire: an owner that is seen to be LIVE has locked its byte.
    let seen = state.load(Ordering::Acquire);
    // Relaxed: whoever finds the byte free after a detach comes after its store of FREE.
    Ok(SlotState(seen).is_live() && !is_locked()? && state.load(Ordering::Relaxed) == seen)
}

fn describe(words: &[AtomicU64; WORDS], who: &ProcessIdentity) {
    let name = &who.program.as_bytes()[..who.program.floor_char_boundary(PROGRAM_BYTES)];
    words[PROCESS].store(u64::from(who.pid), Ordering::Relaxed);
    words[START_TIME].store(who.start_time, Ordering::Relaxed);
    words[PID_NAMESPACE].store(who.pid_namespace, Ordering::Relaxed);
    for (word, piece) in words[BOOT_ID..].iter().zip(who.boot_id) {
        word.store(piece, Ordering::Relaxed);
    }
    words[ATTACHED].store(crate::platform::wall_clock_milliseconds(), Ordering::Relaxed);
    words[PROGRAM_LENGTH].store(name.len() as u64, Ordering::Relaxed);
    for (word, piece) in words[PROGRAM..].iter().zip(name.chunks(8)) {
        word.store(little_endian(piece), Ordering::Relaxed);
    }
}

/// Up to 8 bytes as a word.
pub(super) fn little_endian(piece: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..piece.len()].copy_from_slice(piece);
    u64::from_le_bytes(bytes)
}

/// Leaves a slot; its seats have been returned.
pub(super) fn detach(segment: &Segment, slot: u32) {
    if let Ok(words) = words(segment, slot) {
        free(&words[STATE]);
    }
}

impl Registry {
    /// Whether the slot's owner is dead, as the kernel knows it.
    pub(crate) fn is_dead(&self, slot: u32) -> Result<bool> {
        let segment = self.segment();
        if slot >= count(segment)? {
            return Err(Error::damaged(SLOTS, "a word names a slot that does not exist"));
        }
        let state = &words(segment, slot)?[STATE];
        owner_is_dead(state, || {
            if self.is_alone() {
                return Ok(self.attachment()?.slot == Some(slot));
            }
            segment
                .slot_is_locked(slot)
                .map_err(|error| Error::io("asking whether a process lives", error))
        })
    }

    /// What a slot says of its process, if one is attached there.
    pub(crate) fn slot_information(&self, slot: u32) -> Result<Option<SlotInformation>> {
        if slot >= count(self.segment())? {
            return Ok(None);
        }
        let words = words(self.segment(), slot)?;
        if !SlotState(words[STATE].load(Ordering::Relaxed)).is_live() {
            return Ok(None);
        }
        let length = words[PROGRAM_LENGTH].load(Ordering::Relaxed).min(PROGRAM_BYTES as u64);
        let mut program: Vec<u8> = words[PROGRAM..]
            .iter()
            .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes())
            .collect();
        program.truncate(length as usize);
        Ok(Some(SlotInformation {
            process: words[PROCESS].load(Ordering::Relaxed) as u32,
            program: String::from_utf8_lossy(&program).into_owned(),
            attached: words[ATTACHED].load(Ordering::Relaxed),
            pid_namespace: words[PID_NAMESPACE].load(Ordering::Relaxed),
        }))
    }

    /// The slot's process as a holder for error messages.
    pub(crate) fn holder_of_slot(&self, slot: u32, since: Option<u64>) -> Option<Holder> {
        let information = self.slot_information(slot).ok()??;
        let own = self.attachment().map_or(0, |attachment| attachment.identity.pid_namespace);
        let theirs = information.pid_namespace;
        Some(Holder {
            in_other_pid_namespace: own != 0 && theirs != 0 && own != theirs,
            pid: information.process,
            program: information.program,
            since: since.map(|milliseconds| {
                std::time::UNIX_EPOCH + std::time::Duration::from_millis(milliseconds)
            }),
        })
    }
}
