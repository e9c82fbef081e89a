//! Names and the swapfiles they lead to, when others make and remove them.

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use common::Ground;
use mmf::{ErrorKind, Namespace, remove_namespace};

/// How long a race is run.
const TIME: Duration = Duration::from_millis(1500);

// What `docs/format.md` gives.
const OPTIONS: u64 = 72;
const WHILE_ATTACHED: u64 = 1;

/// A link made between two looks at the name passed for a namespace in system memory, and a new
/// link could be removed as the old one that somebody had looked at.
#[test]
fn openers_by_swapfile_and_removers_do_not_take_links_from_each_other() {
    let ground = Ground::new();
    let path = ground.file("data.mmf");
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let builder = ground.builder().swapfile(&path).capacity(256 << 10);
            let name = ground.name();
            scope.spawn(move || {
                while begin.elapsed() < TIME {
                    let by_swapfile = builder.clone().open_or_create().unwrap();
                    // Nobody removes what somebody is attached to.
                    let by_name = Namespace::open(name).unwrap();
                    assert_eq!(by_name.id(), by_swapfile.id());
                    drop((by_name, by_swapfile));
                    // Now and then nobody is attached, and it can be removed.
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while begin.elapsed() < TIME {
                    if let Err(error) = remove_namespace(ground.name(), false) {
                        let kind = error.kind();
                        assert!([ErrorKind::InUse, ErrorKind::NotFound].contains(&kind), "{error}");
                    }
                }
            });
        }
    });
}

/// A name led to a swapfile that had been deleted and made anew under another name: removing the
/// first name removed the other's values.
#[test]
fn removing_a_stale_name_leaves_the_swapfile_of_another() {
    let (first, second) = (Ground::new(), Ground::new());
    let path = first.file("data.mmf");
    drop(first.builder().swapfile(&path).create().unwrap());
    std::fs::remove_file(&path).unwrap();
    second.builder().swapfile(&path).create().unwrap().set("kept", &1).unwrap();
    for force in [false, true] {
        let _ = remove_namespace(first.name(), force);
        let other = Namespace::open(second.name()).unwrap();
        assert_eq!(other.get::<i64>("kept").unwrap(), Some(1));
    }
    assert_eq!(Namespace::open(first.name()).unwrap_err().kind(), ErrorKind::NotFound);
    drop(first.builder().create().unwrap());
}

/// Whoever found by its name that a namespace should have gone with its last process, which was
/// killed, removed the swapfile but not the name, by which nothing could be made any more.
#[test]
fn a_name_goes_with_its_swapfile_that_was_left_over() {
    for create in [true, false] {
        let ground = Ground::new();
        let path = ground.file("data.mmf");
        drop(ground.builder().swapfile(&path).create().unwrap());
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let mut options = [0; 8];
        file.read_exact_at(&mut options, OPTIONS).unwrap();
        let options = u64::from_le_bytes(options) | WHILE_ATTACHED;
        file.write_all_at(&options.to_le_bytes(), OPTIONS).unwrap();
        let builder = ground.builder();
        let made = if create { builder.create() } else { builder.open_or_create() };
        assert_ne!(made.unwrap().path().unwrap(), path);
        assert!(!path.exists());
    }
}
