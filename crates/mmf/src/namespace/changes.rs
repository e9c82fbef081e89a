//! Changes that depend on what is there: one step for everybody else.

use std::result::Result as StdResult;

use super::handle::Namespace;
use super::update::update;
use crate::error::{Error, Result};
use crate::value::{Extreme, FromValue, ToValue, Value};
use crate::variable::{AddOptions, Comparison, Context, Target};

impl Namespace {
    /// Stores a value if the variable has the value `expected`, where none stands for "does not
    /// exist". Returns the new version, or the one of the other value that is there.
    ///
    /// Values are equal as [`Value`]s are: integers whatever their width, floats and text only to
    /// their like. A counter here equals its number too. The value counts, not its history: it may
    /// have been another in between. Blocking like [`Namespace::set`]; comparison and exchange are
    /// one step for everybody else.
    ///
    /// # Errors
    ///
    /// As [`Namespace::set`]; [`ErrorKind::Encoding`](crate::ErrorKind::Encoding) when what is
    /// there cannot be read. Another value is no error: see [`Comparison`].
    ///
    /// ```
    /// use mmf::{Comparison, Namespace, Value};
    ///
    /// let namespace = Namespace::in_memory(1 << 20)?;
    /// let made = namespace.compare_value_and_set("door", None, "shut")?;
    /// assert!(matches!(made, Comparison::Stored(_)));
    /// let shut = Value::from("shut");
    /// namespace.compare_value_and_set("door", Some(&shut), "open")?;
    /// let late = namespace.compare_value_and_set("door", Some(&shut), "ajar")?;
    /// assert!(matches!(late, Comparison::Differs(_)));
    /// assert_eq!(namespace.get::<String>("door")?.as_deref(), Some("open"));
    /// # Ok::<(), mmf::Error>(())
    /// ```
    pub fn compare_value_and_set<T: ToValue + ?Sized>(
        &self,
        name: &str,
        expected: Option<&Value>,
        value: &T,
    ) -> Result<Comparison> {
        self.with("set", name, |target| {
            self.context().compare_value_and_set(target, expected, &value.encode()?)
        })
    }

    /// Stores a value and returns the one that it replaces, none where there was none.
    ///
    /// Nothing comes between the two: of all values stored under the name, each is returned by one
    /// swap at most. Blocking like [`Namespace::set`], for as long as the old value takes to copy.
    ///
    /// # Errors
    ///
    /// As [`Namespace::set`]. [`ErrorKind::Encoding`](crate::ErrorKind::Encoding) when what was
    /// there cannot be read, as in a damaged file; the new value is stored then.
    ///
    /// ```
    /// # let namespace = mmf::Namespace::in_memory(1 << 20)?;
    /// assert_eq!(namespace.swap("turn", "mine")?, None);
    /// let before = namespace.swap("turn", "yours")?;
    /// assert_eq!(before, Some("mine".into()));
    /// # Ok::<(), mmf::Error>(())
    /// ```
    pub fn swap<T: ToValue + ?Sized>(&self, name: &str, value: &T) -> Result<Option<Value>> {
        self.with("swap", name, |target| swap(self.context(), target, value))
    }

    /// Stores `number` if it is larger than the variable's; returns the larger of the two.
    ///
    /// A missing variable becomes `number`. Integers, floats and counters compare by their exact
    /// numbers whatever their types, and the larger one is stored with its own type; but a counter
    /// stays a counter. Of equal numbers, and of 0.0 and -0.0, the one that is there stays. A
    /// stored NaN gives way to any number.
    ///
    /// When nothing changes, nothing is published: the version stays, nobody is woken, and no
    /// shared lock of another is waited for. Blocking like [`Namespace::set`] otherwise.
    ///
    /// # Errors
    ///
    /// As [`Namespace::set`], and with nothing changed:
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) when `number` is NaN or
    /// none; [`ErrorKind::WrongType`](crate::ErrorKind::WrongType) when the variable holds no
    /// number, or a counter that is compared with a float;
    /// [`ErrorKind::Overflow`](crate::ErrorKind::Overflow) when a counter cannot have the number.
    ///
    /// ```
    /// # let namespace = mmf::Namespace::in_memory(1 << 20)?;
    /// namespace.max("peak", 12)?;
    /// assert_eq!(namespace.max("peak", 11.5)?.as_i64(), Some(12));
    /// assert_eq!(namespace.max("peak", 12.5)?.as_f64(), Some(12.5));
    /// # Ok::<(), mmf::Error>(())
    /// ```
    pub fn max(&self, name: &str, number: impl Into<Value>) -> Result<Value> {
        let number = number.into();
        self.with("raise", name, |target| {
            self.context().keep_extreme(target, &number, Extreme::Maximum)
        })
    }

    /// Stores `number` if it is smaller than the variable's; returns the smaller of the two.
    ///
    /// In everything else as [`Namespace::max`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn min(&self, name: &str, number: impl Into<Value>) -> Result<Value> {
        let number = number.into();
        self.with("lower", name, |target| {
            self.context().keep_extreme(target, &number, Extreme::Minimum)
        })
    }

    /// Adds to a counter as [`Namespace::add`], with a choice of what it begins at when it does not
    /// exist, and of what becomes of a sum that leaves its range. Returns the sum.
    ///
    /// Making the counter and adding to it are one step: `initial` without the amount is never
    /// seen. As long as sums stay in the range, both ways are the same, and may be mixed.
    ///
    /// # Errors
    ///
    /// As [`Namespace::add`]; wrapping has no [`ErrorKind::Overflow`](crate::ErrorKind::Overflow).
    ///
    /// ```
    /// use mmf::AddOptions;
    ///
    /// # let namespace = mmf::Namespace::in_memory(1 << 20)?;
    /// assert_eq!(namespace.add_with("invoice", 1, AddOptions::checked().initial(1000))?, 1001);
    /// let wrapped = namespace.add_with("invoice", i64::MAX, AddOptions::wrapping())?;
    /// assert_eq!(wrapped, 1001_i64.wrapping_add(i64::MAX));
    /// # Ok::<(), mmf::Error>(())
    /// ```
    pub fn add_with(&self, name: &str, amount: i64, options: AddOptions) -> Result<i64> {
        self.with("add to", name, |target| self.context().add_with(target, amount, options))
    }

    /// Replaces a value by what `change` makes of it: `change` runs exactly once, under the
    /// variable's exclusive lock, and what it returns is stored. None stands for a variable that
    /// does not exist: `change` gets it, or returns it to delete. Returns the new version, or 0
    /// when there is no value.
    ///
    /// Types are the closure's choice: [`Value`] for any, [`Structure`](crate::Structure) for serde
    /// types. A counter stays one only as [`Value::Counter`]: an integer replaces it, as by a set.
    ///
    /// An error or a panic of `change` leaves the value as it was. So does the death of the
    /// process, at any instruction: others get the lock as soon as the death is known. While
    /// `change` runs, autolocked gets and sets of the variable by others wait, and whoever locks the
    /// namespace waits for the end of the update; a handle without autolock waits for nobody, and a
    /// set by one, meanwhile, is lost. What `change` does to other variables others see at once,
    /// whatever becomes of the update.
    ///
    /// Inside `change`, the same thread gets
    /// [`ErrorKind::WouldDeadlock`](crate::ErrorKind::WouldDeadlock), not a deadlock, when it sets,
    /// deletes, adds to, locks or updates this variable, or locks the namespace, through whichever
    /// handle. It may get the variable through this handle: it sees the value from before.
    /// (Through a handle without autolock it may also set it: what `change` returns is stored
    /// later.) An update of another variable is possible, and two threads that do so in opposite
    /// orders wait for each other until their timeouts, as with locks.
    ///
    /// # Errors
    ///
    /// Those of `change`. Before it runs, those of [`Namespace::lock_variable`] and
    /// [`Namespace::get`], and [`ErrorKind::WouldDeadlock`](crate::ErrorKind::WouldDeadlock) for who
    /// holds a shared lock in the way; afterwards those of [`Namespace::set`], with the old value
    /// left.
    ///
    /// ```
    /// use mmf::{Error, Namespace, Value};
    ///
    /// let namespace = Namespace::in_memory(1 << 20)?;
    /// let append = |list: Option<Value>| {
    ///     let mut items = list.as_ref().and_then(Value::as_list).unwrap_or_default().to_vec();
    ///     items.push(Value::from(items.len()));
    ///     Ok::<_, Error>(Some(Value::from(items)))
    /// };
    /// namespace.update("list", append)?;
    /// namespace.update("list", append)?;
    /// assert_eq!(namespace.get::<Value>("list")?.unwrap().to_string(), "[0,1]");
    ///
    /// namespace.update("list", |_: Option<Value>| Ok::<Option<Value>, Error>(None))?;
    /// assert!(!namespace.contains("list")?);
    /// # Ok::<(), mmf::Error>(())
    /// ```
    pub fn update<T, R, E>(
        &self,
        name: &str,
        change: impl FnOnce(Option<T>) -> StdResult<Option<R>, E>,
    ) -> StdResult<u64, E>
    where
        T: FromValue,
        R: ToValue,
        E: From<Error>,
    {
        let explain = |error| E::from(self.explain(error, "update", Some(name)));
        let target = self.context().target(name).map_err(explain)?;
        update(self.context(), &target, change, explain)
    }
}

/// Stores a value; returns the one before.
pub(super) fn swap<T: ToValue + ?Sized>(
    context: &Context,
    target: &Target<'_>,
    value: &T,
) -> Result<Option<Value>> {
    let mut before = Vec::new();
    let value_type = context.swap(target, &value.encode()?, &mut before)?;
    value_type.map(|value_type| Value::decode(value_type, &before)).transpose()
}
