//! The bench program of mmf: `cargo run --release -p mmf-bench`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mmf_bench::curves::{self, Curves};
use mmf_bench::report::{Machine, Report, disturbance};
use mmf_bench::rows::{self, PIECES};
use mmf_bench::session::{Level, Session};
use mmf_bench::{Result, readme, roles};

/// Where figures go unless told otherwise.
const ROWS_FILE: &str = "target/bench/mmf.json";
const CURVES_FILE: &str = "target/bench/curves.json";

/// Measures mmf beside the floors of the machine, in one run.
///
/// Floor and mmf take turns; medians of all repeats are compared. Every value that is read is
/// verified: one that is wrong, lost or torn ends the run with exit code 1. A target that is not met
/// doesn't: it is printed.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
struct Options {
    /// Ends within two minutes: fewer and shorter repeats, and the greatest counts scaled down.
    #[arg(long)]
    quick: bool,
    /// Ends within seconds: shows that everything runs and every value is right.
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
    /// Only what has this in its name; may be given several times.
    #[arg(long, value_name = "WORDS")]
    only: Vec<String>,
    /// Names what there is and measures nothing.
    #[arg(long)]
    list: bool,
    /// File for the figures. With --only, other figures that stand there stay.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Repeats of each contender, at least 1, instead of 11 (7 when quick, 1 to show that it runs).
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    repeats: Option<u16>,
    /// Gives the same orders of visiting variables again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures how figures change as a namespace or a value grows.
    Curves(Options),
    /// Rewrites the performance section of README.md from docs/measured/*.json.
    Readme {
        /// Says whether it is up to date, and writes nothing.
        #[arg(long)]
        check: bool,
    },
    /// The second process of a run.
    #[command(hide = true)]
    Companion { memory: PathBuf, role: String, arguments: Vec<String> },
}

impl Options {
    fn level(&self) -> Level {
        match (self.quick, self.smoke) {
            (_, true) => Level::Smoke,
            (true, false) => Level::Quick,
            _ => Level::Full,
        }
    }

    fn session(&self) -> Result<Session> {
        if let Some(disturbance) = disturbance() {
            eprintln!("mmf-bench: {disturbance}");
        }
        let session = Session::begin(self.level(), self.seed)?;
        Ok(session.with_repeats(self.repeats.map(usize::from)))
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|words| name.contains(words.as_str()))
    }

    /// Errors when nothing of these names is wanted.
    fn check(&self, names: &[String]) -> Result<()> {
        match names.iter().any(|name| self.wants(name)) {
            true => Ok(()),
            false => {
                let words = self.only.join("\" or \"");
                Err(format!("nothing has \"{words}\" in its name: --list names all").into())
            }
        }
    }

    fn file(&self, usual: &str) -> PathBuf {
        self.json.clone().unwrap_or_else(|| usual.into())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = match &arguments.command {
        Some(Command::Curves(options)) => options.seed,
        _ => arguments.options.seed,
    };
    let result = match arguments.command {
        None => measure_rows(&arguments.options),
        Some(Command::Curves(options)) => measure_curves(&options),
        Some(Command::Readme { check: true }) => readme::check(&workspace()),
        Some(Command::Readme { check: false }) => readme::rewrite(&workspace()),
        Some(Command::Companion { memory, role, arguments }) => {
            return end(roles::play(&memory, &role, &arguments), seed);
        }
    };
    end(result, seed)
}

fn end(result: Result<()>, seed: u64) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mmf-bench: {error} (seed {seed})");
            ExitCode::FAILURE
        }
    }
}

/// The checkout that this program was built from.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn subject() -> String {
    format!("mmf {}", env!("CARGO_PKG_VERSION"))
}

fn measure_rows(options: &Options) -> Result<()> {
    let level = options.level();
    let names: Vec<_> = PIECES.iter().flat_map(|piece| (piece.names)(level)).collect();
    if options.list {
        names.iter().for_each(|name| println!("{name}"));
        return Ok(());
    }
    options.check(&names)?;
    let session = options.session()?;
    let mut report = Report {
        subject: subject(),
        effort: level.name().to_owned(),
        seed: options.seed,
        machine: Machine::this(),
        rows: Vec::new(),
    };
    rows::measure(&session, &|name| options.wants(name), |row| {
        eprintln!("{}: done", row.name);
        report.rows.push(row);
    })?;
    print!("{}", report.table());
    let (aimed, met) = report.verdict();
    let path = options.file(ROWS_FILE);
    let known = if options.only.is_empty() { None } else { Report::read(&path).ok() };
    report.keep_others_of(known, &names);
    report.write(&path)?;
    println!("every value was right; {met} of {aimed} targets met; figures in {}", path.display());
    Ok(())
}

fn measure_curves(options: &Options) -> Result<()> {
    let level = options.level();
    let names = curves::NAMES.map(str::to_owned).to_vec();
    if options.list {
        names.iter().for_each(|name| println!("{name}"));
        return Ok(());
    }
    options.check(&names)?;
    let session = options.session()?;
    let mut measured = Curves {
        subject: subject(),
        effort: level.name().to_owned(),
        seed: options.seed,
        machine: Machine::this(),
        curves: Vec::new(),
    };
    curves::measure(&session, &|name| options.wants(name), |curve| {
        println!("{curve}");
        measured.curves.push(curve);
    })?;
    let count = measured.curves.len();
    let path = options.file(CURVES_FILE);
    let known = if options.only.is_empty() { None } else { Curves::read(&path).ok() };
    measured.keep_others_of(known);
    measured.write(&path)?;
    println!("every value was right; {count} curves; figures in {}", path.display());
    Ok(())
}
