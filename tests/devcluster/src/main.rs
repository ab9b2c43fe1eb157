//! The program `devcluster`: the library on the command line.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::{Parser, Subcommand};
use devcluster::{Cluster, Error, NODE_TOOLS, NodeOptions, Options, Retained, TOOLS, obstacle, tool};

/// A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager.
///
/// Without `--node` Pods stay Pending. Missing binaries are built with Go, once, into the cache folder
/// (`MTLS_OPERATOR_CACHE`, else `~/.cache/mtls-operator`); `KUBEBUILDER_ASSETS` names a folder that has them already,
/// `MTLS_KUBERNETES` another version of the control plane (1.33 or 1.36).
#[derive(Parser)]
#[command(name = "devcluster", version)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start a cluster and leave it running
    Up(Kind),
    /// End the cluster that `up` started, and remove everything of it
    Down,
    /// Make images available to Pods of the cluster that `up --node` started
    Import {
        /// Docker or OCI archives
        #[arg(required = true, value_name = "FILE")]
        images: Vec<PathBuf>,
    },
    /// Start a cluster, run a command in it, end the cluster; the exit code is the command's
    Run {
        #[command(flatten)]
        kind: Kind,
        /// The command; KUBECONFIG is set, kubectl and helm are on its PATH
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Make sure that tools are there, and print where
    Tools {
        /// Those of a node, too, where there can be one
        #[arg(long)]
        node: bool,
        /// Which [default: all]
        names: Vec<String>,
    },
}

#[derive(clap::Args)]
struct Kind {
    /// With a node, so that Pods run (root on Linux only)
    #[arg(long)]
    node: bool,
    /// How often the kubelet looks at each Pod [default: 60]
    #[arg(long, value_name = "SECONDS", requires = "node")]
    sync_frequency: Option<u64>,
    /// A docker or OCI archive whose image Pods can run; repeatable
    #[arg(long = "image", value_name = "FILE", requires = "node")]
    images: Vec<PathBuf>,
}

impl Kind {
    fn cluster(self, name: &str) -> Options {
        let options =
            NodeOptions { sync_frequency: self.sync_frequency.map(Duration::from_secs), images: self.images };
        Options { name: name.into(), node: self.node.then_some(options), ..Options::default() }
    }
}

fn main() -> ExitCode {
    let result = match Arguments::parse().action {
        Action::Up(kind) => up(kind),
        Action::Down => down(),
        Action::Import { images } => import(&images),
        Action::Run { kind, command } => run(kind, &command),
        Action::Tools { node, names } => tools(node, names),
    };
    result.unwrap_or_else(|error| {
        eprintln!("devcluster: {error}");
        ExitCode::FAILURE
    })
}

fn up(kind: Kind) -> Result<ExitCode, Error> {
    let kubectl = tool("kubectl")?;
    let cluster = Retained::up(kind.cluster("up"))?;
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

fn import(images: &[PathBuf]) -> Result<ExitCode, Error> {
    let cluster = Retained::find()?.ok_or(Error::NotUp)?;
    images.iter().try_for_each(|image| cluster.import_image(image))?;
    Ok(ExitCode::SUCCESS)
}

fn run(kind: Kind, command: &[OsString]) -> Result<ExitCode, Error> {
    let path = path_with(&[tool("kubectl")?, tool("helm")?]);
    let cluster = Cluster::start(kind.cluster("run"))?;
    let status = Command::new(&command[0])
        .args(&command[1..])
        .envs(cluster.environment())
        .env("PATH", path)
        .status()
        .map_err(|source| Error::Spawn { command: command[0].display().to_string(), source })?;
    cluster.stop()?;
    // A command that a signal ended has no exit code: it counts as a failure.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn tools(node: bool, mut names: Vec<String>) -> Result<ExitCode, Error> {
    if names.is_empty() {
        names.extend(TOOLS.map(String::from));
    }
    if node {
        match obstacle() {
            None => names.extend(NODE_TOOLS.map(String::from)),
            Some(obstacle) => eprintln!("No tools of a node: {obstacle}"),
        }
    }
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
