//! A running control plane. One that `start` returned is ready: it answers, and its default `ServiceAccount` exists.

mod clients;
mod node;
mod programs;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, fs, process};

use crate::components::{self, Ports};
use crate::kubeconfig::Credential;
use crate::node::namespaces::Namespaces;
use crate::process::{last_lines, poll};
use crate::supervisor::{self, Supervisor};
use crate::{Error, Options, certificates, ports, toolchain};

pub(crate) use clients::environment;

/// Generous, since a busy machine is slow: a broken component ends, and is reported, long before.
const PATIENCE: Duration = Duration::from_mins(2);
const ATTEMPTS: u32 = 4;

/// A running control plane; dropping it stops everything and removes its folder.
pub struct Cluster {
    folder: PathBuf,
    url: String,
    ports: Ports,
    ca_pem: String,
    admin: PathBuf,
    jail: Option<Namespaces>,
    supervisor: Mutex<Option<Supervisor>>,
}

impl Cluster {
    /// Starts a control plane and waits until it is ready (about five seconds, plus the first build of the tools).
    ///
    /// # Errors
    /// When a tool is missing, or a component ends or does not become ready: the error has the end of its log.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers write `Options::default()`, not a reference to it"
    )]
    pub fn start(options: Options) -> Result<Self, Error> {
        // Tools first: a build must not count as time that a component takes to start.
        for name in ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] {
            toolchain::tool(name)?;
        }
        if options.node.is_some() {
            node::require()?;
        }
        let mut attempt = 1;
        loop {
            match Self::attempt(&options) {
                Err(error) if attempt < ATTEMPTS && is_port_taken(&error) => attempt += 1,
                result => return result,
            }
        }
    }

    fn attempt(options: &Options) -> Result<Self, Error> {
        let (folder, supervisor) = claim_folder(&options.name)?;
        let ports = Ports { etcd: ports::free()?, etcd_peer: ports::free()?, api: ports::free()? };
        // From here on an early return drops the cluster, which ends the supervisor and all it started.
        let mut cluster = Self {
            url: format!("https://127.0.0.1:{}", ports.api),
            ports,
            ca_pem: String::new(),
            admin: folder.join("admin.kubeconfig"),
            jail: None,
            supervisor: Mutex::new(Some(supervisor)),
            folder,
        };
        cluster.ca_pem = certificates::write_all(&cluster.pki())?;
        for party in ["admin", "controller-manager"] {
            cluster.write_kubeconfig_of(party)?;
        }
        if options.node.is_some() {
            cluster.jail = Some(cluster.open_jail()?);
        }
        components::write_all(&cluster.folder, ports, options, cluster.jail)?;
        cluster.start_components()?;
        if let Some(options) = &options.node {
            cluster.start_node(options)?;
        }
        Ok(cluster)
    }

    fn start_components(&self) -> Result<(), Error> {
        let etcd = self.start_component("etcd")?;
        self.wait("etcd", etcd, || Ok(self.listens(self.ports.etcd)))?;
        self.start_api_server()?;
        // Only now: a controller manager that finds no API server ends.
        let manager = self.start_component("kube-controller-manager")?;
        self.wait("kube-controller-manager", manager, || {
            Ok(self.kubectl_succeeds(&["get", "serviceaccount", "default", "--namespace=default"]))
        })
    }

    /// The folder that holds everything of this cluster and goes with it.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.folder
    }

    /// The API server's address, as in `https://127.0.0.1:20001`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where etcd serves its clients, its JSON gateway included: what was really stored, whatever was answered.
    #[must_use]
    pub fn etcd_url(&self) -> String {
        components::etcd_url(self.ports)
    }

    /// The certificate of the cluster's CA.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The kubeconfig of a user in `system:masters`.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> &Path {
        &self.admin
    }

    /// Where the API server writes what it was asked; see [`crate::audit`].
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        components::audit_log(&self.folder)
    }

    /// Stops everything and returns when no process and no file is left.
    ///
    /// # Errors
    /// When the supervisor cannot be waited for, or a file could not be removed.
    pub fn stop(self) -> Result<(), Error> {
        let Some(supervisor) = self.supervisor().take() else { return Ok(()) };
        self.end(supervisor)
    }

    fn end(&self, supervisor: Supervisor) -> Result<(), Error> {
        supervisor.end()?;
        supervisor::remove_remains(&self.folder)
    }

    /// Lets the cluster live on after this process; returns the supervisor's pid.
    pub(crate) fn detach(self) -> Result<u32, Error> {
        let supervisor = self.supervisor().take();
        supervisor.ok_or_else(|| Error::Supervisor("has gone".into()))?.detach()
    }

    fn pki(&self) -> PathBuf {
        self.folder.join("pki")
    }

    fn write_kubeconfig_of(&self, party: &str) -> Result<(), Error> {
        let path = self.folder.join(format!("{party}.kubeconfig"));
        self.write_kubeconfig(&path, &Credential::Certificate(party))
    }

    fn start_component(&self, name: &str) -> Result<u32, Error> {
        self.supervised(|supervisor| supervisor.start_component(name))
    }

    fn supervised<T>(&self, ask: impl FnOnce(&mut Supervisor) -> Result<T, Error>) -> Result<T, Error> {
        self.supervisor().as_mut().map_or_else(|| Err(Error::Supervisor("has gone".into())), ask)
    }

    fn supervisor(&self) -> MutexGuard<'_, Option<Supervisor>> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a component listens on the port, where the components are.
    fn listens(&self, port: u16) -> bool {
        self.jail.map_or_else(|| ports::is_open("self", port), |jail| jail.listens(port))
    }

    /// Waits until `ready`, as long as the component lives.
    fn wait(&self, component: &str, pid: u32, ready: impl Fn() -> Result<bool, Error>) -> Result<(), Error> {
        poll(PATIENCE, || {
            if !supervisor::is_running(pid) {
                return Err(self.broken(component, "ended"));
            }
            Ok(ready()?.then_some(()))
        })?
        .ok_or_else(|| self.broken(component, "does not become ready"))
    }

    fn broken(&self, component: &str, what: &'static str) -> Error {
        let log = fs::read(self.log_of(component)).unwrap_or_default();
        Error::Component {
            component: component.to_owned(),
            what,
            log: last_lines(&String::from_utf8_lossy(&log)),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor().take() {
            // There is no caller to report an error to; `stop` reports it.
            let _ = self.end(supervisor);
        }
    }
}

/// The supervisor makes the folder, so that each folder has a process that removes it.
fn claim_folder(name: &str) -> Result<(PathBuf, Supervisor), Error> {
    let folder = env::temp_dir().join(format!("devcluster-{name}-{}-{}", process::id(), next_number()));
    let supervisor = Supervisor::start(&folder)?;
    Ok((folder, supervisor))
}

fn next_number() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

fn is_port_taken(error: &Error) -> bool {
    matches!(error, Error::Component { log, .. } if log.to_lowercase().contains("address already in use"))
}
