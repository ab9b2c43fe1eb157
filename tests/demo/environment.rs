//! The control plane, the chart and the operator, as the demo uses them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use devcluster::audit::{self, Event};
use devcluster::{Cluster, Options, Retained};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use mtls_operator::api::conditions::{READY, find};
use mtls_operator::api::names::annotation;
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::runtime::client::connect;
use mtls_operator::runtime::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use crate::Failure;
use crate::etcd::Etcd;
use crate::handshake::Credentials;
use crate::reporter::Reporter;
use crate::waiting::{seen_until, until};

const SYSTEM: &str = "mtls-system";
const OPERATOR: &str = "operator";
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The stage of the demo.
pub struct Environment {
    cluster: Cluster,
    client: OnceCell<Client>,
}

impl Environment {
    /// Builds what is missing and starts the control plane.
    pub fn open() -> Result<Self, Failure> {
        devcluster::tool("helm")?;
        let cluster = Cluster::start(Options { name: "demo".into(), ..Options::default() })?;
        Ok(Self { cluster, client: OnceCell::new() })
    }

    /// Installs the chart, and runs the operator with the rights that the chart gives it. There is no kubelet here,
    /// so its Pods stay pending and the same program runs beside the cluster.
    pub fn install(&self) -> Result<(), Failure> {
        let chart = format!("{HERE}/charts/mtls-operator");
        let mut helm = self.cluster.helm();
        helm.args(["install", "mtls-operator", &chart, "-n", SYSTEM, "--create-namespace"]);
        succeed(&mut helm)?;
        self.start_operator().map(drop)
    }

    /// Starts the operator as its service account; returns its pid.
    pub fn start_operator(&self) -> Result<u32, Failure> {
        let kubeconfig = self.cluster.kubeconfig_for(SYSTEM, "mtls-operator")?.display().to_string();
        let flags = ["run", "--namespace", SYSTEM, "--admin-address", "127.0.0.1:0", "--log-format", "json"];
        let environment = [("KUBECONFIG", kubeconfig.as_str()), ("POD_NAME", "demo")];
        Ok(self.cluster.start_program(OPERATOR, &operator()?, &flags, &environment)?)
    }

    /// Kills the operator.
    pub fn kill_operator(&self) -> Result<(), Failure> {
        Ok(self.cluster.stop_program(OPERATOR)?)
    }

    /// The requests of the operator that the API server has answered since an earlier call, and where they end.
    pub fn requests_since(&self, offset: u64) -> Result<(Vec<Event>, u64), Failure> {
        let end = audit::end(&self.cluster.audit_log())?;
        let events = audit::read(&self.cluster.audit_log(), offset)?;
        let user = format!("system:serviceaccount:{SYSTEM}:mtls-operator");
        Ok((events.into_iter().filter(|event| event.user == user).collect(), end))
    }

    /// Applies every example.
    pub fn apply_examples(&self) -> Result<(), Failure> {
        succeed(self.cluster.kubectl().args(["apply", "-f", &format!("{HERE}/deploy/examples")])).map(drop)
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) -> Result<(), Failure> {
        use std::io::Write as _;
        let mut kubectl = self.cluster.kubectl();
        let mut child =
            kubectl.args(["apply", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().ok_or("kubectl has no standard input")?.write_all(manifest.as_bytes())?;
        if child.wait()?.success() { Ok(()) } else { Err("kubectl apply failed".into()) }
    }

    /// Runs kubectl and shows what it prints.
    pub fn show(&self, arguments: &[&str]) -> Result<(), Failure> {
        Reporter::say(&format!("$ kubectl {}", arguments.join(" ")));
        let printed = succeed(self.cluster.kubectl().args(arguments))?;
        printed.lines().for_each(Reporter::say);
        Ok(())
    }

    /// Waits until an identity is Ready.
    pub async fn ready(&self, namespace: &str, name: &str) -> Result<(), Failure> {
        let identities: Api<MtlsIdentity> = Api::namespaced(self.client().await?, namespace);
        until(identities, name, |identity| is_ready(&identity.status.as_ref()?.conditions)).await
    }

    /// Waits until an authority signs.
    pub async fn authority_ready(&self, name: &str) -> Result<(), Failure> {
        let authorities: Api<MtlsAuthority> = Api::all(self.client().await?);
        until(authorities, name, |authority| is_ready(&authority.status.as_ref()?.conditions)).await
    }

    /// Waits until so many identities of a namespace are Ready.
    pub async fn all_ready(&self, namespace: &str, count: usize) -> Result<(), Failure> {
        let identities: Api<MtlsIdentity> = Api::namespaced(self.client().await?, namespace);
        let mut ready = BTreeSet::new();
        seen_until(identities, &format!("{count} identities in {namespace} to be Ready"), |identity| {
            ready.extend(is_ready(&identity.status?.conditions).and(identity.metadata.name));
            (ready.len() >= count).then_some(())
        })
        .await
    }

    /// The operator's figures.
    pub async fn metrics(&self) -> Result<String, Failure> {
        let log = std::fs::read_to_string(self.cluster.log_of(OPERATOR))?;
        let line = log.lines().rfind(|line| line.contains("admin server listens")).ok_or("no admin port")?;
        let line: serde_json::Value = serde_json::from_str(line)?;
        let mut socket = TcpStream::connect(line["address"].as_str().ok_or("no address")?).await?;
        let request = b"GET /metrics HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n";
        socket.write_all(request).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// What a Pod that mounts a Secret holds.
    pub async fn credentials(&self, namespace: &str, secret: &str) -> Result<Credentials, Failure> {
        Credentials::of(&self.secrets(namespace).await?.get(secret).await?)
    }

    /// Serial number of the leaf in a Secret.
    pub async fn serial(&self, namespace: &str, secret: &str) -> Result<String, Failure> {
        serial_of(&self.secrets(namespace).await?.get(secret).await?)
            .ok_or_else(|| "the Secret names no serial".into())
    }

    /// Waits until a Secret holds another leaf.
    pub async fn serial_other_than(
        &self,
        namespace: &str,
        secret: &str,
        before: &str,
    ) -> Result<String, Failure> {
        let is_other = |secret: &Secret| serial_of(secret).filter(|serial| serial != before);
        until(self.secrets(namespace).await?, secret, is_other).await
    }

    /// Deletes a Secret.
    pub async fn delete_secret(&self, namespace: &str, secret: &str) -> Result<(), Failure> {
        self.secrets(namespace).await?.delete(secret, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Stops everything.
    pub fn close(self) -> Result<(), Failure> {
        Ok(self.cluster.stop()?)
    }

    /// Leaves everything running, and says how to use it.
    pub fn keep(self) -> Result<(), Failure> {
        let kept = Retained::keep(self.cluster)?;
        Reporter::section("Everything stays up (KEEP=1)");
        Reporter::say(&format!("export KUBECONFIG={}", kept.kubeconfig().display()));
        Reporter::say(&format!("{} get mtlsidentities -A --watch", devcluster::tool("kubectl")?.display()));
        let log = kept.data_dir().join("logs").join(format!("{OPERATOR}.log"));
        Reporter::say(&format!("tail -f {}   # what the operator says", log.display()));
        Reporter::say("cargo run -q -p devcluster -- down   # when you are done");
        Ok(())
    }

    async fn secrets(&self, namespace: &str) -> Result<Api<Secret>, Failure> {
        Ok(Api::namespaced(self.client().await?, namespace))
    }

    /// A client with all rights.
    pub async fn client(&self) -> Result<Client, Failure> {
        self.client.get_or_try_init(|| self.connected()).await.cloned()
    }

    async fn connected(&self) -> Result<Client, Failure> {
        let kubeconfig = Kubeconfig::read_from(self.cluster.admin_kubeconfig())?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(connect(config, Clock::system())?)
    }

    /// What etcd has stored.
    pub fn etcd(&self) -> Result<Etcd, Failure> {
        Etcd::at(&self.cluster.etcd_url())
    }
}

fn is_ready(conditions: &[Condition]) -> Option<()> {
    find(conditions, READY).filter(|condition| condition.status == "True").map(|_| ())
}

fn serial_of(secret: &Secret) -> Option<String> {
    secret.metadata.annotations.as_ref()?.get(annotation::SERIAL).cloned()
}

/// The operator was built beside this program.
fn operator() -> Result<PathBuf, Failure> {
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(Path::parent).ok_or("this program lies in no target folder")?;
    let program = folder.join("mtls-operator");
    if program.exists() { Ok(program) } else { Err("mtls-operator is not built; run `cargo build`".into()) }
}

fn succeed(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{}: {}", command.get_program().display(), String::from_utf8_lossy(&output.stderr).trim())
        .into())
}
