//! One order after the other.

use std::time::{Duration, Instant};

use mmf::{
    Builder, Condition, Error, Lifetime, LockGuard, LockOptions, Namespace, Summary, Value,
    list_namespaces, remove_namespace,
};
use mmf_processes::{
    Answer, Existence, Failure, Lock, Opening, Order, Random, Statistics, Until, make_payload,
    payload_is_whole,
};

use crate::process::was_signalled;
use crate::{contend, process, storm};

type Result<T> = std::result::Result<T, Error>;

/// What the actor has open and holds.
#[derive(Default)]
pub(crate) struct Stage {
    /// Given back before the namespaces close.
    guards: Vec<(String, LockGuard)>,
    namespaces: Vec<Namespace>,
    current: usize,
}

impl Stage {
    /// Does as told.
    pub(crate) fn perform(&mut self, order: &Order) -> Answer {
        let started = Instant::now();
        let answer = match order {
            Order::WriteFile(path, length) => plain(std::fs::write(path, vec![0; *length])),
            Order::RemoveFile(path) => plain(std::fs::remove_file(path)),
            Order::Fork(path) => process::fork(path).unwrap_or_else(|error| broken(&error)),
            Order::ForkAs(child, path) => {
                process::fork_as(*child, path).unwrap_or_else(|error| broken(&error))
            }
            Order::CloseDescriptors => plain(process::close_descriptors()),
            Order::Exec => broken(&process::become_another()),
            Order::BecomeUser(user) => plain(process::become_user(*user)),
            Order::HandleSignal => plain(process::handle_signal()),
            Order::Open(opening) => answer(self.open(opening)),
            Order::Use(index) => {
                self.current = *index;
                Answer::Done
            }
            Order::Close => {
                self.guards.clear();
                self.namespaces.clear();
                Answer::Done
            }
            Order::Remove(name, force) => answer(remove_namespace(name, *force).map(done)),
            Order::Namespaces => answer(
                list_namespaces()
                    .map(|summaries| Answer::Names(summaries.iter().map(summary_line).collect())),
            ),
            Order::Lock(lock) => answer(self.lock(lock)),
            Order::Unlock(key) => answer(self.unlock(key)),
            order => answer(self.namespaces.get(self.current).map_or_else(
                || Ok(Answer::Names(vec!["no namespace is open".to_owned()])),
                |namespace| perform_in(namespace, order),
            )),
        };
        match answer {
            Answer::Failed(failure) => {
                let after = started.elapsed().as_millis() as u64;
                Answer::Failed(Failure { after, ..failure })
            }
            answer => answer,
        }
    }

    fn open(&mut self, opening: &Opening) -> Result<Answer> {
        let namespace = match opening.existence {
            Existence::Required => builder(opening).open(),
            Existence::Forbidden => builder(opening).create(),
            Existence::Optional => builder(opening).open_or_create(),
        }?;
        let id = namespace.id();
        self.current = self.namespaces.len();
        self.namespaces.push(namespace);
        Ok(Answer::Opened(format!("{id:032x}")))
    }

    fn lock(&mut self, lock: &Lock) -> Result<Answer> {
        let options = if lock.shared { LockOptions::shared() } else { LockOptions::exclusive() };
        let options =
            options.timeout(Duration::from_millis(lock.timeout)).interrupted_by(was_signalled);
        was_signalled();
        let namespace = &self.namespaces[self.current];
        let guard = match &lock.variable {
            Some(name) => namespace.lock_variable(name, &options),
            None => namespace.lock(&options),
        }?;
        let died = guard.previous_owner_died();
        self.guards.push((lock.key.clone(), guard));
        Ok(Answer::Truth(died))
    }

    fn unlock(&mut self, key: &str) -> Result<Answer> {
        let index = self.guards.iter().rposition(|(held, _)| held == key);
        let (_, guard) = self.guards.remove(index.expect("a guard with this key"));
        guard.unlock().map(done)
    }
}

fn builder(opening: &Opening) -> Builder {
    let lifetime =
        if opening.while_attached { Lifetime::WhileAttached } else { Lifetime::UntilRemoved };
    let builder = Namespace::builder(&opening.name)
        .capacity(opening.capacity)
        .mode(opening.mode)
        .lifetime(lifetime)
        .autolock(opening.autolock)
        .timeout(Duration::from_millis(opening.timeout))
        .read_only(opening.read_only)
        .trust_owner(opening.trust_owner);
    match &opening.swapfile {
        Some(path) => builder.swapfile(path),
        None => builder,
    }
}

fn perform_in(namespace: &Namespace, order: &Order) -> Result<Answer> {
    let number = |version: u64| Answer::Number(version as i64);
    match order {
        Order::Set(name, value) => namespace.set(name, &Value::from(value.clone())).map(number),
        Order::SetPayload(name, length) => {
            let payload = make_payload(name, *length, &mut Random::new(*length as u64));
            namespace.set(name, &payload).map(number)
        }
        Order::Get(name) => {
            namespace.get::<Value>(name).map(|value| Answer::Found(value.map(Into::into)))
        }
        Order::GetPayload(name) => get_payload(namespace, name).map(Answer::Whole),
        Order::Verify { names, rounds } => verify(namespace, *names, *rounds),
        Order::Delete(name) => namespace.delete(name).map(Answer::Truth),
        Order::Add(name, amount) => namespace.add(name, *amount).map(Answer::Number),
        Order::Count(name, times) => {
            let mut sum = 0;
            for _ in 0..*times {
                sum = namespace.add(name, 1)?;
            }
            Ok(Answer::Number(sum))
        }
        Order::Contend(contender) => contend::contend(namespace, contender),
        Order::StayInside(name, told) => contend::stay_inside(namespace, name, told),
        Order::Metadata(name) => namespace.metadata(name).map(|metadata| {
            metadata.map_or(Answer::Found(None), |seen| {
                Answer::Metadata(seen.value_type.to_string(), seen.size, seen.process, seen.program)
            })
        }),
        Order::List(prefix) => {
            let mut names = namespace.list(prefix).collect::<Result<Vec<_>>>()?;
            names.sort();
            Ok(Answer::Names(names))
        }
        Order::Resize(capacity) => namespace.resize(*capacity).map(done),
        Order::Check => namespace.check().map(|findings| {
            Answer::Names(findings.iter().map(|finding| format!("{finding:?}")).collect())
        }),
        Order::Stat => statistics(namespace),
        Order::Storm(storm) => storm::rage(namespace, storm).map(done),
        order => wait_in(namespace, order),
    }
}

fn wait_in(namespace: &Namespace, order: &Order) -> Result<Answer> {
    let equals = |number: i64| Condition::Equals(Value::I64(number));
    let patience = Duration::from_secs(20);
    match order {
        Order::Wait(wanted, timeout) => wait(namespace, wanted, *timeout, false),
        Order::WaitInterruptibly(wanted, timeout) => wait(namespace, wanted, *timeout, true),
        Order::Serve(ping, pong, rounds) => {
            for round in 0..*rounds {
                namespace.set(ping, &round)?;
                namespace.wait(pong, &equals(round), patience)?;
            }
            Ok(Answer::Done)
        }
        Order::Echo(pong, ping, rounds) => {
            for round in 0..*rounds {
                namespace.wait(ping, &equals(round), patience)?;
                namespace.set(pong, &round)?;
            }
            Ok(Answer::Done)
        }
        other => panic!("{other:?} is no order for a namespace"),
    }
}

fn wait(
    namespace: &Namespace,
    wanted: &[(String, Until)],
    timeout: u64,
    interruptible: bool,
) -> Result<Answer> {
    let conditions: Vec<Condition> = wanted.iter().map(|(_, until)| condition(until)).collect();
    let names = wanted.iter().map(|(name, _)| name.as_str());
    let wanted: Vec<(&str, &Condition)> = names.zip(&conditions).collect();
    let timeout = Duration::from_millis(timeout);
    let outcome = match wanted.as_slice() {
        _ if interruptible => {
            was_signalled();
            namespace.wait_interruptibly(&wanted, timeout, was_signalled)
        }
        [(name, condition)] => namespace.wait(name, condition, timeout),
        _ => namespace.wait_any(&wanted, timeout),
    }?;
    Ok(Answer::Woken(outcome.index, outcome.version))
}

fn condition(until: &Until) -> Condition {
    match until {
        Until::ChangedSince(version) => Condition::ChangedSince(*version),
        Until::Exists => Condition::Exists,
        Until::Gone => Condition::Gone,
        Until::Equals(value) => Condition::Equals(value.clone().into()),
    }
}

fn get_payload(namespace: &Namespace, name: &str) -> Result<Option<usize>> {
    let value = namespace.get::<Vec<u8>>(name)?;
    Ok(value.map(|value| {
        assert!(payload_is_whole(name, &value), "{name} was read torn, {} bytes", value.len());
        value.len()
    }))
}

fn verify(namespace: &Namespace, names: u64, rounds: u64) -> Result<Answer> {
    let mut seen = 0;
    for _ in 0..rounds {
        for number in 0..names {
            seen += i64::from(get_payload(namespace, &format!("v{number}"))?.is_some());
        }
    }
    Ok(Answer::Number(seen))
}

fn statistics(namespace: &Namespace) -> Result<Answer> {
    let seen = namespace.stat()?;
    let members = |alive: bool| {
        let members = seen.members.iter().filter(|member| member.alive == alive);
        members.map(|member| member.process).collect()
    };
    Ok(Answer::Statistics(Statistics {
        capacity: seen.capacity,
        variables: seen.variables,
        alive: members(true),
        dead: members(false),
        holders: seen.locks.iter().map(|lock| lock.process).collect(),
        recoveries: seen.recoveries,
    }))
}

fn summary_line(summary: &Summary) -> String {
    let left_over = if summary.left_over { ", left over" } else { "" };
    let problem = summary.problem.as_deref().unwrap_or_default();
    format!("{}: {}{left_over}{problem}", summary.name, summary.attached)
}

fn done((): ()) -> Answer {
    Answer::Done
}

fn answer(result: Result<Answer>) -> Answer {
    result.unwrap_or_else(|error| {
        Answer::Failed(Failure {
            kind: format!("{:?}", error.kind()),
            text: error.to_string(),
            holder: error.holder().map(|holder| holder.pid),
            after: 0,
        })
    })
}

fn plain(result: std::io::Result<()>) -> Answer {
    result.map_or_else(|error| broken(&error), done)
}

/// The operating system, not the library, refused.
fn broken(error: &std::io::Error) -> Answer {
    let (kind, text) = (format!("{:?}", error.kind()), error.to_string());
    Answer::Failed(Failure { kind, text, holder: None, after: 0 })
}
