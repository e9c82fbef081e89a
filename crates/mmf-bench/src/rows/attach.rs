//! Opening a namespace of a million variables and reading one.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mmf::Namespace;

use super::Piece;
use crate::Result;
use crate::floors::{Pages, SharedMemory};
use crate::measure::{Contender, Samples, interleave};
use crate::names::{Name, mix};
use crate::report::{Row, Target, Unit};
use crate::session::{Level, Session, count_name};
use crate::values::{faults_of, verify};
use crate::workloads::{MANY_LENGTH, populate};

pub(super) const PIECE: Piece = Piece { names: |level| vec![name(level)], measure };

fn name(level: Level) -> String {
    format!("attach {} and read one", count_name(level.many()))
}

fn measure(session: &Session) -> Result<Vec<Row>> {
    let count = session.level.many();
    let namespace = session.namespace(count)?;
    populate(&mut &*namespace, count.into(), MANY_LENGTH)?;
    let samples = attachments(session, &namespace, count)?;
    let row = Row::of_samples(&name(session.level), Unit::Microseconds, 0, &samples);
    Ok(vec![row.aiming(Target::absolute(50.0))])
}

/// Measures attaching to a namespace of so many variables, beside mapping its file.
///
/// # Errors
///
/// When a value is wrong.
pub(crate) fn attachments(
    session: &Session,
    namespace: &Namespace,
    count: u32,
) -> Result<Vec<Samples>> {
    let path = namespace.path().ok_or("a namespace without a file")?;
    let committed = namespace.stat()?.committed;
    let known = SharedMemory::open(path, Pages::OnDemand)?;
    let mut step = session.seed;
    let map = move |operations| {
        let mut took = Duration::ZERO;
        for _ in 0..operations {
            step += 1;
            let offset = (mix(step) % (committed / 8)) as usize * 8;
            let begin = Instant::now();
            let memory = SharedMemory::open(path, Pages::OnDemand)?;
            let word = memory.word(offset).load(Ordering::Relaxed);
            took += begin.elapsed();
            // A word that changes meanwhile belongs to a slot, not to a value.
            let is_settled = offset >= committed as usize / 2;
            if is_settled && word != known.word(offset).load(Ordering::Relaxed) {
                return Err(format!("two mappings differ at {offset}").into());
            }
        }
        Ok(took)
    };
    let mut step = session.seed;
    let mut buffer = Vec::new();
    let attach = move |operations| {
        let mut took = Duration::ZERO;
        for _ in 0..operations {
            step += 1;
            let index = mix(step) % u64::from(count);
            let begin = Instant::now();
            let other = Namespace::open(namespace.name())?;
            other.get_into(Name::of(index).as_str(), &mut buffer)?;
            took += begin.elapsed();
            verify(faults_of(&buffer, MANY_LENGTH, index), "get after attaching")?;
            buffer.clear();
        }
        Ok(took)
    };
    let contenders = &mut [Contender::new("mmap and one read", map), Contender::new("mmf", attach)];
    interleave(&session.effort(), contenders)
}
