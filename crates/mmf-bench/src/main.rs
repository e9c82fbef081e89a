//! The bench program of mmf.

fn main() {}
