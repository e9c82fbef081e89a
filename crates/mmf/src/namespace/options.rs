//! The same options from a configuration file.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::builder::{Builder, Lifetime};
use super::handle::Namespace;

/// Names that a configuration may use, in any letter case.
const KNOWN: &[&str] = &[
    "namespace",
    "size",
    "swapfile",
    "reuse",
    "autolock",
    "timeout",
    "debug",
    "mode",
    "lifetime",
    "read_only",
    "wake_always",
    "trust_owner",
];

/// Options as a configuration file gives them, by the names of Win32::MMF's manual in any letter
/// case: `namespace`, `size` (bytes), `swapfile`, `reuse`, `autolock`, `timeout` (seconds, 0 for
/// ever), `debug`; and `mode`, `lifetime` (`until-removed`, `while-attached`), `read_only`,
/// `wake_always`, `trust_owner`. An unknown name is an error that lists the known ones.
///
/// ```
/// let options: mmf::Options =
///     serde_json::from_str(r#"{"Namespace": "shop", "SIZE": 65536, "timeout": 2.5}"#)?;
/// let builder = options.builder();
/// # drop(builder);
/// assert!(serde_json::from_str::<mmf::Options>(r#"{"colour": 1}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Name of the namespace; `shareable` when absent, as in the original.
    pub namespace: Option<String>,
    /// Capacity in bytes.
    pub size: Option<u64>,
    /// Path of the swapfile.
    pub swapfile: Option<PathBuf>,
    /// Open only what exists.
    pub reuse: bool,
    /// Whether gets and sets respect locks.
    pub autolock: Option<bool>,
    /// Seconds that operations wait; 0 is for ever.
    pub timeout: Option<f64>,
    /// Whether the program wants debugging events; the library itself always offers them
    /// through `tracing`.
    pub debug: bool,
    /// Permission bits of the file.
    pub mode: Option<u32>,
    /// How long the namespace lives.
    pub lifetime: Option<Lifetime>,
    /// Open for reading only.
    pub read_only: bool,
    /// Every set wakes sleepers.
    pub wake_always: bool,
    /// Open a `Global\` namespace of another user.
    pub trust_owner: bool,
}

impl Options {
    /// A builder with these options.
    pub fn builder(&self) -> Builder {
        let mut builder = Namespace::builder(self.namespace.as_deref().unwrap_or("shareable"))
            .read_only(self.read_only)
            .wake_always(self.wake_always)
            .trust_owner(self.trust_owner);
        if let Some(size) = self.size {
            builder = builder.capacity(size);
        }
        if let Some(swapfile) = &self.swapfile {
            builder = builder.swapfile(swapfile);
        }
        if let Some(autolock) = self.autolock {
            builder = builder.autolock(autolock);
        }
        if let Some(seconds) = self.timeout {
            builder = builder.timeout(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        }
        if let Some(mode) = self.mode {
            builder = builder.mode(mode);
        }
        if let Some(lifetime) = self.lifetime {
            builder = builder.lifetime(lifetime);
        }
        builder
    }

    /// Opens the namespace: only what exists with `reuse`, else made when missing.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`] and [`Builder::open_or_create`].
    pub fn open(&self) -> crate::error::Result<Namespace> {
        if self.reuse { self.builder().open() } else { self.builder().open_or_create() }
    }

    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name.trim_start_matches('-').to_ascii_lowercase().as_str() {
            "namespace" => self.namespace = Some(map.next_value()?),
            "size" => self.size = Some(map.next_value()?),
            "swapfile" => self.swapfile = map.next_value()?,
            "reuse" => self.reuse = map.next_value::<Flag>()?.0,
            "autolock" => self.autolock = Some(map.next_value::<Flag>()?.0),
            "timeout" => self.timeout = Some(checked_seconds::<A>(map.next_value()?)?),
            "debug" => self.debug = map.next_value::<Flag>()?.0,
            "mode" => self.mode = Some(map.next_value()?),
            "lifetime" => {
                self.lifetime = Some(match map.next_value::<String>()?.as_str() {
                    "until-removed" => Lifetime::UntilRemoved,
                    "while-attached" => Lifetime::WhileAttached,
                    other => {
                        return Err(A::Error::unknown_variant(
                            other,
                            &["until-removed", "while-attached"],
                        ));
                    }
                });
            }
            "read_only" => self.read_only = map.next_value::<Flag>()?.0,
            "wake_always" => self.wake_always = map.next_value::<Flag>()?.0,
            "trust_owner" => self.trust_owner = map.next_value::<Flag>()?.0,
            _ => {
                return Err(A::Error::custom(format!(
                    "Unknown parameter '{name}', must be [{}]",
                    KNOWN.join("|")
                )));
            }
        }
        Ok(())
    }
}

fn checked_seconds<'de, A: MapAccess<'de>>(seconds: f64) -> Result<f64, A::Error> {
    if Duration::try_from_secs_f64(seconds).is_ok() {
        return Ok(seconds);
    }
    Err(A::Error::custom(format!("a timeout of {seconds} seconds is impossible")))
}

/// A yes or no, written as a boolean or, as the original's users do, as a number.
struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Bool(bool),
            Number(i64),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Bool(flag) => flag,
            Either::Number(number) => number != 0,
        }))
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OptionsVisitor;

        impl<'de> Visitor<'de> for OptionsVisitor {
            type Value = Options;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(out, "a table of namespace options")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Options, A::Error> {
                let mut options = Options::default();
                while let Some(name) = map.next_key::<String>()? {
                    options.take(&name, &mut map)?;
                }
                Ok(options)
            }
        }

        deserializer.deserialize_map(OptionsVisitor)
    }
}
