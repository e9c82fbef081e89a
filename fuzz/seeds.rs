//! Writes sound files for the targets to begin with: `cargo run --bin seeds`, in this directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mmf::{LockOptions, Namespace, Structure, ToValue, Value, ValueType};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let corpus = Path::new("corpus");
    fs::create_dir_all(corpus.join("open"))?;
    fs::create_dir_all(corpus.join("value"))?;
    fs::create_dir_all(corpus.join("export"))?;
    let name = format!("mmf-fuzz-seeds-{}", std::process::id());
    let namespace = Namespace::builder(&name).capacity(96 << 10).create()?;
    let written = files(&namespace, &corpus.join("open"));
    drop(namespace);
    mmf::remove_namespace(&name, true)?;
    written?;
    values(&corpus.join("value"))?;
    exported(&corpus.join("export"))
}

/// The file of a namespace at several moments.
fn files(namespace: &Namespace, corpus: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let path = namespace.path().ok_or("the namespace has no file")?;
    let keep = |moment: &str| fs::copy(path, corpus.join(moment));
    keep("empty")?;
    namespace.set("text", "Kältekammer")?;
    namespace.set("bytes", &vec![7_u8; 1500])?;
    namespace.set("structure", &Structure(BTreeMap::from([("a", 1.5)])))?;
    namespace.set("a name that has a block of its own", &true)?;
    namespace.add("counter", 3)?;
    keep("set")?;
    namespace.delete("bytes")?;
    namespace.set("run", &vec![1_u8; 9000])?;
    let guards = [namespace.lock_variable("text", &LockOptions::exclusive())?];
    keep("locked")?;
    drop(guards);
    namespace.delete("run")?;
    keep("deleted")?;
    Ok(())
}

/// A payload of each type, behind the number that the target takes for the type.
fn values(corpus: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let map = Value::Map(vec![
        (Value::Text("a".into()), Value::List(vec![Value::F64(0.1), Value::Null])),
        (Value::I64(-7), Value::Opaque { language: "perl".into(), data: vec![1, 2] }),
    ]);
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::I64(-1),
        Value::U64(u64::MAX),
        Value::F64(2.5),
        Value::Text("text".into()),
        Value::Bytes(vec![0, 1]),
        Value::Opaque { language: "perl".into(), data: vec![1, 2] },
        Value::Counter(5),
        map,
    ];
    for value in values {
        let encoded = value.encode()?;
        let position = ValueType::ALL.iter().position(|other| *other == encoded.value_type());
        let mut bytes = vec![u8::try_from(position.ok_or("an unknown type")?)?];
        bytes.extend_from_slice(encoded.as_bytes());
        fs::write(corpus.join(encoded.value_type().to_string()), bytes)?;
    }
    Ok(())
}

/// A value as an export has it, of each type, behind the number that the target takes for the type.
fn exported(corpus: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let structure = r#"{"a":[0.1,null,{"$integer":"-9223372036854775808"}],"b":{"$map":[[
        {"$bytes":"0x00"},{"$float":"nan"}],[7,{"$opaque":{"language":"perl","data":"0x01"}}]]}}"#;
    let opaque = r#"{"language":"perl","data":"0x0102"}"#;
    let texts = [
        "null", "true", "-1", "\"18446744073709551615\"", "\"nan:0x7ff8000000000001\"",
        "\"t\\u00e9\"", "\"0x00ff\"", structure, opaque, "5",
    ];
    for (number, (value_type, text)) in (0..).zip(ValueType::ALL.iter().zip(texts)) {
        fs::write(corpus.join(value_type.to_string()), [&[number], text.as_bytes()].concat())?;
    }
    Ok(())
}
