//! The program in the Pods of `make e2e`: it uses mounted files correctly, or with the faults that its flags ask for. Each
//! event is one line of JSON on standard output, made of the types that are public here.

mod arguments;
mod certificate;
mod counters;
mod dialer;
mod event_log;
mod files;
mod reload;
mod server;
mod state;
mod tls;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use arguments::{Action, Arguments};
pub use certificate::Leaf;
pub use counters::Counters;
pub use files::{Folder, Found, Reader};
use reload::Reload;
pub use state::State;

type Failure = Box<dyn Error + Send + Sync>;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            // The first process of a container ignores SIGTERM unless it handles it.
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
            event_log::note("failed", &serde_json::json!({ "why": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

async fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Serve { mounts, serving, dialing } => {
            let keeper = Arc::new(Reload::open(mounts)?);
            let reloads = keeper.clone().keep();
            let serves = server::serve(keeper.clone(), serving);
            tokio::try_join!(reloads, serves, dialer::dial(keeper, dialing)).map(drop)
        }
        Action::Dial { mounts, dialing } => {
            let keeper = Arc::new(Reload::open(mounts)?);
            tokio::try_join!(keeper.clone().keep(), dialer::dial(keeper, dialing)).map(drop)
        }
        Action::Look { folder } => {
            event_log::note("files", &serde_json::to_value(files::look(&folder)?)?);
            Ok(())
        }
        Action::Pause => std::future::pending().await,
    }
}
