//! Sound namespaces of several shapes, as the bytes of their files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use mmf::{LockOptions, Namespace, Value};

use crate::Result;

/// Bytes that the larger ones may take: small enough to be copied a thousand times a second.
const CAPACITY: u64 = 768 << 10;

/// A namespace's file, and names that stand in it.
pub(super) struct Shape {
    pub(super) content: Vec<u8>,
    pub(super) names: Vec<String>,
    /// It is known by a path, and has checksums.
    pub(super) is_swapfile: bool,
}

type Fill = fn(&Namespace) -> mmf::Result<Vec<String>>;

/// Makes every shape, in `place`, which `MMF_DIR` names.
pub(super) fn all(place: &Path) -> Result<Vec<Shape>> {
    let shapes: [(&'static str, u64, Fill); 5] = [
        ("few", 128 << 10, few),
        ("many", CAPACITY, many),
        ("large", CAPACITY, large),
        ("names", CAPACITY, long_names),
        ("seats", CAPACITY, seats),
    ];
    let mut made = Vec::new();
    for (label, capacity, fill) in shapes {
        let name = format!("{label}-{}", std::process::id());
        let namespace = Namespace::builder(&name).capacity(capacity).create()?;
        let names = fill(&namespace)?;
        // Once at work, as a killed process would leave it, and once at rest.
        let guards = [
            namespace.lock_variable(&names[0], &LockOptions::exclusive())?,
            namespace.lock_variable("locked", &LockOptions::shared())?,
            namespace.lock(&LockOptions::shared())?,
        ];
        let path = place.join(&name);
        let at_work = std::fs::read(&path)?;
        drop(guards);
        drop(namespace);
        let at_rest = std::fs::read(&path)?;
        for content in [at_work, at_rest] {
            made.push(Shape { content, names: names.clone(), is_swapfile: false });
        }
        mmf::remove_namespace(&name, true)?;
    }
    let name = format!("swapfile-{}", std::process::id());
    let path = place.join(format!("{name}.mmf"));
    let namespace = Namespace::builder(&name).swapfile(&path).capacity(CAPACITY).create()?;
    let names = few(&namespace)?;
    drop(namespace);
    let content = std::fs::read(&path)?;
    made.push(Shape { content, names, is_swapfile: true });
    mmf::remove_namespace(&name, true)?;
    Ok(made)
}

/// One value of each type, and some of several sizes.
fn few(namespace: &Namespace) -> mmf::Result<Vec<String>> {
    let map = BTreeMap::from([("a", 1.5), ("b", -2.5)]);
    namespace.set("text", "Kältekammer")?;
    namespace.set("number", &-7)?;
    namespace.set("great", &u64::MAX)?;
    namespace.set("float", &0.25)?;
    namespace.set("truth", &true)?;
    namespace.set("null", &Value::Null)?;
    namespace.set("structure", &mmf::Structure(map))?;
    namespace.set("bytes", &vec![7_u8; 1500])?;
    namespace.set("run", &vec![9_u8; 9000])?;
    namespace.add("counter", 40)?;
    namespace.add("counter", 2)?;
    let names = ["text", "number", "great", "float", "truth", "null", "structure", "bytes", "run"];
    Ok(names.into_iter().chain(["counter"]).map(str::to_owned).collect())
}

/// Enough for the index to split, some of them deleted again.
fn many(namespace: &Namespace) -> mmf::Result<Vec<String>> {
    let names: Vec<_> = (0..900).map(|number| format!("variable {number}")).collect();
    for (number, name) in names.iter().enumerate() {
        namespace.set(name, &(number as u64))?;
    }
    for name in names.iter().skip(1).step_by(3) {
        namespace.delete(name)?;
    }
    Ok(names)
}

/// Runs of pages of many sizes, with gaps.
fn large(namespace: &Namespace) -> mmf::Result<Vec<String>> {
    let names: Vec<_> = (0..24).map(|number| format!("large {number}")).collect();
    for (number, name) in names.iter().enumerate() {
        namespace.set(name, &vec![number as u8; 1000 + number * number * 60])?;
    }
    for name in names.iter().skip(2).step_by(3) {
        namespace.delete(name)?;
    }
    Ok(names)
}

/// Names in blocks of their own.
fn long_names(namespace: &Namespace) -> mmf::Result<Vec<String>> {
    let name = |number: usize| format!("{number:0>width$}", width = 15 + number * 25);
    let names: Vec<_> = (0..40).map(name).collect();
    for name in &names {
        namespace.set(name, name.as_str())?;
    }
    Ok(names)
}

/// Threads that are still there, each with a seat and a magazine.
fn seats(namespace: &Namespace) -> mmf::Result<Vec<String>> {
    let names: Vec<_> = (0..12).map(|number| format!("thread {number}")).collect();
    std::thread::scope(|scope| {
        let begin = |name: &String| {
            let (name, namespace) = (name.clone(), namespace.clone());
            scope.spawn(move || -> mmf::Result<()> {
                for length in [10, 100, 3000, 20] {
                    namespace.set(&name, &vec![1_u8; length])?;
                }
                let brief = LockOptions::shared().timeout(Duration::from_secs(10));
                drop(namespace.lock_variable(&name, &brief)?);
                Ok(())
            })
        };
        let threads: Vec<_> = names.iter().map(begin).collect();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(names.clone())
    })
}
