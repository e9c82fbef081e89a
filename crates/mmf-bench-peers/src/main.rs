//! x
use std::process::ExitCode;
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let call = mmf_bench_peers::contract::Call::parse(&arguments).unwrap();
    mmf_bench_peers::own::call(&call).unwrap();
    ExitCode::SUCCESS
}
