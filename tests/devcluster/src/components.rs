//! The flags of the three programs; each argument lies in the data folder or on loopback.

use std::fmt::Write as _;
use std::path::Path;

use crate::cluster::write;
use crate::{Error, Options, toolchain};

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

/// Writes one script a component into `<folder>/run`, for the supervisor to run.
pub(crate) fn write_all(folder: &Path, ports: Ports, options: &Options) -> Result<(), Error> {
    write(&folder.join("audit-policy.yaml"), AUDIT_POLICY)?;
    write_script(folder, "etcd", &etcd(folder, ports, options))?;
    write_script(folder, "kube-apiserver", &api_server(folder, ports, options))?;
    write_script(folder, "kube-controller-manager", &controller_manager(folder))
}

fn etcd(folder: &Path, ports: Ports, options: &Options) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", ports.etcd);
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
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        format!("--secure-port={}", ports.api),
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        format!("--tls-cert-file={}", file("apiserver.crt")),
        format!("--tls-private-key-file={}", file("apiserver.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        format!("--service-account-signing-key-file={}", file("sa.key")),
        format!("--service-account-key-file={}", file("sa.pub")),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--authorization-mode=RBAC".into(),
        "--endpoint-reconciler-type=none".into(),
    ];
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

/// Where the API server writes its audit log.
pub(crate) fn audit_log(folder: &Path) -> std::path::PathBuf {
    folder.join("logs/audit.log")
}

/// `setpriv` ends the component with the supervisor, should even that be killed. (The signal comes when the *thread* that
/// started the component ends: safe here, since a shell has only one.)
fn write_script(folder: &Path, name: &str, flags: &[String]) -> Result<(), Error> {
    write_script_of(folder, name, &toolchain::tool(name)?, flags)
}

/// Writes the script of any program.
pub(crate) fn write_script_of(
    folder: &Path,
    name: &str,
    program: &Path,
    flags: &[String],
) -> Result<(), Error> {
    let mut script = format!("exec setpriv --pdeathsig KILL -- {}", quoted(&program.to_string_lossy()));
    for flag in flags {
        let _ = write!(script, " \\\n    {}", quoted(flag));
    }
    script.push('\n');
    write(&folder.join("run").join(name), &script)
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_path_stays_a_quote() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
