//! What a program of a system is asked, and what it answers.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use mmf_bench::measure::Effort;
use mmf_bench::{Error, Result};
use serde::{Deserialize, Serialize};

/// A piece of work, done in one call of one or two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Row {
    /// One variable, again and again.
    Hot,
    /// Many variables without a pattern; the second process attaches and reads one.
    Random,
    /// One process sets a variable, another gets it.
    Pair,
    /// Values of 16 MiB.
    Large,
    /// Two processes wait for each other in turns.
    RoundTrip,
    /// Two processes count.
    Counter,
}

impl Row {
    /// Every row.
    pub const ALL: [Self; 6] =
        [Self::Hot, Self::Random, Self::Pair, Self::Large, Self::RoundTrip, Self::Counter];

    /// What it is called in an argument.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Random => "random",
            Self::Pair => "pair",
            Self::Large => "large",
            Self::RoundTrip => "round-trip",
            Self::Counter => "counter",
        }
    }

    /// When the second process runs.
    pub fn second(self) -> Second {
        match self {
            Self::Hot | Self::Large => Second::Never,
            Self::Random => Second::Afterwards,
            Self::Pair | Self::RoundTrip | Self::Counter => Second::Together,
        }
    }
}

/// When the second process of a row runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// There is none.
    Never,
    /// When the first has measured.
    Afterwards,
    /// At the same time as the first.
    Together,
}

/// Which process a program is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that creates.
    First,
    /// The one that attaches.
    Second,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
        }
    }
}

/// One call of a program.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which of the program's systems.
    pub system: String,
    /// What to do.
    pub row: Row,
    /// As which process.
    pub role: Role,
    /// Where files may lie.
    pub directory: PathBuf,
    /// Variables of [`Row::Random`].
    pub count: u64,
    /// How long one sample takes about.
    pub sample: Duration,
    /// How many are wanted.
    pub samples: usize,
    /// When a fill stops.
    pub fill: Duration,
}

impl Call {
    /// The arguments of the call.
    pub fn arguments(&self) -> Vec<String> {
        let pairs: [(&str, &dyn fmt::Display); 8] = [
            ("system", &self.system),
            ("row", &self.row.name()),
            ("role", &self.role.name()),
            ("directory", &self.directory.display()),
            ("count", &self.count),
            ("sample_seconds", &self.sample.as_secs_f64()),
            ("samples", &self.samples),
            ("fill_seconds", &self.fill.as_secs_f64()),
        ];
        pairs.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    /// Reads arguments.
    ///
    /// # Errors
    ///
    /// When one is missing or makes no sense; the text names it.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let value = |key: &str| {
            let pairs = arguments.iter().filter_map(|argument| argument.split_once('='));
            let mut found = pairs.filter(|(name, _)| *name == key).map(|(_, value)| value);
            found.next().ok_or_else(|| Error::from(format!("there is no argument {key}=")))
        };
        fn read<T: FromStr>(key: &str, text: &str) -> Result<T> {
            text.parse().map_err(|_| format!("{key}={text} makes no sense").into())
        }
        let seconds = |key| {
            let seconds: f64 = read(key, value(key)?)?;
            Duration::try_from_secs_f64(seconds)
                .map_err(|error| Error::from(format!("{key}={seconds}: {error}")))
        };
        let row = value("row")?;
        let role = value("role")?;
        Ok(Self {
            system: value("system")?.to_owned(),
            row: Row::ALL
                .into_iter()
                .find(|known| known.name() == row)
                .ok_or_else(|| format!("row={row} makes no sense"))?,
            role: [Role::First, Role::Second]
                .into_iter()
                .find(|known| known.name() == role)
                .ok_or_else(|| format!("role={role} makes no sense"))?,
            directory: value("directory")?.into(),
            count: read("count", value("count")?)?,
            sample: seconds("sample_seconds")?,
            samples: read("samples", value("samples")?)?,
            fill: seconds("fill_seconds")?,
        })
    }

    /// The same as an effort of the harness.
    pub fn effort(&self) -> Effort {
        Effort { repeats: self.samples, repeat_time: self.sample, ..Effort::FULL }
    }
}

/// What a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A get of one variable, nanoseconds.
    GetHot,
    /// A set of one variable, nanoseconds.
    SetHot,
    /// A get of many without a pattern, nanoseconds.
    GetRandom,
    /// A set of many without a pattern, nanoseconds.
    SetRandom,
    /// Sets a second beside a reader.
    Writer,
    /// Gets a second beside a writer.
    Reader,
    /// A set of 16 MiB, nanoseconds.
    LargeSet,
    /// A get of 16 MiB, nanoseconds.
    LargeGet,
    /// There and back between two processes, nanoseconds.
    RoundTrip,
    /// Adds a second, of one of two processes.
    Counter,
    /// Adds that one process has made.
    CounterAdds,
    /// What the counter came to.
    CounterTotal,
    /// Attaching to many variables and reading one, nanoseconds.
    Attach,
    /// Bytes for each of many variables.
    Memory,
}

/// What the samples count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds for one operation.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// Operations a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// How many there were.
    Count,
}

/// Samples of one measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// What they are about.
    pub measure: Measure,
    /// What they count.
    pub unit: Unit,
    /// One figure a sample.
    pub samples: Vec<f64>,
    /// Another way to the same, such as a kept handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Variables that there were, if it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Bytes of a value, if it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What a reader has to know, such as `polls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Figures {
    /// Samples that need no explanation.
    pub fn new(measure: Measure, unit: Unit, samples: Vec<f64>) -> Self {
        Self { measure, unit, samples, variant: None, count: None, size: None, note: None }
    }
}

/// One line of a program's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Line {
    /// It can begin.
    Ready {
        /// Always true.
        ready: bool,
    },
    /// It has measured.
    Done {
        /// Always true.
        done: bool,
    },
    /// The system has no such row.
    Cannot {
        /// Why.
        cannot: String,
    },
    /// A value was read that nobody wrote, or was lost.
    Wrong {
        /// What was read instead of what.
        wrong: String,
    },
    /// What was measured.
    Figures(Figures),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call {
            system: "mmf".to_owned(),
            row: Row::RoundTrip,
            role: Role::Second,
            directory: "/dev/shm/a b=c".into(),
            count: 1_000_000,
            sample: Duration::from_millis(40),
            samples: 7,
            fill: Duration::from_secs(20),
        }
    }

    #[test]
    fn a_call_survives_the_command_line() {
        assert_eq!(Call::parse(&call().arguments()).unwrap(), call());
    }

    #[test]
    fn a_bad_argument_is_named() {
        for (from, to, expected) in [
            ("row=round-trip", "row=cold", "row=cold"),
            ("count=1000000", "count=many", "count=many"),
            ("sample_seconds=0.04", "sample_seconds=-1", "sample_seconds=-1"),
            ("role=second", "other=second", "no argument role="),
        ] {
            let arguments = call().arguments().iter().map(|one| one.replace(from, to)).collect();
            let arguments: Vec<_> = arguments;
            let error = Call::parse(&arguments).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn lines_are_told_apart() {
        let figures = r#"{"measure":"get_hot","unit":"ns","samples":[1.5],"note":null}"#;
        let expected = Figures::new(Measure::GetHot, Unit::Nanoseconds, vec![1.5]);
        for (text, line) in [
            (r#"{"ready": true}"#, Line::Ready { ready: true }),
            (r#"{"done": true}"#, Line::Done { done: true }),
            (r#"{"cannot": "a"}"#, Line::Cannot { cannot: "a".to_owned() }),
            (r#"{"wrong": "b"}"#, Line::Wrong { wrong: "b".to_owned() }),
            (figures, Line::Figures(expected)),
        ] {
            assert_eq!(serde_json::from_str::<Line>(text).unwrap(), line);
        }
        assert!(serde_json::from_str::<Line>(r#"{"measure":"none","unit":"ns"}"#).is_err());
    }
}
