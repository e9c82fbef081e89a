//! The platform contract on Linux 5.14 or later, one file per concern.

mod clock;
mod directories;
mod files;
mod fork;
mod identity;
mod liveness;
mod mapping;
mod wait;

#[cfg(test)]
mod tests;

pub(crate) use clock::wall_clock_milliseconds;
pub(crate) use directories::{global_directory, namespace_directory};
pub(crate) use files::{
    FileFacts, FileIdentity, FileSystem, Owner, UnnamedFile, check_length, create_unnamed,
    current_user, data_ranges, file_system_of, is_bad_descriptor, length, open_existing,
    open_with_facts, remove_file, set_length,
};
pub(crate) use fork::{fork_epoch, hold_off_fork};
pub(crate) use identity::{ProcessIdentity, boot_id, random_bytes};
pub(crate) use liveness::{
    Anchor, AnchorBuilder, lock_initialisation, presence_is_held, release_presence, remove_name,
    slot_is_locked, try_exclusive_presence, unlock_initialisation,
};
pub(crate) use mapping::{Access, Mapping, commit};
pub(crate) use wait::{LONGEST_SLEEP, wait_on, wake_all};
