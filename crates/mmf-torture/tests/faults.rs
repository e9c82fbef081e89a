//! Refusals of the operating system. All of them: `mmf-torture faults`.

use std::process::Command;

/// Runs faults and shows what was found when something was bad. Returns the table.
fn faults(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mmf-torture"))
        .arg("faults")
        .args(words)
        .output()
        .expect("the program starts");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{table}\n{errors}");
    table
}

/// How often the call failed with the error, in the table's rows.
fn times(table: &str, call: &str, error: &str) -> u64 {
    let rows = table.lines().filter_map(|row| {
        let rest = row.strip_prefix(call)?.trim_start().strip_prefix(error)?;
        rest.split_whitespace().find_map(|word| word.parse::<u64>().ok())
    });
    rows.sum()
}

#[test]
fn every_call_of_operations_that_take_memory() {
    let table = faults(&["calls", "grow", "set-new-large", "first-seat", "lease-seat", "resize"]);
    assert!(times(&table, "fallocate", "ENOSPC") > 0, "{table}");
    assert!(times(&table, "ftruncate", "EFBIG") > 0, "{table}");
}

/// Whatever error the growth of the heap met was called want of space.
#[test]
fn a_device_error_is_not_want_of_space() {
    let table = faults(&["calls", "--storage", "memory", "grow"]);
    assert!(times(&table, "fallocate", "EIO") > 1, "{table}");
}

#[test]
fn every_call_of_locks_and_waits() {
    let table = faults(&["calls", "lock-twice", "wait-for-missing", "set-with-waiters"]);
    assert!(times(&table, "futex wait", "EINTR") > 0, "{table}");
    assert!(times(&table, "futex wake", "EFAULT") > 0, "{table}");
}

/// An open, lock or look at the file system that a signal interrupted failed with `Interrupted`,
/// which only waits that ask for it may.
#[test]
fn an_interrupted_call_is_made_again() {
    let table = faults(&["calls", "--storage", "memory", "create-in-empty-swapfile", "resize"]);
    for call in ["open", "fcntl lock", "fcntl query", "read", "ftruncate", "fstatfs"] {
        assert!(times(&table, call, "EINTR") > 0, "{call}: {table}");
    }
}

/// A namespace that its maker could not attach to, or could not make known by name, was left
/// although an error was reported.
#[test]
fn a_namespace_that_its_maker_cannot_use_takes_its_name_back() {
    let table = faults(&["calls", "--storage", "memory", "create", "create-swapfile"]);
    assert!(times(&table, "open", "EMFILE") > 0, "{table}");
    assert!(times(&table, "link", "ENOSPC") > 0, "{table}");
}

/// When fstat failed, a handle left its descriptor open for ever, taking it for somebody else's.
#[test]
fn a_failed_look_at_a_descriptor_does_not_leak_it() {
    let table = faults(&["calls", "detach", "second-handle"]);
    assert!(times(&table, "fstat", "EIO") > 0, "{table}");
}

/// When lstat failed, a removal said that somebody else had removed the namespace; when both looks
/// failed, it removed whatever bore the name.
#[test]
fn a_failed_look_at_a_name_does_not_pass_for_another_file() {
    let table = faults(&["calls", "remove"]);
    assert!(times(&table, "stat", "EACCES") > 0, "{table}");
}

/// Pages that could not be populated became findings: a sound file was mended, and values that
/// could not be reached counted as lost.
#[test]
fn want_of_memory_is_not_damage() {
    let words = ["calls", "attach-swapfile", "--storage", "swapfile", "--past", "crash"];
    let table = faults(&words);
    assert!(times(&table, "madvise populate", "ENOMEM") > 0, "{table}");
}

#[test]
fn recovery_from_the_dead_under_faults() {
    let table = faults(&["calls", "--past", "death", "set-small-by-small", "lock-missing-shared"]);
    assert!(times(&table, "fcntl query", "ENOLCK") > 0, "{table}");
}

#[test]
fn no_room_in_the_namespace() {
    let table = faults(&["capacity", "--storage", "memory"]);
    assert!(table.contains("set-new in memory"), "{table}");
}

#[test]
fn no_room_on_the_file_system() {
    let operations = ["grow", "set-new-large", "create", "split-index", "delete-large"];
    let table = faults(&[&["file-system", "--storage", "memory"], &operations[..]].concat());
    assert!(table.contains("grow in memory"), "{table}");
}

/// A file beyond the process's limit ended the process by SIGXFSZ. Also: no descriptors, no address
/// space, nothing that may be written, and signals all the while.
#[test]
fn limits_are_errors_and_no_signals() {
    let table = faults(&["limits"]);
    assert!(table.contains("file-size"), "{table}");
}
