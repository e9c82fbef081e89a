//! The test's end of an actor.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::protocol::{Answer, Datum, Failure, Lock, Opening, Order, Outcome, Statistics, Until};

/// Nothing in a test takes longer, or it hangs.
pub const LIMIT: Duration = Duration::from_secs(40);

/// Looks until a condition holds.
///
/// # Panics
///
/// When it does not within [`LIMIT`].
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// A process that does what it is told.
pub struct Actor {
    channel: BufReader<UnixStream>,
    /// The process that was started; none when another actor made it.
    child: Option<Child>,
    /// A handle on the actor's own process, whatever its number means by now.
    handle: OwnedFd,
    /// The process id as this process sees it.
    process: u32,
    /// The process id as the actor sees it.
    own_process: u32,
}

impl Actor {
    /// Starts an actor with a command that ends in one.
    pub fn start(mut command: Command) -> Self {
        let (ours, theirs) = UnixStream::pair().expect("a channel");
        let child = command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        // The command holds the other end of the channel, which would hide the actor's death.
        drop(command);
        let process = child.id();
        Self::meet(ours, Some(child), handle_on(process), process)
    }

    fn meet(channel: UnixStream, child: Option<Child>, handle: OwnedFd, process: u32) -> Self {
        channel.set_read_timeout(Some(LIMIT)).expect("a timeout");
        let channel = BufReader::new(channel);
        let mut actor = Self { channel, child, handle, process, own_process: 0 };
        match actor.answer() {
            Answer::Ready(own_process) => actor.own_process = own_process,
            other => panic!("an actor begins with {other:?}"),
        }
        actor
    }

    /// The same actor, which is not the process that was started but that one's only child.
    pub(crate) fn inside(mut self) -> Self {
        let parent = self.process.to_string();
        let processes = std::fs::read_dir("/proc").expect("/proc");
        let child = processes.flatten().find_map(|entry| {
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            let parent_of = stat_fields(process)?.get(1).cloned()?;
            (parent_of == parent).then_some(process)
        });
        self.process = child.expect("the process inside");
        self.handle = handle_on(self.process);
        self
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Its process id as it sees it itself.
    pub fn own_process(&self) -> u32 {
        self.own_process
    }

    /// Gives an order without waiting for the answer.
    pub fn tell(&mut self, order: &Order) {
        let mut line = serde_json::to_vec(order).expect("an order");
        line.push(b'\n');
        self.channel.get_mut().write_all(&line).expect("the actor listens");
    }

    /// The answer to the order before.
    ///
    /// # Panics
    ///
    /// When there is none within [`LIMIT`].
    pub fn answer(&mut self) -> Answer {
        let mut line = String::new();
        match self.channel.read_line(&mut line) {
            Ok(0) => panic!("the actor {} is gone", self.process),
            Ok(_) => serde_json::from_str(&line).expect("an answer"),
            Err(error) => panic!("the actor {} does not answer: {error}", self.process),
        }
    }

    /// Asserts that the order before is not answered yet.
    ///
    /// # Panics
    ///
    /// When it is.
    pub fn is_busy(&mut self) {
        self.channel.get_ref().set_nonblocking(true).expect("a patient channel");
        let is_busy = self.channel.fill_buf().is_err();
        self.channel.get_ref().set_nonblocking(false).expect("an ordinary channel");
        if !is_busy {
            panic!("the actor is done already: {:?}", self.answer());
        }
    }

    /// Gives an order and takes the answer.
    pub fn ask(&mut self, order: &Order) -> Outcome<Answer> {
        self.tell(order);
        self.outcome()
    }

    /// The answer to the order before, failures told apart.
    pub fn outcome(&mut self) -> Outcome<Answer> {
        match self.answer() {
            Answer::Failed(failure) => Err(failure),
            answer => Ok(answer),
        }
    }

    /// Waits until the actor sleeps in the kernel for something shared to change.
    pub fn until_asleep(&self) {
        let path = format!("/proc/{}/syscall", self.process);
        let futex = libc::SYS_futex.to_string();
        until("the actor sleeps", || {
            let call = std::fs::read_to_string(&path).expect("what the actor does");
            call.split(' ').next() == Some(futex.as_str())
        });
    }

    /// Waits until the kernel says that the process is in this state, such as `T` or `Z`.
    pub fn until_state(&self, state: &str) {
        until("the process's state", || {
            stat_fields(self.process).is_some_and(|fields| fields[0] == state)
        });
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        pidfd_send_signal(&self.handle, signal).expect("the signal is sent");
    }

    /// Kills it and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// Kills it, and leaves it a zombie until the test ends.
    pub fn kill_and_leave(&self) {
        self.signal(Signal::KILL);
        self.until_state("Z");
    }

    /// Lets it end by itself, and waits until it has.
    ///
    /// # Panics
    ///
    /// When it does not end well.
    pub fn finish(mut self) {
        self.channel.get_ref().shutdown(Shutdown::Both).expect("the channel closes");
        let process = self.process;
        let Some(child) = &mut self.child else {
            return until("the actor ends", || {
                stat_fields(process).is_none_or(|fields| fields[0] == "Z")
            });
        };
        let mut status = None;
        until("the actor ends", || {
            status = child.try_wait().expect("its status");
            status.is_some()
        });
        let status = status.expect("its status");
        assert!(status.success(), "actor {process}: {status}");
    }

    fn end(&mut self) {
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
    }

    /// Has it fork; the child is an actor of its own.
    pub fn fork(&mut self, socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket");
        listener.set_nonblocking(true).expect("a patient socket");
        self.take_child(socket, &listener, &Order::Fork(socket.to_owned()))
    }

    /// Has it bury a dead child and fork another one, which gets the same process id.
    pub fn fork_as(&mut self, child: u32, socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket");
        listener.set_nonblocking(true).expect("a patient socket");
        self.take_child(socket, &listener, &Order::ForkAs(child, socket.to_owned()))
    }

    fn take_child(&mut self, socket: &Path, listener: &UnixListener, order: &Order) -> Self {
        let own_process = self.number(order).expect("a child") as u32;
        let process = self.child_known_as(own_process);
        let handle = handle_on(process);
        let mut channel = None;
        until("the child calls", || {
            channel = listener.accept().ok();
            channel.is_some()
        });
        let (channel, _) = channel.expect("a channel");
        channel.set_nonblocking(false).expect("an ordinary channel");
        std::fs::remove_file(socket).expect("the socket goes");
        Self::meet(channel, None, handle, process)
    }

    /// The process id, as this process sees it, of the child that the actor sees as `own_process`.
    fn child_known_as(&self, own_process: u32) -> u32 {
        let field = |status: &str, name: &str| -> Option<u32> {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_ascii_whitespace().last()?.parse().ok()
        };
        let processes = std::fs::read_dir("/proc").expect("/proc");
        let child = processes.flatten().find_map(|entry| {
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
            let is_child = field(&status, "PPid:") == Some(self.process);
            (is_child && field(&status, "NSpid:") == Some(own_process)).then_some(process)
        });
        child.expect("the child is there")
    }

    /// Opens a namespace; returns its identity.
    pub fn open(&mut self, opening: &Opening) -> Outcome<String> {
        match self.ask(&Order::Open(opening.clone()))? {
            Answer::Opened(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    /// The number that an order comes to.
    pub fn number(&mut self, order: &Order) -> Outcome<i64> {
        match self.ask(order)? {
            Answer::Number(number) => Ok(number),
            other => panic!("{other:?}"),
        }
    }

    /// Sets a variable; returns its version.
    pub fn set(&mut self, name: &str, value: impl Into<Datum>) -> Outcome<u64> {
        self.number(&Order::Set(name.to_owned(), value.into())).map(|version| version as u64)
    }

    /// Sets a variable to so many bytes.
    pub fn set_payload(&mut self, name: &str, length: usize) -> Outcome<u64> {
        self.number(&Order::SetPayload(name.to_owned(), length)).map(|version| version as u64)
    }

    /// How many whole bytes a variable has.
    pub fn get_payload(&mut self, name: &str) -> Outcome<Option<usize>> {
        match self.ask(&Order::GetPayload(name.to_owned()))? {
            Answer::Whole(length) => Ok(length),
            other => panic!("{other:?}"),
        }
    }

    /// Reads a variable.
    pub fn get(&mut self, name: &str) -> Outcome<Option<Datum>> {
        match self.ask(&Order::Get(name.to_owned()))? {
            Answer::Found(value) => Ok(value),
            other => panic!("{other:?}"),
        }
    }

    /// Reads a variable that holds an integer.
    pub fn get_number(&mut self, name: &str) -> Outcome<Option<i64>> {
        Ok(self.get(name)?.map(|value| match value {
            Datum::I64(number) | Datum::Counter(number) => number,
            other => panic!("{other:?} is no number"),
        }))
    }

    /// Deletes a variable; returns whether it existed.
    pub fn delete(&mut self, name: &str) -> Outcome<bool> {
        self.ask(&Order::Delete(name.to_owned())).map(|answer| answer == Answer::Truth(true))
    }

    /// Adds to a counter.
    pub fn add(&mut self, name: &str, amount: i64) -> Outcome<i64> {
        self.number(&Order::Add(name.to_owned(), amount))
    }

    /// Takes a lock under the key `lock`; returns whether its previous owner died.
    pub fn lock(&mut self, variable: Option<&str>, timeout: u64) -> Outcome<bool> {
        self.take(&lock_order(variable, timeout))
    }

    /// Takes a shared lock under the key `lock`.
    pub fn lock_shared(&mut self, variable: Option<&str>, timeout: u64) -> Outcome<bool> {
        let Order::Lock(lock) = lock_order(variable, timeout) else { unreachable!() };
        self.take(&Order::Lock(Lock { shared: true, ..lock }))
    }

    fn take(&mut self, order: &Order) -> Outcome<bool> {
        self.ask(order).map(|answer| answer == Answer::Truth(true))
    }

    /// Gives back the lock with the key `lock`.
    pub fn unlock(&mut self) -> Outcome<()> {
        self.ask(&Order::Unlock("lock".to_owned())).map(drop)
    }

    /// Waits for a condition; returns the version.
    pub fn wait(&mut self, name: &str, condition: Until, timeout: u64) -> Outcome<u64> {
        match self.ask(&Order::Wait(vec![(name.to_owned(), condition)], timeout))? {
            Answer::Woken(_, version) => Ok(version),
            other => panic!("{other:?}"),
        }
    }

    /// Verifies the namespace.
    ///
    /// # Panics
    ///
    /// When anything is found.
    pub fn check(&mut self) {
        let findings = self.ask(&Order::Check).expect("the check runs");
        assert_eq!(findings, Answer::Names(Vec::new()));
    }

    /// Looks at the namespace.
    pub fn stat(&mut self) -> Statistics {
        match self.ask(&Order::Stat).expect("the statistics") {
            Answer::Statistics(statistics) => statistics,
            other => panic!("{other:?}"),
        }
    }
}

/// An order to lock exclusively under the key `lock`.
fn lock_order(variable: Option<&str>, timeout: u64) -> Order {
    Order::Lock(Lock {
        key: "lock".to_owned(),
        variable: variable.map(str::to_owned),
        shared: false,
        timeout,
    })
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.end();
    }
}

impl Failure {
    /// Asserts that it is a timeout of about `milliseconds` that names `holder`.
    ///
    /// # Panics
    ///
    /// When it is not.
    pub fn is_timeout_by(&self, holder: &Actor, milliseconds: u64) {
        assert_eq!(self.kind, "TimedOut", "{}", self.text);
        assert_eq!(self.holder, Some(holder.own_process()), "{}", self.text);
        let name = format!("process {} (mmf-actor)", holder.own_process());
        assert!(self.text.contains(&name), "{:?} does not name {name}", self.text);
        // What was attempted, on what, and what to do.
        for part in ["cannot ", " namespace ", " within ", " (wait longer, or end that process: "] {
            assert!(self.text.contains(part), "{:?} does not say {part:?}", self.text);
        }
        // A wait never ends early; late is a matter of the machine, but not by seconds.
        assert!(self.after >= milliseconds, "timed out after {} ms", self.after);
        assert!(self.after < milliseconds + 5_000, "timed out after {} ms", self.after);
    }
}

fn handle_on(process: u32) -> OwnedFd {
    let process = Pid::from_raw(process as i32).expect("a process id");
    pidfd_open(process, PidfdFlags::empty()).expect("a handle on the process")
}

/// State, parent and more of what the kernel says of a process.
fn stat_fields(process: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}
