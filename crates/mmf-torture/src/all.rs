//! Every program, one after another, and a final verdict.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;

/// Runs every program.
#[derive(Debug, clap::Args)]
pub(crate) struct All {
    /// Names the programs and does nothing.
    #[arg(long)]
    list: bool,
    /// Takes minutes instead of half an hour: fewer states, kills and files.
    #[arg(long)]
    short: bool,
}

/// One program with its arguments, in a full run and in a short one.
struct Part {
    full: &'static str,
    short: &'static str,
}

/// Everything there is to run, in order. Where every state costs much, and most are words of a page
/// that nobody reaches yet, fewer are looked at.
const PARTS: &[Part] = &[
    Part {
        full: "step",
        short: "step --kills 20 \
                --without split-index --without split-index-alone --without mend-after-a-crash",
    },
    Part {
        full: "step --storage swapfile",
        short: "step --storage swapfile set-new set-small-by-large add",
    },
    Part {
        full: "step --depth 3 --every 20 --kills 0 --without grow --without split-index \
               --without split-index-alone --without clean-index --without mend-after-a-crash",
        short: "step --depth 3 --every 5 --kills 0 set-small-by-small",
    },
    Part {
        full: "step --depth 2 --every 80 --kills 0 \
               grow split-index split-index-alone clean-index mend-after-a-crash",
        short: "step --depth 2 --every 40 --kills 0 grow",
    },
    Part { full: "storm --kills 100000", short: "storm --seconds 64" },
    Part { full: "living --every 5", short: "living --every 25" },
    Part { full: "faults", short: "faults --every 5" },
    Part { full: "damage --files 4000 --live 60", short: "damage --files 300 --live 5" },
    Part { full: "crash", short: "crash --programs 150" },
];

impl All {
    /// Runs the parts and reports how each one ended.
    pub(crate) fn run(&self) -> Result<()> {
        let parts: Vec<_> =
            PARTS.iter().map(|part| if self.short { part.short } else { part.full }).collect();
        if self.list {
            for words in parts {
                println!("mmf-torture {}", words);
            }
            return Ok(());
        }
        let mut endings = Vec::new();
        for words in parts {
            println!("== mmf-torture {}", words);
            let started = Instant::now();
            // A process of its own: what one part leaves behind cannot help or hurt the next.
            let status =
                Command::new(std::env::current_exe()?).args(words.split_whitespace()).status()?;
            endings.push((words, status.success(), started.elapsed()));
            println!();
        }
        conclude(&endings)
    }
}

fn conclude(endings: &[(&str, bool, Duration)]) -> Result<()> {
    println!("== all");
    for (words, passed, time) in endings {
        let verdict = if *passed { "passed" } else { "BAD" };
        println!("{verdict:<7} {:>8.1} s  {}", time.as_secs_f64(), words);
    }
    let bad = endings.iter().filter(|(_, passed, _)| !passed).count();
    if bad == 0 {
        println!("every part passed");
        return Ok(());
    }
    Err(format!("{bad} of {} parts found something", endings.len()).into())
}
