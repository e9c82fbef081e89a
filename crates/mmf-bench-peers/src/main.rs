//! The bench of mmf's peers: `cargo run --release -p mmf-bench-peers -- all --install`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use mmf_bench::Result;
use mmf_bench::curves::{Curve, Curves, Point};
use mmf_bench::report::{Figure, Machine, Report, Unit, read_json, write_json};
use mmf_bench_peers::contract::{Call, Measure, Row};
use mmf_bench_peers::driver::{Effort, Outcome, measure};
use mmf_bench_peers::install::{Invocation, Tools};
use mmf_bench_peers::report::{COLUMNS, MANY, Missing, PeerReport};
use mmf_bench_peers::systems::{Program, SYSTEMS, System};
use mmf_bench_peers::{own, plots, report};

/// Where figures go unless told otherwise.
const DIRECTORY: &str = "target/bench";
const PEERS_FILE: &str = "peers.json";
const GROWTH_FILE: &str = "peers-growth.json";
/// Numbers of variables of the growth, but for [`MANY`], which is measured anyway.
const COUNTS: [u64; 7] = [10, 100, 1_000, 10_000, 100_000, MANY, 10_000_000];
/// Gives the same walks in every run.
const SEED: u64 = 1;

/// Measures mmf, the floors of the machine, and what one would take instead, side by side.
#[derive(Debug, Parser)]
#[command(name = "mmf-bench-peers")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures, prints the table, writes peers.json and peers-growth.json, draws the plots.
    All(All),
    /// Installs what is missing, on a Debian system as root.
    Install,
    /// Names the systems, their versions and what is not installed.
    List,
    /// Prints the table of figures that were written, in Markdown, and draws the plots again.
    Render {
        /// Directory of the figures.
        #[arg(long, value_name = "DIRECTORY", default_value = DIRECTORY)]
        directory: PathBuf,
    },
    /// A program of the contract.
    #[command(hide = true)]
    Program { arguments: Vec<String> },
}

#[derive(Debug, clap::Args)]
struct All {
    /// Installs what is missing before, on a Debian system as root.
    #[arg(long)]
    install: bool,
    /// Only systems with this in their name; may be given several times.
    #[arg(long, value_name = "WORD", value_parser = word_of_a_system)]
    only: Vec<String>,
    /// Only this row; may be given several times.
    #[arg(long, value_name = "ROW")]
    row: Vec<Row>,
    /// Only the growth of the cost of a get.
    #[arg(long, conflicts_with = "row")]
    growth: bool,
    /// Shorter samples, a tenth of the variables, no growth: for a first look.
    #[arg(long)]
    quick: bool,
    /// Figures that stand in the directory and are not measured anew stay.
    #[arg(long)]
    keep: bool,
    /// Directory of the figures and plots.
    #[arg(long, value_name = "DIRECTORY", default_value = DIRECTORY)]
    directory: PathBuf,
}

/// A word that some system has in its name.
fn word_of_a_system(word: &str) -> std::result::Result<String, String> {
    if SYSTEMS.iter().any(|system| system.id.contains(word)) {
        return Ok(word.to_owned());
    }
    Err("no system has it in its name; `list` names all".to_owned())
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::All(options) => all(&options),
        Command::Install => Tools::default().install().map(|()| Verdict::Sound),
        Command::List => list().map(|()| Verdict::Sound),
        Command::Render { directory } => render(&directory).map(|()| Verdict::Sound),
        Command::Program { arguments } => {
            let called = Call::parse(&arguments).and_then(|call| own::call(&call));
            called.map(|()| Verdict::Sound)
        }
    };
    match outcome {
        Ok(Verdict::Sound) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mmf-bench-peers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether mmf and the floors did what they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Sound,
    Wrong,
}

fn list() -> Result<()> {
    let tools = Tools::default();
    println!("{:<28}system", "name");
    for system in &SYSTEMS {
        let version = match tools.version(system) {
            Ok(version) => version,
            Err(reason) => format!("({reason})"),
        };
        println!("{:<28}{} {version}", system.id, system.title);
    }
    println!("{} systems", SYSTEMS.len());
    Ok(())
}

fn render(directory: &Path) -> Result<()> {
    let reports = report::read(&directory.join(PEERS_FILE))?;
    print!("{}", report::markdown(&reports));
    draw(directory, &reports)
}

fn draw(directory: &Path, reports: &[PeerReport]) -> Result<()> {
    if reports.iter().any(|report| !report.report.rows.is_empty()) {
        plots::cost(&directory.join("cost.svg"), reports)?;
    }
    let path = directory.join(GROWTH_FILE);
    if path.exists() {
        let curves: Curves = read_json(&path)?;
        let curve = curves.curves.first().ok_or("there is no curve")?;
        plots::growth(&directory.join("growth.svg"), curve)?;
    }
    Ok(())
}

/// A run over some systems.
struct Session<'a> {
    options: &'a All,
    effort: Effort,
    tools: Tools,
    programs: HashMap<Program, std::result::Result<Invocation, String>>,
    machine: Machine,
    reports: Vec<PeerReport>,
}

fn all(options: &All) -> Result<Verdict> {
    let tools = Tools::default();
    if options.install {
        tools.install()?;
    }
    let (sample, samples) = if options.quick { (20, 5) } else { (40, 9) };
    let effort = Effort {
        sample: Duration::from_millis(sample),
        samples,
        fill: Duration::from_secs(if options.quick { 5 } else { 20 }),
    };
    std::fs::create_dir_all(&options.directory)?;
    let mut session = Session {
        options,
        effort,
        tools,
        programs: HashMap::new(),
        machine: Machine::this(),
        reports: Vec::new(),
    };
    let systems = session.begin();
    if !options.growth {
        session.rows(&systems)?;
    }
    let reports = session.written()?;
    if options.growth || (!options.quick && options.row.is_empty()) {
        session.growth(&systems)?;
    }
    print!("{}", report::table(&reports));
    draw(&options.directory, &reports)?;
    Ok(verdict(&session.reports, &reports))
}

/// Prints who is ahead, and what is wrong with mmf.
fn verdict(measured: &[PeerReport], all: &[PeerReport]) -> Verdict {
    let (compared, behind) = report::standing(all);
    for one in &behind {
        let report::Behind { row, peer, peer_figure, own_figure } = one;
        println!("behind in {row}: {peer} {peer_figure:.3}, mmf {own_figure:.3}");
    }
    let mut rows: Vec<_> = behind.iter().map(|one| one.row).collect();
    rows.dedup();
    let ahead = compared - rows.len();
    let is_own =
        |report: &&PeerReport| SYSTEMS.iter().any(|one| one.is_own() && one.id == report.id);
    let mut wrong = Vec::new();
    for report in measured.iter().filter(is_own) {
        let lossy = report.report.rows.iter().filter(|row| row.note.contains("loses"));
        wrong.extend(lossy.map(|row| format!("{}: {}: {}", report.id, row.name, row.note)));
        let missing = report.missing.iter().filter(|missing| missing.reason.starts_with("wrong"));
        wrong.extend(missing.map(|one| format!("{}: {}: {}", report.id, one.row, one.reason)));
    }
    println!("mmf is ahead of every peer in {ahead} of {compared} rows");
    for finding in &wrong {
        println!("FINDING {finding}");
    }
    println!("seed {SEED}: {} findings", wrong.len());
    if wrong.is_empty() { Verdict::Sound } else { Verdict::Wrong }
}

impl Session<'_> {
    /// Finds out what is there: a report for each system that is wanted; those to be measured.
    fn begin(&mut self) -> Vec<&'static System> {
        let wanted = |system: &&System| {
            let only = &self.options.only;
            only.is_empty() || only.iter().any(|word| system.id.contains(word.as_str()))
        };
        let mut systems = Vec::new();
        for system in SYSTEMS.iter().filter(wanted) {
            let version = self.tools.version(system);
            let invocation = match version {
                Ok(_) => self.program(system.program),
                Err(ref reason) => Err(reason.to_string()),
            };
            let version = version.unwrap_or_default();
            let mut missing = Vec::new();
            match invocation {
                Ok(_) => systems.push(system),
                Err(reason) => missing.push(Missing { row: "all".to_owned(), reason }),
            }
            let report = Report {
                subject: format!("{} {version}", system.title).trim_end().to_owned(),
                effort: if self.options.quick { "quick" } else { "full" }.to_owned(),
                seed: SEED,
                machine: self.machine.clone(),
                rows: Vec::new(),
            };
            self.reports.push(PeerReport { id: system.id.to_owned(), report, missing });
        }
        systems
    }

    fn program(&mut self, program: Program) -> std::result::Result<Invocation, String> {
        let build = || self.tools.invocation(program).map_err(|error| error.to_string());
        self.programs.entry(program).or_insert_with(build).clone()
    }

    /// Row by row, each of all systems in turn: what disturbs the machine then meets more than one.
    fn rows(&mut self, systems: &[&'static System]) -> Result<()> {
        let rows = match &self.options.row[..] {
            [] => &Row::ALL[..],
            some => some,
        };
        for row in rows {
            for system in systems {
                let count = if self.options.quick { MANY / 10 } else { MANY };
                let outcome = self.measure(system, *row, count)?;
                self.note(system, *row, outcome);
            }
        }
        Ok(())
    }

    fn measure(&mut self, system: &System, row: Row, count: u64) -> Result<Outcome> {
        let invocation = self.program(system.program)?;
        let outcome = measure(&invocation, system.id, row, count, &self.effort)?;
        let text = match &outcome {
            Outcome::Measured(measured) => format!("{} figures", measured.len()),
            Outcome::Cannot(reason) => format!("cannot: {reason}"),
            Outcome::Wrong(reason) => format!("WRONG: {reason}"),
        };
        eprintln!("{:<12}{:<28}{text}", row.name(), system.id);
        Ok(outcome)
    }

    fn note(&mut self, system: &System, row: Row, outcome: Outcome) {
        let Some(report) = self.reports.iter_mut().find(|one| one.id == system.id) else { return };
        let reason = match outcome {
            Outcome::Measured(measured) => {
                report.report.rows.extend(report::rows(&measured));
                return;
            }
            Outcome::Cannot(reason) => reason,
            Outcome::Wrong(reason) => format!("wrong: {reason}"),
        };
        let names = COLUMNS.iter().filter(|column| column.2 == row).map(|column| column.0);
        let missing = names.map(|name| Missing { row: name.to_owned(), reason: reason.clone() });
        report.missing.extend(missing);
    }

    /// Writes what was measured, with what stands there and stays; returns all of it.
    fn written(&self) -> Result<Vec<PeerReport>> {
        let path = self.options.directory.join(PEERS_FILE);
        // A run that measures growth alone has nothing new for this file.
        let stays = self.options.keep || self.options.growth;
        let mut kept = match stays && path.exists() {
            true => report::read(&path)?,
            false => Vec::new(),
        };
        let newer = if self.options.growth { &[][..] } else { &self.reports };
        for newer in newer {
            match kept.iter_mut().find(|older| older.id == newer.id) {
                Some(older) => older.renew(newer.clone()),
                None => kept.push(newer.clone()),
            }
        }
        kept.sort_by_key(|report| SYSTEMS.iter().position(|system| system.id == report.id));
        if !self.options.growth {
            report::write(&path, &kept)?;
        }
        Ok(kept)
    }

    /// Measures gets of more and more variables, of each system as many as it can hold.
    fn growth(&mut self, systems: &[&'static System]) -> Result<()> {
        let path = self.options.directory.join(GROWTH_FILE);
        let mut points: Vec<Point> = match self.options.keep && path.exists() {
            true => read_json::<Curves>(&path)?.curves.remove(0).points,
            false => Vec::new(),
        };
        for system in systems {
            let report = self.reports.iter().find(|report| report.id == system.id);
            let label = report.map_or(system.title.to_owned(), |one| one.report.subject.clone());
            points.iter_mut().for_each(|point| point.figures.retain(|one| one.label != label));
            let mut most = 0;
            for count in COUNTS {
                let Outcome::Measured(measured) = self.measure(system, Row::Random, count)? else {
                    break;
                };
                let figures = measured.iter().map(|measured| &measured.figures);
                let Some(gets) = figures.clone().find(|one| one.measure == Measure::GetRandom)
                else {
                    break;
                };
                let reached = gets.count.unwrap_or(count);
                // As many as it can hold may have been measured already.
                if reached > most {
                    insert(&mut points, reached, Figure::new(&label, 0, gets.samples.clone()));
                }
                if reached < count {
                    break;
                }
                most = reached;
            }
        }
        points.retain(|point| !point.figures.is_empty());
        let curve = Curve {
            name: "get by number of variables".to_owned(),
            size: "variables".to_owned(),
            unit: Unit::Nanoseconds,
            points,
        };
        let curves = Curves {
            subject: "mmf and its peers".to_owned(),
            effort: "full".to_owned(),
            seed: SEED,
            machine: self.machine.clone(),
            curves: vec![curve],
        };
        write_json(&path, &curves)
    }
}

fn insert(points: &mut Vec<Point>, size: u64, figure: Figure) {
    match points.binary_search_by_key(&size, |point| point.size) {
        Ok(place) => points[place].figures.push(figure),
        Err(place) => points.insert(place, Point { size, figures: vec![figure] }),
    }
}
