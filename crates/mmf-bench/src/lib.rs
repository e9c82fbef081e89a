//! Measuring systems of shared variables beside the floors of the machine.
//!
//! The program of this crate measures mmf; `mmf-bench-peers` measures others with the same parts:
//!
//! - [`measure`]: runs contenders in turns, repeats, and finds how many operations a repeat needs;
//! - [`report`]: rows, their targets, the table and the JSON;
//! - [`names`], [`values`]: names and walks without a pattern, values that show a torn or wrong one;
//! - [`system`], [`workloads`]: what is measured, written once for every system;
//! - [`floors`]: the same work on raw memory and bare primitives;
//! - [`companion`], [`place`]: the second process, and where files lie;
//! - [`subject`], [`session`], [`rows`], [`curves`]: mmf itself, its rows and its curves of growth;
//! - [`readme`]: the figures as README.md shows them.
//!
//! Every result is verified: a wrong, lost or torn value is an error of the measurement.

pub mod companion;
pub mod curves;
pub mod floors;
pub mod measure;
pub mod names;
pub mod place;
pub mod readme;
pub mod report;
pub mod roles;
pub mod rows;
pub mod session;
pub mod subject;
pub mod system;
pub mod values;
pub mod workloads;

/// Whatever went wrong; its text says what was attempted and why it failed.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result of a measurement or of a part of it.
pub type Result<T> = std::result::Result<T, Error>;
