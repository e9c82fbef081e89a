//! mmf itself.

use mmf::{Condition, Namespace, Variable};
use mmf_bench::Result;
use mmf_bench::names::Name;
use mmf_bench::system::{Kept, System};
use mmf_bench::values::{fill, stamp_of};
use mmf_bench::workloads::{HOT_INDEX, HOT_LENGTH};

use crate::contract::Call;
use crate::program::{Awaiting, Capacity, PATIENCE, Peer, WAYS};

/// The namespace; it lies in the directory of the call.
const NAME: &str = "peers";

/// A namespace, and the variables that a process is given handles to before it begins.
pub struct Subject {
    namespace: Namespace,
    counter: Variable,
    ways: [Variable; 2],
    /// The version of each that was read last; 0 before.
    versions: [u64; 2],
    buffer: Vec<u8>,
}

impl Subject {
    fn new(namespace: Namespace) -> Result<Self> {
        let counter = namespace.variable(Name::of(HOT_INDEX).as_str())?;
        let [there, back] = WAYS.map(|way| namespace.variable(Name::of(way).as_str()));
        let ways = [there?, back?];
        Ok(Self { namespace, counter, ways, versions: [0; 2], buffer: Vec::new() })
    }
}

impl System for Subject {
    #[inline]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        Ok(self.namespace.get_into(name, buffer)?.is_some())
    }

    #[inline]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.namespace.set(name, value)?;
        Ok(())
    }
}

/// A kept handle.
pub struct Handle(Variable);

impl Kept for Handle {
    #[inline]
    fn get(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        Ok(self.0.get_into(buffer)?.is_some())
    }

    #[inline]
    fn set(&mut self, value: &[u8]) -> Result<()> {
        self.0.set(value)?;
        Ok(())
    }
}

impl Peer for Subject {
    type Variable<'a> = Handle;

    const AWAITING: Awaiting = Awaiting::Waits;

    fn create(_call: &Call, capacity: Capacity) -> Result<Self> {
        // Names, records and spare blocks take less than 256 bytes beside each value; a value that is
        // replaced is there twice, and one of several pages waits for its reuse.
        let bytes = (64 << 20) + capacity.count * (256 + 4 * capacity.length as u64);
        Self::new(Namespace::builder(NAME).capacity(bytes).create()?)
    }

    fn attach(_call: &Call, _capacity: Capacity) -> Result<Self> {
        Self::new(Namespace::open(NAME)?)
    }

    fn kept(&mut self, name: &str) -> Result<Option<(&'static str, Handle)>> {
        Ok(Some(("kept handle", Handle(self.namespace.variable(name)?))))
    }

    fn add(&mut self, _name: &str) -> Result<()> {
        self.counter.add(1)?;
        Ok(())
    }

    fn total(&mut self, name: &str) -> Result<u64> {
        let total: Option<i64> = self.namespace.get(name)?;
        Ok(total.unwrap_or(0).try_into()?)
    }

    fn send(&mut self, way: usize, number: u64) -> Result<()> {
        let mut value = [0; HOT_LENGTH];
        fill(&mut value, number);
        self.ways[way].set(&value)?;
        Ok(())
    }

    fn receive(&mut self, way: usize, last: u64) -> Result<u64> {
        loop {
            let condition = Condition::ChangedSince(self.versions[way]);
            self.versions[way] = self.ways[way].wait(&condition, PATIENCE)?.version;
            let is_there = self.ways[way].get_into(&mut self.buffer)?.is_some();
            // The value may be a later one than that of the version: then it is no news next time.
            if is_there && stamp_of(&self.buffer) != last {
                return Ok(stamp_of(&self.buffer));
            }
        }
    }

    fn bytes_used(&mut self) -> Result<u64> {
        Ok(self.namespace.stat()?.committed)
    }
}
