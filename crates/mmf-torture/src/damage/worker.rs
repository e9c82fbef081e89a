//! A process that meets damaged files, one after another, until it is told to end or dies.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use nix::sys::resource::{Resource, setrlimit};

use super::live;
use super::mutation::{Map, mutate};
use super::shape::{self, Shape};
use super::tally::{Tally, report};
use super::trial::{self, NAME, SWAPFILE};
use crate::Result;

/// Extension of kept files that are known by a path.
const SWAPFILE_EXTENSION: &str = "swapfile";

/// Does what its parent asks for, line by line.
#[derive(Debug, clap::Args)]
pub(crate) struct Worker {
    /// Where the files stand; a copy of each damaged one is kept beside it.
    place: PathBuf,
    /// Most bytes of private memory, in MiB; 0 is without a limit.
    memory: u64,
}

impl Worker {
    /// Answers each line with one that tells what the operations came to.
    pub(crate) fn run(&self) -> Result<()> {
        if self.memory > 0 {
            let bytes = self.memory << 20;
            setrlimit(Resource::RLIMIT_DATA, bytes, bytes)?;
        }
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        let shapes = shape::all(&self.place)?;
        report(&Tally::default())?;
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let mut tally = Tally::default();
            self.answer(&line, &shapes, &mut tally)?;
            report(&tally)?;
        }
        Ok(())
    }

    fn answer(&self, line: &str, shapes: &[Shape], tally: &mut Tally) -> Result<()> {
        let (kind, argument) = line.split_once(' ').ok_or("a line of two words is missing")?;
        if kind == "replay" {
            return self.replay(tally, shapes, Path::new(argument));
        }
        let seed = argument.parse()?;
        let shape = &shapes[Rng::with_seed(seed).usize(..shapes.len())];
        match kind {
            "file" => self.meet(tally, shape, seed),
            "prepare" => Ok(std::fs::write(self.file(shape.is_swapfile), &shape.content)?),
            "attack" => live::attack(&self.file(shape.is_swapfile), shape, seed),
            "work" => {
                // Each of them does something else.
                let own = seed.wrapping_mul(1000) + u64::from(std::process::id() % 1000);
                trial::at_work(tally, &self.place, shape, own)
            }
            "clean" => trial::clean(&self.place),
            other => Err(format!("a worker cannot {other}").into()),
        }
    }

    /// Makes the damaged file of this seed and meets it.
    fn meet(&self, tally: &mut Tally, shape: &Shape, seed: u64) -> Result<()> {
        let mut content = shape.content.clone();
        mutate(&mut Rng::with_seed(seed), &Map::of(&shape.content), &mut content);
        // Namespaces have random identities and hashes: the seed alone does not make it again.
        let kept = kept(&self.place, shape.is_swapfile);
        std::fs::write(&kept, &content)?;
        std::fs::write(self.file(shape.is_swapfile), &content)?;
        trial::whole(tally, &self.place, shape, seed)?;
        Ok(std::fs::remove_file(kept)?)
    }

    /// Meets a file that an earlier run has kept.
    fn replay(&self, tally: &mut Tally, shapes: &[Shape], path: &Path) -> Result<()> {
        let is_swapfile = path.extension().is_some_and(|end| end == SWAPFILE_EXTENSION);
        let shape = shapes.iter().find(|shape| shape.is_swapfile == is_swapfile);
        let shape = shape.ok_or("there is no shape of this kind")?;
        std::fs::copy(path, self.file(is_swapfile))?;
        trial::whole(tally, &self.place, shape, 0)
    }

    fn file(&self, is_swapfile: bool) -> PathBuf {
        self.place.join(if is_swapfile { SWAPFILE } else { NAME })
    }
}

/// Where the damaged file under trial is kept, beside the directory `place`.
pub(super) fn kept(place: &Path, is_swapfile: bool) -> PathBuf {
    place.with_extension(if is_swapfile { SWAPFILE_EXTENSION } else { "memory" })
}
