//! The one launcher of a control plane, the chart and the operator: for tests, the demo and `make e2e`.
//!
//! The operator runs as the service account of the chart, with the rights that the chart gives it and no others. Nothing
//! of it outlives this value, however it ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use devcluster::{Cluster, Options};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use mtls_operator::runtime::client::connect;
use mtls_operator::runtime::clock::Clock;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Failure;
use crate::chart::CHART;

/// Namespace of the operator.
pub const SYSTEM: &str = "mtls-system";
/// Name of the release, and of the service account in it.
pub const RELEASE: &str = "mtls-operator";
/// Name of the operator's process, where there is one.
pub const OPERATOR: &str = "operator";

/// A control plane, and what is installed on it.
pub struct Installation {
    /// The control plane.
    pub cluster: Cluster,
}

/// An operator that is to be started as a process of this machine: there is no kubelet that would run its Pods.
pub struct Operator<'a> {
    /// Name of the process, and of the Pod that it takes itself for.
    pub name: &'a str,
    /// Where the chart is installed.
    pub namespace: &'a str,
    /// The service account whose rights it has.
    pub account: &'a str,
    /// More flags.
    pub flags: &'a [&'a str],
}

impl Default for Operator<'_> {
    fn default() -> Self {
        Self { name: OPERATOR, namespace: SYSTEM, account: RELEASE, flags: &[] }
    }
}

impl Installation {
    /// Builds the tools that are missing and starts the control plane.
    pub fn start(options: Options) -> Result<Self, Failure> {
        devcluster::tool("helm")?;
        Ok(Self { cluster: Cluster::start(options)? })
    }

    /// Installs the chart with these `--set` values.
    pub fn install(&self, release: &str, namespace: &str, values: &[&str]) -> Result<(), Failure> {
        let mut arguments = vec!["install", release, CHART, "-n", namespace, "--create-namespace"];
        arguments.extend(values.iter().flat_map(|value| ["--set", value]));
        self.helm(&arguments).map(drop)
    }

    /// Starts an operator; returns its pid.
    pub fn start_operator(&self, operator: &Operator<'_>) -> Result<u32, Failure> {
        let Operator { namespace, account, .. } = operator;
        let kubeconfig = self.cluster.kubeconfig_for(namespace, account)?;
        self.start_operator_with(operator, &kubeconfig)
    }

    /// The same with another kubeconfig, as of a proxy.
    pub fn start_operator_with(&self, operator: &Operator<'_>, kubeconfig: &Path) -> Result<u32, Failure> {
        let Operator { name, namespace, flags, .. } = operator;
        let kubeconfig = kubeconfig.display().to_string();
        let run = ["run", "--namespace", namespace, "--log-format", "json"];
        let arguments: Vec<&str> = run.iter().chain(&FREE_PORTS).chain(*flags).copied().collect();
        let environment = [("KUBECONFIG", kubeconfig.as_str()), ("POD_NAME", name)];
        Ok(self.cluster.start_program(name, &program()?, &arguments, &environment)?)
    }

    /// Kills an operator.
    pub fn stop_operator(&self, name: &str) -> Result<(), Failure> {
        Ok(self.cluster.stop_program(name)?)
    }

    /// What an operator has logged.
    pub fn log_of(&self, name: &str) -> String {
        std::fs::read_to_string(self.cluster.log_of(name)).unwrap_or_default()
    }

    /// Address of an operator's metrics, once it has logged it.
    pub fn admin_address(&self, name: &str) -> Option<String> {
        self.address(name, "admin server listens")
    }

    /// Address of an operator's health checks, once it has logged it.
    pub fn health_address(&self, name: &str) -> Option<String> {
        self.address(name, "health server listens")
    }

    fn address(&self, name: &str, message: &str) -> Option<String> {
        let log = self.log_of(name);
        let line = log.lines().rfind(|line| line.contains(message))?;
        let line: Value = serde_json::from_str(line).ok()?;
        line["address"].as_str().map(str::to_owned)
    }

    /// Runs helm.
    pub fn helm(&self, arguments: &[&str]) -> Result<String, Failure> {
        succeed(self.cluster.helm().args(arguments))
    }

    /// Runs kubectl.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Failure> {
        succeed(self.cluster.kubectl().args(arguments))
    }

    /// Applies manifests; unknown fields are errors.
    pub fn apply(&self, manifests: &str) -> Result<(), Failure> {
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["apply", "--validate=strict", "-f", "-"]);
        succeed_with(&mut kubectl, manifests.as_bytes()).map(drop)
    }

    /// How to connect with all rights.
    pub async fn admin_config(&self) -> Result<Config, Failure> {
        config(self.cluster.admin_kubeconfig()).await
    }

    /// A client with all rights that waits for answers as the operator does, and repeats nothing.
    pub async fn client(&self) -> Result<Client, Failure> {
        Ok(connect(self.admin_config().await?, Clock::system())?)
    }

    /// A client with the rights of the operator.
    pub async fn operator_client(&self) -> Result<Client, Failure> {
        let config = config(&self.cluster.kubeconfig_for(SYSTEM, RELEASE)?).await?;
        Ok(connect(config, Clock::system())?)
    }
}

/// Flags by which operators on one machine do not compete for ports.
pub const FREE_PORTS: [&str; 4] = ["--admin-address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"];

/// What a port of an operator answers: headers and body.
pub async fn get(address: &str, path: &str) -> Result<String, Failure> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// How to connect by this kubeconfig.
pub async fn config(kubeconfig: &Path) -> Result<Config, Failure> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}

/// The operator's program. Cargo builds it beside the folder of tests and examples.
fn program() -> Result<PathBuf, Failure> {
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(Path::parent).ok_or("this program is in no target folder")?;
    let program = folder.join("mtls-operator");
    if program.exists() { Ok(program) } else { Err("mtls-operator is not built; run `cargo build`".into()) }
}

/// What a command prints.
pub fn succeed(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    printed(command, &output)
}

/// The same, with this on its standard input.
pub fn succeed_with(command: &mut Command, input: &[u8]) -> Result<String, Failure> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("the command has no standard input")?;
    // It may answer while it is asked: a pipe that is full would stop both.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    })?;
    printed(command, &output)
}

fn printed(command: &Command, output: &Output) -> Result<String, Failure> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments: Vec<_> = command.get_args().map(|argument| argument.display().to_string()).collect();
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{} {}: {why}", command.get_program().display(), arguments.join(" ")).into())
}
