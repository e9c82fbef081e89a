//! `mmf create`.

use std::path::PathBuf;

use clap::Args;
use mmf::Namespace;
use serde_json::json;

use crate::failure::{Outcome, Verdict};
use crate::output::Output;
use crate::session::Session;
use crate::units;

/// Make a namespace.
///
/// It lives until it is removed. Without a swapfile it is in system memory, and gone after a
/// restart of the machine. With one it is found by its name alone from then on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf create shop
  mmf create shop --capacity 64MiB --swapfile shop.mmf
  mmf create 'Global\\board' --mode 0666 --exist-ok

Names have 1 to 255 bytes. Global\\NAME is for all users of the machine; NAME and Local\\NAME are \
your own.")]
pub struct Create {
    /// Name of the namespace
    namespace: String,

    /// Most bytes it may take, such as 64KiB (the least), 64MiB, 1GiB [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    capacity: Option<u64>,

    /// Keep it in this file; an empty one is initialised
    #[arg(long, value_name = "PATH")]
    swapfile: Option<PathBuf>,

    /// Permission bits of its file [default: 0600]
    #[arg(long, value_name = "OCTAL", value_parser = units::mode)]
    mode: Option<u32>,

    /// Let every set wake sleepers, so that waiters with read permission alone sleep longer
    #[arg(long)]
    wake_always: bool,

    /// Do nothing when it exists already
    #[arg(long)]
    exist_ok: bool,
}

impl Create {
    /// Makes it.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let namespace = self.make(session)?;
        if output.is_json() {
            let path = namespace.path().map(|path| path.to_string_lossy());
            output.json(&json!({ "namespace": self.namespace, "path": path }))?;
        }
        Ok(Verdict::Done)
    }

    fn make(&self, session: &Session) -> mmf::Result<Namespace> {
        let mut builder = session.builder(&self.namespace).wake_always(self.wake_always);
        if let Some(capacity) = self.capacity {
            builder = builder.capacity(capacity);
        }
        if let Some(swapfile) = &self.swapfile {
            builder = builder.swapfile(swapfile);
        }
        if let Some(mode) = self.mode {
            builder = builder.mode(mode);
        }
        if self.exist_ok { builder.open_or_create() } else { builder.create() }
    }
}
