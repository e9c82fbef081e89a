//! Files that are no sound namespace: each a clear error, and nothing overwritten.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use common::{Ground, attempts, says};
use mmf::{ErrorKind, LockOptions};

const CAPACITY: u64 = 1 << 20;

// Offsets of words in the header, as `docs/format.md` gives them.
const VERSION: u64 = 8;
const COMPATIBLE: u64 = 16;
const READ_COMPATIBLE: u64 = 24;
const INCOMPATIBLE: u64 = 32;
const SLOT_COUNT: u64 = 80;
const HEAP_START: u64 = 88;
const CAPACITY_WORD: u64 = 152;
const BREAK: u64 = 256;

/// A ground with a sound namespace of one variable in the swapfile `data.mmf`, attached to by
/// nobody.
fn swapfile() -> Ground {
    let ground = Ground::new();
    let builder = ground.builder().swapfile(ground.file("data.mmf")).capacity(CAPACITY);
    builder.create().unwrap().set("v", "kept").unwrap();
    ground
}

fn write_word(path: &Path, offset: u64, word: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(&word.to_le_bytes(), offset).unwrap();
}

fn read_word(path: &Path, offset: u64) -> u64 {
    let mut word = [0; 8];
    File::open(path).unwrap().read_exact_at(&mut word, offset).unwrap();
    u64::from_le_bytes(word)
}

/// Refused by name and by path, with this kind and these words, and not one byte changed.
fn is_refused(ground: &Ground, kind: ErrorKind, parts: &[&str]) {
    let path = ground.file("data.mmf");
    let before = fs::read(&path).unwrap();
    let by_path = ground.builder().swapfile(&path).capacity(CAPACITY);
    let mut errors = vec![
        ground.builder().open().unwrap_err(),
        ground.builder().open_or_create().unwrap_err(),
        ground.builder().read_only(true).open().unwrap_err(),
    ];
    errors.push(by_path.clone().open().unwrap_err());
    errors.push(by_path.clone().open_or_create().unwrap_err());
    for error in errors {
        says(&error, kind, parts);
        assert_eq!(error.namespace(), Some(ground.name()));
    }
    says(&by_path.create().unwrap_err(), ErrorKind::AlreadyExists, &["exists"]);
    assert!(fs::read(&path).unwrap() == before, "the file was changed");
}

#[test]
fn foreign_files() {
    let contents: [&[u8]; 4] =
        [b"x", b"My only copy of something.", &[0; 100_000], &[0xff; 2 << 20]];
    for content in contents {
        let ground = Ground::new();
        let path = ground.file("data.mmf");
        fs::write(&path, content).unwrap();
        let by_path = ground.builder().swapfile(&path).capacity(CAPACITY);
        for error in [by_path.clone().open(), by_path.clone().open_or_create()] {
            says(&error.unwrap_err(), ErrorKind::NotANamespace, &["not an mmf namespace"]);
        }
        says(&by_path.create().unwrap_err(), ErrorKind::AlreadyExists, &["data.mmf"]);
        assert!(fs::read(&path).unwrap() == content, "a foreign file was changed");
        says(&ground.builder().open().unwrap_err(), ErrorKind::NotFound, &["create"]);
    }
}

#[test]
fn foreign_files_in_the_directory_of_namespaces() {
    for content in [&b""[..], b"foreign", b"mmf-link 1\nnonsense", b"mmf-link 1\n12\nrelative\n"] {
        let ground = Ground::new();
        let path = directory_of_namespaces().join(ground.name());
        fs::write(&path, content).unwrap();
        let builder = ground.builder().capacity(CAPACITY);
        let [open, create, either] = attempts(&builder);
        assert_eq!(create.kind(), ErrorKind::AlreadyExists, "{create}");
        for error in [open, either, mmf::remove_namespace(ground.name(), false).unwrap_err()] {
            let kinds = [ErrorKind::NotANamespace, ErrorKind::Damaged];
            assert!(kinds.contains(&error.kind()), "{error}");
        }
        assert_eq!(fs::read(&path).unwrap(), content);
        let listed = mmf::list_namespaces().unwrap();
        let summary = listed.iter().find(|summary| summary.name == ground.name()).unwrap();
        assert!(summary.problem.is_some(), "{summary:?}");
        fs::remove_file(&path).unwrap();
    }
}

fn directory_of_namespaces() -> std::path::PathBuf {
    let ground = Ground::new();
    let namespace = ground.builder().capacity(65_536).create().unwrap();
    namespace.path().unwrap().parent().unwrap().to_owned()
}

#[test]
fn symbolic_links_in_the_directory_of_namespaces() {
    let ground = swapfile();
    let target = ground.file("data.mmf");
    let before = fs::read(&target).unwrap();
    for target in [target.clone(), ground.file("nowhere"), "/etc/passwd".into()] {
        let other = Ground::new();
        let link = directory_of_namespaces().join(other.name());
        symlink(&target, &link).unwrap();
        for error in attempts(&other.builder().capacity(CAPACITY)) {
            says(&error, ErrorKind::PermissionDenied, &["symbolic link"]);
        }
        let error = mmf::remove_namespace(other.name(), true).unwrap_err();
        says(&error, ErrorKind::PermissionDenied, &["symbolic link"]);
        fs::remove_file(&link).unwrap();
    }
    assert!(!ground.file("nowhere").exists());
    assert!(fs::read(&target).unwrap() == before);
    let link = ground.file("link.mmf");
    symlink(&target, &link).unwrap();
    for error in attempts(&Ground::new().builder().swapfile(&link)) {
        says(&error, ErrorKind::PermissionDenied, &["symbolic link"]);
    }
}

#[test]
fn truncated_files() {
    for length in [CAPACITY - 1, CAPACITY / 2, 65_536, 8192, 4096, 300, 100, 17] {
        let ground = swapfile();
        File::options().write(true).open(ground.file("data.mmf")).unwrap().set_len(length).unwrap();
        is_refused(&ground, ErrorKind::Damaged, &[]);
    }
    for length in [1, 7] {
        let ground = swapfile();
        File::options().write(true).open(ground.file("data.mmf")).unwrap().set_len(length).unwrap();
        is_refused(&ground, ErrorKind::NotANamespace, &["not an mmf namespace"]);
    }
}

#[test]
fn other_versions_of_the_format() {
    for version in [0, 1, 3, u64::MAX] {
        let ground = swapfile();
        write_word(&ground.file("data.mmf"), VERSION, version);
        let says = [&*format!("version {version}"), "version 2"];
        is_refused(&ground, ErrorKind::UnsupportedFormat, &says);
    }
}

#[test]
fn unknown_features() {
    for bit in [0, 17, 63] {
        let ground = swapfile();
        let path = ground.file("data.mmf");
        write_word(&path, INCOMPATIBLE, 1 << bit);
        is_refused(&ground, ErrorKind::UnsupportedFormat, &["feature"]);

        // Who may only read needs to know only what concerns readers.
        write_word(&path, INCOMPATIBLE, 0);
        write_word(&path, READ_COMPATIBLE, 1 << bit);
        let before = fs::read(&path).unwrap();
        let error = ground.builder().open().unwrap_err();
        says(&error, ErrorKind::UnsupportedFormat, &["feature"]);
        let reader = ground.builder().read_only(true).open().unwrap();
        assert_eq!(reader.get::<String>("v").unwrap().as_deref(), Some("kept"));
        assert!(fs::read(&path).unwrap() == before);

        write_word(&path, READ_COMPATIBLE, 0);
        write_word(&path, COMPATIBLE, 1 << bit);
        let namespace = ground.builder().open().unwrap();
        assert_eq!(namespace.get::<String>("v").unwrap().as_deref(), Some("kept"));
    }
}

#[test]
fn sizes_in_the_header_that_cannot_be() {
    for offset in [SLOT_COUNT, HEAP_START, CAPACITY_WORD, BREAK] {
        let ground = swapfile();
        let path = ground.file("data.mmf");
        let good = read_word(&path, offset);
        for bad in [0, 1, good + 8, good << 8, u64::MAX - 7, u64::MAX] {
            write_word(&path, offset, bad);
            is_refused(&ground, ErrorKind::Damaged, &["byte"]);
        }
        write_word(&path, offset, good);
        let namespace = ground.builder().open().unwrap();
        assert_eq!(namespace.get::<String>("v").unwrap().as_deref(), Some("kept"));
        assert_eq!(namespace.check().unwrap(), []);
    }
}

#[test]
fn any_word_of_the_header_may_be_wrong() {
    let sound = swapfile();
    let bytes = fs::read(sound.file("data.mmf")).unwrap();
    let used = (0..4096 / 8).map(|word| word * 8).filter(|offset| bytes[*offset..][..8] != [0; 8]);
    for offset in used.chain([128, 192, 4096, 8192]) {
        for bad in [0, 1, 0x1234_5678_9abc_def0, u64::MAX] {
            let ground = Ground::new();
            let path = ground.file("data.mmf");
            let mut damaged = bytes.clone();
            damaged[offset..][..8].copy_from_slice(&u64::to_le_bytes(bad));
            fs::write(&path, damaged).unwrap();
            let builder = ground.builder().swapfile(&path);
            // An error is right, and so is a result: what matters is that each call ends.
            let builder = builder.timeout(std::time::Duration::from_millis(30));
            let Ok(namespace) = builder.open() else { continue };
            let _ = namespace.get::<String>("v");
            let _ = namespace.set("v", "other");
            let _ = namespace.set("new", &vec![7_u8; 3000]);
            let _ = namespace.delete("v");
            let _ = namespace.add("counter", 1);
            let _ = namespace.list("").take(1000).count();
            let _ = namespace.lock(&LockOptions::exclusive()).map(drop);
            let _ = namespace.stat();
            let _ = namespace.check();
            let _ = namespace.debug(&mut std::io::sink());
        }
    }
}

#[test]
fn a_name_that_leads_elsewhere() {
    let ground = swapfile();
    let error = ground.builder().swapfile(ground.file("other.mmf")).open_or_create().unwrap_err();
    says(&error, ErrorKind::AlreadyExists, &["data.mmf"]);
    assert!(!ground.file("other.mmf").exists());
    fs::remove_file(ground.file("data.mmf")).unwrap();
    let error = ground.builder().open_or_create().unwrap_err();
    says(&error, ErrorKind::NotFound, &["data.mmf", "mmf remove"]);
    // Another namespace in the file's place is not the one that the name means.
    let other = Ground::new();
    other.builder().swapfile(ground.file("data.mmf")).capacity(CAPACITY).create().unwrap();
    let error = ground.builder().open().unwrap_err();
    says(&error, ErrorKind::NotFound, &["another namespace"]);
}
