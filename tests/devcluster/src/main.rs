//! The cluster by hand: nothing here that the library cannot do.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use devcluster::{Cluster, Error, Options, Retained, TOOLS, tool};

/// A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager.
///
/// There is no node: Pods stay Pending. Missing binaries are built with Go, once, into the cache folder
/// (`MTLS_OPERATOR_CACHE`, else `~/.cache/mtls-operator`); `KUBEBUILDER_ASSETS` names a folder that has them already.
#[derive(Parser)]
#[command(name = "devcluster", version)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start a cluster and leave it running
    Up,
    /// End the cluster that `up` started, and remove everything of it
    Down,
    /// Start a cluster, run a command in it, end the cluster; the exit code is the command's
    Run {
        /// The command; KUBECONFIG is set, kubectl and helm are on its PATH
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Make sure that tools are there, and print where
    Tools {
        /// Which [default: all]
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().action {
        Action::Up => up(),
        Action::Down => down(),
        Action::Run { command } => run(&command),
        Action::Tools { names } => tools(names),
    };
    result.unwrap_or_else(|error| {
        eprintln!("devcluster: {error}");
        ExitCode::FAILURE
    })
}

fn up() -> Result<ExitCode, Error> {
    let kubectl = tool("kubectl")?;
    let cluster = Retained::up(Options { name: "up".into(), ..Options::default() })?;
    say(&format!(
        "The cluster is up. Its files are in {folder}.\n\n\
         \x20   export KUBECONFIG={kubeconfig}\n\
         \x20   {kubectl} get namespaces\n\n\
         End it with: cargo run -q -p devcluster -- down",
        folder = cluster.data_dir().display(),
        kubeconfig = cluster.kubeconfig().display(),
        kubectl = kubectl.display(),
    ));
    Ok(ExitCode::SUCCESS)
}

fn down() -> Result<ExitCode, Error> {
    Retained::down()?;
    say("The cluster is down.");
    Ok(ExitCode::SUCCESS)
}

fn run(command: &[OsString]) -> Result<ExitCode, Error> {
    let path = path_with(&[tool("kubectl")?, tool("helm")?]);
    let cluster = Cluster::start(Options { name: "run".into(), ..Options::default() })?;
    let status = Command::new(&command[0])
        .args(&command[1..])
        .envs(cluster.environment())
        .env("PATH", path)
        .status()
        .map_err(|source| Error::Spawn { command: command[0].display().to_string(), source })?;
    cluster.stop()?;
    // A command that a signal ended has no code; shells say 128 and more, we say that it was not well.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn tools(names: Vec<String>) -> Result<ExitCode, Error> {
    let names = if names.is_empty() { TOOLS.map(String::from).to_vec() } else { names };
    for name in names {
        say(&tool(&name)?.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// The folders of the tools before what is on the path already.
fn path_with(tools: &[PathBuf]) -> OsString {
    let present = env::var_os("PATH").unwrap_or_default();
    let folders = tools.iter().filter_map(|tool| tool.parent()).map(Path::to_owned);
    env::join_paths(folders.chain(env::split_paths(&present))).unwrap_or(present)
}

/// A reader that has gone away (`| head`) is no error of ours.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
