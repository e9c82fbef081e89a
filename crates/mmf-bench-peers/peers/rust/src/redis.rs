//! Redis over a Unix socket; the first process starts the server and stops it.

use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mmf_bench::names::Name;
use mmf_bench::system::System;
use mmf_bench::values::{fill, stamp};
use mmf_bench::workloads::MANY_LENGTH;
use mmf_bench::{Error, Result};
use mmf_bench_peers::contract::Call;
use mmf_bench_peers::program::{Awaiting, Capacity, NoVariable, Peer};
use redis::{Client, Commands, Connection};

/// How long the server may take to begin and to end.
const LIMIT: Duration = Duration::from_secs(20);
/// Names of the lists that messages go through.
const WAYS: [&str; 2] = ["there", "back"];

pub struct Redis {
    connection: Connection,
    server: Option<Server>,
}

/// Ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to keep: its directory goes as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Redis {
    fn connect(call: &Call) -> Result<Connection> {
        let address = format!("unix://{}", call.directory.join("socket").display());
        Ok(Client::open(address)?.get_connection()?)
    }

    fn memory(&mut self) -> Result<u64> {
        let text: String = redis::cmd("INFO").arg("memory").query(&mut self.connection)?;
        let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(line.ok_or("Redis does not say what it uses")?.trim().parse()?)
    }
}

impl System for Redis {
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        let value: Option<Vec<u8>> = self.connection.get(name)?;
        let is_there = value.is_some();
        *buffer = value.unwrap_or_default();
        Ok(is_there)
    }

    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        let () = self.connection.set(name, value)?;
        Ok(())
    }
}

impl Peer for Redis {
    type Variable<'a> = NoVariable;

    const AWAITING: Awaiting = Awaiting::Waits;

    fn create(call: &Call, _capacity: Capacity) -> Result<Self> {
        let mut command = Command::new("redis-server");
        command.current_dir(&call.directory).stdin(Stdio::null()).stdout(Stdio::null());
        command.args(["--port", "0", "--unixsocket", "socket", "--save", "", "--appendonly", "no"]);
        let server = command.spawn().map_err(|error| format!("starting redis-server: {error}"))?;
        let mut server = Server(server);
        let begin = Instant::now();
        let connection = loop {
            if let Ok(connection) = Self::connect(call) {
                break connection;
            }
            if let Some(status) = server.0.try_wait()? {
                return Err(format!("redis-server ended with {status}").into());
            }
            if begin.elapsed() > LIMIT {
                return Err(Error::from(format!("redis-server is not ready within {LIMIT:?}")));
            }
            // Looks again soon; nothing tells that a socket has come.
            std::thread::sleep(Duration::from_millis(1));
        };
        Ok(Self { connection, server: Some(server) })
    }

    fn attach(call: &Call, _capacity: Capacity) -> Result<Self> {
        Ok(Self { connection: Self::connect(call)?, server: None })
    }

    fn kept(&mut self, _name: &str) -> Result<Option<(&'static str, NoVariable)>> {
        Ok(None)
    }

    fn set_many(&mut self, range: Range<u64>) -> Result<()> {
        let mut commands = redis::pipe();
        for index in range {
            let mut value = [0; MANY_LENGTH];
            fill(&mut value, stamp(index, 0));
            commands.set(Name::of(index).as_str(), &value[..]).ignore();
        }
        let () = commands.query(&mut self.connection)?;
        Ok(())
    }

    fn add(&mut self, name: &str) -> Result<()> {
        let _: u64 = self.connection.incr(name, 1)?;
        Ok(())
    }

    fn total(&mut self, name: &str) -> Result<u64> {
        Ok(self.connection.get(name)?)
    }

    fn send(&mut self, way: usize, number: u64) -> Result<()> {
        let _: u64 = self.connection.rpush(WAYS[way], number)?;
        Ok(())
    }

    fn receive(&mut self, way: usize, _last: u64) -> Result<u64> {
        let message: Option<(String, u64)> = self.connection.blpop(WAYS[way], 10.0)?;
        Ok(message.ok_or("nothing has come within 10 s")?.1)
    }

    fn bytes_used(&mut self) -> Result<u64> {
        let server = self.server.as_ref().map(|server| server.0.id());
        match server {
            Some(_) => self.memory(),
            None => Err("only the first process asks the server".into()),
        }
    }
}
