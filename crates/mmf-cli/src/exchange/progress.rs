//! How far long work has come, on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::format::grouped;

/// Work that is done sooner needs no progress to be shown.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line changes.
const INTERVAL: Duration = Duration::from_millis(200);
/// How many steps pass between two looks at the clock.
const STEPS: u64 = 256;

/// A line on the standard error that counts variables, if that is a terminal and the work is long.
/// It is wiped away at the end.
pub struct Progress<W: Write = io::Stderr> {
    /// None when nothing is to be shown.
    out: Option<W>,
    doing: &'static str,
    total: Option<u64>,
    done: u64,
    next: Instant,
    is_shown: bool,
}

impl Progress {
    /// The progress of `doing`, of as many variables as `total` says, when it is known; `wanted`
    /// is no when the user or the output wants none.
    pub fn new(doing: &'static str, total: Option<u64>, wanted: bool) -> Self {
        let out = Some(io::stderr()).filter(|out| wanted && out.is_terminal());
        Self::on(out, doing, total, Instant::now() + PATIENCE)
    }
}

impl<W: Write> Progress<W> {
    fn on(out: Option<W>, doing: &'static str, total: Option<u64>, next: Instant) -> Self {
        Self { out, doing, total, done: 0, next, is_shown: false }
    }

    /// One more variable is done.
    pub fn step(&mut self) {
        self.done += 1;
        if self.out.is_some() && self.done.is_multiple_of(STEPS) {
            self.show(Instant::now());
        }
    }

    fn show(&mut self, now: Instant) {
        let Some(out) = &mut self.out else { return };
        if now < self.next {
            return;
        }
        self.next = now + INTERVAL;
        self.is_shown = true;
        let (doing, done) = (self.doing, grouped(self.done));
        let of = self.total.map(|total| format!(" of {}", grouped(total))).unwrap_or_default();
        // Whoever does not see it is not served by an error.
        let _ = write!(out, "\r{doing}: {done}{of} variables\x1b[K");
        let _ = out.flush();
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        if let Some(out) = self.out.as_mut().filter(|_| self.is_shown) {
            let _ = write!(out, "\r\x1b[K");
            let _ = out.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_work_is_counted_on_one_line_which_is_wiped_away() {
        let mut out = Vec::new();
        let start = Instant::now();
        let mut progress =
            Progress::on(Some(&mut out), "exporting", Some(12_000), start + PATIENCE);
        progress.done = 1000;
        progress.show(start);
        progress.show(start + PATIENCE);
        progress.show(start + PATIENCE + INTERVAL / 2);
        progress.done = 2000;
        progress.show(start + PATIENCE + INTERVAL);
        drop(progress);
        let expected = "\rexporting: 1,000 of 12,000 variables\x1b[K\
                        \rexporting: 2,000 of 12,000 variables\x1b[K\r\x1b[K";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn short_work_and_other_outputs_are_left_alone() {
        let mut out = Vec::new();
        let later = Instant::now() + PATIENCE * 100;
        let mut progress = Progress::on(Some(&mut out), "importing", None, later);
        (0..STEPS * 4).for_each(|_| progress.step());
        drop(progress);
        assert!(out.is_empty());
        let mut progress = Progress::on(None::<Vec<u8>>, "importing", None, Instant::now());
        (0..STEPS * 4).for_each(|_| progress.step());
        assert!(!progress.is_shown);
    }
}
