//! The steps of `cargo xtask test`, in their order.

use std::path::PathBuf;

use crate::command::{CommandLine, program_of};
use crate::workspace::Workspace;
use crate::{hygiene, instructions, layers, orderings, setup};

/// One check.
pub struct Step {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Does it; an error says in one line what failed.
    pub action: fn(&Workspace) -> Result<Verdict, String>,
}

/// How a step ended that didn't fail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was checked and is right.
    Passed,
    /// The checkout has not got what the step checks.
    NothingToCheck,
}

/// Every step, in the order in which `cargo xtask test` takes them.
pub const STEPS: [Step; 14] = [
    Step {
        name: "setup",
        summary: "install the system packages and cargo tools that are missing",
        action: |workspace| setup::set_up(workspace).map(passed),
    },
    Step {
        name: "format",
        summary: "the code is as rustfmt writes it",
        action: |workspace| {
            cargo(workspace, "fmt --all --check")?;
            // A workspace of its own, whose dependencies nothing here is to wait for.
            let peers = "crates/mmf-bench-peers/peers/rust/Cargo.toml";
            cargo(workspace, &format!("fmt --manifest-path {peers} --check"))
        },
    },
    Step {
        name: "clippy",
        summary: "clippy has nothing to say",
        action: |workspace| {
            cargo(workspace, "clippy --workspace --all-targets --locked -- -D warnings")
        },
    },
    Step {
        name: "layers",
        summary: "no module of the library imports from a higher layer",
        action: |workspace| layers::check(workspace).map(passed),
    },
    Step {
        name: "hygiene",
        summary: "rules of the house: lengths, seams, unfinished work, links of documents",
        action: |workspace| hygiene::check(workspace).map(passed),
    },
    Step {
        name: "orderings",
        summary: "docs/orderings.md has a row for every ordering above relaxed",
        action: |workspace| orderings::check(workspace).map(passed),
    },
    Step {
        name: "deny",
        summary: "licences, duplicates and origin of the dependencies",
        action: deny,
    },
    Step { name: "nextest", summary: "unit and integration tests", action: nextest },
    Step {
        name: "torture",
        summary: "kills, faults and damage at the worst moment: the short set of mmf-torture",
        action: |workspace| {
            cargo(workspace, "run --release --locked -p mmf-torture -- all --short")
        },
    },
    Step {
        name: "doctest",
        summary: "examples of the documentation",
        action: |workspace| cargo(workspace, "test --workspace --doc --locked"),
    },
    Step { name: "loom", summary: "models of the library's protocols", action: loom },
    Step {
        name: "bench",
        summary: "each row of the benches runs shortly, its values are right",
        action: bench,
    },
    Step {
        name: "instructions",
        summary: "no hot path takes more instructions than is recorded",
        action: |workspace| instructions::check(workspace).map(passed),
    },
    Step {
        name: "doc",
        summary: "the documentation builds without a warning",
        action: |workspace| {
            let command = CommandLine::cargo(workspace, "doc --workspace --no-deps --locked");
            command.with("RUSTDOCFLAGS", "-D warnings").run().map(passed)
        },
    },
];

/// Checks that take minutes, or a toolchain's unstable parts: only for who names them.
pub const EXTRA_STEPS: [Step; 1] = [Step {
    name: "asan",
    summary: "damaged and hostile files under AddressSanitizer, for some minutes",
    action: asan,
}];

fn passed(_: ()) -> Verdict {
    Verdict::Passed
}

fn cargo(workspace: &Workspace, arguments: &str) -> Result<Verdict, String> {
    CommandLine::cargo(workspace, arguments).run().map(passed)
}

fn deny(workspace: &Workspace) -> Result<Verdict, String> {
    let arguments = "--offline check licenses bans sources";
    setup::DENY.command(workspace, arguments)?.run().map(passed)
}

fn nextest(workspace: &Workspace) -> Result<Verdict, String> {
    let arguments = "run --workspace --locked --no-fail-fast";
    setup::NEXTEST.command(workspace, arguments)?.run().map(passed)
}

/// The models are the unit tests whose names begin with `loom_`. They are counted first: under
/// another name they would all be left out, and nobody would notice.
fn loom(workspace: &Workspace) -> Result<Verdict, String> {
    let models = |options: &str| models(workspace, &format!("loom_ {options}"));
    let listed = models("-- --list").read()?;
    match listed.lines().filter(|line| line.ends_with(": test")).count() {
        0 => Err("there is no model: no unit test of the library begins with `loom_`".to_owned()),
        count => {
            println!("{count} models");
            models("").run().map(passed)
        }
    }
}

/// The sanitizer comes with the toolchain; its shadow of the memory is far beyond any limit that the
/// workers would otherwise have, and processes that are ended on purpose leak.
fn asan(workspace: &Workspace) -> Result<Verdict, String> {
    let program = "run -p mmf-torture --locked --target x86_64-unknown-linux-gnu --";
    let damage = "damage --memory 0 --files 100000 --live 100 --seconds 120";
    CommandLine::cargo(workspace, &format!("{program} {damage}"))
        .with("CARGO_TARGET_DIR", "target/asan")
        .with("RUSTC_BOOTSTRAP", "1")
        .with("RUSTFLAGS", "-Zsanitizer=address")
        .with("ASAN_OPTIONS", "detect_leaks=0")
        .run()
        .map(passed)
}

fn models(workspace: &Workspace, options: &str) -> CommandLine {
    let arguments = format!("test -p mmf --lib --release --locked {options}");
    CommandLine::cargo(workspace, arguments.trim_end())
        .with("CARGO_TARGET_DIR", "target/loom")
        .with("RUSTFLAGS", "--cfg loom")
        // Built in a fraction of the time, and the models do not run longer.
        .with("CARGO_PROFILE_RELEASE_LTO", "off")
        .with("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .with("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .with("CARGO_PROFILE_RELEASE_INCREMENTAL", "true")
}

/// Builds the models; returns the program that runs them.
pub fn build_models(workspace: &Workspace) -> Result<PathBuf, String> {
    let output = models(workspace, "--no-run").read_all()?;
    program_of(workspace, &output, "src/lib.rs")
        .ok_or_else(|| "cargo did not say where it built the models".to_owned())
}

fn bench(workspace: &Workspace) -> Result<Verdict, String> {
    let package = "crates/mmf-bench";
    if workspace.root().join(package).is_dir() {
        let smoke = "--smoke --json target/bench/smoke.json";
        cargo(workspace, &format!("run --release --locked -p mmf-bench -- {smoke}"))?;
        let smoke = "curves --smoke --json target/bench/smoke-curves.json";
        cargo(workspace, &format!("run --release --locked -p mmf-bench -- {smoke}"))
    } else {
        println!("there is no {package} yet");
        Ok(Verdict::NothingToCheck)
    }
}
