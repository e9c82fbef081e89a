//! The benches of mmf stand in `benches/`; this crate has nothing else.
