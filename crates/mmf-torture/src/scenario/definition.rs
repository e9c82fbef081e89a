//! What a scenario is: a namespace as it stands before, one operation, and what it may change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use mmf::{Builder, Lifetime, Namespace, Value};

/// The variable that operations change, unless they say otherwise.
pub(crate) const TARGET: &str = "target";
/// The name of every stepped namespace.
pub(crate) const NAMESPACE: &str = "stepped";
/// How long anything may take when a process has died.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Every variable with its value.
pub(crate) type Content = BTreeMap<String, Value>;

/// Something done with a namespace.
pub(crate) type Action = fn(&Namespace) -> mmf::Result<()>;

/// Where the namespace lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Storage {
    /// In the directory of namespaces.
    Memory,
    /// In a file of its own, with a link in the directory of namespaces.
    Swapfile,
}

/// What somebody alive holds all the while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    NamespaceExclusive,
    NamespaceShared,
    TargetExclusive,
    TargetShared,
}

/// What is there before the victim starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// A namespace with the scenario's content.
    Prepared,
    /// Nothing.
    Nothing,
    /// An empty file where the namespace will be.
    EmptyFile,
}

/// The stepped operation.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    /// Something done with a handle that has been warmed up.
    Use(Action),
    /// Opening, or making what is not there.
    Open,
    /// Dropping the handle.
    Detach,
    /// Removing the namespace.
    Remove,
}

/// What the operation changes for others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// No variable changes.
    Nothing,
    /// A variable has this value afterwards.
    Sets(&'static str, Value),
    /// A variable is gone afterwards.
    Deletes(&'static str),
    /// The namespace exists afterwards.
    Creates,
    /// The namespace does not exist afterwards.
    Removes,
    /// The namespace goes with its only process, whenever that dies.
    Vanishes,
}

/// One operation on one namespace.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) capacity: u64,
    pub(crate) storage: Storage,
    pub(crate) lifetime: Lifetime,
    pub(crate) start: Start,
    pub(crate) fill: Content,
    /// Adds to `fill` what takes some time to find.
    pub(crate) fill_more: fn(&mut Content),
    /// Done after filling, by a process that has ended before the victim starts.
    pub(crate) prepare: Action,
    /// Done by the victim before the operation.
    pub(crate) warm_up: Action,
    pub(crate) operation: Operation,
    pub(crate) effect: Effect,
    /// Whether the operation takes an exclusive lock, whose owner's death is reported.
    pub(crate) locks: bool,
    /// Threads that the judge lets write at once.
    pub(crate) crowd: usize,
    /// Whether the victim's sets and gets respect locks.
    pub(crate) autolock: bool,
    /// Whether it changes nothing when somebody else changes the target first.
    pub(crate) is_conditional: bool,
    /// What it makes of a counter to which one has been added before, if not one more as well.
    pub(crate) of_one_more: Option<Value>,
    /// How long the victim waits, if not for as long as everybody.
    pub(crate) timeout: Option<Duration>,
    /// What the bystander holds, for operations that end because somebody alive is in their way.
    pub(crate) held: Option<Hold>,
    /// Whether nobody can be attached beside the victim: there is nothing yet, or what is stepped
    /// would be something else.
    pub(crate) alone: bool,
    /// Whether the file has not outlived a crash of the system unharmed: until a writer has mended
    /// it, readers are refused, and nobody is attached.
    pub(crate) is_unsound: bool,
    /// Whether the operation must not change a single byte.
    pub(crate) leaves_nothing: bool,
    /// Whether the operation has to split, clean or double something of the index.
    pub(crate) moves_index: bool,
    /// The system call before whose first use another process makes the same namespace.
    pub(crate) rival_at: Option<u64>,
}

impl Scenario {
    /// A scenario of four variables, with a victim that has set one of them.
    pub(crate) fn new(name: &'static str, operation: Operation) -> Self {
        Self {
            name,
            capacity: 128 << 10,
            storage: Storage::Memory,
            lifetime: Lifetime::UntilRemoved,
            start: Start::Prepared,
            fill: Content::from([
                ("warm".to_owned(), text("warm")),
                ("small".to_owned(), text("a small value")),
                ("large".to_owned(), bytes(2200)),
                ("visits".to_owned(), Value::Counter(5)),
            ]),
            fill_more: |_| {},
            prepare: |_| Ok(()),
            warm_up: |namespace| namespace.set("warm", "warm").map(drop),
            operation,
            effect: Effect::Nothing,
            locks: false,
            crowd: 1,
            autolock: true,
            is_conditional: false,
            of_one_more: None,
            timeout: None,
            held: None,
            alone: false,
            is_unsound: false,
            leaves_nothing: false,
            moves_index: false,
            rival_at: None,
        }
    }

    /// The scenario with all of its content.
    pub(crate) fn filled(mut self) -> Self {
        (self.fill_more)(&mut self.fill);
        self
    }

    /// An operation that only looks.
    pub(crate) fn looking(name: &'static str, action: Action) -> Self {
        let mut scenario = Self::using(name, action);
        scenario.leaves_nothing = true;
        scenario
    }

    pub(crate) fn without_autolock(mut self) -> Self {
        self.autolock = false;
        self
    }

    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Whether it is about the namespace as a whole, so that nobody stays attached to it.
    pub(crate) fn concerns_the_whole(&self) -> bool {
        matches!(self.effect, Effect::Creates | Effect::Removes | Effect::Vanishes)
    }

    /// Whether somebody may have been attached before the victim died, and go on.
    pub(crate) fn has_survivors(&self) -> bool {
        !self.concerns_the_whole() && !self.is_unsound
    }

    /// Its storage as a command line says it.
    pub(crate) fn storage_word(&self) -> &'static str {
        match self.storage {
            Storage::Memory => "memory",
            Storage::Swapfile => "swapfile",
        }
    }

    pub(crate) fn using(name: &'static str, action: Action) -> Self {
        Self::new(name, Operation::Use(action))
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.fill.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn prepared(mut self, prepare: Action) -> Self {
        self.prepare = prepare;
        self
    }

    pub(crate) fn warmed(mut self, warm_up: Action) -> Self {
        self.warm_up = warm_up;
        self
    }

    pub(crate) fn sets(mut self, name: &'static str, value: Value) -> Self {
        self.effect = Effect::Sets(name, value);
        self
    }

    pub(crate) fn deletes(mut self, name: &'static str) -> Self {
        self.effect = Effect::Deletes(name);
        self
    }

    pub(crate) fn conditional(mut self) -> Self {
        self.is_conditional = true;
        self
    }

    /// Of a counter to which one has been added before, it makes this.
    pub(crate) fn of_one_more(mut self, value: i64) -> Self {
        self.of_one_more = Some(Value::Counter(value));
        self
    }

    pub(crate) fn locking(mut self) -> Self {
        self.locks = true;
        self
    }

    pub(crate) fn capacity(mut self, bytes: u64) -> Self {
        self.capacity = bytes;
        self
    }

    /// Content before the operation.
    pub(crate) fn before(&self) -> Content {
        self.fill.clone()
    }

    /// Content after it.
    pub(crate) fn after(&self) -> Content {
        let mut content = self.fill.clone();
        match &self.effect {
            Effect::Sets(name, value) => {
                content.insert((*name).to_owned(), value.clone());
            }
            Effect::Deletes(name) => {
                content.remove(*name);
            }
            _ => {}
        }
        content
    }

    /// Where the namespace's own file stands.
    pub(crate) fn path(&self) -> PathBuf {
        let directory = std::env::var_os("MMF_DIR").map(PathBuf::from).unwrap_or_default();
        directory.join(match self.storage {
            Storage::Memory => NAMESPACE,
            Storage::Swapfile => "data.mmf",
        })
    }

    /// How everybody opens it.
    pub(crate) fn builder(&self) -> Builder {
        let builder = Namespace::builder(NAMESPACE).capacity(self.capacity).lifetime(self.lifetime);
        match self.storage {
            Storage::Memory => builder,
            Storage::Swapfile => builder.swapfile(self.path()),
        }
    }
}

/// A text value.
pub(crate) fn text(content: &str) -> Value {
    Value::Text(content.to_owned())
}

/// A value of so many different bytes.
pub(crate) fn bytes(length: usize) -> Value {
    Value::Bytes((0..length).map(|index| (index % 251) as u8).collect())
}
