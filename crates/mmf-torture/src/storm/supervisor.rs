//! Who starts the workers, kills them, and minds how long the living take.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::clock::Clock;
use super::ledger::{Kind, Ledger, Word};
use super::plan::Plan;
use super::processes::{evidence, has_ended, is_done, leave_with, start, strike, was_killed};
use super::scenario::{self, Scenario};
use super::worker::Worker;
use crate::Result;

/// How long any operation of a living worker may take.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// How long a killed process may take to be gone, on a machine that has other things to do.
const TIME_TO_DIE: Duration = Duration::from_secs(60);
/// Kills between two rests.
const KILLS_PER_REST: u64 = 500;
/// How long the supervisor looks for somebody who is worth a kill.
const AIM: Duration = Duration::from_millis(20);

/// When a storm ends: at the first that comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) kills: u64,
    pub(super) time: Duration,
}

/// What a storm came to.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Report {
    pub(super) kills: u64,
    /// Kills of somebody who was worth it at that moment.
    pub(super) aimed: u64,
    pub(super) rests: u64,
    pub(super) operations: u64,
    pub(super) verified: u64,
    pub(super) recoveries: u64,
    /// Nanoseconds of the longest operation of a worker that lived to see its end.
    pub(super) worst: u64,
    pub(super) worst_operation: String,
    pub(super) seconds: f64,
}

impl Report {
    pub(super) fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.aimed += other.aimed;
        self.rests += other.rests;
        self.operations += other.operations;
        self.verified += other.verified;
        self.recoveries += other.recoveries;
        if other.worst > self.worst {
            self.worst = other.worst;
            self.worst_operation.clone_from(&other.worst_operation);
        }
    }
}

/// What a process does, and whether it may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Victim,
    Survivor,
    Reader,
}

/// A place in the storm, with the process that has it now.
struct Post {
    role: Role,
    rows: std::ops::Range<usize>,
    process: Option<Pid>,
    /// When its process was killed, if that is not gone yet.
    struck: Option<Instant>,
}

/// A storm under way.
pub(super) struct Supervisor<'a> {
    scenario: &'a dyn Scenario,
    plan: &'a Plan,
    ledger: Ledger,
    posts: Vec<Post>,
    victims: usize,
    youngest: usize,
    random: fastrand::Rng,
    clock: Clock,
    report: Report,
    base: u64,
}

impl<'a> Supervisor<'a> {
    /// Makes the namespace, and a post for each victim, for a survivor and for a reader.
    pub(super) fn new(scenario: &'a dyn Scenario, plan: &'a Plan, victims: usize) -> Result<Self> {
        let threads = scenario.threads();
        let mut posts = Vec::new();
        for number in 0..=victims {
            let role = if number < victims { Role::Victim } else { Role::Survivor };
            let rows = number * threads..(number + 1) * threads;
            posts.push(Post { role, rows, process: None, struck: None });
        }
        let rows = (victims + 1) * threads;
        posts.push(Post { role: Role::Reader, rows: rows..rows + 1, process: None, struck: None });
        let ledger = Ledger::new(rows + 1, scenario.owned().names)?;
        let clock = Clock::new(rows + 1);
        scenario.prepare(&plan.create()?)?;
        Ok(Self {
            scenario,
            plan,
            ledger,
            posts,
            victims,
            youngest: 0,
            random: fastrand::Rng::with_seed(plan.seed),
            clock,
            report: Report::default(),
            base: 0,
        })
    }

    /// Kills until the extent is reached.
    pub(super) fn run(mut self, extent: Extent) -> Result<Report> {
        let outcome = self.storm(extent);
        if outcome.is_err() {
            // Nobody is to go on with what has been found wrong.
            self.posts.iter().filter_map(|post| post.process).for_each(|process| {
                let _ = strike(process);
            });
        }
        outcome.map_err(|error| format!("at kill {}: {error}", self.report.kills))?;
        let (worst, operation) = self.ledger.worst();
        self.report.worst = worst.as_nanos() as u64;
        self.report.worst_operation = operation.to_owned();
        self.report.operations = self.ledger.sum(Word::Operations);
        self.report.verified = self.ledger.sum(Word::Verified);
        Ok(self.report)
    }

    fn storm(&mut self, extent: Extent) -> Result<()> {
        let begin = Instant::now();
        let mut next_rest = KILLS_PER_REST;
        self.start_all()?;
        while self.report.kills < extent.kills && begin.elapsed() < extent.time {
            self.pause();
            self.look()?;
            self.kill_some()?;
            self.replace_the_dead()?;
            if self.report.kills >= next_rest {
                next_rest = self.report.kills + KILLS_PER_REST;
                self.rest()?;
                self.start_all()?;
            }
        }
        self.rest()?;
        scenario::clear(&self.plan.open()?)?;
        self.report.seconds = begin.elapsed().as_secs_f64();
        Ok(())
    }

    fn start_all(&mut self) -> Result<()> {
        (0..self.posts.len()).try_for_each(|post| self.start(post))
    }

    fn start(&mut self, number: usize) -> Result<()> {
        let post = &self.posts[number];
        let (ledger, plan, scenario) = (&self.ledger, self.plan, self.scenario);
        for row in post.rows.clone() {
            ledger.word(row, Word::Incarnation).fetch_add(1, Ordering::SeqCst);
        }
        // Coming is an operation too, and minded from here on.
        ledger.begin(post.rows.start, Kind::Open);
        let (role, rows) = (post.role, post.rows.clone());
        let process = start(plan, || match role {
            Role::Reader => read(scenario, plan, ledger, rows.start),
            Role::Victim | Role::Survivor => work(scenario, plan, ledger, rows),
        })?;
        self.posts[number].process = Some(process);
        self.youngest = if role == Role::Victim { number } else { self.youngest };
        Ok(())
    }

    /// Lets the workers work for a random time, mostly a short one.
    fn pause(&mut self) {
        let most = [100, 1000, 1000, 6000][self.random.usize(0..4)];
        std::thread::sleep(Duration::from_micros(self.random.u64(0..most)));
    }

    /// Kills one worker or, sometimes, all at once.
    fn kill_some(&mut self) -> Result<()> {
        let victims = match self.random.u8(0..16) {
            0 => {
                let mut all: Vec<usize> = (0..self.victims).collect();
                self.random.shuffle(&mut all);
                all
            }
            1..4 => vec![self.youngest],
            _ => vec![self.aim()],
        };
        victims.into_iter().try_for_each(|victim| self.strike(victim))
    }

    /// Starts workers in the places of those who are gone. A killed process needs a moment on a
    /// processor to go: nobody waits for that.
    fn replace_the_dead(&mut self) -> Result<()> {
        for victim in 0..self.victims {
            if self.bury(victim)? {
                self.start(victim)?;
            }
        }
        Ok(())
    }

    /// Somebody who is worth a kill now, or anybody if nobody is for a while.
    fn aim(&mut self) -> usize {
        let (first, begin) = (self.random.usize(0..self.victims), Instant::now());
        let Some(is_worth_it) = self.scenario.target() else { return first };
        while begin.elapsed() < AIM {
            let is_target = |number: &usize| {
                let Post { rows, struck, .. } = &self.posts[*number];
                struck.is_none() && rows.clone().any(|row| is_worth_it(&self.ledger, row))
            };
            let mut order = (0..self.victims).map(|number| (first + number) % self.victims);
            if let Some(number) = order.find(is_target) {
                self.report.aimed += 1;
                return number;
            }
            std::thread::yield_now();
        }
        first
    }

    /// Kills, unless that has been done.
    fn strike(&mut self, number: usize) -> Result<()> {
        let post = &mut self.posts[number];
        let (Some(process), None) = (post.process, post.struck) else { return Ok(()) };
        // First, so that whoever gets a lock of the victim's knows why.
        for row in post.rows.clone() {
            let incarnation = self.ledger.word(row, Word::Incarnation).load(Ordering::SeqCst);
            self.ledger.word(row, Word::Doomed).store(incarnation, Ordering::SeqCst);
        }
        post.struck = Some(Instant::now());
        strike(process)
    }

    /// Whether a post's process was killed and is gone by now.
    fn bury(&mut self, number: usize) -> Result<bool> {
        let post = &mut self.posts[number];
        let (Some(process), Some(struck)) = (post.process, post.struck) else { return Ok(false) };
        let Some(status) = has_ended(process)? else {
            if struck.elapsed() > TIME_TO_DIE {
                return Err(format!("process {process} was killed {TIME_TO_DIE:?} ago").into());
            }
            return Ok(false);
        };
        (post.process, post.struck) = (None, None);
        for row in post.rows.clone() {
            self.ledger.word(row, Word::Since).store(0, Ordering::SeqCst);
        }
        if !was_killed(status) {
            return Err(self.finding_of(process, status).into());
        }
        self.report.kills += 1;
        Ok(true)
    }

    fn finding_of(&self, process: Pid, status: WaitStatus) -> String {
        let path = self.plan.finding(process.as_raw() as u32);
        std::fs::read_to_string(path)
            .unwrap_or_else(|_| format!("process {process} has ended by itself: {status:?}"))
    }

    /// Sees whether somebody has found something, or takes too long.
    fn look(&mut self) -> Result<()> {
        self.clock.look(&self.ledger);
        if self.ledger.has_finding() {
            self.wait_for_finding()?;
        }
        for number in 0..self.posts.len() {
            let post = &self.posts[number];
            let (Some(process), None) = (post.process, post.struck) else { continue };
            if let Some(status) = has_ended(process)? {
                self.posts[number].process = None;
                return Err(self.finding_of(process, status).into());
            }
            for row in self.posts[number].rows.clone() {
                if let Some(time) = self.clock.overdue(row, LIMIT) {
                    return Err(self.hang(process, row, time).into());
                }
            }
        }
        Ok(())
    }

    fn hang(&self, process: Pid, row: usize, time: Duration) -> String {
        let kind = self.ledger.word(row, Word::Kind).load(Ordering::SeqCst);
        format!(
            "process {process}, row {row}: {} takes {time:.1?} and has not ended\n{}",
            Kind::name(kind),
            evidence(process)
        )
    }

    /// Somebody has found something and is about to end, unless it was killed just then.
    fn wait_for_finding(&mut self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            for number in 0..self.posts.len() {
                let Some(process) = self.posts[number].process else { continue };
                let Some(status) = has_ended(process)? else { continue };
                self.posts[number].process = None;
                if !was_killed(status) {
                    return Err(self.finding_of(process, status).into());
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err("a worker has found something and was killed before it said what".into())
    }

    /// Ends everybody, and looks whether all is as it should be.
    fn rest(&mut self) -> Result<()> {
        (0..self.victims).try_for_each(|victim| self.strike(victim))?;
        while (0..self.victims).any(|victim| self.posts[victim].process.is_some()) {
            (0..self.victims).try_for_each(|victim| self.bury(victim).map(drop))?;
            std::thread::sleep(Duration::from_micros(20));
        }
        self.ledger.set_over(1);
        self.wait_for_the_others()?;
        self.ledger.set_over(0);
        let namespace = self.plan.open()?;
        let (scenario, plan, ledger) = (self.scenario, self.plan, &self.ledger);
        self.base = scenario::judge(scenario, plan, ledger, &namespace, self.base)?;
        self.report.recoveries = namespace.stat()?.recoveries;
        self.report.rests += 1;
        Ok(())
    }

    /// Waits until who has not been killed has ended as it was told.
    fn wait_for_the_others(&mut self) -> Result<()> {
        for number in self.victims..self.posts.len() {
            let Some(process) = self.posts[number].process else { continue };
            loop {
                if let Some(status) = has_ended(process)? {
                    self.posts[number].process = None;
                    if is_done(status) {
                        break;
                    }
                    return Err(self.finding_of(process, status).into());
                }
                self.clock.look(&self.ledger);
                for row in self.posts[number].rows.clone() {
                    if let Some(time) = self.clock.overdue(row, LIMIT) {
                        return Err(self.hang(process, row, time).into());
                    }
                }
                std::thread::sleep(Duration::from_micros(100));
            }
        }
        Ok(())
    }
}

/// What a worker does until it is killed or everybody is to go.
fn work(
    scenario: &dyn Scenario,
    plan: &Plan,
    ledger: &Ledger,
    rows: std::ops::Range<usize>,
) -> Result<()> {
    let namespace = plan.open()?;
    ledger.end(rows.start);
    let labour = |row: usize| -> Result<()> {
        let mut worker = Worker::new(plan, ledger, namespace.clone(), row);
        scenario::settle(scenario, &mut worker)?;
        while !ledger.is_over() {
            scenario.work(&mut worker)?;
        }
        Ok(())
    };
    // At once, or another thread would go on with what is wrong.
    let labour_or_leave = |row| {
        if let Err(error) = labour(row) {
            ledger.note_finding();
            leave_with(plan, &format!("row {row}: {error}"));
        }
    };
    std::thread::scope(|scope| {
        for row in rows.start + 1..rows.end {
            scope.spawn(move || labour_or_leave(row));
        }
        labour_or_leave(rows.start);
    });
    Ok(())
}

/// What the reader does until everybody is to go.
fn read(scenario: &dyn Scenario, plan: &Plan, ledger: &Ledger, row: usize) -> Result<()> {
    let namespace = plan.open_read_only()?;
    ledger.end(row);
    let mut reader = Worker::new(plan, ledger, namespace, row);
    while !ledger.is_over() {
        scenario.read(&mut reader).map_err(|error| format!("reader: {error}"))?;
    }
    Ok(())
}
