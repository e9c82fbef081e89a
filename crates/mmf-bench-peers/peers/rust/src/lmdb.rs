//! LMDB: one database, without waiting for the disk, written in place.
#![allow(unsafe_code, reason = "opening LMDB is unsafe: nobody else may change its file")]

use std::ops::Range;

use heed::types::Bytes;
use heed::{Database, Env, EnvFlags, EnvOpenOptions, RoTxn, WithoutTls};
use mmf_bench::Result;
use mmf_bench::names::Name;
use mmf_bench::system::{Kept, System};
use mmf_bench::values::{fill, stamp};
use mmf_bench::workloads::MANY_LENGTH;
use mmf_bench_peers::contract::Call;
use mmf_bench_peers::program::{Capacity, Peer, Way, cannot};

/// Most that the database may grow to.
const MAP_BYTES: usize = 16 << 30;

pub struct Lmdb {
    environment: Env<WithoutTls>,
    database: Database<Bytes, Bytes>,
    file: std::path::PathBuf,
}

impl System for Lmdb {
    #[inline]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        let transaction = self.environment.read_txn()?;
        copy(self.database.get(&transaction, name.as_bytes())?, buffer)
    }

    #[inline]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        let mut transaction = self.environment.write_txn()?;
        self.database.put(&mut transaction, name.as_bytes(), value)?;
        Ok(transaction.commit()?)
    }
}

fn copy(value: Option<&[u8]>, buffer: &mut Vec<u8>) -> Result<bool> {
    buffer.clear();
    buffer.extend_from_slice(value.unwrap_or_default());
    Ok(value.is_some())
}

/// A transaction that stays open.
pub struct Long<'a> {
    transaction: RoTxn<'a, WithoutTls>,
    database: Database<Bytes, Bytes>,
    name: Vec<u8>,
}

impl Kept for Long<'_> {
    #[inline]
    fn get(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        copy(self.database.get(&self.transaction, std::hint::black_box(&self.name))?, buffer)
    }

    fn set(&mut self, _value: &[u8]) -> Result<()> {
        Err(cannot("a transaction that stays open only reads"))
    }
}

impl Peer for Lmdb {
    type Variable<'a> = Long<'a>;

    const WAY: Way = Way::Snapshot;

    fn create(call: &Call, _capacity: Capacity) -> Result<Self> {
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(MAP_BYTES);
        let flags = EnvFlags::NO_SYNC | EnvFlags::WRITE_MAP | EnvFlags::MAP_ASYNC;
        // SAFETY: obligation: what these flags give up, durability after a crash of the system and
        // the file's safety from stray stores, is not needed. Nothing here is.
        unsafe { options.flags(flags) };
        // SAFETY: obligation: nobody changes or shortens the file but through LMDB, and one process
        // opens it once at a time. The directory is the bench's own.
        let environment = unsafe { options.open(&call.directory) }?;
        let mut transaction = environment.write_txn()?;
        let database = environment.create_database(&mut transaction, None)?;
        transaction.commit()?;
        Ok(Self { environment, database, file: call.directory.join("data.mdb") })
    }

    fn attach(call: &Call, capacity: Capacity) -> Result<Self> {
        Self::create(call, capacity)
    }

    fn kept(&mut self, name: &str) -> Result<Option<(&'static str, Long<'_>)>> {
        let transaction = self.environment.read_txn()?;
        let long = Long { transaction, database: self.database, name: name.as_bytes().to_vec() };
        Ok(Some(("one long transaction", long)))
    }

    fn set_many(&mut self, range: Range<u64>) -> Result<()> {
        let mut transaction = self.environment.write_txn()?;
        let mut value = [0; MANY_LENGTH];
        for index in range {
            fill(&mut value, stamp(index, 0));
            self.database.put(&mut transaction, Name::of(index).as_bytes(), &value)?;
        }
        Ok(transaction.commit()?)
    }

    fn add(&mut self, name: &str) -> Result<()> {
        let mut transaction = self.environment.write_txn()?;
        let sum = number(self.database.get(&transaction, name.as_bytes())?)? + 1;
        self.database.put(&mut transaction, name.as_bytes(), &sum.to_le_bytes())?;
        Ok(transaction.commit()?)
    }

    fn total(&mut self, name: &str) -> Result<u64> {
        let transaction = self.environment.read_txn()?;
        number(self.database.get(&transaction, name.as_bytes())?)
    }

    fn bytes_used(&mut self) -> Result<u64> {
        use std::os::unix::fs::MetadataExt;
        Ok(std::fs::metadata(&self.file)?.blocks() * 512)
    }
}

fn number(value: Option<&[u8]>) -> Result<u64> {
    match value {
        None => Ok(0),
        Some(bytes) => Ok(u64::from_le_bytes(bytes.try_into()?)),
    }
}
