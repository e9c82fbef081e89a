//! Changing variables at random until killed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::Duration;

use mmf::{ErrorKind, LockOptions, Namespace, Result};
use mmf_processes::{Random, Storm, make_payload, payload_is_whole};

/// Changes variables as the storm says, until the process is killed or its parent is gone.
pub(crate) fn rage(namespace: &Namespace, storm: &Storm) -> Result<()> {
    let ledger = OpenOptions::new().append(true).open(&storm.ledger);
    let mut ledger = ledger.expect("the ledger is there");
    let mut random = Random::new(storm.seed);
    let parent = rustix::process::getppid();
    while rustix::process::getppid() == parent {
        let name = format!("v{}", random.below(storm.names));
        if random.below(1000) < storm.locks {
            change_under_lock(namespace, &name, storm, &mut random)?;
            continue;
        }
        match random.below(10) {
            0..5 => set(namespace, &name, storm, &mut random)?,
            5..7 => drop(namespace.delete(&name)?),
            _ => increment(namespace, &mut ledger)?,
        }
    }
    Ok(())
}

fn set(namespace: &Namespace, name: &str, storm: &Storm, random: &mut Random) -> Result<()> {
    // Most are small, as most values are.
    let longest = if random.below(4) == 0 { storm.longest } else { 200 };
    let length = random.below(longest + 1) as usize;
    match namespace.set(name, &make_payload(name, length, random)) {
        Err(error) if error.kind() == ErrorKind::OutOfSpace => {
            // Deleting needs no room, and makes some.
            namespace.delete(name).map(drop)
        }
        other => other.map(drop),
    }
}

/// The ledger has a byte more than the counter at most, and each whole pair is counted.
fn increment(namespace: &Namespace, ledger: &mut File) -> Result<()> {
    ledger.write_all(b"a").expect("the ledger takes an attempt");
    namespace.add("counter", 1)?;
    ledger.write_all(b"k").expect("the ledger takes a success");
    Ok(())
}

/// Changes a variable twice under a lock that keeps the others out.
fn change_under_lock(
    namespace: &Namespace,
    name: &str,
    storm: &Storm,
    random: &mut Random,
) -> Result<()> {
    let exclusive = LockOptions::exclusive().timeout(Duration::from_secs(20));
    let guard = match random.below(3) {
        0 => namespace.lock(&exclusive)?,
        1 => namespace.lock_variable(name, &exclusive)?,
        _ => {
            let shared = LockOptions::shared().timeout(Duration::from_secs(20));
            let guard = namespace.lock(&shared)?;
            let before = namespace.version(name)?;
            assert_eq!(namespace.version(name)?, before, "changed under a shared lock");
            return guard.unlock();
        }
    };
    set(namespace, name, storm, random)?;
    let version = namespace.version(name)?;
    if let Some(value) = namespace.get::<Vec<u8>>(name)? {
        assert!(payload_is_whole(name, &value), "{name} was read torn");
    }
    assert_eq!(namespace.version(name)?, version, "changed under an exclusive lock");
    guard.unlock()
}
