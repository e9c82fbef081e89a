//! A slot belongs to its process until that dies or executes another program, and no longer.

#![allow(unsafe_code, reason = "executing, closing descriptors and touching mappings")]

use std::path::Path;

use super::*;

/// Closes every descriptor of this process but the standard ones.
fn close_all_descriptors() {
    // SAFETY: nothing may use the descriptors any more. The caller is a forked child that only
    // uses mappings from here on.
    assert_eq!(unsafe { libc::close_range(3, u32::MAX, 0) }, 0);
}

/// A child that holds slot 1, has closed every descriptor, and sleeps.
fn sleeping_holder(stage: &Stage) -> Child {
    let child = Child::fork(|| {
        let _anchor = stage.anchor(1);
        close_all_descriptors();
        stage.reach(1);
        std::thread::sleep(PATIENCE * 2);
    });
    stage.await_step(1);
    child
}

#[test]
fn a_slot_stays_locked_when_every_descriptor_is_closed() {
    let stage = Stage::new();
    let _holder = sleeping_holder(&stage);
    assert!(stage.locked(1));
    assert!(!stage.locked(0) && !stage.locked(2));
    assert!(presence_is_held(&stage.file).unwrap());
    assert!(!try_exclusive_presence(&stage.file).unwrap());
    assert!(!stage.open_anchor(Access::ReadWrite).try_take_slot(1).unwrap());
}

#[test]
fn a_kill_frees_the_slot() {
    let stage = Stage::new();
    let mut holder = sleeping_holder(&stage);
    holder.signal(Signal::KILL);
    stage.await_free(1);
    assert!(!presence_is_held(&stage.file).unwrap());
    assert_eq!(holder.bury().terminating_signal(), Some(Signal::KILL.as_raw()));
    drop(stage.anchor(1));
}

#[test]
fn a_zombie_counts_as_dead() {
    let stage = Stage::new();
    let holder = sleeping_holder(&stage);
    holder.signal(Signal::KILL);
    holder.await_zombie();
    assert!(!stage.locked(1));
    assert!(Path::new(&format!("/proc/{}", holder.pid.as_raw_pid())).exists());
}

#[test]
fn a_stopped_process_counts_as_alive() {
    let stage = Stage::new();
    let holder = sleeping_holder(&stage);
    holder.signal(Signal::STOP);
    let (_, status) = waitpid(Some(holder.pid), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped());
    assert!(stage.locked(1));
}

#[test]
fn a_forked_child_does_not_keep_its_parents_slot() {
    let stage = Stage::new();
    let holder = Child::fork(|| {
        let _anchor = stage.anchor(1);
        let grandchild = Child::fork(|| {
            stage.reach(1);
            stage.await_step(2);
        });
        core::mem::forget(grandchild);
        stage.await_step(1);
    });
    holder.succeeds();
    assert_eq!(stage.word().load(SeqCst), 1);
    assert!(!stage.locked(1), "a living grandchild has inherited the slot");
    stage.reach(2);
}

#[test]
fn an_inherited_anchor_dropped_in_a_child_unmaps_nothing() {
    let stage = Stage::new();
    let anchor = stage.anchor(1);
    let inherited = AssertUnwindSafe(core::cell::Cell::new(Some(anchor)));
    let child = Child::fork(|| {
        // The kernel likes to give the freed address to the next mapping.
        let news: Vec<_> = (0..64).map(|_| Mapping::anonymous(4096).unwrap()).collect();
        drop(inherited.take());
        for mapping in &news {
            // SAFETY: the byte must be mapped; that it still is, is what this test shows.
            unsafe { mapping.base().write_volatile(1) };
        }
    });
    child.succeeds();
    assert!(stage.locked(1));
    drop(inherited.take());
    assert!(!stage.locked(1));
}

#[test]
fn exec_frees_the_slot() {
    let stage = Stage::new();
    let holder = Child::fork(|| {
        let _anchor = stage.anchor(1);
        stage.reach(1);
        stage.await_step(2);
        let arguments = [c"sleep".as_ptr(), c"60".as_ptr(), core::ptr::null()];
        // SAFETY: the arguments must be a null-terminated array of C strings; it is built above.
        unsafe { libc::execvp(arguments[0], arguments.as_ptr()) };
        panic!("there is no `sleep` to execute");
    });
    stage.await_step(1);
    assert!(stage.locked(1));
    stage.reach(2);
    stage.await_free(1);
    let program =
        std::fs::read_to_string(format!("/proc/{}/comm", holder.pid.as_raw_pid())).unwrap();
    assert_eq!(program.trim(), "sleep");
}

#[test]
fn dropping_the_anchor_frees_everything() {
    let stage = Stage::new();
    let anchor = stage.anchor(7);
    assert!(stage.locked(7) && presence_is_held(&stage.file).unwrap());
    drop(anchor);
    assert!(!stage.locked(7) && !presence_is_held(&stage.file).unwrap());
    assert!(try_exclusive_presence(&stage.file).unwrap());
    assert!(!stage.open_anchor(Access::ReadWrite).share_presence().unwrap());
}

#[test]
fn a_builder_gives_back_what_it_took() {
    let stage = Stage::new();
    let mut builder = stage.open_anchor(Access::ReadWrite);
    assert!(builder.try_take_slot(3).unwrap());
    assert!(stage.locked(3));
    builder.release_slot(3).unwrap();
    assert!(!stage.locked(3));
    assert!(builder.try_take_slot(4).unwrap());
    drop(builder);
    assert!(!stage.locked(4));
}

#[test]
fn a_reader_shares_the_presence_and_can_probe() {
    let stage = Stage::new();
    let reading = open_existing(&stage.path, Access::ReadOnly).unwrap();
    let mut builder = stage.open_anchor(Access::ReadOnly);
    assert!(builder.share_presence().unwrap());
    assert!(builder.try_take_slot(1).is_err());
    let reader = builder.seal(&stage.file).unwrap();
    let writer = stage.anchor(1);
    assert!(slot_is_locked(&reading, 1).unwrap() && presence_is_held(&reading).unwrap());
    drop(writer);
    assert!(!slot_is_locked(&reading, 1).unwrap() && presence_is_held(&reading).unwrap());
    drop(reader);
    assert!(!presence_is_held(&reading).unwrap());
}

#[test]
fn an_anchor_is_refused_on_another_file() {
    let (stage, other) = (Stage::new(), Stage::new());
    let identity = FileIdentity::of(&other.file).unwrap();
    let error = Anchor::open(&stage.path, identity, Access::ReadWrite).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
