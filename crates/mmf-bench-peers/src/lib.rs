//! The same work on mmf, on the floors of the machine and on what one would take instead, side by
//! side.
//!
//! `cargo run --release -p mmf-bench-peers -- all --install` installs the peers on a Debian system,
//! measures all of them, prints a table, and writes JSON and two plots.
//!
//! # The contract of a program
//!
//! Each system is measured by a program of its own: this one for mmf and the floors, `peers/rust`
//! for libraries in Rust, `peers/boost.cpp`, `peers/perl.pl`, `peers/python.py`. All are called alike,
//! with arguments `key=value`:
//!
//! | key | meaning |
//! |---|---|
//! | `system` | which of its systems |
//! | `row` | `hot`, `random`, `pair`, `large`, `round-trip` or `counter` |
//! | `role` | `first` creates, and fills when the row needs it; `second` attaches |
//! | `directory` | an empty directory in system memory; names elsewhere are made from its last part |
//! | `count` | variables to hold in the row `random`; the second is told how many there are |
//! | `sample_seconds`, `samples` | how long one sample takes about, and how many are wanted |
//! | `fill_seconds` | after this time a fill stops, and the row is about as many as there are |
//!
//! It writes lines of JSON to its standard output and reads words from its standard input:
//!
//! 1. `{"ready": true}` when it can begin; it waits for the line `go`.
//! 2. Figures, as [`contract::Figures`], or `{"cannot": "why"}`, or `{"wrong": "what was read"}`.
//! 3. `{"done": true}` when it has measured; it waits for the line `end`, with everything in place for
//!    the other process. The first then says what a counter came to, removes what it made, and ends.
//!
//! At the end of its input it ends at once. Every value that it reads is compared with what was
//! written; names have 16 bytes, values 16 in the row `hot`, 64 in `random`.

pub mod contract;
pub mod driver;
pub mod install;
pub mod own;
pub mod plots;
pub mod program;
pub mod report;
pub mod systems;
