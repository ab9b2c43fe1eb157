//! Runs the test programs of this workspace side by side: `test-runner ARGUMENTS-OF-CARGO-TEST`.
//!
//! Many programs wait for a cluster, a lease or a certificate most of their time, so that three at a time take half as long as one after the other.
//! Output is printed when a program ends, whole. The exit code is 1 if a program failed.
#![allow(clippy::print_stdout, reason = "a program whose output is its result")]

mod program;
mod report;
mod schedule;

use std::env;
use std::process::ExitCode;

use crate::program::{Failure, build, documentation};
use crate::report::Report;
use crate::schedule::run_all;

/// Programs at a time: as many as fit two cores, since most of them wait.
const SIDE_BY_SIDE: usize = 3;

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<bool, Failure> {
    let mut programs = build(arguments)?;
    programs.push(documentation(arguments));
    let count = env::var("MTLS_TEST_JOBS").ok().and_then(|count| count.parse().ok()).unwrap_or(SIDE_BY_SIDE);
    let mut report = Report::default();
    run_all(programs, count, |ended| report.add(&ended));
    print!("{report}");
    Ok(report.is_green())
}
