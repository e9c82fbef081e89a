//! Changes that depend on what is there: they happen at one instant, whatever they look at before.

use mmf::{AddOptions, Error, ErrorKind, LockOptions, Namespace, Value};

use super::{Scenario, TARGET, bytes, text};

/// Where a counter begins that is not there.
const INITIAL: i64 = 1000;

/// Every such scenario.
pub(super) fn all() -> Vec<Scenario> {
    [adds(), extremes(), swaps(), comparisons(), updates()].into_iter().flatten().collect()
}

fn adds() -> Vec<Scenario> {
    vec![
        Scenario::using("add-wrapping", |it| {
            it.add_with("visits", i64::MAX, AddOptions::wrapping()).map(drop)
        })
        .sets("visits", Value::Counter(i64::MIN + 4)),
        Scenario::using("add-in-vain", |it| match it.add("visits", i64::MAX) {
            Err(error) if error.kind() == ErrorKind::Overflow => Ok(()),
            outcome => outcome.map(drop),
        }),
        Scenario::using("add-new-with-initial", |it| {
            it.add_with(TARGET, 7, AddOptions::checked().initial(INITIAL)).map(drop)
        })
        .sets(TARGET, Value::Counter(INITIAL + 7))
        // Who adds to a missing counter makes it.
        .of_one_more(8),
    ]
}

/// Adds in place, an odd number of times, that change nothing together.
fn count(it: &Namespace) -> mmf::Result<()> {
    it.set("warm", "warm")?;
    [1, -1, 0].into_iter().try_for_each(|amount| it.add("visits", amount).map(drop))
}

fn extremes() -> Vec<Scenario> {
    let number = |name, action| Scenario::using(name, action).with(TARGET, Value::I64(5));
    vec![
        number("max", |it| of_a_number(it.max(TARGET, 7)))
            .sets(TARGET, Value::I64(7))
            .conditional(),
        number("min-of-a-float", |it| of_a_number(it.min(TARGET, 4.5)))
            .sets(TARGET, Value::F64(4.5))
            .conditional(),
        Scenario::looking("max-in-vain", |it| it.max(TARGET, 4).map(drop))
            .with(TARGET, Value::I64(5)),
        Scenario::using("max-of-a-counter", |it| it.max("visits", 7).map(drop))
            .sets("visits", Value::Counter(7))
            .of_one_more(7)
            .warmed(count),
        Scenario::using("min-of-a-counter", |it| it.min("visits", -7).map(drop))
            .sets("visits", Value::Counter(-7))
            .of_one_more(-7),
        Scenario::using("max-new", |it| of_a_number(it.max(TARGET, 7)))
            .sets(TARGET, Value::I64(7))
            .conditional(),
    ]
}

/// Somebody else may have stored a text meanwhile: then nothing happens.
fn of_a_number(outcome: mmf::Result<Value>) -> mmf::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::WrongType => Ok(()),
        outcome => outcome.map(drop),
    }
}

fn swaps() -> Vec<Scenario> {
    let swap = |name, before| {
        Scenario::using(name, |it| it.swap(TARGET, "stocked").map(drop))
            .with(TARGET, before)
            .sets(TARGET, text("stocked"))
    };
    vec![
        swap("swap-small", text("small")),
        swap("swap-large-by-small", bytes(2100)),
        Scenario::using("swap-a-counter", |it| it.swap("visits", "stocked").map(drop))
            .sets("visits", text("stocked"))
            .warmed(count),
        Scenario::using("swap-new", |it| it.swap(TARGET, "stocked").map(drop))
            .sets(TARGET, text("stocked")),
    ]
}

fn comparisons() -> Vec<Scenario> {
    vec![
        Scenario::using("compare-value-and-set", |it| over("small", it))
            .with(TARGET, text("small"))
            .sets(TARGET, text("stocked"))
            .conditional(),
        Scenario::using("compare-value-and-set-in-vain", |it| over("another", it))
            .with(TARGET, text("small")),
        Scenario::using("compare-value-and-set-a-counter", |it| {
            it.compare_value_and_set("visits", Some(&Value::I64(5)), &Value::Counter(9)).map(drop)
        })
        .sets("visits", Value::Counter(9))
        .of_one_more(6)
        .warmed(count),
        Scenario::using("compare-value-and-set-missing", |it| {
            it.compare_value_and_set(TARGET, None, "stocked").map(drop)
        })
        .conditional()
        .sets(TARGET, text("stocked")),
    ]
}

fn over(expected: &str, it: &Namespace) -> mmf::Result<()> {
    let expected = Value::from(expected);
    it.compare_value_and_set(TARGET, Some(&expected), "stocked").map(drop)
}

fn updates() -> Vec<Scenario> {
    let update = |name, action| {
        Scenario::using(name, action).with(TARGET, text("small")).sets(TARGET, text("stocked"))
    };
    vec![
        update("update", stock).locking(),
        Scenario::using("update-new", stock).sets(TARGET, text("stocked")).locking(),
        Scenario::using("update-a-counter", |it| {
            it.update("visits", |now: Option<Value>| {
                let now = now.and_then(|value| value.as_i64()).unwrap_or(0);
                Ok::<_, Error>(Some(Value::Counter(now * 2)))
            })
            .map(drop)
        })
        .sets("visits", Value::Counter(10))
        .of_one_more(12)
        .warmed(count)
        .locking(),
        Scenario::using("update-to-nothing", |it| {
            it.update(TARGET, |_: Option<Value>| Ok::<Option<Value>, Error>(None)).map(drop)
        })
        .with(TARGET, text("small"))
        .deletes(TARGET)
        .locking(),
        Scenario::using("update-to-large", |it| {
            it.update(TARGET, |_: Option<Value>| Ok::<_, Error>(Some(bytes(2100)))).map(drop)
        })
        .with(TARGET, text("small"))
        .sets(TARGET, bytes(2100))
        .locking(),
        Scenario::using("update-in-vain", |it| refuse(it, TARGET))
            .with(TARGET, text("small"))
            .locking(),
        Scenario::using("update-missing-in-vain", |it| refuse(it, TARGET)).locking(),
        update("update-under-own-lock", stock).locking().warmed(|it| {
            it.set("warm", "warm")?;
            std::mem::forget(it.lock_variable(TARGET, &LockOptions::exclusive())?);
            Ok(())
        }),
        update("update-without-autolock", stock).without_autolock().locking(),
    ]
}

fn stock(it: &Namespace) -> mmf::Result<()> {
    it.update(TARGET, |_: Option<Value>| Ok::<_, Error>(Some("stocked"))).map(drop)
}

/// An update whose closure ends in an error.
fn refuse(it: &Namespace, name: &str) -> mmf::Result<()> {
    /// The closure's own error, or one of the library.
    enum Refusal {
        Wanted,
        Library(Error),
    }
    impl From<Error> for Refusal {
        fn from(error: Error) -> Self {
            Self::Library(error)
        }
    }
    match it.update(name, |_: Option<Value>| Err::<Option<Value>, _>(Refusal::Wanted)) {
        Err(Refusal::Library(error)) => Err(error),
        Ok(_) | Err(Refusal::Wanted) => Ok(()),
    }
}
