//! Programs of a cluster: each can be killed as by a crash and started again, by name, and ends with the cluster.

use std::path::{Path, PathBuf};

use super::Cluster;
use crate::Error;
use crate::script::{self, Place};

impl Cluster {
    /// Kills the API server, as a crash would. The data stay, and so does the port.
    ///
    /// # Errors
    /// When the supervisor has gone.
    pub fn stop_api_server(&self) -> Result<(), Error> {
        self.supervised(|supervisor| supervisor.stop_component("kube-apiserver"))
    }

    /// Starts the API server, which must have been stopped, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or does not become ready.
    pub fn start_api_server(&self) -> Result<(), Error> {
        let pid = self.start_component("kube-apiserver")?;
        // The port first: that costs nothing, a kubectl costs a tenth of a second of a core.
        self.wait("kube-apiserver", pid, || {
            Ok(self.listens(self.ports.api) && self.kubectl_succeeds(&["get", "--raw=/readyz"]))
        })
    }

    /// Starts a program that lives and dies with the cluster; returns its pid. Its output goes to [`Self::log_of`].
    ///
    /// # Errors
    /// When the supervisor has gone, or the folder cannot be written.
    pub fn start_program(
        &self,
        name: &str,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<u32, Error> {
        let settings = environment.iter().map(|(key, value)| format!("{key}={value}"));
        let arguments = arguments.iter().map(ToString::to_string);
        let words = settings.chain([program.display().to_string()]).chain(arguments).collect::<Vec<_>>();
        script::write(&self.folder, name, Place::Here, Path::new("env"), &words)?;
        self.start_component(name)
    }

    /// Kills a program that was started here, and returns when it has ended.
    ///
    /// # Errors
    /// When the supervisor has gone.
    pub fn stop_program(&self, name: &str) -> Result<(), Error> {
        self.supervised(|supervisor| supervisor.stop_component(name))
    }

    /// Where the output of a component or program goes.
    #[must_use]
    pub fn log_of(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }
}
