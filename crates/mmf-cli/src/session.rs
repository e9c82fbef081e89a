//! Options that every verb understands, and how they open a namespace.

use std::time::Duration;

use clap::Args;
use mmf::{Builder, ErrorKind, Namespace, Repair};

use crate::failure::Failure;
use crate::held;
use crate::output::{self, Form};
use crate::units;

/// How long a wait lasts when nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// Options of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every verb")]
pub struct Session {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,

    /// Wait for locks and conditions no longer than this: 250ms, 10s, 5m; 0 is for ever
    /// [default: 10s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = units::duration)]
    timeout: Option<Duration>,

    /// Read and write although somebody else holds a lock
    #[arg(long, global = true)]
    no_autolock: bool,

    /// Open a namespace whose file belongs to another user, by its name
    #[arg(long, global = true)]
    trust_owner: bool,
}

/// What a namespace is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Looking at it; read permission on its file is enough.
    Read,
    /// Changing it; it must exist.
    Write,
    /// Changing it; it is made when it does not exist.
    WriteOrMake,
}

impl Session {
    /// How results are printed.
    pub fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Plain }
    }

    /// How long a wait may last; zero is for ever.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(PATIENCE)
    }

    /// The options for opening the namespace `name`.
    pub fn builder(&self, name: &str) -> Builder {
        Namespace::builder(name)
            .timeout(self.timeout())
            .autolock(!self.no_autolock)
            .trust_owner(self.trust_owner)
    }

    /// Opens a namespace to work on `variable`, or on any.
    ///
    /// Below an `mmf lock` that holds what would be waited for, gets and sets do not wait for it:
    /// the lock is this command's own.
    pub fn open(
        &self,
        name: &str,
        purpose: Purpose,
        variable: Option<&str>,
    ) -> Result<Namespace, Failure> {
        let namespace = self.attach(self.builder(name), purpose)?;
        if self.no_autolock || !held::is_above(&namespace, variable) {
            return Ok(namespace);
        }
        drop(namespace);
        self.attach(self.builder(name).autolock(false), purpose)
    }

    fn attach(&self, builder: Builder, purpose: Purpose) -> Result<Namespace, Failure> {
        let opened = match purpose {
            Purpose::Write => builder.open(),
            Purpose::WriteOrMake => builder.open_or_create(),
            Purpose::Read => match builder.clone().open() {
                // Looking needs neither write permission nor a place among the attached.
                Err(error) if is_about_attaching(&error) => builder.read_only(true).open(),
                opened => opened,
            },
        };
        let namespace = opened?;
        if let Some(repair) = namespace.repair() {
            output::complain(&told(repair));
        }
        Ok(namespace)
    }
}

/// What a person is told whose namespace was damaged when the operating system crashed.
fn told(repair: &Repair) -> String {
    let mut text = format!(
        "the system has crashed while the namespace was in use: {} variables kept, {} lost, {} set \
         back to an earlier value",
        repair.kept,
        repair.lost.len(),
        repair.older.len()
    );
    if let Some(report) = &repair.report {
        text += &format!("; {} names them", report.display());
    }
    text
}

fn is_about_attaching(error: &mmf::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::LimitReached)
}
