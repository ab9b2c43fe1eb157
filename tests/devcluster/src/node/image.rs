//! Images: files that are made here and imported. There is no registry, and nothing is pulled.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::namespaces::Namespaces;
use crate::process::output;
use crate::{Error, file, toolchain};

/// The image of the process that holds a Pod's namespaces.
pub(crate) const PAUSE_IMAGE: &str = "devcluster.local/pause:1";

/// Packs a folder into a docker archive of one layer; the same content gives the same archive.
///
/// Pods name it by `reference` in full, as in `devcluster.local/pause:1`, with `imagePullPolicy: Never`.
///
/// # Errors
/// When a file cannot be read or written, or `tar` or `sha256sum` is missing.
pub fn pack_image(archive: &Path, reference: &str, root: &Path, entrypoint: &[&str]) -> Result<(), Error> {
    let parts = archive.with_extension("parts");
    fs::create_dir_all(&parts).map_err(Error::file("make", &parts))?;
    let layer = parts.join("layer.tar");
    tar(&layer, root, &["."])?;
    let digest = output(Command::new("sha256sum").arg(&layer))?;
    let digest = digest.split_whitespace().next().unwrap_or_default();
    let configuration = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]);
    file::write(&parts.join("config.json"), &configuration.to_string())?;
    file::write(&parts.join("manifest.json"), &manifest.to_string())?;
    tar(archive, &parts, &["manifest.json", "config.json", "layer.tar"])?;
    fs::remove_dir_all(&parts).map_err(Error::file("remove", &parts))
}

/// Makes the archive of [`PAUSE_IMAGE`] in `folder` and imports it.
pub(crate) fn import_pause(jail: Namespaces, folder: &Path) -> Result<(), Error> {
    let root = folder.join("pause");
    fs::create_dir_all(&root).map_err(Error::file("make", &root))?;
    let program = root.join("pause");
    fs::copy(toolchain::tool("pause")?, &program).map_err(Error::file("write", &program))?;
    let archive = folder.join("pause.tar");
    pack_image(&archive, PAUSE_IMAGE, &root, &["/pause"])?;
    import(jail, &archive)
}

/// Imports a docker or OCI archive. It is given as an open file: the jail does not see every path.
pub(crate) fn import(jail: Namespaces, archive: &Path) -> Result<(), Error> {
    let content = File::open(archive).map_err(Error::file("open", archive))?;
    let arguments = ["--namespace=k8s.io", "images", "import", "-"];
    output(jail.inside().command("ctr").args(arguments).stdin(content)).map(drop)
}

/// Sorted, without times and owners of this machine.
fn tar(archive: &Path, folder: &Path, members: &[&str]) -> Result<(), Error> {
    let plain = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=a+rX"];
    let mut tar = Command::new("tar");
    tar.args(plain).arg("--create").arg("--file").arg(archive).arg("-C").arg(folder).args(members);
    output(&mut tar).map(drop)
}

/// As container images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
