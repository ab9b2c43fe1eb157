//! A Pod of the tests: it uses mounted files as a good program does, or as badly as it is told to. Whatever happens is
//! one line of JSON on standard output, made of the types that are public here.

mod arguments;
mod certificate;
mod dialer;
mod files;
mod journal;
mod keeper;
mod server;
mod state;
mod tally;
mod tls;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use arguments::{Action, Arguments};
pub use certificate::Leaf;
pub use files::{Folder, Found, Reader};
use keeper::Keeper;
pub use state::State;
pub use tally::Tally;

type Failure = Box<dyn Error + Send + Sync>;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            // As the first process of a container it would otherwise be deaf to a polite end.
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                ended = run(Arguments::parse().action) => ended,
                _ = terminate.recv() => Ok(()),
            }
        })
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            journal::note("failed", &serde_json::json!({ "why": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

async fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Serve { mounts, serving, dialing } => {
            let keeper = Arc::new(Keeper::open(mounts)?);
            let reloads = keeper.clone().keep();
            let serves = server::serve(keeper.clone(), serving);
            tokio::try_join!(reloads, serves, dialer::dial(keeper, dialing)).map(drop)
        }
        Action::Dial { mounts, dialing } => {
            let keeper = Arc::new(Keeper::open(mounts)?);
            tokio::try_join!(keeper.clone().keep(), dialer::dial(keeper, dialing)).map(drop)
        }
        Action::Look { folder } => {
            journal::note("files", &serde_json::to_value(files::look(&folder)?)?);
            Ok(())
        }
        Action::Pause => std::future::pending().await,
    }
}
