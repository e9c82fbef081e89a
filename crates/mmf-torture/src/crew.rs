//! Work shared out to threads.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use crate::tracee::stay_on_processor;

/// Processors of this machine.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Does items 0 to `count` on so many threads, or one for each processor, and tells each result as
/// it comes. A thread has something of its own, and stays on one processor once it has it.
pub(crate) fn share_out<Own, Done: Send>(
    threads: Option<NonZeroUsize>,
    count: usize,
    begin: impl Fn() -> Own + Sync,
    work: impl Fn(&Own, usize) -> Done + Sync,
    mut finished: impl FnMut(usize, Done),
) {
    let next = AtomicUsize::new(0);
    let (begin, work, next) = (&begin, &work, &next);
    std::thread::scope(|scope| {
        let (sender, results) = channel();
        for thread in 0..threads.map_or_else(processors, usize::from) {
            let sender = sender.clone();
            scope.spawn(move || {
                let own = begin();
                if let Err(error) = stay_on_processor(thread % processors()) {
                    eprintln!("{error}");
                    return;
                }
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || sender.send((number, work(&own, number))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (number, done) in results {
            finished(number, done);
        }
    });
}
