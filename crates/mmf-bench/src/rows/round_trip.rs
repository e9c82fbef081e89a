//! Two processes that answer each other: each sets one variable and waits for the other's.

use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use mmf::{Condition, Namespace, Variable};

use super::Piece;
use crate::Result;
use crate::companion::{Companion, Done, Turn};
use crate::floors::futex::{Before, count, signal, wait};
use crate::floors::{Pages, SharedMemory};
use crate::measure::{Contender, interleave};
use crate::report::{Row, Target, Unit};
use crate::session::Session;

const NAMES: [&str; 2] = ["round trip, both awake", "round trip, both asleep"];
/// Where the words of the floor lie, each on lines of its own.
const QUESTION: usize = 0;
const ANSWER: usize = 256;
const LIMIT: Duration = Duration::from_secs(10);
/// Longer than anybody looks before he sleeps: by then the other sleeps.
const PAUSE: Duration = Duration::from_micros(200);

pub(super) const PIECE: Piece = Piece { names: |_| NAMES.map(str::to_owned).to_vec(), measure };

/// What either process does between an answer and the next question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nothing: the other is awake still.
    AtOnce,
    /// It stays awake until the other sleeps, and does not count that time.
    WhenAsleep,
}

impl Pace {
    /// The time that it stayed awake.
    #[inline]
    fn pause(self) -> Duration {
        if self == Self::AtOnce {
            return Duration::ZERO;
        }
        let begin = Instant::now();
        while begin.elapsed() < PAUSE {
            std::hint::spin_loop();
        }
        begin.elapsed()
    }

    pub(crate) fn parse(word: &str) -> Result<Self> {
        match word {
            "at-once" => Ok(Self::AtOnce),
            "when-asleep" => Ok(Self::WhenAsleep),
            other => Err(format!("there is no pace `{other}`").into()),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::AtOnce => "at-once",
            Self::WhenAsleep => "when-asleep",
        }
    }

    fn before(self) -> Before {
        if self == Self::AtOnce { Before::SpinningFirst } else { Before::Sleeping }
    }
}

fn measure(session: &Session) -> Result<Vec<Row>> {
    let awake = paced(session, NAMES[0], Pace::AtOnce)?.aiming(Target::absolute(0.5));
    let asleep = paced(session, NAMES[1], Pace::WhenAsleep)?.aiming(Target::times_floor(1.1));
    Ok(vec![awake, asleep])
}

fn paced(session: &Session, name: &str, pace: Pace) -> Result<Row> {
    let path = session.new_path("words");
    let memory = SharedMemory::create(&path, 4096, Pages::Present)?;
    let path = path.to_str().ok_or("a path that is no text")?;
    let namespace = session.namespace(2)?;
    let mut raw = session.companion("echo-raw", &[path, pace.word()])?;
    let mut other = session.companion("echo", &[namespace.name(), pace.word()])?;
    let (slept, waited) = (Cell::new(0), Cell::new(0));
    let floor =
        |operations| trips(&mut raw, operations, &mut RawVoice::of_first(&memory, pace), pace);
    let subject = |operations| {
        let before = sleeps()?;
        let took = trips(&mut other, operations, &mut Voice::of_first(&namespace)?, pace)?;
        slept.set(slept.get() + sleeps()? - before);
        waited.set(waited.get() + operations);
        Ok(took)
    };
    let contenders = &mut [Contender::new("bare futex", floor), Contender::new("mmf", subject)];
    let samples = interleave(&session.effort(), contenders)?;
    let share = slept.get() as f64 / waited.get() as f64;
    let row = Row::of_samples(name, Unit::Microseconds, 0, &samples);
    Ok(row.noting(format!("{share:.2} sleeps a wait")))
}

/// The time of so many round trips. The companion counts its answers, and says how long it stayed
/// awake on purpose.
fn trips(
    companion: &mut Companion,
    operations: u64,
    voice: &mut impl Speak,
    pace: Pace,
) -> Result<Duration> {
    let (own, other) = companion.turn(operations, |_| {
        let mut paused = Duration::ZERO;
        let begin = Instant::now();
        for _ in 0..operations {
            paused += pace.pause();
            voice.say()?;
            voice.hear()?;
        }
        let time = begin.elapsed().saturating_sub(paused);
        Ok(Done { operations, nanoseconds: time.as_nanos() as u64, extra: 0 })
    })?;
    if other.operations != operations {
        return Err(format!("{} of {operations} questions were answered", other.operations).into());
    }
    Ok(Duration::from_nanos(own.nanoseconds.saturating_sub(other.extra)))
}

/// How often this process has gone to sleep in the kernel so far.
fn sleeps() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    let count = line.ok_or("the kernel does not count sleeps")?.trim();
    Ok(count.parse()?)
}

/// One end of the conversation.
pub(crate) trait Speak {
    /// Says something new.
    fn say(&mut self) -> Result<()>;
    /// Waits until the other has said something new, once.
    fn hear(&mut self) -> Result<()>;
}

/// Answers as many questions as the turn's argument says, in the second process.
pub(crate) fn serve_echo(turn: &Turn<'_>, voice: &mut impl Speak, pace: Pace) -> Result<Done> {
    let begin = Instant::now();
    let mut awake = Duration::ZERO;
    for _ in 0..turn.argument {
        voice.hear()?;
        awake += pace.pause();
        voice.say()?;
    }
    let nanoseconds = begin.elapsed().as_nanos() as u64;
    Ok(Done { operations: turn.argument, nanoseconds, extra: awake.as_nanos() as u64 })
}

/// An end that sets a variable and waits for another.
pub(crate) struct Voice {
    own: Variable,
    others: Variable,
    said: u64,
    heard: u64,
    version: u64,
}

impl Voice {
    fn of_first(namespace: &Namespace) -> Result<Self> {
        Self::new(namespace, "question", "answer")
    }

    pub(crate) fn of_second(namespace: &Namespace) -> Result<Self> {
        Self::new(namespace, "answer", "question")
    }

    fn new(namespace: &Namespace, own: &str, others: &str) -> Result<Self> {
        let (own, others) = (namespace.variable(own)?, namespace.variable(others)?);
        let said = own.get::<u64>()?.unwrap_or(0);
        let heard = others.get::<u64>()?.unwrap_or(0);
        let version = others.version()?.unwrap_or(0);
        Ok(Self { own, others, said, heard, version })
    }
}

impl Speak for Voice {
    #[inline]
    fn say(&mut self) -> Result<()> {
        self.said += 1;
        self.own.set(&self.said)?;
        Ok(())
    }

    #[inline]
    fn hear(&mut self) -> Result<()> {
        let outcome = self.others.wait(&Condition::ChangedSince(self.version), LIMIT)?;
        self.version = outcome.version;
        self.heard += 1;
        match self.others.get::<u64>()? {
            Some(count) if count == self.heard => Ok(()),
            count => Err(format!("heard {count:?} instead of {}", self.heard).into()),
        }
    }
}

/// An end that uses bare words.
pub(crate) struct RawVoice<'a> {
    own: &'a AtomicU32,
    others: &'a AtomicU32,
    said: u32,
    heard: u32,
    before: Before,
}

impl<'a> RawVoice<'a> {
    fn of_first(memory: &'a SharedMemory, pace: Pace) -> Self {
        Self::new(memory.half_word(QUESTION), memory.half_word(ANSWER), pace)
    }

    pub(crate) fn of_second(memory: &'a SharedMemory, pace: Pace) -> Self {
        Self::new(memory.half_word(ANSWER), memory.half_word(QUESTION), pace)
    }

    fn new(own: &'a AtomicU32, others: &'a AtomicU32, pace: Pace) -> Self {
        Self { own, others, said: count(own), heard: count(others), before: pace.before() }
    }
}

impl Speak for RawVoice<'_> {
    #[inline]
    fn say(&mut self) -> Result<()> {
        self.said += 1;
        signal(self.own, self.said);
        Ok(())
    }

    #[inline]
    fn hear(&mut self) -> Result<()> {
        self.heard += 1;
        wait(self.others, self.heard, self.before)
    }
}
