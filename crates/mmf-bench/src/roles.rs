//! What the second process does: one role a piece of work.

use std::path::Path;

use mmf::Namespace;

use crate::Result;
use crate::companion::serve;
use crate::curves::Visitor;
use crate::floors::{Pages, SharedMemory};
use crate::names::Walk;
use crate::rows::{
    Pace, RawVoice, Voice, serve_count, serve_echo, serve_raw_count, serve_raw_writer, serve_writer,
};

/// Plays `role` until the first process has no more turns.
///
/// # Errors
///
/// When there is no such role, or its arguments or the first process make no sense.
pub fn play(memory: &Path, role: &str, arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let raw = |path: &str| SharedMemory::open(Path::new(path), Pages::Present);
    match (role, &arguments[..]) {
        ("write", [name]) => {
            let namespace = Namespace::open(name)?;
            serve(memory, |turn| serve_writer(turn, &namespace))
        }
        ("write-raw", [path]) => {
            let words = raw(path)?;
            serve(memory, |turn| serve_raw_writer(turn, &words))
        }
        ("count", [name]) => {
            let namespace = Namespace::open(name)?;
            serve(memory, |turn| serve_count(turn, &namespace))
        }
        ("count-raw", [path]) => {
            let words = raw(path)?;
            serve(memory, |turn| serve_raw_count(turn, &words))
        }
        ("echo", [name, pace]) => {
            let namespace = Namespace::open(name)?;
            let (mut voice, pace) = (Voice::of_second(&namespace)?, Pace::parse(pace)?);
            serve(memory, |turn| serve_echo(turn, &mut voice, pace))
        }
        ("echo-raw", [path, pace]) => {
            let words = raw(path)?;
            let pace = Pace::parse(pace)?;
            let mut voice = RawVoice::of_second(&words, pace);
            serve(memory, |turn| serve_echo(turn, &mut voice, pace))
        }
        ("get", [name, count, seed]) => {
            let namespace = Namespace::open(name)?;
            let mut visitor =
                Visitor::new(&namespace, Walk::new(count.parse()?, seed.parse()?)).warm()?;
            serve(memory, |turn| visitor.serve_gets(turn))
        }
        ("set", [name, count, seed]) => {
            let namespace = Namespace::open(name)?;
            let mut visitor =
                Visitor::new(&namespace, Walk::new(count.parse()?, seed.parse()?)).warm()?;
            serve(memory, |turn| visitor.serve_sets(turn))
        }
        (role, arguments) => Err(format!("there is no role `{role}` {arguments:?}").into()),
    }
}
