//! Every program with the settings of a full run, one after another, and a final verdict.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;

/// Runs every program with the settings of a full run.
#[derive(Debug, clap::Args)]
pub(crate) struct All {
    /// Names the programs and does nothing.
    #[arg(long)]
    list: bool,
}

/// One program as its command line; the first word names it.
type Part = &'static [&'static str];

/// Everything there is to run, in order.
const PARTS: &[Part] = &[&["step"], &["step", "--depth", "2", "--every", "10"], &["crash"]];

impl All {
    /// Runs the parts and reports how each one ended.
    pub(crate) fn run(&self) -> Result<()> {
        if self.list {
            for part in PARTS {
                println!("mmf-torture {}", part.join(" "));
            }
            return Ok(());
        }
        let mut endings = Vec::new();
        for part in PARTS {
            println!("== mmf-torture {}", part.join(" "));
            let started = Instant::now();
            // A process of its own: what one part leaves behind cannot help or hurt the next.
            let status = Command::new(std::env::current_exe()?).args(*part).status()?;
            endings.push((*part, status.success(), started.elapsed()));
            println!();
        }
        conclude(&endings)
    }
}

fn conclude(endings: &[(Part, bool, Duration)]) -> Result<()> {
    println!("== all");
    for (part, passed, time) in endings {
        let verdict = if *passed { "passed" } else { "BAD" };
        println!("{verdict:<7} {:>8.1} s  {}", time.as_secs_f64(), part.join(" "));
    }
    let bad = endings.iter().filter(|(_, passed, _)| !passed).count();
    if bad == 0 {
        println!("every part passed");
        return Ok(());
    }
    Err(format!("{bad} of {} parts found something", endings.len()).into())
}
