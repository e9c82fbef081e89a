//! Takes steps one after the other and reports on them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::steps::{EXTRA_STEPS, STEPS, Step, Verdict};
use crate::workspace::Workspace;

/// How one step ended, for the table.
struct Record {
    name: &'static str,
    outcome: &'static str,
    took: Duration,
}

/// The steps of these names, in the order given; an unknown name is the error.
pub fn select<'a>(names: &[&'a str]) -> Result<Vec<&'static Step>, &'a str> {
    let all = || STEPS.iter().chain(&EXTRA_STEPS);
    let find = |name: &&'a str| all().find(|step| step.name == *name).ok_or(*name);
    names.iter().map(find).collect()
}

/// What this program can do.
pub fn help() -> String {
    let mut text = String::from(
        "cargo xtask test       take every step, in this order, up to the first that fails\n\
         cargo xtask STEP...    take the steps named\n\
         cargo xtask mutate [WORD...]  weaken every ordering of docs/orderings.md, or those with\n\
         \x20                             a word in file, function or model: each model must fail\n\
         cargo xtask instructions --record  take what the hot paths take now for the record\n\
         \nSteps:\n",
    );
    for step in &STEPS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<12} {}", step.name, step.summary);
    }
    text.push_str("\nNot part of `test`:\n");
    for step in &EXTRA_STEPS {
        let _ = writeln!(text, "  {:<12} {}", step.name, step.summary);
    }
    text
}

/// Takes `steps` up to the first that fails. The last line printed says how it went; the value
/// returned says whether all passed.
pub fn run(workspace: &Workspace, steps: &[&Step]) -> bool {
    let mut records = Vec::new();
    let mut failure = None;
    for (index, step) in steps.iter().enumerate() {
        println!("\n=== [{}/{}] {}: {}", index + 1, steps.len(), step.name, step.summary);
        let start = Instant::now();
        let result = (step.action)(workspace);
        let outcome = match result {
            Ok(Verdict::Passed) => "passed",
            Ok(Verdict::NothingToCheck) => "nothing to check",
            Err(_) => "FAILED",
        };
        records.push(Record { name: step.name, outcome, took: start.elapsed() });
        if let Err(reason) = result {
            failure = Some((step.name, reason));
            break;
        }
    }
    let not_taken: Vec<&str> = steps[records.len()..].iter().map(|step| step.name).collect();
    print!("\n{}", table(&records, &not_taken));
    match &failure {
        None => println!("xtask: all passed"),
        Some((name, reason)) => println!("xtask: FAILED in step `{name}`: {reason}"),
    }
    failure.is_none()
}

fn table(records: &[Record], not_taken: &[&str]) -> String {
    let mut text = format!("{:<12} {:>9}  outcome\n", "step", "seconds");
    // Writing to a String cannot fail.
    for Record { name, outcome, took } in records {
        let _ = writeln!(text, "{name:<12} {:>9.1}  {outcome}", took.as_secs_f64());
    }
    for name in not_taken {
        let _ = writeln!(text, "{name:<12} {:>9}  not taken", "-");
    }
    let total: Duration = records.iter().map(|record| record.took).sum();
    let _ = writeln!(text, "{:<12} {:>9.1}", "total", total.as_secs_f64());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_selected_by_name() {
        let names = |steps: Vec<&Step>| steps.iter().map(|step| step.name).collect::<Vec<_>>();
        assert_eq!(select(&["doc", "format"]).map(names), Ok(vec!["doc", "format"]));
        assert_eq!(select(&["asan"]).map(names), Ok(vec!["asan"]));
        assert_eq!(select(&["format", "test"]).map(names), Err("test"));
    }

    #[test]
    fn step_names_are_told_apart() {
        let steps: Vec<_> = STEPS.iter().chain(&EXTRA_STEPS).collect();
        for (index, step) in steps.iter().enumerate() {
            assert!(steps[..index].iter().all(|other| other.name != step.name), "{}", step.name);
            assert!(help().contains(step.summary));
        }
    }

    #[test]
    fn the_first_failure_stops_the_run() {
        let step = |name, action| Step { name, summary: "", action };
        let passes = step("passes", |_: &Workspace| Ok(Verdict::Passed));
        let fails = step("fails", |_: &Workspace| Err("on purpose".to_owned()));
        let unreachable = step("unreachable", |_: &Workspace| panic!("was taken"));
        let workspace = Workspace::of_this_build();
        assert!(run(&workspace, &[&passes, &passes]));
        assert!(!run(&workspace, &[&passes, &fails, &unreachable]));
    }

    #[test]
    fn the_table_has_every_step() {
        let record = Record { name: "doc", outcome: "passed", took: Duration::from_millis(1500) };
        let text = table(&[record], &["loom"]);
        assert!(text.contains("doc                1.5  passed\n"), "{text}");
        assert!(text.contains("loom                 -  not taken\n"), "{text}");
        assert!(text.ends_with("total              1.5\n"), "{text}");
    }
}
