//! The command `mmf` from outside: every verb, exit codes, bad input, JSON, pipes and locks.
//!
//! Each test has a directory of namespaces of its own.

mod bad_input;
mod demo;
mod describing;
mod exchange;
mod locking;
mod looking;
mod namespaces;
mod permissions;
mod pipes;
mod place;
mod updating;
mod usage;
mod values;
mod waiting;
mod written;
