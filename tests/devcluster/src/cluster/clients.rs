//! Clients of a cluster: they find it by their environment, and write nothing into the user's home.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Cluster, next_number};
use crate::kubeconfig::{self, Credential};
use crate::process::output;
use crate::{Error, toolchain};

impl Cluster {
    /// A kubeconfig with a token for the `ServiceAccount`, valid for twelve hours: the rights are the account's, no more.
    ///
    /// # Errors
    /// When there is no such `ServiceAccount`.
    pub fn kubeconfig_for(&self, namespace: &str, service_account: &str) -> Result<PathBuf, Error> {
        let namespace_flag = format!("--namespace={namespace}");
        let arguments = ["create", "token", service_account, &namespace_flag, "--duration=12h"];
        let token = output(self.kubectl().args(arguments))?;
        // A new name each time: a client may be reading the former one.
        let number = next_number();
        let path = self.folder.join(format!("{namespace}.{service_account}.{number}.kubeconfig"));
        self.write_kubeconfig(&path, &Credential::Token(token.trim()))?;
        Ok(path)
    }

    /// The environment in which any client finds this cluster, and keeps its caches in the data folder.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, PathBuf)> + use<> {
        environment(&self.folder).into_iter()
    }

    /// kubectl as admin, with its cache in the data folder.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        self.command("kubectl")
    }

    /// helm as admin, with its caches in the data folder. It is built here where it is missing: call
    /// [`tool`](crate::tool) first to see that fail.
    #[must_use]
    pub fn helm(&self) -> Command {
        self.command("helm")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(toolchain::tool(name).unwrap_or_else(|_| name.into()));
        command.envs(environment(&self.folder)).stdin(Stdio::null());
        command
    }

    pub(super) fn kubectl_succeeds(&self, arguments: &[&str]) -> bool {
        output(self.kubectl().args(arguments).arg("--request-timeout=5s")).is_ok()
    }

    pub(super) fn write_kubeconfig(&self, path: &Path, credential: &Credential<'_>) -> Result<(), Error> {
        kubeconfig::write_to(path, &self.url, &self.pki(), credential)
    }
}

/// What a client of the cluster in `folder` needs in its environment: nothing of it lands in the user's home.
pub(crate) fn environment(folder: &Path) -> [(&'static str, PathBuf); 5] {
    [
        ("KUBECONFIG", folder.join("admin.kubeconfig")),
        ("KUBECACHEDIR", folder.join("kubectl-cache")),
        ("HELM_CACHE_HOME", folder.join("helm/cache")),
        ("HELM_CONFIG_HOME", folder.join("helm/config")),
        ("HELM_DATA_HOME", folder.join("helm/data")),
    ]
}
