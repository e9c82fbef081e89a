//! Handles that look a name up once.

use std::cell::Cell;
use std::result::Result as StdResult;
use std::sync::Arc;
use std::time::Duration;

use super::changes::swap;
use super::guard::{LockGuard, LockOptions, lock_variable};
use super::handle::{Metadata, decode, metadata};
use super::update::update;
use crate::error::{Error, Result};
use crate::format::index::Hash;
use crate::value::{Extreme, FromValue, ToValue, Value, ValueType};
use crate::variable::{
    AddOptions, Comparison, Condition, Context, Hint, Nothing, Outcome, Payload, Target,
};

/// One variable of a namespace, found once and used many times.
///
/// The handle stays right when the variable is deleted and made again. It belongs to one thread;
/// other threads take a clone.
///
/// ```
/// # let namespace = mmf::Namespace::in_memory(1 << 20)?;
/// let price = namespace.variable("price")?;
/// price.set(&12.5)?;
/// assert_eq!(price.get::<f64>()?, Some(12.5));
/// # Ok::<(), mmf::Error>(())
/// ```
#[derive(Clone)]
pub struct Variable {
    context: Arc<Context>,
    namespace: Arc<str>,
    name: Arc<str>,
    hash: Hash,
    hint: Cell<Option<Hint>>,
}

impl Variable {
    pub(super) fn new(context: &Arc<Context>, namespace: &Arc<str>, name: &str) -> Result<Self> {
        let hash = context.target(name)?.hash;
        let hint = Cell::new(None);
        Ok(Self {
            context: Arc::clone(context),
            namespace: Arc::clone(namespace),
            name: name.into(),
            hash,
            hint,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    #[inline(always)]
    fn target(&self) -> Target<'_> {
        Target { name: &self.name, hash: self.hash, hint: Some(&self.hint) }
    }

    #[inline(always)]
    fn with<R>(
        &self,
        attempt: &'static str,
        operation: impl FnOnce(&Target<'_>) -> Result<R>,
    ) -> Result<R> {
        operation(&self.target()).map_err(|error| self.explain(error, attempt))
    }

    #[cold]
    fn explain(&self, error: Error, attempt: &'static str) -> Error {
        error.attempting(attempt).on_variable(&self.name).on_namespace(&self.namespace)
    }

    /// As [`Namespace::set`](crate::Namespace::set).
    ///
    /// # Errors
    ///
    /// The same.
    #[inline]
    pub fn set<T: ToValue + ?Sized>(&self, value: &T) -> Result<u64> {
        value
            .encode()
            .and_then(|value| self.context.set(&self.target(), &value))
            .map_err(|error| self.explain(error, "set"))
    }

    /// As [`Namespace::compare_and_set`](crate::Namespace::compare_and_set).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn compare_and_set<T: ToValue + ?Sized>(
        &self,
        expected: u64,
        value: &T,
    ) -> Result<Comparison> {
        self.with("set", |target| self.context.compare_and_set(target, expected, &value.encode()?))
    }

    /// As [`Namespace::compare_value_and_set`](crate::Namespace::compare_value_and_set).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn compare_value_and_set<T: ToValue + ?Sized>(
        &self,
        expected: Option<&Value>,
        value: &T,
    ) -> Result<Comparison> {
        self.with("set", |target| {
            self.context.compare_value_and_set(target, expected, &value.encode()?)
        })
    }

    /// As [`Namespace::get`](crate::Namespace::get).
    ///
    /// # Errors
    ///
    /// The same.
    #[inline]
    pub fn get<T: FromValue>(&self) -> Result<Option<T>> {
        self.context
            .read(&self.target(), &mut Payload::new(), decode::<T>)
            .and_then(Option::transpose)
            .map_err(|error| self.explain(error, "get"))
    }

    /// As [`Namespace::get_into`](crate::Namespace::get_into).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn get_into(&self, buffer: &mut Vec<u8>) -> Result<Option<ValueType>> {
        self.context
            .read(&self.target(), buffer, |seen| seen.value_type)
            .map_err(|error| self.explain(error, "get"))
    }

    /// As [`Namespace::delete`](crate::Namespace::delete).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn delete(&self) -> Result<bool> {
        self.with("delete", |target| self.context.delete(target))
    }

    /// As [`Namespace::contains`](crate::Namespace::contains).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn exists(&self) -> Result<bool> {
        Ok(self.version()?.is_some())
    }

    /// As [`Namespace::version`](crate::Namespace::version).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn version(&self) -> Result<Option<u64>> {
        self.with("look at", |target| self.context.read(target, &mut Nothing, |seen| seen.version))
    }

    /// As [`Namespace::metadata`](crate::Namespace::metadata).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn metadata(&self) -> Result<Option<Metadata>> {
        self.with("look at", |target| metadata(&self.context, target))
    }

    /// As [`Namespace::add`](crate::Namespace::add).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn add(&self, amount: i64) -> Result<i64> {
        self.with("add to", |target| self.context.add(target, amount))
    }

    /// As [`Namespace::add_with`](crate::Namespace::add_with).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn add_with(&self, amount: i64, options: AddOptions) -> Result<i64> {
        self.with("add to", |target| self.context.add_with(target, amount, options))
    }

    /// As [`Namespace::max`](crate::Namespace::max).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn max(&self, number: impl Into<Value>) -> Result<Value> {
        let number = number.into();
        self.with("raise", |target| self.context.keep_extreme(target, &number, Extreme::Maximum))
    }

    /// As [`Namespace::min`](crate::Namespace::min).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn min(&self, number: impl Into<Value>) -> Result<Value> {
        let number = number.into();
        self.with("lower", |target| self.context.keep_extreme(target, &number, Extreme::Minimum))
    }

    /// As [`Namespace::swap`](crate::Namespace::swap).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn swap<T: ToValue + ?Sized>(&self, value: &T) -> Result<Option<Value>> {
        self.with("swap", |target| swap(&self.context, target, value))
    }

    /// As [`Namespace::update`](crate::Namespace::update).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn update<T, R, E>(
        &self,
        change: impl FnOnce(Option<T>) -> StdResult<Option<R>, E>,
    ) -> StdResult<u64, E>
    where
        T: FromValue,
        R: ToValue,
        E: From<Error>,
    {
        let explain = |error| E::from(self.explain(error, "update"));
        update(&self.context, &self.target(), change, explain)
    }

    /// As [`Namespace::wait`](crate::Namespace::wait).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn wait(&self, condition: &Condition, timeout: Duration) -> Result<Outcome> {
        let timeout = (!timeout.is_zero()).then_some(timeout);
        self.with("wait for", |target| self.context.wait(&[(*target, condition)], timeout, None))
    }

    /// As [`Namespace::lock_variable`](crate::Namespace::lock_variable).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn lock(&self, options: &LockOptions) -> Result<LockGuard> {
        self.with("lock", |target| lock_variable(&self.context, target, options))
    }
}

impl std::fmt::Debug for Variable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Variable")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
