//! The onlooker: attached while others stand still, and asked to go on beside them.

use std::io::{BufRead, Write};

use mmf::{Namespace, Value};
use serde::{Deserialize, Serialize};

use super::holdings::Standing;
use super::trials::{Handles, Tally, Trials, stored_value};
use crate::Result;
use crate::roles::Part;
use crate::scenario::{Content, Effect, PATIENCE, Scenario};
use crate::step::oracle::{
    give_up_in_time, lock_it, look_for_findings, read_all, target_of, use_it,
};

/// What the onlooker is told, one line each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// The victim stands still.
    Stands(Standing),
    /// The victim has gone on and has come to its end.
    HasEnded(Ending),
}

/// How the victim came to its end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Ending {
    /// It held nothing then.
    WithNothing,
    /// It ended holding a lock, as its operation wants it: a death that is to be told of.
    Holding,
}

/// What the onlooker answers, one line each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Ready,
    Tried(Tally),
    Sound,
}

/// Is attached while others stand still: a process that the program starts.
#[derive(Debug, clap::Args)]
pub(crate) struct LookOn {
    #[command(flatten)]
    part: Part,
}

impl LookOn {
    pub(crate) fn run(&self) -> Result<()> {
        let mut scenario = self.part.scenario()?;
        let handles = Handles::open(&scenario)?;
        // Its seat is leased and its blocks are in store: what follows needs nothing structural.
        if let Some(value) = scenario.fill.get("small") {
            handles.writer.set("small", value)?;
        }
        let recoveries = handles.writer.stat()?.recoveries;
        say(&Reply::Ready)?;
        let mut tally = None;
        loop {
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line)? == 0 {
                return Ok(());
            }
            match serde_json::from_str(&line)? {
                Word::Stands(standing) => {
                    give_up_in_time();
                    let seen = Trials::new(&scenario, &handles, &standing).run()?;
                    say(&Reply::Tried(seen.clone()))?;
                    tally = Some(seen);
                }
                Word::HasEnded(ending) => {
                    let tally = tally.take().ok_or("there was nothing to try")?;
                    scenario.locks = matches!(ending, Ending::Holding);
                    verify(&scenario, &handles.writer, &tally, recoveries)?;
                    return say(&Reply::Sound);
                }
            }
        }
    }
}

fn say(reply: &Reply) -> Result<()> {
    println!("{}", serde_json::to_string(reply)?);
    Ok(std::io::stdout().flush()?)
}

/// What must be true when the victim has gone on to its end.
fn verify(
    scenario: &Scenario,
    namespace: &Namespace,
    tally: &Tally,
    recoveries: u64,
) -> Result<()> {
    if !scenario.locks && namespace.stat()?.recoveries != recoveries {
        return Err("somebody was recovered from, although nobody had died".into());
    }
    // Nobody is in the way any more: what waited in vain before has all the time it needs.
    let namespace = scenario.builder().timeout(PATIENCE).open()?;
    let content = read_all(&namespace)?;
    if !possible_endings(scenario, tally).contains(&content) {
        let seen = content.get(target_of(scenario));
        return Err(format!("gone on from {tally:?}, it left another content: {seen:?}").into());
    }
    lock_it(scenario, &namespace)?;
    use_it(scenario, &namespace, &content)?;
    look_for_findings(&namespace, "found when the victim had gone on")
}

/// What may stand there in the end. Of two who store one variable the later one stays, and who
/// had not stored when it stood still comes later.
fn possible_endings(scenario: &Scenario, tally: &Tally) -> Vec<Content> {
    let after = scenario.after();
    if !tally.stored {
        return vec![after];
    }
    let target = target_of(scenario).to_owned();
    let mut changed = after.clone();
    match after.get(&target) {
        Some(Value::Counter(sum)) => {
            if let Some(value) = scenario.of_one_more.clone().filter(|_| !tally.happened) {
                changed.insert(target, value);
                return vec![changed];
            }
            changed.insert(target, Value::Counter(sum + 1));
            return vec![changed];
        }
        _ => changed.insert(target, stored_value()),
    };
    match scenario.effect {
        Effect::Sets(..) if scenario.is_conditional => vec![changed],
        Effect::Sets(..) | Effect::Deletes(_) if !tally.happened => vec![after],
        // It may find what it was to delete only now.
        Effect::Nothing if scenario.name == "delete-missing" => vec![after, changed],
        _ => vec![changed],
    }
}
