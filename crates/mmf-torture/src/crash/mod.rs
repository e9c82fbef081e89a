//! Crashes of the operating system: files whose pages are each of another moment since the last
//! flush, and which may have been cut to a length from before a resize.
//!
//! A program changes a namespace on disk while every page's content is noted after each change,
//! or at any moment during changes. Then files are mixed from these pages, as a crash could leave
//! them, and opened. What must be so:
//!
//! - a value that was flushed and not changed afterwards is there, and is not called lost;
//! - a value that is there is one that its variable had since the flush, or an earlier one that
//!   the mending names as such;
//! - a variable that had a value at every moment since the flush is there or named as lost;
//! - the namespace is sound, works, and is not mended a second time.

mod command;
mod disk;
mod oracle;
mod program;

pub(crate) use command::Crash;
