//! `sbom PACKAGE TARGET CC`: prints what a static binary of this workspace is made of, in the form of `CycloneDX` 1.5. The
//! same source gives the same bytes: no time, no random number, no path of this machine.

mod document;
mod sources;

use std::env;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use sources::Sources;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match print() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sbom: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [package, target, cc] = arguments.as_slice() else {
        return Err("say which package, for which target, and its C compiler".into());
    };
    let document = document::of(&Sources::read(package, target, cc)?)?;
    let text = serde_json::to_string_pretty(&document)?;
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
