//! The command line: programs shared out to processes, and what they came to.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::program::{Count, Place, busy, orderly};
use crate::Result;
use crate::crew::processors;
use crate::place::work_directory;

/// Every so manieth program has threads that never pause.
const BUSY: u64 = 8;

/// Crashes the operating system: mixes files from pages of several moments, and opens them.
#[derive(Debug, clap::Args)]
pub(crate) struct Crash {
    /// How many programs are run; each is crashed four times.
    #[arg(long, value_name = "N", default_value_t = 4000)]
    programs: u64,
    /// The first program's seed; the next ones follow.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Works in this directory, as one of several processes.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    place: Option<std::path::PathBuf>,
}

impl Crash {
    /// Prints a table of what the crashes came to.
    pub(crate) fn run(&self) -> Result<()> {
        match &self.place {
            Some(place) => self.work(place),
            None => self.share_out(),
        }
    }

    fn share_out(&self) -> Result<()> {
        let started = Instant::now();
        let root = work_directory()?;
        let processes = processors() as u64;
        let mut children = Vec::new();
        for process in 0..processes {
            let share = self.programs / processes + u64::from(process < self.programs % processes);
            let directory = root.path().join(process.to_string());
            std::fs::create_dir(&directory)?;
            let seed = self.seed + process * self.programs.div_ceil(processes);
            let child = Command::new(std::env::current_exe()?)
                .args(["crash", "--programs", &share.to_string(), "--seed", &seed.to_string()])
                .arg("--place")
                .arg(&directory)
                .env("MMF_DIR", &directory)
                .stdout(Stdio::piped())
                .spawn()?;
            children.push(child);
        }
        let mut total = Count::default();
        let mut failed = 0;
        for child in children {
            let output = child.wait_with_output()?;
            if output.status.success() {
                total.add(serde_json::from_slice(&output.stdout)?);
            } else {
                failed += 1;
            }
        }
        if failed > 0 {
            return Err(format!("{failed} of {processes} processes found something").into());
        }
        print_table(total, started);
        Ok(())
    }

    fn work(&self, place: &Path) -> Result<()> {
        let (data, crashed) = (place.join("data.mmf"), place.join("crashed.mmf"));
        let place = Place { data: &data, crashed: &crashed };
        let mut total = Count::default();
        for seed in self.seed..self.seed + self.programs {
            let program = if seed % BUSY == 0 { busy } else { orderly };
            let count = program(&place, seed).map_err(|error| format!("seed {seed}: {error}"))?;
            total.add(count);
        }
        println!("{}", serde_json::to_string(&total)?);
        Ok(())
    }
}

fn print_table(total: Count, started: Instant) {
    let Count { programs, sound, mended, lost, set_back } = total;
    println!(
        "{:>8} {:>8} {:>8} {:>8} {:>10} {:>10} {:>8}",
        "programs", "crashes", "sound", "mended", "lost", "set back", "time"
    );
    println!(
        "{programs:>8} {:>8} {sound:>8} {mended:>8} {lost:>10} {set_back:>10} {:>6.1} s",
        sound + mended,
        started.elapsed().as_secs_f64()
    );
}
