//! What this library asks of the operating system, and nothing else does.
//!
//! The contract, the same on every system:
//!
//! - **Mapping**: a file's bytes are coherent between all processes that map them. `commit` and
//!   `populate` find out that space is missing by an error, before a touch could be a fault.
//! - **Waiting**: `wait_on` sleeps in the kernel on a 32-bit word of a shared mapping, never
//!   longer than `LONGEST_SLEEP`. A wake-up may be spurious and may be missed, so callers read
//!   their condition again.
//! - **Liveness**: an `Anchor` is held by the kernel for as long as the process lives in its
//!   program. Death, exec and dropping it free its slot; closing descriptors and forking do not
//!   touch it. Only the kernel is asked, never a clock or a process id.
//! - **Fork**: `fork_epoch` differs between a process and its forked child; no fork happens in
//!   another thread while a `ForkGuard` lives.
//! - **Files**: a file bears its name only when it is whole, names are never followed through
//!   symbolic links, and directories that others could tamper with are refused.
//! - **Clocks and identity**: wall time for people to read, boot time for deadlines; process
//!   numbers decide nothing.
//!
//! Every failure is a `std::io::Error`; nothing here panics on one. No other module of the crate
//! has a `cfg(target_os)`.

#[cfg(not(all(target_pointer_width = "64", target_endian = "little")))]
compile_error!("mmf needs a 64-bit little-endian processor: its file format is defined for those");

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(not(target_os = "linux"))]
compile_error!("mmf has no platform layer for this operating system yet");
