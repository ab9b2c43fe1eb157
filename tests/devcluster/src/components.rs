//! The flags of the control plane's programs; each argument lies in the data folder, or on loopback, or in a node's
//! own network.

use std::path::Path;

use crate::node::namespaces::Namespaces;
use crate::node::network::NODE_ADDRESS;
use crate::script::{self, Place};
use crate::{Error, Options, file, toolchain};

/// The addresses of Services.
pub(crate) const SERVICE_RANGE: &str = "10.96.0.0/16";

/// Where one cluster listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) etcd: u16,
    pub(crate) etcd_peer: u16,
    pub(crate) api: u16,
}

/// Metadata only, and one line a request: a test counts lines.
const AUDIT_POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n";

/// Writes one script a component into `<folder>/run`, for the supervisor to run. With a node, all run in its network.
pub(crate) fn write_all(
    folder: &Path,
    ports: Ports,
    options: &Options,
    jail: Option<Namespaces>,
) -> Result<(), Error> {
    file::write(&folder.join("audit-policy.yaml"), AUDIT_POLICY)?;
    let place = jail.map_or(Place::Here, Namespaces::network);
    let write =
        |name: &str, flags: &[String]| script::write(folder, name, place, &toolchain::tool(name)?, flags);
    write("etcd", &etcd(folder, ports, options))?;
    write("kube-apiserver", &api_server(folder, ports, options))?;
    write("kube-controller-manager", &controller_manager(folder))?;
    if jail.is_some() {
        write("kube-scheduler", &scheduler(folder))?;
    }
    Ok(())
}

/// Where etcd serves its clients.
pub(crate) fn etcd_url(ports: Ports) -> String {
    format!("http://127.0.0.1:{}", ports.etcd)
}

fn etcd(folder: &Path, ports: Ports, options: &Options) -> Vec<String> {
    let client = etcd_url(ports);
    let peer = format!("http://127.0.0.1:{}", ports.etcd_peer);
    let mut flags = vec![
        "--name=devcluster".into(),
        format!("--data-dir={}/etcd", folder.display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=devcluster={peer}"),
        "--log-level=warn".into(),
    ];
    if !options.fsync {
        flags.push("--unsafe-no-fsync".into());
    }
    flags
}

fn api_server(folder: &Path, ports: Ports, options: &Options) -> Vec<String> {
    let pki = folder.join("pki");
    let file = |name: &str| pki.join(name).display().to_string();
    let mut flags = vec![
        format!("--secure-port={}", ports.api),
        format!("--etcd-servers={}", etcd_url(ports)),
        format!("--tls-cert-file={}", file("apiserver.crt")),
        format!("--tls-private-key-file={}", file("apiserver.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        format!("--service-account-signing-key-file={}", file("sa.key")),
        format!("--service-account-key-file={}", file("sa.pub")),
        format!("--service-cluster-ip-range={SERVICE_RANGE}"),
    ];
    flags.extend(if options.node.is_some() { reached_by_a_node(&pki) } else { alone() });
    if !options.unserved.is_empty() {
        let unserved: Vec<String> = options.unserved.iter().map(|one| format!("{one}=false")).collect();
        flags.push(format!("--runtime-config={}", unserved.join(",")));
    }
    if options.audit {
        flags.extend([
            format!("--audit-policy-file={}/audit-policy.yaml", folder.display()),
            format!("--audit-log-path={}", audit_log(folder).display()),
            "--audit-log-mode=blocking".into(),
            // In megabytes: a log that is rotated away would make a test count too few.
            "--audit-log-maxsize=1000000".into(),
        ]);
    }
    flags
}

fn alone() -> Vec<String> {
    let flags = [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--authorization-mode=RBAC",
        "--endpoint-reconciler-type=none",
    ];
    flags.map(String::from).into()
}

/// Pods reach it by the node's address, and it reaches the kubelet: `kubectl logs` and `exec` go that way.
fn reached_by_a_node(pki: &Path) -> Vec<String> {
    let file = |name: &str| pki.join(name).display().to_string();
    vec![
        "--bind-address=0.0.0.0".into(),
        format!("--advertise-address={NODE_ADDRESS}"),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        "--allow-privileged=true".into(),
        format!("--kubelet-client-certificate={}", file("apiserver-kubelet.crt")),
        format!("--kubelet-client-key={}", file("apiserver-kubelet.key")),
        format!("--kubelet-certificate-authority={}", file("ca.crt")),
        "--kubelet-preferred-address-types=InternalIP".into(),
    ]
}

fn controller_manager(folder: &Path) -> Vec<String> {
    let pki = folder.join("pki");
    let file = |name: &str| pki.join(name).display().to_string();
    vec![
        format!("--kubeconfig={}/controller-manager.kubeconfig", folder.display()),
        "--secure-port=0".into(),
        "--use-service-account-credentials=true".into(),
        format!("--service-account-private-key-file={}", file("sa.key")),
        format!("--root-ca-file={}", file("ca.crt")),
        format!("--cluster-signing-cert-file={}", file("ca.crt")),
        format!("--cluster-signing-key-file={}", file("ca.key")),
        "--leader-elect=false".into(),
        // Its controllers fetch their tokens through this: the default of 20 a second delays their start by seconds.
        "--kube-api-qps=500".into(),
        "--kube-api-burst=500".into(),
    ]
}

fn scheduler(folder: &Path) -> Vec<String> {
    vec![
        format!("--kubeconfig={}/scheduler.kubeconfig", folder.display()),
        "--secure-port=0".into(),
        "--leader-elect=false".into(),
    ]
}

/// Where the API server writes its audit log.
pub(crate) fn audit_log(folder: &Path) -> std::path::PathBuf {
    folder.join("logs/audit.log")
}
