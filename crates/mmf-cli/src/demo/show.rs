//! The demonstration from its beginning to its end.

use std::time::Instant;

use serde::Serialize;

use super::counting::{self, Counting};
use super::rescue::{self, Rescue};
use super::sharing::{self, Sharing};
use super::signalling::{self, Signalling};
use super::stage::Stage;
use crate::failure::{Failure, Outcome, Verdict};
use crate::format::duration;
use crate::output::Output;
use crate::platform;

/// Everything that was shown.
#[derive(Serialize)]
struct Report {
    namespace: String,
    sharing: Sharing,
    signalling: Signalling,
    counting: Counting,
    rescue: Rescue,
    total_microseconds: f64,
}

/// Shows everything, and removes what it made.
pub fn show(output: &mut Output) -> Outcome {
    platform::catch_endings();
    let began = Instant::now();
    let mut stage = Stage::build(output)?;
    let name = stage.namespace.name().to_owned();
    let process = std::process::id();
    stage.say(format_args!(
        "Process {process} made namespace {name:?}. Everybody else is a process of its own,\n\
         and there is no server."
    ))?;
    let sharing = sharing::show(&mut stage)?;
    let signalling = signalling::show(&mut stage)?;
    let counting = counting::show(&mut stage)?;
    let rescue = rescue::show(&mut stage)?;
    stage.strike()?;
    let total = began.elapsed();
    if output.is_json() {
        output.json(&Report {
            namespace: name,
            sharing,
            signalling,
            counting,
            rescue,
            total_microseconds: microseconds(total),
        })?;
    } else {
        output.line(format_args!(
            "\nAll of it took {}. Namespace {name:?} was removed.",
            duration(total)
        ))?;
    }
    Ok::<_, Failure>(Verdict::Done)
}

/// A duration as it is reported.
pub fn microseconds(duration: std::time::Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}
