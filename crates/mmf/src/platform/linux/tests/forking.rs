//! Fork epochs, fork guards, and waits that other processes end.

#![allow(unsafe_code, reason = "installing a signal handler")]

use super::super::wait::WaitOutcome;
use super::*;

#[test]
fn every_generation_has_its_own_epoch() {
    let epoch = fork_epoch();
    Child::fork(|| {
        let own = fork_epoch();
        assert!(own != 0 && own != epoch && own == fork_epoch());
        Child::fork(|| assert!(![0, epoch, own].contains(&fork_epoch()))).succeeds();
    })
    .succeeds();
    assert_eq!(fork_epoch(), epoch);
}

#[test]
fn two_processes_wake_each_other() {
    let stage = Stage::new();
    let rounds = 100;
    let child = Child::fork(|| {
        for round in 0..rounds {
            stage.await_step(2 * round + 1);
            stage.reach(2 * round + 2);
        }
    });
    for round in 0..rounds {
        stage.reach(2 * round + 1);
        stage.await_step(2 * round + 2);
    }
    child.succeeds();
}

#[test]
fn a_fork_waits_for_a_guard_in_another_thread() {
    let stage = Stage::new();
    let guard = hold_off_fork().unwrap();
    std::thread::scope(|scope| {
        let forking = scope.spawn(|| {
            stage.reach(1);
            Child::fork(|| {}).succeeds();
            stage.reach(2);
        });
        stage.await_step(1);
        // Nested guards are had at once although a fork is pending.
        for _ in 0..1000 {
            drop(hold_off_fork().unwrap());
        }
        assert_eq!(stage.word().load(SeqCst), 1);
        drop(guard);
        forking.join().unwrap();
    });
    assert_eq!(stage.word().load(SeqCst), 2);
}

#[test]
fn threads_that_hold_guards_may_all_fork() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let _outer = hold_off_fork().unwrap();
                    let _inner = hold_off_fork().unwrap();
                    Child::fork(|| drop(hold_off_fork().unwrap())).succeeds();
                }
            });
        }
    });
}

#[test]
fn forks_and_guards_of_many_threads_get_their_turns() {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..20).for_each(|_| Child::fork(|| drop(hold_off_fork())).succeeds()));
            scope.spawn(|| (0..2000).for_each(|_| drop(hold_off_fork().unwrap())));
        }
    });
}

/// A signal handler that does nothing but end waits.
extern "C" fn ignore_signal(_number: libc::c_int) {}

#[test]
fn a_signal_ends_a_wait() {
    let stage = Stage::new();
    let mut child = Child::fork(|| {
        let handler: extern "C" fn(libc::c_int) = ignore_signal;
        // SAFETY: the handler must be safe to run at any moment. It does nothing.
        unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
        stage.reach(1);
        while wait_on(stage.word(), 1, LONGEST_SLEEP) != WaitOutcome::Interrupted {}
        stage.reach(2);
    });
    stage.await_step(1);
    let begin = Instant::now();
    while stage.word().load(SeqCst) == 1 {
        assert!(begin.elapsed() < PATIENCE, "no wait was interrupted");
        child.signal(Signal::USR1);
        wait_on(stage.word(), 1, Duration::from_millis(1));
    }
    assert_eq!(child.bury().exit_status(), Some(0));
}
