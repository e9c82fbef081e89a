//! Bytes as the file of a namespace: whatever is done with it ends in a value or an error.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mmf::{Condition, LockOptions, Namespace, Value};

/// Nobody else uses the file: what is waited for does not come.
const TIMEOUT: Duration = Duration::from_millis(1);

/// A namespace's name that no other process uses, and the file that bears it.
fn place() -> &'static (String, PathBuf) {
    static PLACE: OnceLock<(String, PathBuf)> = OnceLock::new();
    PLACE.get_or_init(|| {
        let name = format!("mmf-fuzz-{}", std::process::id());
        let namespace = Namespace::builder(&name).create().expect("a namespace can be made");
        let path = namespace.path().expect("it has a file").to_owned();
        drop(namespace);
        remove(&path);
        (name, path)
    })
}

fn remove(path: &Path) {
    // It may have gone by itself: a bit in it says whether it does.
    let _ = std::fs::remove_file(path);
}

fuzz_target!(|data: &[u8]| {
    let (name, path) = place();
    std::fs::write(path, data).expect("the file can be written");
    let builder = Namespace::builder(name).timeout(TIMEOUT);
    if let Ok(reader) = builder.clone().read_only(true).open() {
        look(&reader);
    }
    if let Ok(namespace) = builder.clone().open() {
        look(&namespace);
        change(&namespace);
        look(&namespace);
    }
    if builder.clone().repair().is_ok()
        && let Ok(mended) = builder.open()
    {
        assert_eq!(mended.check().expect("a mended file can be checked"), []);
        look(&mended);
    }
    remove(path);
});

fn look(namespace: &Namespace) {
    for name in namespace.list("").map_while(Result::ok).take(100) {
        let _ = namespace.get::<Value>(&name);
        let _ = namespace.metadata(&name);
    }
    let _ = namespace.get::<Value>("text");
    let _ = namespace.stat();
    let _ = namespace.check();
    let _ = namespace.debug(&mut std::io::sink());
}

fn change(namespace: &Namespace) {
    for name in ["text", "bytes", "missing", "a name that has a block of its own"] {
        for length in [3, 100, 1500, 5000] {
            let _ = namespace.set(name, &vec![1_u8; length]);
        }
        let _ = namespace.add(name, 1);
        let _ = namespace.wait(name, &Condition::Gone, TIMEOUT);
        for options in [LockOptions::exclusive(), LockOptions::shared()] {
            let _ = namespace.lock_variable(name, &options).map(drop);
        }
        let _ = namespace.delete(name);
    }
    let _ = namespace.add("counter", 1);
    let _ = namespace.lock(&LockOptions::exclusive()).map(|_| namespace.set("text", "locked"));
    let _ = namespace.resize(1 << 18);
}
