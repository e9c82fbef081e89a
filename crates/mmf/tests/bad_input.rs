//! Input that nobody should give: each a clear error, and nothing overwritten.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Ground, attempts, each_configuration, says};
use mmf::{Error, ErrorKind, Namespace, Options, Structure};

const CAPACITY: u64 = 1 << 20;

#[test]
fn names_that_no_namespace_can_have() {
    let long = "n".repeat(256);
    for (name, reason) in [
        ("", "empty"),
        ("Local\\", "empty"),
        ("Global\\", "empty"),
        (long.as_str(), "256 bytes"),
        (".", "dot"),
        ("..", "dot"),
        ("../up", "dot"),
        (".hidden", "dot"),
        ("a/b", "'/'"),
        ("/etc/passwd", "'/'"),
        ("Global\\..", "dot"),
        ("Local\\a/../../b", "'/'"),
        ("a\\b", "contains"),
        ("nul\0", "contains"),
        ("line\nbreak", "contains"),
    ] {
        for error in attempts(&Namespace::builder(name)) {
            says(&error, ErrorKind::InvalidName, &[reason, "1 to 255 bytes"]);
        }
        let error = mmf::remove_namespace(name, true).unwrap_err();
        says(&error, ErrorKind::InvalidName, &[reason]);
    }
}

#[test]
fn capacities_that_no_namespace_can_have() {
    let ground = Ground::new();
    for capacity in [0, 1, 65_535, (1 << 40) + 1, u64::MAX] {
        let builder = ground.builder().capacity(capacity);
        for error in [builder.clone().create(), builder.open_or_create()].map(Result::unwrap_err) {
            says(&error, ErrorKind::InvalidArgument, &[&capacity.to_string(), "65536"]);
        }
        let error = Namespace::in_memory(capacity).unwrap_err();
        says(&error, ErrorKind::InvalidArgument, &[&capacity.to_string()]);
    }
    says(&ground.builder().open().unwrap_err(), ErrorKind::NotFound, &["create"]);
    let namespace = ground.builder().capacity(CAPACITY).create().unwrap();
    for capacity in [0, 65_536, CAPACITY - 1, (1 << 40) + 1, u64::MAX] {
        let error = namespace.resize(capacity).unwrap_err();
        says(&error, ErrorKind::InvalidArgument, &[ground.name()]);
    }
    assert_eq!(namespace.stat().unwrap().capacity, CAPACITY);
}

#[test]
fn the_least_capacity_is_enough_for_something() {
    let ground = Ground::new();
    let namespace = ground.builder().capacity(65_536).create().unwrap();
    namespace.set("v", &vec![1_u8; 1000]).unwrap();
    namespace.add("counter", 1).unwrap();
    assert_eq!(namespace.get::<Vec<u8>>("v").unwrap(), Some(vec![1; 1000]));
    assert_eq!(namespace.check().unwrap(), []);
}

#[test]
fn swapfiles_that_cannot_be() {
    let ground = Ground::new();
    let at = |path: &Path| ground.builder().swapfile(path).capacity(CAPACITY);
    for error in attempts(&at(ground.directory())) {
        says(&error, ErrorKind::Io, &["directory"]);
    }
    for error in attempts(&at(Path::new("/"))) {
        says(&error, ErrorKind::InvalidArgument, &["not a file's path"]);
    }
    for error in attempts(&at(&ground.file("missing/data.mmf"))) {
        says(&error, ErrorKind::NotFound, &["missing"]);
    }
    let file = ground.file("file");
    fs::write(&file, "").unwrap();
    for error in attempts(&at(&file.join("data.mmf"))) {
        says(&error, ErrorKind::Io, &["file"]);
    }
    says(&at(&ground.file("none")).open().unwrap_err(), ErrorKind::NotFound, &["create"]);
}

#[test]
fn files_without_permission() {
    let ground = Ground::new();
    // Nobody may write there, root included.
    let unwritable = Path::new("/sys/kernel/notes");
    let builder = ground.builder().swapfile(unwritable).capacity(CAPACITY);
    for error in [builder.clone().open(), builder.open_or_create()].map(Result::unwrap_err) {
        says(&error, ErrorKind::PermissionDenied, &["/sys/kernel/notes"]);
    }
    let builder = ground.builder().swapfile("/sys/kernel/mmf-test").capacity(CAPACITY);
    for error in [builder.clone().create(), builder.open_or_create()].map(Result::unwrap_err) {
        says(&error, ErrorKind::PermissionDenied, &["/sys/kernel"]);
    }
    // Nor do modes say more than permissions.
    let error = ground.builder().mode(0o4755).create().unwrap_err();
    says(&error, ErrorKind::InvalidArgument, &["4755"]);
    let error = ground.builder().read_only(true).create().unwrap_err();
    says(&error, ErrorKind::InvalidArgument, &["read-only"]);
    let error = ground.builder().read_only(true).open_or_create().unwrap_err();
    says(&error, ErrorKind::NotFound, &[ground.name()]);
}

#[test]
fn a_new_file_has_the_mode_it_should() {
    let ground = Ground::new();
    let mode = |namespace: &Namespace| {
        fs::metadata(namespace.path().unwrap()).unwrap().permissions().mode() & 0o7777
    };
    let namespace = ground.builder().capacity(CAPACITY).create().unwrap();
    assert_eq!(mode(&namespace), 0o600);
    let other = Ground::new();
    let namespace = other.builder().capacity(CAPACITY).mode(0o666).create().unwrap();
    assert_eq!(mode(&namespace), 0o666);
}

#[test]
fn wrong_types() {
    each_configuration(|namespace| {
        namespace.set("text", "hello").unwrap();
        namespace.set("bytes", &[1_u8, 2][..]).unwrap();
        namespace.set("number", &-1).unwrap();
        namespace.set("large", &u64::MAX).unwrap();
        namespace.set("structure", &Structure(vec![1])).unwrap();
        let wrong = |error: Error, there: &str| says(&error, ErrorKind::WrongType, &[there]);
        wrong(namespace.get::<i64>("text").unwrap_err(), "text");
        wrong(namespace.get::<String>("bytes").unwrap_err(), "bytes");
        wrong(namespace.get::<bool>("number").unwrap_err(), "i64");
        wrong(namespace.get::<Vec<u8>>("structure").unwrap_err(), "structure");
        wrong(namespace.add("bytes", 1).unwrap_err(), "bytes");
        wrong(namespace.add("number", 1).unwrap_err(), "i64");
        assert!(namespace.get::<u64>("number").is_err());
        assert!(namespace.get::<i64>("large").is_err());
        assert!(namespace.get::<Structure<String>>("structure").is_err());
        assert_eq!(namespace.get::<String>("text").unwrap().as_deref(), Some("hello"));
    });
}

#[test]
fn values_larger_than_the_capacity() {
    each_configuration(|namespace| {
        namespace.set("v", "kept").unwrap();
        for name in ["v", "new"] {
            let error = namespace.set(name, &vec![0_u8; 17 << 20]).unwrap_err();
            says(&error, ErrorKind::ValueTooLarge, &[name]);
        }
        assert_eq!(namespace.get::<String>("v").unwrap().as_deref(), Some("kept"));
        assert!(!namespace.contains("new").unwrap());
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn unknown_options() {
    let error = serde_json::from_str::<Options>(r#"{"Namespace": "x", "Colour": 1}"#).unwrap_err();
    let text = error.to_string();
    for part in ["Colour", "namespace", "size", "swapfile", "reuse", "autolock", "timeout"] {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
    for text in [
        r#"{"timeout": -1}"#,
        r#"{"timeout": 1e300}"#,
        r#"{"size": -1}"#,
        r#"{"size": "big"}"#,
        r#"{"lifetime": "for a while"}"#,
        r#"{"autolock": "perhaps"}"#,
        r#"[1]"#,
    ] {
        assert!(serde_json::from_str::<Options>(text).is_err(), "{text}");
    }
    let ground = Ground::new();
    let text = format!(r#"{{"NAMESPACE": "{}", "Size": 10}}"#, ground.name());
    let options: Options = serde_json::from_str(&text).unwrap();
    says(&options.open().unwrap_err(), ErrorKind::InvalidArgument, &["10 bytes"]);
    let options: Options = serde_json::from_str(r#"{"namespace": "../x", "reuse": 1}"#).unwrap();
    says(&options.open().unwrap_err(), ErrorKind::InvalidName, &["dot"]);
}
