//! The peers that are Rust libraries. One system and one row a call; the contract is in the
//! documentation of mmf-bench-peers.

mod blackboard;
mod lmdb;
mod mmap_sync;
mod redis;

use std::process::ExitCode;

use mmf_bench::Result;
use mmf_bench::workloads::{HOT_LENGTH, MANY_LENGTH};
use mmf_bench_peers::contract::{Call, Row};
use mmf_bench_peers::program::{LARGE_LENGTH, run};

/// Values of the blackboard and of mmap-sync pass over the stack, the large ones several times.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let work = move || Call::parse(&arguments).and_then(|call| measure(&call));
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(work);
    let outcome = match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err("the measuring thread panicked".into()),
        Err(error) => Err(format!("starting a thread: {error}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(call: &Call) -> Result<()> {
    match (call.system.as_str(), call.row) {
        ("lmdb", _) => run::<lmdb::Lmdb>(call),
        ("iceoryx2", Row::Random) => run::<blackboard::Blackboard<MANY_LENGTH>>(call),
        ("iceoryx2", Row::Large) => run::<blackboard::Blackboard<LARGE_LENGTH>>(call),
        ("iceoryx2", _) => run::<blackboard::Blackboard<HOT_LENGTH>>(call),
        ("mmap-sync", _) => run::<mmap_sync::Synchronised>(call),
        ("redis", _) => run::<redis::Redis>(call),
        (other, _) => Err(format!("no system is called {other}").into()),
    }
}
