//! `make bench`: what the operator costs, against a writer that makes the two writes per identity and nothing else. Figures are
//! of this machine and this run; compare them with each other, not with another machine's.
//!
//! Its arguments are scenarios with their sizes (`selection.rs`), `growth FILE…`, or `write …` for the bare writer.

mod cost;
mod create;
mod environment;
mod etcd;
mod expiry;
mod fleet;
mod fresh;
mod machine;
mod meter;
mod metrics;
mod mixed;
mod new_identities;
mod outcome;
mod payload;
mod population;
mod process;
mod prompt;
mod proxy;
mod renew;
mod report;
mod requests;
mod rotation;
mod secrets;
mod selection;
mod session;
mod single;
mod steady;
mod storage;
mod writer;

use std::process::ExitCode;

use test_support::Failure;
use test_support::reporter::print;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print(&format!("\n== FAILED: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [word, kubeconfig, order] if word == "write" => writer::write(kubeconfig, order).await,
        [word, files @ ..] if word == "growth" => outcome::draw(files),
        words => measure(&selection::sessions(words)?).await,
    }
}

async fn measure(sessions: &[selection::Session]) -> Result<(), Failure> {
    let mut measurements = Vec::new();
    let ended = session::run(sessions, &mut measurements).await;
    outcome::finish(&measurements).and(ended)
}
