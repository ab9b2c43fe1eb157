//! containerd of a node: it takes every image from a file, and needs no more rights than a container on the machine may have.

use std::path::Path;

use super::image::PAUSE_IMAGE;
use super::namespaces::Namespaces;
use super::{network, requirements};
use crate::script;
use crate::{Error, file};

/// Writes configuration and script. Root, state and socket are at their default paths, which are the jail's own.
pub(crate) fn write_all(folder: &Path, jail: Namespaces) -> Result<(), Error> {
    let node = folder.join("node");
    let plugins = node.join("cni");
    network::write_plugin_configuration(&plugins)?;
    let path = node.join("containerd.toml");
    file::write(&path, &configuration(&plugins))?;
    let flags = [format!("--config={}", path.display())];
    script::write(folder, "containerd", jail.inside(), Path::new("containerd"), &flags)
}

/// Whether it answers.
pub(crate) fn is_ready(jail: Namespaces) -> bool {
    jail.run(&["ctr", "version"]).is_ok()
}

/// `restrict_oom_score_adj`: without `CAP_SYS_RESOURCE` runc may not make a process less likely to be killed.
fn configuration(plugins: &Path) -> String {
    let programs = requirements::plugins().unwrap_or(Path::new("/opt/cni/bin"));
    format!(
        r#"version = 2
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{programs}"
    conf_dir = "{plugins}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"#,
        programs = programs.display(),
        plugins = plugins.display(),
    )
}
