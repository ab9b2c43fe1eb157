//! Go modules of tools, written out as they were pinned here: their sums fix every line of source.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, cache, file};

/// A Go module from which tools are built.
pub(super) struct Module {
    /// Before the version in the name of its cache folder.
    prefix: &'static str,
    /// The required module whose version names the folder.
    version_of: &'static str,
    /// `go.mod`, `go.sum` and sources, each with its path.
    files: &'static [(&'static str, &'static str)],
}

/// Kubernetes itself, etcd and helm.
pub(super) static CONTROL_PLANE: Module = Module {
    prefix: "",
    version_of: "k8s.io/kubernetes",
    files: &[("go.mod", include_str!("../../tools/go.mod")), ("go.sum", include_str!("../../tools/go.sum"))],
};

/// Control planes of other versions of Kubernetes: kube-apiserver and kube-controller-manager alone. Whatever else runs beside them is
/// that of [`CONTROL_PLANE`].
static OTHERS: [Module; 2] = [
    Module {
        prefix: "",
        version_of: "k8s.io/kubernetes",
        files: &[
            ("go.mod", include_str!("../../tools-1.36/go.mod")),
            ("go.sum", include_str!("../../tools-1.36/go.sum")),
        ],
    },
    Module {
        prefix: "",
        version_of: "k8s.io/kubernetes",
        files: &[
            ("go.mod", include_str!("../../tools-1.33/go.mod")),
            ("go.sum", include_str!("../../tools-1.33/go.sum")),
        ],
    },
];

/// Chooses the minor version of the control plane, as in `1.36`; unset, it is that of [`CONTROL_PLANE`].
pub(super) const CHOICE: &str = "MTLS_KUBERNETES";

/// The module of the control plane that was chosen.
pub(super) fn chosen_control_plane() -> Result<&'static Module, Error> {
    let choice = env::var(CHOICE).unwrap_or_default();
    control_plane(&choice).ok_or(Error::UnknownKubernetes(choice))
}

fn control_plane(choice: &str) -> Option<&'static Module> {
    let is_chosen = |module: &&Module| {
        let version = module.version(module.version_of).trim_start_matches('v');
        choice.is_empty() || version.rsplit_once('.').is_some_and(|(minor, _)| minor == choice)
    };
    [&CONTROL_PLANE].into_iter().chain(&OTHERS).find(is_chosen)
}

/// What a node needs in addition; a module of its own, so that the dependencies of one do not change those of the other.
pub(super) static NODE: Module = Module {
    prefix: "coredns-",
    version_of: "github.com/coredns/coredns",
    files: &[
        ("go.mod", include_str!("../../node-tools/go.mod")),
        ("go.sum", include_str!("../../node-tools/go.sum")),
        ("coredns/main.go", include_str!("../../node-tools/coredns/main.go")),
        ("pause/main.go", include_str!("../../node-tools/pause/main.go")),
    ],
};

impl Module {
    /// The pinned version of a required module, as in `v1.37.2`.
    pub(super) fn version(&self, required: &str) -> &'static str {
        let (_, go_mod) = self.files[0];
        go_mod
            .lines()
            .map(|line| line.trim().trim_start_matches("require "))
            .filter_map(|line| line.strip_prefix(required)?.strip_prefix(' '))
            .find_map(|rest| rest.split(' ').next().filter(|word| word.starts_with('v')))
            .unwrap_or("v0.0.0")
    }

    /// Another version, another sum or another line is another folder: nothing in it is ever outdated.
    pub(super) fn cache_folder(&self) -> Result<PathBuf, Error> {
        let sums = fingerprint(self.files.iter().map(|(_, text)| *text));
        let version = self.version(self.version_of);
        Ok(cache::folder()?.join(format!("{}{version}-{sums:08x}", self.prefix)))
    }

    /// Writes the module's files below `folder`.
    pub(super) fn write_to(&self, folder: &Path) -> Result<(), Error> {
        for (name, text) in self.files {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(Error::file("make", parent))?;
            file::write(&path, text)?;
        }
        Ok(())
    }
}

/// FNV-1a: short, and the same in every version of Rust, which the standard hasher does not promise.
fn fingerprint(texts: impl Iterator<Item = &'static str>) -> u32 {
    texts
        .flat_map(str::bytes)
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_plane_is_chosen_by_its_minor_version() {
        let version = |choice| control_plane(choice).map(|module| module.version("k8s.io/kubernetes"));
        assert_eq!(version(""), Some(CONTROL_PLANE.version("k8s.io/kubernetes")));
        assert!(version("1.36").is_some_and(|version| version.starts_with("v1.36.")));
        assert!(version("1.33").is_some_and(|version| version.starts_with("v1.33.")));
        assert!(version("1.37").is_some_and(|version| version.starts_with("v1.37.")));
        for unknown in ["1.3", "1", "1.35", "v1.36", "latest"] {
            assert_eq!(version(unknown), None, "{unknown}");
        }
    }
}
