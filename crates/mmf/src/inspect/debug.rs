//! The original's `debug`: descriptor, heap, variable definitions. Streams, so that a million
//! variables can be read through a pager.

use std::io::Write;

use super::account::{Run, used_blocks, walk_runs};
use crate::error::{Error, Result};
use crate::format::PAGE;
use crate::format::block::{CLASS_SIZES, CLASSES, blocks_per_slab};
use crate::format::header::{BREAK, CAPACITY, HEAP_START, RECORD_COUNT};
use crate::format::run::Kind;
use crate::journal::Journal;
use crate::sync::Ordering;
use crate::variable::{Context, Header, NameIterator};

fn written(result: std::io::Result<()>) -> Result<()> {
    result.map_err(|error| Error::io("writing", error))
}

/// Prints the three parts.
pub(crate) fn debug(
    context: &std::sync::Arc<Context>,
    name: &str,
    out: &mut dyn Write,
) -> Result<()> {
    descriptor(context, name, out)?;
    heap(context, out)?;
    variables(context, out)
}

fn descriptor(context: &Context, name: &str, out: &mut dyn Write) -> Result<()> {
    let segment = context.registry.segment();
    let load = |offset: u64| -> Result<u64> { Ok(segment.word(offset)?.load(Ordering::Acquire)) };
    written(writeln!(out, "NAMESPACE {name:?}"))?;
    for (label, value) in [
        ("size", load(CAPACITY)?),
        ("variables", load(RECORD_COUNT)?),
        ("heap bottom", load(HEAP_START)?),
        ("heap break", load(BREAK)?),
        ("heap top", load(CAPACITY)? / PAGE * PAGE),
    ] {
        written(writeln!(out, "  {label:<12} {value:>15}"))?;
    }
    Ok(())
}

fn heap(context: &Context, out: &mut dyn Write) -> Result<()> {
    let segment = context.registry.segment();
    let _structural = if segment.is_writable() {
        Some(context.registry.structural(context.timeout)?)
    } else {
        None
    };
    written(writeln!(out, "\nHEAP\n  {:>15} {:>15}  USE", "OFFSET", "BYTES"))?;
    let (mut used, mut free) = (0, 0);
    let view = Journal::begin(segment);
    walk_runs(&view, |run| {
        let bytes = run.info.pages() * PAGE;
        if run.kind == Kind::Free {
            free += bytes;
        } else {
            used += bytes;
        }
        let description = describe(run, || used_blocks(&view, run))?;
        written(writeln!(out, "  {:>15} {bytes:>15}  {description}", run.base))
    })?;
    written(writeln!(out, "  {:>15} {used:>15}  total used", ""))?;
    written(writeln!(out, "  {:>15} {free:>15}  total free", ""))
}

fn describe(run: Run, used: impl FnOnce() -> Result<u64>) -> Result<String> {
    Ok(match run.kind {
        Kind::Free => "free".to_owned(),
        Kind::Large => "used: one value".to_owned(),
        Kind::Segment => "used: index".to_owned(),
        Kind::Directory => "used: index directory".to_owned(),
        Kind::Seats => "used: seats of threads".to_owned(),
        Kind::Programs => "used: names of programs".to_owned(),
        Kind::Records => "used: records".to_owned(),
        Kind::Slab => {
            let class = run.info.class().min(CLASSES - 1);
            let count = blocks_per_slab(class);
            format!("used: {} of {count} blocks of {} bytes", used()?, CLASS_SIZES[class])
        }
    })
}

fn variables(context: &std::sync::Arc<Context>, out: &mut dyn Write) -> Result<()> {
    written(writeln!(
        out,
        "\nVARIABLES\n  {:>15} {:>15}  {:<10} NAME",
        "VERSION", "BYTES", "TYPE"
    ))?;
    for name in NameIterator::new(std::sync::Arc::clone(context), "") {
        let name = name?;
        let target = context.target(&name)?;
        let mut header = Header::default();
        let seen = context.read(&target, &mut header, |seen| (seen.version, seen.value_type))?;
        if let Some((version, value_type)) = seen {
            let bytes = header.0.length;
            let kind = value_type.name();
            written(writeln!(out, "  {version:>15} {bytes:>15}  {kind:<10} {name:?}"))?;
        }
    }
    Ok(())
}
