//! Tools of a cluster: each has the pinned version, or the one the user chose by `KUBEBUILDER_ASSETS` or `MTLS_KUBERNETES`.
//!
//! Looked for in this order: `KUBEBUILDER_ASSETS`, the cache, `PATH` where the version fits; else built with Go from one
//! of the modules in `tools/`, `tools-1.36/`, `tools-1.33/` and `node-tools/`.

mod build;
mod module;
mod versions;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;
use versions::{KNOWN, Tool};

/// What a control plane and its users need, in the order in which it is best built.
pub const TOOLS: [&str; 5] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "helm"];

/// What a node needs besides.
pub const NODE_TOOLS: [&str; 5] = ["pause", "kubelet", "kube-scheduler", "kube-proxy", "coredns"];

/// The path of a tool ([`TOOLS`], [`NODE_TOOLS`]), which is built first where it is nowhere to be found.
///
/// # Errors
/// When the tool is unknown, or missing and cannot be built.
pub fn tool(name: &str) -> Result<PathBuf, Error> {
    let tool =
        KNOWN.iter().find(|tool| tool.name == name).ok_or_else(|| Error::UnknownTool(name.to_owned()))?;
    if let Some(path) = in_assets(tool) {
        return Ok(path);
    }
    let cached = tool.module()?.cache_folder()?.join("bin").join(name);
    if cached.is_file() {
        return Ok(cached);
    }
    if let Some(path) = on_path(tool, tool.version()?) {
        return Ok(path);
    }
    build::build_once(tool, &cached)?;
    Ok(cached)
}

/// The version of Kubernetes whose control plane is started, as in `v1.37.2`, unless `KUBEBUILDER_ASSETS` has another.
///
/// # Errors
/// When `MTLS_KUBERNETES` names one that is none of ours.
pub fn kubernetes_version() -> Result<&'static str, Error> {
    Ok(module::chosen_control_plane()?.version("k8s.io/kubernetes"))
}

/// Why there can be no node beside the control plane that was chosen.
pub(crate) fn node_of_choice() -> Option<String> {
    let choice = env::var(module::CHOICE).ok().filter(|choice| !choice.is_empty())?;
    Some(format!("{}={choice} chooses a control plane, and a node is of its version", module::CHOICE))
}

fn in_assets(tool: &Tool) -> Option<PathBuf> {
    let folder = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty())?;
    Some(Path::new(&folder).join(tool.name)).filter(|path| path.is_file())
}

fn on_path(tool: &Tool, pinned: &str) -> Option<PathBuf> {
    if tool.version_arguments.is_empty() {
        return None;
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(tool.name))
        .find(|path| path.is_file() && fits(tool, pinned, path))
}

fn fits(tool: &Tool, pinned: &str, path: &Path) -> bool {
    let answer = Command::new(path).args(tool.version_arguments).stdin(Stdio::null()).output();
    answer.is_ok_and(|answer| tool.fits(pinned, &String::from_utf8_lossy(&answer.stdout)))
}
