//! One handle's membership in a namespace, remade in a forked child.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::slots::{self, Room};
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::{BREAK, OPTION_CHECKSUMS, OPTION_WHILE_ATTACHED, OPTIONS};
use crate::platform::{self, Access, Anchor, ProcessIdentity, fork_epoch, hold_off_fork};
use crate::segment::Segment;
use crate::sync::Ordering::Relaxed;
use crate::sync::process_local::{AtomicU64, Ordering};

/// Numbers handles, so that a thread can tell them apart.
static NEXT_REGISTRY: AtomicU64 = AtomicU64::new(1);

/// One handle's view of a namespace: its memory and its membership.
pub(crate) struct Registry {
    segment: Segment,
    number: u64,
    /// Nobody else is attached, whatever the slots say: a file that nobody else may open.
    is_alone: bool,
    attachment: RwLock<Arc<Attachment>>,
}

/// Membership of one process: renewed after a fork.
pub(crate) struct Attachment {
    /// The process, as forks tell them apart.
    pub(crate) epoch: u64,
    /// Its slot; none when it may only read.
    pub(crate) slot: Option<u32>,
    /// Its proof of life; none in private memory.
    anchor: Option<Anchor>,
    /// Seats leased by this process that no thread uses at present.
    pub(super) idle_seats: Mutex<Vec<u32>>,
    pub(crate) identity: Arc<ProcessIdentity>,
}

impl Attachment {
    pub(super) fn new(
        slot: Option<u32>,
        anchor: Option<Anchor>,
        who: Arc<ProcessIdentity>,
    ) -> Self {
        Self {
            epoch: fork_epoch(),
            slot,
            anchor,
            idle_seats: Mutex::new(Vec::new()),
            identity: who,
        }
    }
}

impl Registry {
    /// Becomes a member of the namespace in `segment`.
    pub(crate) fn attach(segment: Segment) -> Result<Arc<Self>> {
        Self::attach_as(segment, false)
    }

    /// Becomes the only member: whoever else a slot names counts as dead.
    pub(crate) fn attach_alone(segment: Segment) -> Result<Arc<Self>> {
        Self::attach_as(segment, true)
    }

    fn attach_as(segment: Segment, is_alone: bool) -> Result<Arc<Self>> {
        let number = NEXT_REGISTRY.fetch_add(1, Ordering::Relaxed);
        let (attachment, room) = attach_somewhere(&segment, is_alone)?;
        let attachment = RwLock::new(Arc::new(attachment));
        let registry = Arc::new(Self { segment, number, is_alone, attachment });
        registry.settle(room)?;
        Ok(registry)
    }

    /// Recovers from the dead, whose slots a newcomer may need.
    fn settle(&self, room: Room) -> Result<()> {
        if self.segment.is_writable() {
            match self.reap_if_any_is_dead() {
                // Somebody is stopped at work: whoever needs what the dead held will wait again.
                Err(error) if error.kind() == ErrorKind::TimedOut && room == Room::Ordinary => {
                    tracing::warn!(%error, "could not recover from the dead yet");
                }
                result => result?,
            }
        }
        if room == Room::Reserved { self.move_to_ordinary_slot() } else { Ok(()) }
    }

    /// Leaves the slot that is reserved for those who must reap before they find room.
    fn move_to_ordinary_slot(&self) -> Result<()> {
        let mut place = self.attachment.write().unwrap_or_else(PoisonError::into_inner);
        let ordinary = slots::attach(&self.segment, Room::Ordinary, self.is_alone)?;
        if let Some(reserved) = place.slot {
            slots::detach(&self.segment, reserved);
        }
        *place = Arc::new(ordinary);
        Ok(())
    }

    /// The memory.
    #[inline(always)]
    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Whether nobody else can be attached.
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// This handle's number within the process.
    #[inline(always)]
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// This process's membership. A forked child gets its own at its first call.
    pub(crate) fn attachment(&self) -> Result<Arc<Attachment>> {
        let _guard = hold_off_fork().map_err(|error| Error::io("holding off forks", error))?;
        let current = Arc::clone(&self.attachment.read().unwrap_or_else(PoisonError::into_inner));
        if current.epoch == fork_epoch() {
            return Ok(current);
        }
        let mut place = self.attachment.write().unwrap_or_else(PoisonError::into_inner);
        let mut room = Room::Ordinary;
        if place.epoch != fork_epoch() {
            // The old membership belongs to the parent; dropping its anchor here does nothing.
            let (attachment, found) = attach_somewhere(&self.segment, self.is_alone)?;
            *place = Arc::new(attachment);
            room = found;
        }
        drop(place);
        if room == Room::Reserved {
            self.settle(room)?;
        }
        Ok(Arc::clone(&self.attachment.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The slot of this process, or the error of one that may only read.
    pub(crate) fn slot(&self) -> Result<u32> {
        self.segment.require_writable()?;
        self.attachment()?.slot.ok_or_else(crate::segment::read_only)
    }
}

/// A slot, the reserved one when there is no other.
fn attach_somewhere(segment: &Segment, is_alone: bool) -> Result<(Attachment, Room)> {
    match slots::attach(segment, Room::Ordinary, is_alone) {
        Err(error) if error.kind() == ErrorKind::LimitReached => {
            Ok((slots::attach(segment, Room::Reserved, is_alone)?, Room::Reserved))
        }
        attachment => Ok((attachment?, Room::Ordinary)),
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let attachment = self.attachment.get_mut().unwrap_or_else(PoisonError::into_inner);
        if attachment.epoch != fork_epoch() {
            return;
        }
        let Some(slot) = attachment.slot else { return };
        let who = Arc::clone(&attachment.identity);
        // What cannot be returned now is reaped by others: the slot's byte is released with the
        // anchor, and the slot still says LIVE.
        match self.return_everything(slot) {
            Ok(()) => slots::detach(&self.segment, slot),
            Err(error) => tracing::warn!(%error, "left the namespace without tidying up"),
        }
        let attachment = self.attachment.get_mut().unwrap_or_else(PoisonError::into_inner);
        *attachment = Arc::new(Attachment::new(None, None, who));
        if self.is_alone {
            return;
        }
        if let Err(error) = self.remove_if_last() {
            tracing::warn!(%error, "left a namespace behind that should have gone");
        }
        if let Err(error) = self.flush_if_last() {
            tracing::warn!(%error, "left a namespace that is not wholly on its device");
        }
    }
}

impl Registry {
    /// Unlinks a namespace that lives while somebody is attached, when nobody is any more.
    fn remove_if_last(&self) -> std::io::Result<()> {
        let options = self.segment.header_word(OPTIONS).load(Relaxed);
        let Some(source) = self.segment.source() else { return Ok(()) };
        if options & OPTION_WHILE_ATTACHED == 0 {
            return Ok(());
        }
        source.with_file(Access::ReadWrite, |file| {
            // The lock lives with this description: nobody attaches before the name is gone.
            if platform::remove_name(&source.path, file)? {
                source.remove_link()?;
            }
            Ok(())
        })
    }
}

impl Registry {
    /// Flushes a namespace that outlives the system when nobody is attached any more.
    fn flush_if_last(&self) -> crate::error::Result<()> {
        let options = self.segment.header_word(OPTIONS).load(Relaxed);
        let Some(source) = self.segment.source() else { return Ok(()) };
        if options & OPTION_CHECKSUMS == 0 || options & OPTION_WHILE_ATTACHED != 0 {
            return Ok(());
        }
        let is_last = source
            .with_file(Access::ReadWrite, |file| Ok(!platform::presence_is_held(file)?))
            .map_err(|error| Error::io("asking whether others are attached", error))?;
        if !is_last {
            return Ok(());
        }
        self.segment.flush(self.segment.word(BREAK)?.load(Relaxed))
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // The anchor goes after the slot says FREE: see `docs/protocols.md`, section 5.
        drop(self.anchor.take());
    }
}
