//! mmap-sync: one value, one writer, any number of readers.
#![allow(
    unsafe_code,
    reason = "reading is unsafe there: a guard must not outlive its grace period"
)]

use std::time::Duration;

use mmap_sync::synchronizer::Synchronizer;
use mmf_bench::Result;
use mmf_bench::system::System;
use mmf_bench_peers::contract::{Call, Role, Row};
use mmf_bench_peers::program::{Capacity, NoVariable, Peer, cannot};

/// How long a writer waits for a reader before it takes it for dead.
const GRACE: Duration = Duration::from_secs(1);

/// Two of them: one for each way of a round trip, each with its own writer.
pub struct Synchronised {
    own: Synchronizer,
    other: Synchronizer,
    /// What is set; the library serialises a whole vector.
    value: Vec<u8>,
}

impl Synchronised {
    fn at(call: &Call) -> Result<Self> {
        if matches!(call.row, Row::Random | Row::Counter) {
            return Err(cannot("it holds one variable that one process may set"));
        }
        let open = |name: &str| Synchronizer::new(call.directory.join(name).as_os_str());
        let (own, other) = match call.role {
            Role::First => ("there", "back"),
            Role::Second => ("back", "there"),
        };
        Ok(Self { own: open(own), other: open(other), value: Vec::new() })
    }

    /// The first process reads its own value, but waits for the other's.
    fn read(from: &mut Synchronizer, buffer: &mut Vec<u8>) -> Result<bool> {
        // SAFETY: obligation: the guard is dropped within the grace period, and the bytes are an
        // archive of a vector. It is dropped at the end of this function, a copy later, and nobody
        // else writes in the bench's directory.
        let value = unsafe { from.read::<Vec<u8>>(false) }?;
        buffer.clear();
        buffer.extend_from_slice(value.as_slice());
        Ok(true)
    }
}

impl System for Synchronised {
    fn get(&mut self, _name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        Self::read(&mut self.own, buffer)
    }

    fn set(&mut self, _name: &str, value: &[u8]) -> Result<()> {
        self.value.clear();
        self.value.extend_from_slice(value);
        self.own.write(&self.value, GRACE)?;
        Ok(())
    }
}

impl Peer for Synchronised {
    type Variable<'a> = NoVariable;

    fn create(call: &Call, _capacity: Capacity) -> Result<Self> {
        let mut made = Self::at(call)?;
        // Whoever reads before the first write gets an error.
        made.own.write(&vec![0_u8; 16], GRACE)?;
        Ok(made)
    }

    fn attach(call: &Call, _capacity: Capacity) -> Result<Self> {
        let mut attached = Self::at(call)?;
        if call.row == Row::RoundTrip {
            attached.own.write(&vec![0_u8; 16], GRACE)?;
        } else {
            std::mem::swap(&mut attached.own, &mut attached.other);
        }
        Ok(attached)
    }

    fn kept(&mut self, _name: &str) -> Result<Option<(&'static str, NoVariable)>> {
        Ok(None)
    }

    fn send(&mut self, way: usize, number: u64) -> Result<()> {
        // The other way is the other process's.
        if way == 1 && number == 0 {
            return Ok(());
        }
        self.own.write(&number.to_le_bytes().to_vec(), GRACE)?;
        Ok(())
    }

    fn receive(&mut self, _way: usize, last: u64) -> Result<u64> {
        let mut buffer = Vec::new();
        mmf_bench_peers::program::poll(|| {
            Self::read(&mut self.other, &mut buffer)?;
            let number = buffer.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            Ok((number != last).then_some(number))
        })
    }

    fn bytes_used(&mut self) -> Result<u64> {
        Err(cannot("it holds one variable"))
    }
}
