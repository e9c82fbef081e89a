//! The trees in memory that tells what is read, written and freed.

mod damage;
mod disposal;
mod ends;
mod keys;
mod lists;
mod maps;
mod memory;
mod nested;
mod scale;
