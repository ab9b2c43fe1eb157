//! Starts and wires; everything else is in the library.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use mtls_operator::api;
use mtls_operator::cli::{Cli, Command};
use mtls_operator::process;
use mtls_operator::runtime::error_chain::cause;
use mtls_operator::runtime::telemetry;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(run) => telemetry::init(run.log_format, &run.log_filter)
            .map_err(Into::into)
            .and_then(|()| process::run(&run)),
        Command::Crds => api::manifest().map_err(Into::into).and_then(|text| print(&text)),
        Command::Version => print(concat!("mtls-operator ", env!("CARGO_PKG_VERSION"), "\n")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&cause(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Reports a failure as a log line, and on standard error where there is no log yet or the filter hides the line.
fn report(error: &str) {
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(error, "mtls-operator ends");
    } else {
        let _ = writeln!(std::io::stderr(), "mtls-operator: {error}");
    }
}

fn print(text: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
