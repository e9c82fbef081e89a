//! `mmf stat`.

use clap::Args;
use mmf::{Namespace, Statistics};
use serde_json::Value as Json;

use crate::failure::{Failure, Outcome, Verdict};
use crate::format::{bytes, grouped, one_line, timestamp};
use crate::output::{Output, Side, Table};
use crate::session::{Purpose, Session};

/// Print sizes, counts, attached processes and held locks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf stat shop
  mmf stat shop --json

The committed bytes are the sum of the uses below them, but for operations under way. This command is \
one of the attached processes.")]
pub struct Stat {
    /// Name of the namespace
    namespace: String,
}

impl Stat {
    /// Prints the statistics.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let namespace = session.open(&self.namespace, Purpose::Read, None)?;
        if output.is_json() {
            output.json(&document(&namespace)?)?;
            return Ok(Verdict::Done);
        }
        let statistics = namespace.stat()?;
        print_totals(&namespace, &statistics, output)?;
        print_members(&statistics, output)?;
        print_locks(&statistics, output)?;
        Ok(Verdict::Done)
    }
}

/// The statistics as JSON, with times as text.
pub fn document(namespace: &Namespace) -> Result<Json, Failure> {
    let mut document = serde_json::to_value(namespace.stat()?)?;
    write_times(&mut document);
    if let Json::Object(fields) = &mut document {
        fields.insert("namespace".to_owned(), namespace.name().into());
        let path = namespace.path().map(|path| path.to_string_lossy().into_owned());
        fields.insert("path".to_owned(), path.into());
    }
    Ok(document)
}

/// Puts text in the place of every moment, which serde writes as seconds and nanoseconds.
fn write_times(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(write_times),
        Json::Object(fields) if fields.contains_key("secs_since_epoch") => {
            if let Ok(moment) = serde_json::from_value(json.clone()) {
                *json = timestamp(moment).into();
            }
        }
        Json::Object(fields) => fields.values_mut().for_each(write_times),
        _ => {}
    }
}

fn print_totals(
    namespace: &Namespace,
    statistics: &Statistics,
    output: &mut Output,
) -> Result<(), Failure> {
    let path = namespace.path().map(|path| path.display().to_string()).unwrap_or_default();
    let lifetime = if statistics.while_attached { "while attached" } else { "until removed" };
    for (label, text) in [
        ("namespace", one_line(namespace.name())),
        ("file", one_line(&path)),
        ("created", timestamp(statistics.created)),
        ("lifetime", lifetime.to_owned()),
        ("variables", grouped(statistics.variables)),
        ("attached", format!("{} of {}", statistics.members.len(), grouped(statistics.slots))),
        ("waiters", grouped(statistics.waiters)),
        ("recoveries", grouped(statistics.recoveries)),
    ] {
        output.line(format_args!("{label:<10}  {text}"))?;
    }
    output.line("")?;
    let mut table = Table::new([("MEMORY", Side::Left), ("BYTES", Side::Right), ("", Side::Right)]);
    for (label, count) in [
        ("capacity", statistics.capacity),
        ("committed", statistics.committed),
        ("  live", statistics.live),
        ("  spare", statistics.spare),
        ("  magazines", statistics.magazines),
        ("  index", statistics.index),
        ("  records", statistics.records),
        ("  tables", statistics.tables),
        ("  free", statistics.free),
    ] {
        table.row([label.to_owned(), grouped(count), bytes(count)]);
    }
    table.print(output)
}

fn print_members(statistics: &Statistics, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new([
        ("ATTACHED", Side::Right),
        ("PROGRAM", Side::Left),
        ("SINCE", Side::Left),
        ("STATE", Side::Left),
    ]);
    for member in &statistics.members {
        let state = if member.alive { "alive" } else { "dead, to be recovered from" };
        let (process, program) = (member.process.to_string(), member.program.clone());
        table.row([process, program, timestamp(member.since), state.to_owned()]);
    }
    output.line("")?;
    table.print(output)
}

fn print_locks(statistics: &Statistics, output: &mut Output) -> Result<(), Failure> {
    if statistics.locks.is_empty() {
        return output.line("\nno locks are held");
    }
    let mut table = Table::new([
        ("HOLDER", Side::Right),
        ("PROGRAM", Side::Left),
        ("SINCE", Side::Left),
        ("MODE", Side::Left),
        ("DEPTH", Side::Right),
        ("LOCK OF", Side::Left),
    ]);
    for lock in &statistics.locks {
        table.row([
            lock.process.to_string(),
            lock.program.clone(),
            timestamp(lock.since),
            if lock.shared { "shared" } else { "exclusive" }.to_owned(),
            lock.depth.to_string(),
            lock.variable.as_ref().map_or("the namespace".to_owned(), |name| format!("{name:?}")),
        ]);
    }
    output.line("")?;
    table.print(output)
}
