//! The handle on a namespace.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::builder::{Builder, check_capacity};
use super::create::build_in_memory;
use super::guard::{LockGuard, LockOptions, lock_namespace, lock_variable};
use super::repair::Repair;
use super::variable::Variable;
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::{BREAK, CAPACITY, HASH_SEED, NAMESPACE_ID};
use crate::inspect::{self, Finding, Statistics};
use crate::platform::{self, Access, FileIdentity};
use crate::registry::{Interruption, Registry};
use crate::sync::Ordering;
use crate::value::{FromValue, ToValue, ValueType};
use crate::variable::{
    Comparison, Condition, Context, Header, NameIterator, Nothing, Outcome, Payload, Seen, Target,
};

/// A handle on a namespace: the way to its variables.
///
/// Handles may be shared between threads and used after a fork, where the child counts as a
/// process of its own. Opening one namespace twice gives two independent handles.
///
/// What others may observe: every get returns one whole value that some set stored; every change of
/// a variable, whichever verb made it, happens at one instant; a process killed at any instruction leaves its
/// operation wholly done or not begun.
#[derive(Clone)]
pub struct Namespace {
    context: Arc<Context>,
    name: Arc<str>,
    id: u128,
    repair: Option<Arc<Repair>>,
}

/// What is known of a variable beside its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Type of the value.
    pub value_type: ValueType,
    /// Bytes of the value.
    pub size: u64,
    /// Version: rises with every change, and never repeats for a name.
    pub version: u64,
    /// When the value was set, to the millisecond; of a counter, when it was made.
    pub set_at: SystemTime,
    /// Process that set it, by its own numbering; 0 when unknown.
    pub process: u32,
    /// Program that set it; empty when unknown.
    pub program: String,
}

impl Namespace {
    /// Options for opening or making the namespace `name`.
    ///
    /// Plain names and `Local\NAME` are the user's, `Global\NAME` is everybody's.
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    /// Opens an existing namespace with the usual options.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`].
    pub fn open(name: &str) -> Result<Self> {
        Self::builder(name).open()
    }

    /// Opens a namespace with the usual options, and makes it if it does not exist.
    ///
    /// # Errors
    ///
    /// As [`Builder::open_or_create`].
    pub fn open_or_create(name: &str) -> Result<Self> {
        Self::builder(name).open_or_create()
    }

    /// A namespace in memory of this process alone, of `capacity` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] for an impossible capacity.
    pub fn in_memory(capacity: u64) -> Result<Self> {
        check_capacity(capacity)?;
        let builder = Self::builder("in-memory").capacity(capacity);
        let segment = build_in_memory(&builder)?;
        let load = |offset| -> Result<u64> { Ok(segment.word(offset)?.load(Ordering::Relaxed)) };
        let id = u128::from(load(NAMESPACE_ID)?) | u128::from(load(NAMESPACE_ID + 8)?) << 64;
        let seed = load(HASH_SEED)?;
        let registry = Registry::attach(segment)?;
        let context = Context {
            registry,
            autolock: true,
            timeout: builder.timeout,
            wake_always: false,
            checksums: false,
            seed,
        };
        Ok(Self::new(context, "in-memory", id))
    }

    pub(super) fn new(context: Context, name: &str, id: u128) -> Self {
        Self { context: Arc::new(context), name: name.into(), id, repair: None }
    }

    /// Takes note that the namespace was damaged when it was to be opened.
    pub(super) fn repaired_by(mut self, repair: Option<Repair>) -> Self {
        self.repair = repair.map(Arc::new);
        self
    }

    /// What opening this handle had to give up, when the operating system had crashed since the
    /// namespace was last used and had left it damaged; none when all was well.
    pub fn repair(&self) -> Option<&Repair> {
        self.repair.as_deref()
    }

    /// Takes note of the small file that leads to the swapfile.
    pub(super) fn remember_link(&self, path: &Path, identity: FileIdentity) {
        if let Some(source) = self.context.registry.segment().source() {
            // Set already: the handle has been opened by this link.
            let _ = source.link.set((path.to_owned(), identity));
        }
    }

    /// The name it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its identity: random, the same for every process, never that of another namespace.
    pub fn id(&self) -> u128 {
        self.id
    }

    /// The file that holds it; none for one in private memory.
    pub fn path(&self) -> Option<&Path> {
        self.context.registry.segment().source().map(|source| source.path.as_path())
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    #[inline(always)]
    pub(super) fn with<R>(
        &self,
        attempt: &'static str,
        name: &str,
        operation: impl FnOnce(&Target<'_>) -> Result<R>,
    ) -> Result<R> {
        let result = self.context.target(name).and_then(|target| operation(&target));
        result.map_err(|error| self.explain(error, attempt, Some(name)))
    }

    #[cold]
    pub(super) fn explain(&self, error: Error, attempt: &'static str, name: Option<&str>) -> Error {
        let error = error.attempting(attempt).on_namespace(&self.name);
        match name {
            Some(name) => error.on_variable(name),
            None => error,
        }
    }

    /// Stores a value under a name of 1 to 1,024 bytes and returns the new version.
    ///
    /// Takes the variable's own lock for the moment of the exchange: blocking, but only for
    /// others who set the same variable.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfSpace`] and [`ErrorKind::ValueTooLarge`] leave the old value;
    /// [`ErrorKind::TimedOut`] names who holds the lock that was waited for.
    #[inline]
    pub fn set<T: ToValue + ?Sized>(&self, name: &str, value: &T) -> Result<u64> {
        let version = match (self.context.target(name), value.encode()) {
            (Ok(target), Ok(value)) => self.context.set(&target, &value),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        version.map_err(|error| self.explain(error, "set", Some(name)))
    }

    /// Stores a value if the variable still has the version `expected`, where 0 stands for "does
    /// not exist": if nobody has set, deleted or counted since the caller looked.
    ///
    /// Versions of a name never repeat. Blocking like [`Namespace::set`]; comparison and exchange
    /// are one step for everybody else.
    ///
    /// # Errors
    ///
    /// As [`Namespace::set`]. Another version is no error: see [`Comparison`].
    ///
    /// ```
    /// use mmf::{Comparison, Namespace};
    ///
    /// let namespace = Namespace::in_memory(1 << 20)?;
    /// let first = namespace.set("owner", "nobody")?;
    /// let taken = namespace.compare_and_set("owner", first, "me")?;
    /// let Comparison::Stored(second) = taken else { panic!("nobody else is here") };
    /// let late = namespace.compare_and_set("owner", first, "you")?;
    /// assert_eq!(late, Comparison::Differs(second));
    /// # Ok::<(), mmf::Error>(())
    /// ```
    pub fn compare_and_set<T: ToValue + ?Sized>(
        &self,
        name: &str,
        expected: u64,
        value: &T,
    ) -> Result<Comparison> {
        self.with("set", name, |target| {
            self.context.compare_and_set(target, expected, &value.encode()?)
        })
    }

    /// Reads a value, or none when the variable does not exist.
    ///
    /// Takes no lock and writes nothing to shared memory, unless writers replace the value during
    /// 64 attempts in a row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongType`] says what is there instead; [`ErrorKind::TimedOut`] names who
    /// holds the exclusive lock that was waited for.
    #[inline]
    pub fn get<T: FromValue>(&self, name: &str) -> Result<Option<T>> {
        let value = match self.context.target(name) {
            Ok(target) => self.context.read(&target, &mut Payload::new(), decode::<T>),
            Err(error) => Err(error),
        };
        value.and_then(Option::transpose).map_err(|error| self.explain(error, "get", Some(name)))
    }

    /// Reads a value's bytes into `buffer`, whose content is replaced, and returns their type.
    ///
    /// # Errors
    ///
    /// As [`Namespace::get`].
    pub fn get_into(&self, name: &str, buffer: &mut Vec<u8>) -> Result<Option<ValueType>> {
        let value_type = match self.context.target(name) {
            Ok(target) => self.context.read(&target, buffer, |seen| seen.value_type),
            Err(error) => Err(error),
        };
        value_type.map_err(|error| self.explain(error, "get", Some(name)))
    }

    /// Deletes a variable; returns whether it existed. Needs no memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] names who holds the lock that was waited for.
    pub fn delete(&self, name: &str) -> Result<bool> {
        self.with("delete", name, |target| self.context.delete(target))
    }

    /// Whether a variable exists.
    ///
    /// # Errors
    ///
    /// As [`Namespace::get`].
    pub fn contains(&self, name: &str) -> Result<bool> {
        Ok(self.version(name)?.is_some())
    }

    /// A variable's version, or none when it does not exist.
    ///
    /// # Errors
    ///
    /// As [`Namespace::get`].
    pub fn version(&self, name: &str) -> Result<Option<u64>> {
        self.with("look at", name, |target| {
            self.context.read(target, &mut Nothing, |seen| seen.version)
        })
    }

    /// Type, size, version, time and setter of a variable.
    ///
    /// # Errors
    ///
    /// As [`Namespace::get`].
    pub fn metadata(&self, name: &str) -> Result<Option<Metadata>> {
        self.with("look at", name, |target| metadata(&self.context, target))
    }

    /// The names that begin with `prefix`, in no order and in bounded memory.
    pub fn list(&self, prefix: &str) -> NameIterator {
        NameIterator::new(Arc::clone(&self.context), prefix)
    }

    /// Adds to a counter and returns the sum. A missing counter begins at 0.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongType`] when the variable is not a counter, [`ErrorKind::Overflow`] when
    /// the sum needs more than 64 bits; both leave the counter as it was.
    pub fn add(&self, name: &str, amount: i64) -> Result<i64> {
        self.with("add to", name, |target| self.context.add(target, amount))
    }

    /// A handle on one variable, which need not exist.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidName`].
    pub fn variable(&self, name: &str) -> Result<Variable> {
        Variable::new(&self.context, &self.name, name)
            .map_err(|error| self.explain(error, "look up", Some(name)))
    }

    /// Sleeps until a condition on a variable holds; a zero timeout is for ever.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`].
    pub fn wait(&self, name: &str, condition: &Condition, timeout: Duration) -> Result<Outcome> {
        self.wait_for(&[(name, condition)], timeout, None)
    }

    /// Sleeps until one of several conditions holds; a zero timeout is for ever.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`].
    pub fn wait_any(&self, wanted: &[(&str, &Condition)], timeout: Duration) -> Result<Outcome> {
        self.wait_for(wanted, timeout, None)
    }

    /// As [`Namespace::wait_any`], but the wait ends when `is_interrupted` says so.
    ///
    /// It is asked, by the waiting thread, after each sleep: at once when a signal handler has run
    /// during the sleep, after 250 ms at most when the handler ran between two. As a rule it tells
    /// what a handler has noted. It must not use the namespace, nor panic.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] and [`ErrorKind::Interrupted`].
    pub fn wait_interruptibly(
        &self,
        wanted: &[(&str, &Condition)],
        timeout: Duration,
        is_interrupted: fn() -> bool,
    ) -> Result<Outcome> {
        self.wait_for(wanted, timeout, Some(is_interrupted))
    }

    fn wait_for(
        &self,
        wanted: &[(&str, &Condition)],
        timeout: Duration,
        interrupted_by: Option<Interruption>,
    ) -> Result<Outcome> {
        let name = wanted.first().map(|(name, _)| *name);
        let explain = |error| self.explain(error, "wait for", name);
        if wanted.is_empty() {
            let reason = "there is no variable to wait for";
            return Err(explain(Error::new(ErrorKind::InvalidArgument, reason)));
        }
        let targets: Vec<_> = wanted
            .iter()
            .map(|(name, condition)| Ok((self.context.target(name)?, *condition)))
            .collect::<Result<_>>()
            .map_err(explain)?;
        let timeout = (!timeout.is_zero()).then_some(timeout);
        self.context.wait(&targets, timeout, interrupted_by).map_err(explain)
    }

    /// Locks the whole namespace. A thread that holds it may lock it again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] names the holder; [`ErrorKind::WouldDeadlock`] when the thread
    /// holds it as shared and wants it exclusive.
    pub fn lock(&self, options: &LockOptions) -> Result<LockGuard> {
        lock_namespace(&self.context, options).map_err(|error| self.explain(error, "lock", None))
    }

    /// Locks one variable, which need not exist.
    ///
    /// # Errors
    ///
    /// As [`Namespace::lock`].
    pub fn lock_variable(&self, name: &str, options: &LockOptions) -> Result<LockGuard> {
        self.with("lock", name, |target| lock_variable(&self.context, target, options))
    }

    /// Gives the namespace a greater capacity, in bytes, while others keep working.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] when it would shrink or exceed 2^40.
    pub fn resize(&self, capacity: u64) -> Result<()> {
        self.grow_to(capacity).map_err(|error| self.explain(error, "resize", None))
    }

    fn grow_to(&self, capacity: u64) -> Result<()> {
        check_capacity(capacity)?;
        let registry = &self.context.registry;
        let segment = registry.segment();
        let structural = registry.structural(self.context.timeout)?;
        let now = segment.word(CAPACITY)?.load(Ordering::Relaxed);
        if capacity < now {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("its capacity of {now} bytes cannot become less"),
            ));
        }
        let Some(source) = segment.source() else {
            return Err(Error::new(ErrorKind::Unsupported, "private memory has a fixed size"));
        };
        source
            .with_file(Access::ReadWrite, |file| {
                let length = platform::length(file)?;
                if length < capacity { platform::set_length(file, capacity) } else { Ok(()) }
            })
            .map_err(|error| Error::io("lengthening the file", error))?;
        let mut journal = structural.journal();
        journal.write(CAPACITY, capacity)?;
        journal.commit()
    }

    /// Writes a swapfile's content to its device.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`].
    pub fn flush(&self) -> Result<()> {
        let segment = self.context.registry.segment();
        segment
            .word(BREAK)
            .and_then(|end| segment.flush(end.load(Ordering::Relaxed)))
            .map_err(|error| self.explain(error, "flush", None))
    }

    /// Sizes, counts, members, holders and waiters, as of now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`].
    pub fn stat(&self) -> Result<Statistics> {
        inspect::statistics(&self.context).map_err(|error| self.explain(error, "look at", None))
    }

    /// Verifies every rule of the format and that every byte is accounted for; returns what it
    /// found, nothing when all is well. Works while others write, and on damaged files.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] when others never rest long enough to be looked at.
    pub fn check(&self) -> Result<Vec<Finding>> {
        inspect::check(&self.context).map_err(|error| self.explain(error, "check", None))
    }

    /// Prints the descriptor, the heap's blocks and the variable definitions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] from `out`, [`ErrorKind::Damaged`].
    pub fn debug(&self, out: &mut dyn std::io::Write) -> Result<()> {
        inspect::debug(&self.context, &self.name, out)
            .map_err(|error| self.explain(error, "print", None))
    }
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Namespace").field("name", &self.name).finish_non_exhaustive()
    }
}

#[inline]
pub(super) fn decode<T: FromValue>(seen: Seen<'_>) -> Result<T> {
    T::decode(seen.value_type, seen.payload)
}

pub(super) fn metadata(context: &Context, target: &Target<'_>) -> Result<Option<Metadata>> {
    let mut header = Header::default();
    let seen = context.read(target, &mut header, |seen| (seen.value_type, seen.version))?;
    let (Some((value_type, version)), Header(header)) = (seen, header) else { return Ok(None) };
    let program = context.registry.program_name(header.program)?.unwrap_or_default();
    Ok(Some(Metadata {
        value_type,
        size: header.length,
        version,
        set_at: SystemTime::UNIX_EPOCH + Duration::from_millis(header.time),
        process: header.process,
        program,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::SLOTS;
    use crate::format::slot::{SIZE, SlotState};
    use crate::namespace::builder::Lifetime;
    use crate::platform::Anchor;

    /// Whoever looks for the dead stops at a slot that nobody has touched.
    #[test]
    fn a_slot_that_is_just_being_taken_is_passed_by_and_marked() {
        let name = format!("mmf-test-passed-by-{}", std::process::id());
        let builder = Namespace::builder(&name).lifetime(Lifetime::WhileAttached);
        let first = builder.clone().create().unwrap();
        let segment = first.context.registry.segment();
        let source = segment.source().unwrap();
        let state = |slot: u64| segment.word(SLOTS + slot * SIZE).unwrap().load(Ordering::Relaxed);
        let mut taker = Anchor::open(&source.path, source.identity, Access::ReadWrite).unwrap();
        assert!(taker.try_take_slot(1).unwrap());
        let second = builder.clone().open().unwrap();
        assert_eq!(second.context.registry.slot().unwrap(), 2);
        assert_eq!([state(1), state(3)], [SlotState::PASSED.0, 0]);
        // It gives up, and the slot is there for the next.
        drop(taker);
        let third = builder.open().unwrap();
        assert_eq!(third.context.registry.slot().unwrap(), 1);
    }

    /// A name that was cut inside a character was not known again: it got an entry at every lease.
    #[test]
    fn a_program_with_a_long_name_has_one_number() {
        let namespace = Namespace::in_memory(1 << 20).unwrap();
        let registry = &namespace.context.registry;
        for length in 44..=49 {
            let name = format!("{}\u{20ac}\u{e9}", "p".repeat(length));
            let number = registry.program_number(&name, None).unwrap();
            assert_eq!(registry.program_number(&name, None).unwrap(), number, "{length}");
            let kept = registry.program_name(number).unwrap().unwrap();
            assert!(name.starts_with(&kept), "{kept:?}");
        }
    }
}
