//! Every verb once, with what it must come to.

use std::sync::mpsc::channel;
use std::time::Duration;

use mmf::{Condition, ErrorKind, LockOptions, Namespace, Value};

use crate::Result;
use crate::scenario::bytes;
use crate::step::look_for_findings;

/// How long is waited for what is not to come.
const SHORT: Duration = Duration::from_millis(10);
/// How long is waited for what is to come.
const LONG: Duration = Duration::from_secs(10);

/// Changes, reads, lists and deletes; a value of `large` bytes makes the heap grow.
pub(super) fn store(namespace: &Namespace, large: usize) -> Result<()> {
    let values = [Value::I64(-7), Value::Text("some text".to_owned()), bytes(200), bytes(large)];
    for round in 0..2 {
        for (number, value) in values.iter().enumerate() {
            let name = format!("verbs {}", (number + round) % values.len());
            namespace.set(&name, value)?;
            if namespace.get::<Value>(&name)?.as_ref() != Some(value) {
                return Err(format!("{name} is not what was stored").into());
            }
        }
    }
    let before = namespace.add("verbs counted", 3)?;
    if namespace.add("verbs counted", 4)? != before + 4 {
        return Err("an addition was lost".into());
    }
    if namespace.list("verbs ").count() != values.len() + 1 {
        return Err("the list misses variables".into());
    }
    for name in namespace.list("verbs ").collect::<mmf::Result<Vec<_>>>()? {
        if !namespace.delete(&name)? || namespace.contains(&name)? {
            return Err(format!("{name} was not deleted").into());
        }
    }
    namespace.flush()?;
    look_for_findings(namespace, "after every verb")
}

/// Takes locks, free ones and one that another thread gives up while it is waited for.
pub(super) fn lock(namespace: &Namespace) -> Result<()> {
    let (exclusive, shared) = (LockOptions::exclusive(), LockOptions::shared());
    namespace.lock(&exclusive)?.unlock()?;
    namespace.lock(&shared)?.unlock()?;
    namespace.lock_variable("verbs locked", &exclusive)?.unlock()?;
    std::thread::scope(|scope| {
        let (held, is_held) = channel();
        let holder = scope.spawn(move || -> Result<()> {
            let guard = namespace.lock(&LockOptions::exclusive())?;
            held.send(())?;
            // Held for a while on purpose: the other is to fall asleep on it.
            std::thread::sleep(SHORT);
            Ok(guard.unlock()?)
        });
        is_held.recv_timeout(LONG)?;
        namespace.lock(&exclusive)?.unlock()?;
        holder.join().map_err(|_| "the holder panicked")?
    })
}

/// Waits, in vain and for what another thread does.
pub(super) fn wait(namespace: &Namespace) -> Result<()> {
    match namespace.wait("verbs awaited", &Condition::Exists, SHORT) {
        Err(error) if error.kind() == ErrorKind::TimedOut => {}
        other => return Err(format!("a wait in vain: {other:?}").into()),
    }
    std::thread::scope(|scope| {
        let setter = scope.spawn(|| -> Result<()> {
            // Late on purpose: the other is to fall asleep first.
            std::thread::sleep(SHORT);
            namespace.set("verbs awaited", "there")?;
            Ok(())
        });
        namespace.wait("verbs awaited", &Condition::Exists, LONG)?;
        setter.join().map_err(|_| "the setter panicked")?
    })?;
    namespace.delete("verbs awaited")?;
    Ok(())
}
