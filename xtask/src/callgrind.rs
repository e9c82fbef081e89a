//! Runs the measured program of mmf-bench under valgrind, and reads what callgrind counted.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{CommandLine, program_of};
use crate::workspace::Workspace;

/// The measured program's source.
const SOURCE: &str = "benches/instructions.rs";
/// Its function that holds nothing but the loop over one path's operation.
const MEASURED: &str = "instructions::measured";
/// Its path that does nothing: what the loop itself takes, which is no operation's.
const NOTHING: &str = "nothing";
/// Rounds of each path. The counts of all rounds are the same but for what happens now and then.
const ROUNDS: &str = "1000";
/// Longest run, in seconds. It takes less than ten.
const LONGEST_RUN: &str = "300";
/// Where callgrind leaves a file for each path.
const DUMPS: &str = "target/instructions";
/// Where each run has a directory of its own for the namespaces.
const SHARED_MEMORY: &str = "/dev/shm";

/// The caches that are simulated, whatever this machine has: two levels of a core of its own. All
/// that the paths touch would fit into a shared third.
const CACHES: &str = "--cache-sim=yes --I1=32768,8,64 --D1=49152,12,64 --LL=1048576,16,64";

/// What one operation of a path takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// The path's name.
    pub path: String,
    /// Instructions.
    pub instructions: f64,
    /// Misses of the first level, of instructions and data.
    pub first_misses: f64,
    /// Misses of the second level.
    pub second_misses: f64,
    /// System calls. The clock is among them: valgrind hides the vDSO from the program.
    pub calls: f64,
}

/// Builds the program, runs it, and returns what one operation of each path takes.
pub fn count(workspace: &Workspace) -> Result<Vec<Count>, String> {
    let build = "bench --locked -p mmf-bench --bench instructions --no-run";
    let output = CommandLine::cargo(workspace, build).read_all()?;
    let program = program_of(workspace, &output, SOURCE)
        .ok_or_else(|| format!("cargo did not say where it built {SOURCE}"))?;
    let dumps = workspace.root().join(DUMPS);
    let fail = |error| format!("making the directory {}: {error}", dumps.display());
    if dumps.exists() {
        fs::remove_dir_all(&dumps).map_err(fail)?;
    }
    fs::create_dir_all(&dumps).map_err(fail)?;
    let place = Place::new()?;
    // An environment of one variable: a larger one moves the stack to other lines of the cache.
    let options = format!(
        "--signal=KILL {LONGEST_RUN} env --ignore-environment MMF_DIR={} \
         valgrind --quiet --tool=callgrind {CACHES} --collect-systime=yes \
         --toggle-collect={MEASURED} --dump-before={MEASURED} --dump-after={MEASURED} \
         --callgrind-out-file={DUMPS}/dump",
        place.namespaces().display()
    );
    let command = CommandLine::new(workspace, "timeout", &options);
    let printed = command.and(&program).and(ROUNDS).read()?;
    counts(&printed, &read_dumps(&dumps)?)
}

/// A directory of this run, which goes with it.
struct Place(PathBuf);

impl Place {
    fn new() -> Result<Self, String> {
        // As long in every run: the library has less work with a shorter path.
        let name = format!("mmf-instructions-{:010}", std::process::id());
        let path = Path::new(SHARED_MEMORY).join(name);
        let fail = |error| format!("making the directory {}: {error}", path.display());
        fs::create_dir(&path).map_err(fail)?;
        Ok(Self(path))
    }

    /// Made by the library, as private as it wants it.
    fn namespaces(&self) -> PathBuf {
        self.0.join("names")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            println!("removing the directory {}: {error}", self.0.display());
        }
    }
}

/// The files that callgrind wrote, in their order: dump.1, dump.2, and so on.
fn read_dumps(directory: &Path) -> Result<Vec<String>, String> {
    let file = |number: usize| directory.join(format!("dump.{number}"));
    (1..)
        .map(file)
        .take_while(|path| path.exists())
        .map(|path| {
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        })
        .collect()
}

/// Brings together the paths that the program named and callgrind's files. One that was written
/// before the loop of a path has what came before it.
fn counts(printed: &str, dumps: &[String]) -> Result<Vec<Count>, String> {
    let is_of_a_path =
        |dump: &&String| dump.lines().any(|line| line.starts_with("desc: Trigger: --dump-after="));
    let dumps: Vec<&String> = dumps.iter().filter(is_of_a_path).collect();
    let paths: Vec<&str> = printed.lines().collect();
    if dumps.len() != paths.len() {
        let (dumps, paths) = (dumps.len(), paths.len());
        return Err(format!("callgrind saw {dumps} calls of {MEASURED}, of {paths} paths"));
    }
    let mut counts = Vec::new();
    for (line, dump) in paths.iter().zip(dumps) {
        let unreadable = || format!("no path and number of rounds: {line:?}");
        let (path, rounds) = line.split_once('\t').ok_or_else(unreadable)?;
        let rounds: f64 = rounds.parse().map_err(|_| unreadable())?;
        counts.push(of_one(path, rounds, dump)?);
    }
    let is_nothing = |count: &Count| count.path == NOTHING;
    let of_the_loop = match counts.iter().find(|count| is_nothing(count)) {
        Some(nothing) => nothing.instructions,
        None => return Err(format!("the program has not got the path `{NOTHING}`")),
    };
    counts.retain(|count| !is_nothing(count));
    for count in &mut counts {
        count.instructions -= of_the_loop;
    }
    Ok(counts)
}

/// Divides the sums of one path by its rounds.
fn of_one(path: &str, rounds: f64, dump: &str) -> Result<Count, String> {
    let words = |key: &str| -> Option<Vec<&str>> {
        let line = dump.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.split_whitespace().collect())
    };
    let (Some(events), Some(sums)) = (words("events: "), words("summary: ")) else {
        return Err(format!("callgrind's file of `{path}` has no events or no sums"));
    };
    let sum = |event: &str| -> Result<f64, String> {
        let column = events.iter().position(|name| *name == event);
        let column = column.ok_or_else(|| format!("callgrind did not count {event}"))?;
        // Zeros at the end are left out.
        let text = sums.get(column).copied().unwrap_or("0");
        text.parse().map_err(|_| format!("no number of {event}: {text:?}"))
    };
    let each = |events: &[&str]| -> Result<f64, String> {
        let sum: f64 = events.iter().copied().map(sum).sum::<Result<f64, String>>()?;
        Ok(sum / rounds)
    };
    Ok(Count {
        path: path.to_owned(),
        instructions: each(&["Ir"])?,
        first_misses: each(&["I1mr", "D1mr", "D1mw"])?,
        second_misses: each(&["ILmr", "DLmr", "DLmw"])?,
        calls: each(&["sysCount"])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: &str = "events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw sysCount sysTime\n";

    fn dump(trigger: &str, sums: &str) -> String {
        format!("desc: Trigger: --dump-{trigger}={MEASURED}\n\n{EVENTS}summary: {sums}\n")
    }

    #[test]
    fn the_sums_are_divided_and_the_loop_taken_off() {
        let dumps = [
            dump("before", "0 0 0 0 0 0 0 0 0 99"),
            dump("after", "60 1 1"),
            dump("before", "0"),
            dump("after", "5060 9 9 1 20 30 1 2 3 10 77"),
            dump("before", "7"),
        ];
        let found = counts("nothing\t10\nget\t10\n", &dumps);
        let get = Count {
            path: "get".to_owned(),
            instructions: 500.0,
            first_misses: 5.1,
            second_misses: 0.6,
            calls: 1.0,
        };
        assert_eq!(found, Ok(vec![get]));
    }

    #[test]
    fn a_path_without_its_file_is_an_error() {
        let one = [dump("after", "60")];
        assert!(counts("nothing\t10\nget\t10\n", &one).is_err());
        assert!(counts("", &one).is_err());
        assert!(counts("get\t10\n", &one).unwrap_err().contains("path `nothing`"));
        assert!(counts("nothing 10\n", &one).is_err());
    }

    #[test]
    fn a_file_without_what_is_counted_is_an_error() {
        let without_sums = dump("after", "60").replace("summary", "totals");
        let without_calls = dump("after", "60").replace(" sysCount", "");
        for (dump, part) in [(without_sums, "no sums"), (without_calls, "sysCount")] {
            let error = counts("nothing\t10\n", &[dump]).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
