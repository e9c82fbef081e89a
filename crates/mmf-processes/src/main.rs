//! The actor: does to namespaces what a test tells it, and says what came of it.

mod contend;
mod perform;
mod process;
mod storm;

use std::io::BufRead;
use std::process::ExitCode;

use mmf_processes::{Answer, Order};

use perform::Stage;

/// The channel to the test is standard input, a socket in both directions.
fn main() -> ExitCode {
    say(&Answer::Ready(std::process::id()));
    serve()
}

/// Does as told until the channel closes.
fn serve() -> ExitCode {
    let mut stage = Stage::default();
    let mut line = String::new();
    loop {
        line.clear();
        match std::io::stdin().lock().read_line(&mut line) {
            Ok(0) => return ExitCode::SUCCESS,
            Ok(_) => {}
            Err(error) => {
                eprintln!("actor: reading an order: {error}");
                return ExitCode::FAILURE;
            }
        }
        match serde_json::from_str::<Order>(&line) {
            Ok(Order::EndFirstThread) => {
                std::thread::spawn(|| {
                    say(&Answer::Done);
                    let is_well = serve() == ExitCode::SUCCESS;
                    std::process::exit(i32::from(!is_well));
                });
                process::end_thread();
            }
            Ok(order) => say(&stage.perform(&order)),
            Err(error) => {
                eprintln!("actor: {error} in {line}");
                return ExitCode::FAILURE;
            }
        }
    }
}

/// Sends one answer.
fn say(answer: &Answer) {
    let mut line = serde_json::to_vec(answer).expect("an answer is JSON");
    line.push(b'\n');
    let mut rest = line.as_slice();
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stdin(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            // The test has ended, and with it whoever would listen.
            Err(_) => std::process::exit(0),
        }
    }
}
