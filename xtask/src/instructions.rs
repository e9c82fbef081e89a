//! `cargo xtask instructions`: the hot paths take no more instructions than is recorded.
//!
//! The record is a table for people to read and to change on purpose; `--record` writes it.

use std::fmt::Write;
use std::fs;

use crate::callgrind::{self, Count};
use crate::command::CommandLine;
use crate::workspace::Workspace;

/// The record.
const RECORD: &str = "docs/measured/instructions.txt";
/// By how much instructions may differ from the record, in both directions: behind a record that
/// is too high, growth would go unnoticed.
const LEEWAY: f64 = 0.05;
/// By how much misses may exceed it: where things lie in memory decides about those, and any change
/// may move things.
const LEEWAY_OF_MISSES: f64 = 0.25;
/// Misses of one operation that are nothing yet.
const FEW_MISSES: f64 = 1.0;
/// System calls differ by one at least, if they differ in each operation.
const PART_OF_A_CALL: f64 = 0.5;
/// Begins the line of the record that names the tools.
const TOOLS: &str = "# Counted with ";

/// What is recorded: the counts, and the tools that they come from.
struct Recorded {
    tools: String,
    counts: Vec<Count>,
}

/// Counts and compares with the record.
pub fn check(workspace: &Workspace) -> Result<(), String> {
    let tools = tools(workspace)?;
    let path = workspace.root().join(RECORD);
    let text = fs::read_to_string(&path).map_err(|error| format!("reading {RECORD}: {error}"))?;
    let recorded = parse(&text)?;
    let counts = callgrind::count(workspace)?;
    let rows = compare(&recorded.counts, &counts);
    print!("{}", table(&rows));
    if recorded.tools != tools {
        println!("recorded with {}; now with {tools}", recorded.tools);
    }
    verdict(&rows)
}

/// Counts and writes the record.
pub fn record(workspace: &Workspace) -> Result<(), String> {
    let tools = tools(workspace)?;
    let counts = callgrind::count(workspace)?;
    if let Some(count) = counts.iter().find(|count| count.instructions < 1.0) {
        return Err(format!("`{}` took no instructions: nothing was counted", count.path));
    }
    let path = workspace.root().join(RECORD);
    // Only to be shown beside the new one: a record that is missing or spoilt is written anew.
    let old = fs::read_to_string(&path).ok().and_then(|text| parse(&text).ok());
    let old = old.map_or_else(Vec::new, |recorded| recorded.counts);
    print!("{}", table(&compare(&old, &counts)));
    let fail = |error| format!("writing {RECORD}: {error}");
    fs::create_dir_all(path.parent().unwrap_or(workspace.root())).map_err(fail)?;
    fs::write(&path, text_of(&tools, &counts)).map_err(fail)?;
    println!("{} paths recorded in {RECORD}", counts.len());
    Ok(())
}

/// The versions of what makes and counts instructions.
fn tools(workspace: &Workspace) -> Result<String, String> {
    let version = |program: &str| {
        let answer = CommandLine::new(workspace, program, "--version").probe();
        let missing = || format!("{program} is not installed; run: cargo xtask setup");
        answer.map(|answer| answer.trim().to_owned()).ok_or_else(missing)
    };
    Ok(format!("{} and {}", version("rustc")?, version("valgrind")?))
}

/// The record's text.
fn text_of(tools: &str, counts: &[Count]) -> String {
    let mut text = format!(
        "# What one operation of each hot path takes, as `cargo xtask instructions` counts it.\n\
         # A path may differ by 5 % from its instructions, in both directions; write this file again,\n\
         # on purpose, with: cargo xtask instructions --record\n\
         {TOOLS}{tools}.\n\
         # L1 and L2 are misses of simulated caches, calls are system calls. valgrind hides the vDSO: the\n\
         # clock is a call here. It counts each repetition of `rep movsb`: 4 KiB are 4,096 instructions.\n\
         {:>12} {:>9} {:>9} {:>7}  path\n",
        "instructions", "L1", "L2", "calls"
    );
    for Count { path, instructions, first_misses, second_misses, calls } in counts {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{instructions:>12.2} {first_misses:>9.2} {second_misses:>9.2} {calls:>7.2}  {path}"
        );
    }
    text
}

/// Reads a record.
fn parse(text: &str) -> Result<Recorded, String> {
    let tools = text.lines().find_map(|line| line.strip_prefix(TOOLS)).unwrap_or("unknown tools");
    let rows = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')).skip(1);
    let counts: Result<Vec<Count>, String> = rows
        .map(|(index, line)| {
            parse_row(line).ok_or_else(|| {
                format!("{RECORD}:{}: not four numbers and a path: {line:?}", index + 1)
            })
        })
        .collect();
    Ok(Recorded { tools: tools.trim_end_matches('.').to_owned(), counts: counts? })
}

fn parse_row(line: &str) -> Option<Count> {
    let mut rest = line;
    let mut number = || -> Option<f64> {
        let (word, behind) = rest.trim_start().split_once(' ')?;
        rest = behind;
        word.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
    };
    let (instructions, first_misses) = (number()?, number()?);
    let (second_misses, calls) = (number()?, number()?);
    let path = rest.trim().to_owned();
    (!path.is_empty()).then_some(Count { path, instructions, first_misses, second_misses, calls })
}

/// One path: recorded, now, and what to say about it.
struct Row<'a> {
    recorded: Option<&'a Count>,
    now: Option<&'a Count>,
    outcome: Outcome,
}

impl Row<'_> {
    fn path(&self) -> &str {
        self.now.or(self.recorded).map_or("", |count| &count.path)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Same,
    MoreInstructions,
    FewerInstructions,
    MoreMisses,
    MoreCalls,
    FewerCalls,
    NotRecorded,
    NotCounted,
}

impl Outcome {
    const fn text(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::MoreInstructions => "MORE INSTRUCTIONS",
            Self::FewerInstructions => "fewer instructions: RECORD IT",
            Self::MoreMisses => "MORE MISSES",
            Self::MoreCalls => "MORE CALLS",
            Self::FewerCalls => "fewer calls: RECORD IT",
            Self::NotRecorded => "NOT RECORDED",
            Self::NotCounted => "NO SUCH PATH",
        }
    }

    fn of(recorded: &Count, now: &Count) -> Self {
        let has_more_misses = |recorded: f64, now: f64| {
            now > recorded * (1.0 + LEEWAY_OF_MISSES) && now > recorded + FEW_MISSES
        };
        if now.instructions > recorded.instructions * (1.0 + LEEWAY) {
            Self::MoreInstructions
        } else if now.calls > recorded.calls + PART_OF_A_CALL {
            Self::MoreCalls
        } else if has_more_misses(recorded.first_misses, now.first_misses)
            || has_more_misses(recorded.second_misses, now.second_misses)
        {
            Self::MoreMisses
        } else if now.instructions < recorded.instructions * (1.0 - LEEWAY) {
            Self::FewerInstructions
        } else if now.calls < recorded.calls - PART_OF_A_CALL {
            Self::FewerCalls
        } else {
            Self::Same
        }
    }
}

/// A row for every path that was counted, in their order, and for those that only the record has.
fn compare<'a>(recorded: &'a [Count], now: &'a [Count]) -> Vec<Row<'a>> {
    let find = |among: &'a [Count], path: &str| among.iter().find(|count| count.path == path);
    let mut rows: Vec<Row<'a>> = now
        .iter()
        .map(|count| {
            let recorded = find(recorded, &count.path);
            let outcome = recorded.map_or(Outcome::NotRecorded, |old| Outcome::of(old, count));
            Row { recorded, now: Some(count), outcome }
        })
        .collect();
    let gone = recorded.iter().filter(|old| find(now, &old.path).is_none());
    rows.extend(gone.map(|old| Row {
        recorded: Some(old),
        now: None,
        outcome: Outcome::NotCounted,
    }));
    rows
}

fn table(rows: &[Row<'_>]) -> String {
    let width = rows.iter().map(|row| row.path().len()).max().unwrap_or(0);
    let mut text = format!(
        "{:<width$} {:>11} {:>11} {:>8} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7}  outcome\n",
        "path", "recorded", "now", "change", "L1, rec.", "now", "L2, rec.", "now", "calls", "now"
    );
    for row in rows {
        let show = |count: Option<&Count>, of: fn(&Count) -> f64| {
            count.map_or_else(|| "-".to_owned(), |count| format!("{:.2}", of(count)))
        };
        let both = |of: fn(&Count) -> f64| [show(row.recorded, of), show(row.now, of)];
        let [old, new] = both(|count| count.instructions);
        let change = match (row.recorded, row.now) {
            (Some(old), Some(new)) if old.instructions > 0.0 => {
                format!("{:+.2} %", (new.instructions / old.instructions - 1.0) * 100.0)
            }
            _ => "-".to_owned(),
        };
        let [first_old, first_new] = both(|count| count.first_misses);
        let [second_old, second_new] = both(|count| count.second_misses);
        let [calls_old, calls_new] = both(|count| count.calls);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<width$} {old:>11} {new:>11} {change:>8} {first_old:>9} {first_new:>9} \
             {second_old:>9} {second_new:>9} {calls_old:>7} {calls_new:>7}  {}",
            row.path(),
            row.outcome.text()
        );
    }
    text
}

fn verdict(rows: &[Row<'_>]) -> Result<(), String> {
    let differing = rows.iter().filter(|row| row.outcome != Outcome::Same).count();
    if rows.is_empty() {
        return Err("no path was counted".to_owned());
    }
    if differing == 0 {
        println!("{} paths, each as recorded in {RECORD}", rows.len());
        return Ok(());
    }
    Err(format!(
        "{differing} of {} paths are not as recorded, see above; if that is meant to be so: cargo \
         xtask instructions --record",
        rows.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, numbers: [f64; 4]) -> Count {
        let [instructions, first_misses, second_misses, calls] = numbers;
        Count { path: path.to_owned(), instructions, first_misses, second_misses, calls }
    }

    /// What is said of a path whose record is 1,000 instructions, 8 and 4 misses, and 2 calls.
    fn outcome(now: [f64; 4]) -> Outcome {
        let recorded = [count("get", [1000.0, 8.0, 4.0, 2.0])];
        let now = [count("get", now)];
        let rows = compare(&recorded, &now);
        let [row] = &rows[..] else { panic!("{} rows of one path", rows.len()) };
        assert_eq!(verdict(&rows).is_ok(), row.outcome == Outcome::Same);
        row.outcome
    }

    #[test]
    fn growth_fails_the_check() {
        assert_eq!(outcome([1049.0, 8.0, 4.0, 2.0]), Outcome::Same);
        assert_eq!(outcome([1051.0, 8.0, 4.0, 2.0]), Outcome::MoreInstructions);
        assert_eq!(outcome([1000.0, 10.5, 4.0, 2.0]), Outcome::MoreMisses);
        assert_eq!(outcome([1000.0, 8.0, 5.5, 2.0]), Outcome::MoreMisses);
        assert_eq!(outcome([1000.0, 9.5, 4.5, 2.0]), Outcome::Same);
        assert_eq!(outcome([1000.0, 8.0, 4.0, 3.0]), Outcome::MoreCalls);
    }

    /// A record that is too high would hide what grows later.
    #[test]
    fn a_stale_record_fails_the_check() {
        assert_eq!(outcome([951.0, 8.0, 4.0, 2.0]), Outcome::Same);
        assert_eq!(outcome([949.0, 8.0, 4.0, 2.0]), Outcome::FewerInstructions);
        assert_eq!(outcome([1000.0, 8.0, 4.0, 1.0]), Outcome::FewerCalls);
        assert_eq!(outcome([949.0, 8.0, 4.0, 3.0]), Outcome::MoreCalls);
        assert_eq!(outcome([1000.0, 0.0, 0.0, 2.0]), Outcome::Same);
    }

    #[test]
    fn a_path_that_only_one_side_has_fails_the_check() {
        let (get, set) = (count("get", [9.0; 4]), count("set", [9.0; 4]));
        let (recorded, now) = ([get.clone(), set.clone()], [get]);
        for (recorded, now, expected) in [
            (&recorded[..], &now[..], Outcome::NotCounted),
            (&now[..], &recorded[..], Outcome::NotRecorded),
        ] {
            let rows = compare(recorded, now);
            let outcomes: Vec<Outcome> = rows.iter().map(|row| row.outcome).collect();
            assert_eq!(outcomes, [Outcome::Same, expected]);
            assert!(verdict(&rows).is_err());
            assert!(table(&rows).contains("\nset "), "{}", table(&rows));
        }
        assert!(verdict(&compare(&[], &[])).is_err());
    }

    #[test]
    fn the_table_says_what_changed() {
        let (recorded, now) = ([count("get, hot", [200.0; 4])], [count("get, hot", [250.0; 4])]);
        let text = table(&compare(&recorded, &now));
        let line = text.lines().nth(1).unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..6], ["get,", "hot", "200.00", "250.00", "+25.00", "%"], "{text}");
        assert!(line.ends_with("  MORE INSTRUCTIONS"), "{text}");
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let counts = vec![
            count("get, by name", [497.0, 0.25, 0.5, 1.0]),
            count("set", [2.5, 0.0, 0.0, 0.0]),
        ];
        let recorded = parse(&text_of("rustc 1 and valgrind-2.0", &counts)).unwrap();
        assert_eq!(recorded.counts, counts);
        assert_eq!(recorded.tools, "rustc 1 and valgrind-2.0");
    }

    #[test]
    fn a_record_that_is_none_is_an_error() {
        for row in ["1 2 3 4", "1 2 3 get", "1 2 3 x get", "-1 2 3 4 get", "NaN 2 3 4 get", ""] {
            let error = parse(&format!("# a comment\nheader\n{row}\n")).err().unwrap_or_default();
            assert!(error.starts_with("docs/measured/instructions.txt:3: "), "{row:?}: {error}");
        }
    }
}
