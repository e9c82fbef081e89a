//! Judges at work: each trial is a process of its own on a copy of its own.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::judge::Manner;
use super::oracle::Verdict;
use super::snapshot::Snapshot;
use crate::Result;

/// Trials that wait for a judge, at most: each holds a copy of the namespace.
const QUEUE: usize = 64;

/// One state to be judged.
pub(super) struct Trial {
    pub(super) scenario: &'static str,
    pub(super) storage: &'static str,
    /// Numbers the states of one exploration.
    pub(super) state: usize,
    pub(super) manner: Manner,
    /// Whether an exclusive lock may tell of a death.
    pub(super) locks: bool,
    pub(super) snapshot: Arc<Snapshot>,
}

/// What became of a trial.
pub(super) struct Finished {
    pub(super) trial: Trial,
    pub(super) verdict: Result<Verdict>,
}

/// Threads that hold trials.
pub(super) struct Jury {
    trials: Option<SyncSender<Trial>>,
    finished: Receiver<Finished>,
    /// Trials submitted and not collected.
    pending: Cell<usize>,
    judges: Vec<JoinHandle<()>>,
}

impl Jury {
    /// Judges that work below `root`.
    pub(super) fn new(root: &Path, judges: usize) -> Self {
        let (trials, queue) = sync_channel::<Trial>(QUEUE);
        let (sender, finished) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let judges = (0..judges).map(|_| {
            let (queue, sender, root) = (Arc::clone(&queue), sender.clone(), root.to_owned());
            std::thread::spawn(move || work(&queue, &sender, &root))
        });
        Self { trials: Some(trials), finished, pending: Cell::new(0), judges: judges.collect() }
    }

    pub(super) fn submit(&self, trial: Trial) -> Result<()> {
        let trials = self.trials.as_ref().ok_or("the jury has been dismissed")?;
        trials.send(trial).map_err(|_| "the judges have gone")?;
        self.pending.update(|pending| pending + 1);
        Ok(())
    }

    /// Waits for the end of all trials.
    pub(super) fn collect(&self) -> Result<Vec<Finished>> {
        (0..self.pending.take()).map(|_| Ok(self.finished.recv()?)).collect()
    }
}

impl Drop for Jury {
    fn drop(&mut self) {
        drop(self.trials.take());
        for judge in self.judges.drain(..) {
            let _ = judge.join();
        }
    }
}

fn work(queue: &Mutex<Receiver<Trial>>, finished: &Sender<Finished>, root: &Path) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(trial) = next else { return };
        let verdict = hold(&trial, root);
        if finished.send(Finished { trial, verdict }).is_err() {
            return;
        }
    }
}

fn hold(trial: &Trial, root: &Path) -> Result<Verdict> {
    let copy = fresh_directory(root);
    trial.snapshot.copy_to(&copy)?;
    let manner = match trial.manner {
        Manner::Fresh => "fresh",
        Manner::Survivor => "survivor",
    };
    let output = Command::new(std::env::current_exe()?)
        .args(["judge", trial.scenario, trial.storage, manner])
        .args(trial.locks.then_some("--locks"))
        .env("MMF_DIR", &copy)
        .output()?;
    std::fs::remove_dir_all(&copy)?;
    let verdict = Verdict::from_line(&String::from_utf8_lossy(&output.stdout));
    match verdict {
        Some(verdict) if output.status.success() => Ok(verdict),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{} ({})", said.trim_end(), output.status).into())
        }
    }
}

/// A name below `root` that has not been used.
pub(crate) fn fresh_directory(root: &Path) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Names of one length, so that paths make no difference to what is executed.
    root.join(format!("state-{:08}", NEXT.fetch_add(1, Ordering::Relaxed)))
}
