//! What ends a wait before its time.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::Configuration;
use mmf::{Condition, ErrorKind, LockOptions, Namespace};

/// What a signal handler would note.
static SIGNALLED: AtomicBool = AtomicBool::new(false);
/// How often a waiter has asked.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// How long nothing may take.
const LIMIT: Duration = Duration::from_secs(10);
/// A sleep lasts 250 ms; the rest is for a busy machine.
const SOON: Duration = Duration::from_millis(950);

fn is_signalled() -> bool {
    ASKED.fetch_add(1, Ordering::SeqCst);
    SIGNALLED.load(Ordering::SeqCst)
}

/// Waits, and has something noted when the waiter has slept at least twice. No signal is sent: this
/// is how it looks to a waiter that was awake when the handler ran.
fn is_interrupted<T>(what: &str, wait: impl FnOnce() -> mmf::Result<T> + Send) {
    SIGNALLED.store(false, Ordering::SeqCst);
    ASKED.store(0, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let error = wait().err().expect("nobody ends the wait by what it waits for");
            (error, Instant::now())
        });
        let started = Instant::now();
        while ASKED.load(Ordering::SeqCst) < 2 {
            assert!(started.elapsed() < LIMIT, "{what}: nobody asked for signals");
            std::thread::yield_now();
        }
        let noted = Instant::now();
        SIGNALLED.store(true, Ordering::SeqCst);
        let (error, ended) = waiter.join().expect("the waiter does not panic");
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{what}: {error}");
        let late = ended.duration_since(noted);
        assert!(late < SOON, "{what}: interrupted {late:?} after the signal");
    });
}

#[test]
fn a_signal_between_two_sleeps_is_seen() {
    let place = Configuration::Tmpfs.open();
    let namespace = &place.namespace;
    let reader = place.ground.builder().read_only(true).open().expect("a reader");
    namespace.set("there", &1_i64).expect("a variable");
    let (exists, gone) = (Condition::Exists, Condition::Gone);
    let one: [(&str, &Condition); 1] = [("missing", &exists)];
    let two: [(&str, &Condition); 2] = [("missing", &exists), ("there", &gone)];
    for (what, handle) in [("writer", namespace), ("reader", &reader)] {
        let wait = |wanted: &[(&str, &Condition)]| {
            let wait = |handle: &Namespace| handle.wait_interruptibly(wanted, LIMIT, is_signalled);
            is_interrupted(what, || wait(handle));
        };
        wait(&one);
        wait(&two);
    }
    let interruptible = |options: LockOptions| options.timeout(LIMIT).interrupted_by(is_signalled);
    let whole = namespace.lock(&LockOptions::exclusive()).expect("a lock");
    is_interrupted("exclusive behind exclusive", || {
        namespace.lock(&interruptible(LockOptions::exclusive())).map(|_| ())
    });
    is_interrupted("shared behind exclusive", || {
        namespace.lock(&interruptible(LockOptions::shared())).map(|_| ())
    });
    whole.unlock().expect("the lock");
    let shared = namespace.lock_variable("there", &LockOptions::shared()).expect("a lock");
    is_interrupted("exclusive behind shared", || {
        let options = interruptible(LockOptions::exclusive());
        namespace.lock_variable("there", &options).map(|_| ())
    });
    shared.unlock().expect("the lock");
    assert_eq!(namespace.check().expect("a check"), []);
}
