//! What a test tells an actor, and what it answers.

use std::path::PathBuf;

use mmf::Value;
use serde::{Deserialize, Serialize};

/// One thing to do. All but the first concern the namespace opened or chosen last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// Open or make a namespace.
    Open(Opening),
    /// Use the namespace opened as this one, counted from 0.
    Use(usize),
    /// Close every namespace.
    Close,
    /// Set a variable.
    Set(String, Datum),
    /// Set a variable to that many bytes that show whether they are whole.
    SetPayload(String, usize),
    /// Read a variable.
    Get(String),
    /// Read a variable and see whether its payload is whole.
    GetPayload(String),
    /// Verify the payloads of `v0` to `v{names - 1}` this many times.
    Verify {
        /// Number of names.
        names: u64,
        /// Number of rounds.
        rounds: u64,
    },
    /// Delete a variable.
    Delete(String),
    /// Add to a counter.
    Add(String, i64),
    /// Add 1 to a counter this often.
    Count(String, u64),
    /// Change a variable beside others who do the same.
    Contend(Contender),
    /// Go inside an update of the first, set the second, and stay inside until killed.
    StayInside(String, String),
    /// A variable's version, type, size and setter.
    Metadata(String),
    /// The names with a prefix, sorted.
    List(String),
    /// Wait for any of several conditions, for so many milliseconds.
    Wait(Vec<(String, Until)>, u64),
    /// The same, until a signal comes at the latest.
    WaitInterruptibly(Vec<(String, Until)>, u64),
    /// Set a variable to each number below the third, and wait for the same in another.
    Serve(String, String, i64),
    /// Wait for each number below the third in the second, and answer it in the first.
    Echo(String, String, i64),
    /// Take a lock and keep it under a key.
    Lock(Lock),
    /// Give back the lock with this key.
    Unlock(String),
    /// Raise the capacity.
    Resize(u64),
    /// Verify the namespace.
    Check,
    /// Look at the namespace.
    Stat,
    /// Whether a namespace is removed, others being attached or not.
    Remove(String, bool),
    /// The names of all namespaces, each with the number of attached processes, and `left over`
    /// when it should have gone.
    Namespaces,
    /// Write a file of zeros of this length.
    WriteFile(PathBuf, usize),
    /// Remove a file.
    RemoveFile(PathBuf),
    /// Fork; the child answers on the socket at this path.
    Fork(PathBuf),
    /// Bury the child with this process id and fork one that gets the same, in a PID namespace with
    /// nobody else in it; the new child answers on the socket at this path.
    ForkAs(u32, PathBuf),
    /// End the first thread; another one goes on, with nothing open.
    EndFirstThread,
    /// Close every descriptor but the channel, and take the numbers for something else.
    CloseDescriptors,
    /// Become another program, which lives as long as the channel.
    Exec,
    /// Give up root's rights for those of this user and group.
    BecomeUser(u32),
    /// Let a signal handler take SIGUSR1.
    HandleSignal,
    /// Change variables at random until killed.
    Storm(Storm),
}

/// How to open a namespace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Opening {
    /// Name.
    pub name: String,
    /// Path of its swapfile.
    pub swapfile: Option<PathBuf>,
    /// Capacity in bytes.
    pub capacity: u64,
    /// Whether it must exist.
    pub existence: Existence,
    /// Permission bits.
    pub mode: u32,
    /// Whether it goes with its last process.
    pub while_attached: bool,
    /// Whether gets and sets respect locks.
    pub autolock: bool,
    /// How long operations wait, in milliseconds.
    pub timeout: u64,
    /// Open for reading only.
    pub read_only: bool,
    /// Open a namespace for everybody whoever owns it.
    pub trust_owner: bool,
}

/// Whether a namespace must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Existence {
    /// It must.
    Required,
    /// It must not.
    Forbidden,
    /// Either way.
    Optional,
}

impl Opening {
    /// The namespace `name`, made if missing, of 4 MiB.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            swapfile: None,
            capacity: 4 << 20,
            existence: Existence::Optional,
            mode: 0o600,
            while_attached: false,
            autolock: true,
            timeout: 20_000,
            read_only: false,
            trust_owner: false,
        }
    }

    /// The same namespace, found by its name alone.
    pub fn by_name(&self) -> Self {
        Self { swapfile: None, existence: Existence::Required, ..self.clone() }
    }

    /// The same with another timeout, in milliseconds.
    pub fn timeout(&self, timeout: u64) -> Self {
        Self { timeout, ..self.clone() }
    }
}

/// A lock to take.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lock {
    /// What to call the guard.
    pub key: String,
    /// The variable, or none for the whole namespace.
    pub variable: Option<String>,
    /// Whether others may hold it as well.
    pub shared: bool,
    /// How long to wait, in milliseconds.
    pub timeout: u64,
}

/// One of several processes that change a variable at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contender {
    /// The variable.
    pub variable: String,
    /// How it changes it.
    pub contest: Contest,
    /// Which of them it is, counted from 0.
    pub member: i64,
    /// How many they are: each number below `rounds * members` is one member's.
    pub members: i64,
    /// How often it changes the variable.
    pub rounds: i64,
}

/// How contenders change a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Contest {
    /// The larger of it and each number.
    Max,
    /// The smaller of it and each number with a minus.
    Min,
    /// Each number for what is there; comes to the sum of that.
    Swap,
    /// One more by an update; comes to how many.
    Update,
    /// One more if nobody has changed the value; comes to how many.
    CompareValue,
}

/// A random course of changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Storm {
    /// Decides everything.
    pub seed: u64,
    /// Number of variables.
    pub names: u64,
    /// Longest value in bytes.
    pub longest: u64,
    /// How many in a thousand changes happen under a lock.
    pub locks: u64,
    /// The file that gets a byte before and after each increment of `counter`.
    pub ledger: PathBuf,
}

/// What to wait for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Until {
    /// Another version.
    ChangedSince(u64),
    /// A value.
    Exists,
    /// None.
    Gone,
    /// This value.
    Equals(Datum),
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The actor is there; its process id as it sees it.
    Ready(u32),
    /// It is done.
    Done,
    /// The identity of the namespace opened.
    Opened(String),
    /// A number: a version, a sum, a length, a child.
    Number(i64),
    /// What stands there.
    Found(Option<Datum>),
    /// How many bytes stand there, whole.
    Whole(Option<usize>),
    /// Yes or no: for a lock, whether the previous owner died.
    Truth(bool),
    /// Names, or findings.
    Names(Vec<String>),
    /// What a wait found: which, and its version.
    Woken(usize, u64),
    /// Type, bytes, setter's process and program.
    Metadata(String, u64, u32, String),
    /// What the namespace looks like.
    Statistics(Statistics),
    /// It failed.
    Failed(Failure),
}

/// What an order came to, as one of the kinds of answers.
pub type Outcome<T> = Result<T, Failure>;

/// An error as the library gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The name of its kind.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// Process id of the holder that was waited for.
    pub holder: Option<u32>,
    /// How long it took, in milliseconds.
    pub after: u64,
}

/// A part of the statistics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Bytes it may take.
    pub capacity: u64,
    /// Variables.
    pub variables: u64,
    /// Processes that are attached and alive.
    pub alive: Vec<u32>,
    /// Processes that died and were not recovered from yet.
    pub dead: Vec<u32>,
    /// Holders of locks.
    pub holders: Vec<u32>,
    /// The dead that were recovered from.
    pub recoveries: u64,
}

/// A value on its way between a test and an actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in mmf::Value")]
pub enum Datum {
    Null,
    Bool(bool),
    I64(i64),
    U64(u64),
    /// By its bits, which JSON would not keep.
    F64(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Datum>),
    Map(Vec<(Datum, Datum)>),
    Opaque(String, Vec<u8>),
    Counter(i64),
}

impl From<Value> for Datum {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(truth) => Self::Bool(truth),
            Value::I64(number) => Self::I64(number),
            Value::U64(number) => Self::U64(number),
            Value::F64(number) => Self::F64(number.to_bits()),
            Value::Text(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Map(entries) => Self::Map(
                entries.into_iter().map(|(key, item)| (key.into(), item.into())).collect(),
            ),
            Value::Opaque { language, data } => Self::Opaque(language, data),
            Value::Counter(number) => Self::Counter(number),
            _ => Self::Null,
        }
    }
}

impl From<Datum> for Value {
    fn from(datum: Datum) -> Self {
        match datum {
            Datum::Null => Self::Null,
            Datum::Bool(truth) => Self::Bool(truth),
            Datum::I64(number) => Self::I64(number),
            Datum::U64(number) => Self::U64(number),
            Datum::F64(bits) => Self::F64(f64::from_bits(bits)),
            Datum::Text(text) => Self::Text(text),
            Datum::Bytes(bytes) => Self::Bytes(bytes),
            Datum::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Datum::Map(entries) => Self::Map(
                entries.into_iter().map(|(key, item)| (key.into(), item.into())).collect(),
            ),
            Datum::Opaque(language, data) => Self::Opaque { language, data },
            Datum::Counter(number) => Self::Counter(number),
        }
    }
}

impl From<i64> for Datum {
    fn from(number: i64) -> Self {
        Self::I64(number)
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
