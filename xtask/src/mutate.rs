//! `cargo xtask mutate`: weakens every ordering of the table in `docs/orderings.md`, one at a
//! time, and runs the model that has to fail then.
//!
//! The models are built once. Their atomics look into an environment variable for the one call
//! whose ordering is to be another (`crates/mmf/src/sync/weakened.rs`).

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::orderings::{self, Mutation};
use crate::steps;
use crate::workspace::Workspace;

/// Longest run of one model: unweakened, each ends in a fraction of this.
const LONGEST_RUN: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Models that run at a time.
const WORKERS: usize = 2;

/// What became of one row, and what the model said.
#[derive(Clone)]
struct Verdict {
    outcome: Outcome,
    found: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The model failed, as it should.
    Killed,
    /// Nothing was run: the document argues.
    Proof,
    Survived,
    /// The model did not end in time.
    Endless,
    /// No model, or several, have the name.
    NoModel,
}

impl Outcome {
    const fn text(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Proof => "proof",
            Self::Survived => "SURVIVED",
            Self::Endless => "DID NOT END",
            Self::NoModel => "NO SUCH MODEL",
        }
    }

    const fn is_fine(self) -> bool {
        matches!(self, Self::Killed | Self::Proof)
    }
}

/// Weakens what the rows with one of `words` in them say, or all without words; prints a table
/// and a verdict.
pub fn run(workspace: &Workspace, words: &[&str]) -> Result<(), String> {
    let mut mutations = orderings::mutations(workspace)?;
    mutations.retain(|mutation| words.is_empty() || words.iter().any(|word| has(mutation, word)));
    if mutations.is_empty() {
        return Err(format!("no row of {} has one of the words {words:?}", orderings::DOCUMENT));
    }
    let program = steps::build_models(workspace)?;
    run_unweakened(&program, &mutations)?;
    let verdicts = run_all(&program, &mutations)?;
    let width = |of: fn(&Mutation) -> String| {
        mutations.iter().map(|mutation| of(mutation).len()).max().unwrap_or(0)
    };
    let (place_width, call_width) = (width(place), width(change));
    println!(
        "{:<13} {:<place_width$} {:<call_width$} model: what it found",
        "outcome", "place", "change"
    );
    for (mutation, Verdict { outcome, found }) in mutations.iter().zip(&verdicts) {
        let model = mutation.row.model().unwrap_or("-");
        let (place, change) = (place(mutation), change(mutation));
        let outcome = outcome.text();
        println!("{outcome:<13} {place:<place_width$} {change:<call_width$} {model}{found}");
    }
    let count = |wanted| verdicts.iter().filter(|verdict| verdict.outcome == wanted).count();
    let bad = verdicts.iter().filter(|verdict| !verdict.outcome.is_fine()).count();
    let (killed, proof, all) = (count(Outcome::Killed), count(Outcome::Proof), verdicts.len());
    let summary = format!("{all} weakenings: {killed} killed, {proof} by proof, {bad} not shown");
    if bad == 0 {
        println!("mutate: {summary}: all passed");
        Ok(())
    } else {
        Err(summary)
    }
}

fn has(mutation: &Mutation, word: &str) -> bool {
    mutation.row.model().is_some_and(|name| name.contains(word)) || place(mutation).contains(word)
}

fn place(mutation: &Mutation) -> String {
    let site = &mutation.site;
    format!("{}:{} {}", site.file, site.line, site.function)
}

fn change(mutation: &Mutation) -> String {
    format!("{} -> {}", mutation.row.call, mutation.row.weakened)
}

/// A failure shows something only of a model that passes as the source is.
fn run_unweakened(program: &Path, mutations: &[Mutation]) -> Result<(), String> {
    let mut models: Vec<&str> = mutations.iter().filter_map(|one| one.row.model()).collect();
    models.sort_unstable();
    models.dedup();
    for model in models {
        let Verdict { outcome, found } = run_model(program, model, None)?;
        match outcome {
            Outcome::Survived => {}
            Outcome::Killed => return Err(format!("{model} fails with nothing weakened{found}")),
            other => return Err(format!("{model} with nothing weakened: {}", other.text())),
        }
    }
    Ok(())
}

fn run_all(program: &Path, mutations: &[Mutation]) -> Result<Vec<Verdict>, String> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![None; mutations.len()]);
    let work = || -> Result<(), String> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutation) = mutations.get(index) else { return Ok(()) };
            let outcome = run_one(program, mutation)?;
            outcomes.lock().map_err(|error| error.to_string())?[index] = Some(outcome);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a worker panicked".to_owned())?)
    })?;
    let outcomes = outcomes.into_inner().map_err(|error| error.to_string())?;
    outcomes.into_iter().collect::<Option<_>>().ok_or_else(|| "a row was left out".to_owned())
}

fn run_one(program: &Path, mutation: &Mutation) -> Result<Verdict, String> {
    let Some(model) = mutation.row.model() else {
        return Ok(Verdict { outcome: Outcome::Proof, found: String::new() });
    };
    let site = &mutation.site;
    let weakened = match mutation.row.weakened.as_str() {
        "none" => "Relaxed",
        ordering => ordering,
    };
    let place = format!("crates/mmf/src/{}:{}:{}", site.file, site.line, site.column);
    let variable = format!("{place}:{}:{weakened}", site.argument);
    run_model(program, model, Some(&variable))
}

fn run_model(program: &Path, model: &str, weakened: Option<&str>) -> Result<Verdict, String> {
    let fail = |error: std::io::Error| format!("running the model {model}: {error}");
    let mut command = Command::new(program);
    command.arg(model).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(weakened) = weakened {
        command.env("MMF_WEAKENED", weakened);
    }
    let mut child = command.spawn().map_err(fail)?;
    let output = child.stdout.take();
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        // A failure to read is seen below: the text then has no result.
        let _ = output.map(|mut output| output.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(fail)? {
            break status;
        }
        if start.elapsed() > LONGEST_RUN {
            child.kill().map_err(fail)?;
            child.wait().map_err(fail)?;
            return Ok(Verdict { outcome: Outcome::Endless, found: String::new() });
        }
        thread::sleep(LOOK_EVERY);
    };
    let text = reader.join().map_err(|_| "reading a model's output".to_owned())?;
    Ok(Verdict { outcome: judge(&text, status.success()), found: panic_message(&text) })
}

/// What the output of a model says.
fn judge(text: &str, succeeded: bool) -> Outcome {
    if !text.contains("running 1 test\n") {
        Outcome::NoModel
    } else if succeeded {
        Outcome::Survived
    } else if text.contains("0 passed; 1 failed;") {
        Outcome::Killed
    } else {
        Outcome::NoModel
    }
}

/// The first line of the first panic's message, behind a colon.
fn panic_message(text: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.contains("panicked at "));
    lines.nth(1).map_or_else(String::new, |line| format!(": {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_of_the_one_model_kills() {
        let ran = "running 1 test\n";
        let cases = [
            (format!("{ran}test result: FAILED. 0 passed; 1 failed; 0"), false, Outcome::Killed),
            (format!("{ran}test result: ok. 1 passed; 0 failed; 0"), true, Outcome::Survived),
            ("running 0 tests\n0 passed; 0 failed;".to_owned(), true, Outcome::NoModel),
            ("running 2 tests\n1 passed; 1 failed;".to_owned(), false, Outcome::NoModel),
            (ran.to_owned(), false, Outcome::NoModel),
        ];
        for (text, succeeded, expected) in cases {
            assert!(judge(&text, succeeded) == expected, "{text}");
        }
    }

    #[test]
    fn what_a_model_found_is_its_panic() {
        let text =
            "running 1 test\n\nthread 'a::loom_b' (7) panicked at c.rs:1:2:\ntorn\nnote: d\n";
        assert_eq!(panic_message(text), ": torn");
        assert_eq!(panic_message("running 1 test\n"), "");
    }
}
