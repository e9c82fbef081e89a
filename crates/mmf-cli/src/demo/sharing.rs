//! Part 1: scalars and a structure, shared with another process.

use std::time::Instant;

use mmf::{FromValue, Namespace, Structure, Value};
use serde::{Deserialize, Serialize};

use super::part::{Role, say};
use super::show::microseconds;
use super::stage::{Stage, broken};
use crate::failure::Failure;
use crate::format::duration;

/// The structure of the manual's first example, and who had it in hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Package {
    name: String,
    module: String,
    versions: Vec<f64>,
    seen_by: Vec<u32>,
}

/// What was shown.
#[derive(Debug, Serialize)]
pub struct Sharing {
    /// From the first set to the look at what the other process made of it, its start included.
    microseconds: f64,
}

/// Shares, lets another process read and change, and looks at what became of it.
pub fn show(stage: &mut Stage<'_>) -> Result<Sharing, Failure> {
    stage.begin("1. Two processes share scalars and a structure")?;
    let began = Instant::now();
    let own = std::process::id();
    let mut package = Package {
        name: "Roger".to_owned(),
        module: "Win32::MMF".to_owned(),
        versions: vec![0.09],
        seen_by: vec![own],
    };
    stage.namespace.set("Hello", "Hello world!")?;
    stage.namespace.set("price", &12.5)?;
    stage.namespace.set("answer", &42)?;
    stage.namespace.set("Hash", &Structure(&package))?;
    stage.say(format_args!("   process {own} sets Hello, price, answer and the structure Hash"))?;

    let reader = stage.start(Role::Reader)?;
    package.seen_by.push(reader.id());
    package.versions.push(0.1);
    reader.finish()?;

    let found: Structure<Package> = wanted(&stage.namespace, "Hash")?;
    if found.0 != package {
        return Err(broken(format_args!("Hash is {:?}", found.0)));
    }
    let hash: Value = wanted(&stage.namespace, "Hash")?;
    stage.say(format_args!("   process {own} finds Hash = {hash}"))?;
    let took = began.elapsed();
    stage.say(format_args!("   in {}, with the start of the process", duration(took)))?;
    Ok(Sharing { microseconds: microseconds(took) })
}

/// The other process.
pub fn read(namespace: &Namespace) -> Result<(), Failure> {
    let own = std::process::id();
    let text: String = wanted(namespace, "Hello")?;
    let price: f64 = wanted(namespace, "price")?;
    let answer: i64 = wanted(namespace, "answer")?;
    if (text.as_str(), price, answer) != ("Hello world!", 12.5, 42) {
        return Err(broken(format_args!("{text:?}, {price} and {answer} were read")));
    }
    say(&format!("process {own} reads Hello = {text:?}, price = {price}, answer = {answer}"));
    let Structure(mut package) = wanted::<Structure<Package>>(namespace, "Hash")?;
    package.versions.push(0.1);
    package.seen_by.push(own);
    namespace.set("Hash", &Structure(&package))?;
    say(&format!("process {own} adds itself and a version to Hash"));
    Ok(())
}

/// The value of a variable that must be there.
pub fn wanted<T: FromValue>(namespace: &Namespace, name: &str) -> Result<T, Failure> {
    namespace.get(name)?.ok_or_else(|| Failure::missing("get", namespace.name(), name))
}
