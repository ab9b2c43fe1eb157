//! A tool that is handed out has the pinned version, or the one the user chose by `KUBEBUILDER_ASSETS`.
//!
//! Looked for in this order: `KUBEBUILDER_ASSETS`, the cache, `PATH` where the version fits; else built with Go from the
//! module in `tools/`, whose sums pin every line of source.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use crate::cluster::write;
use crate::{Error, cache};

const GO_MOD: &str = include_str!("../tools/go.mod");
const GO_SUM: &str = include_str!("../tools/go.sum");

/// What a control plane and its users need, in the order in which it is best built.
pub const TOOLS: [&str; 5] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "helm"];

struct Tool {
    name: &'static str,
    package: &'static str,
    /// The module whose version is the tool's.
    module: &'static str,
    version_arguments: &'static [&'static str],
    /// How long a first build takes on two cores.
    takes: &'static str,
}

const KNOWN: [Tool; 5] = [
    Tool {
        name: "etcd",
        package: "go.etcd.io/etcd/server/v3",
        module: "go.etcd.io/etcd/server/v3",
        version_arguments: &["--version"],
        takes: "2 min",
    },
    Tool {
        name: "kube-apiserver",
        package: "k8s.io/kubernetes/cmd/kube-apiserver",
        module: "k8s.io/kubernetes",
        version_arguments: &["--version"],
        takes: "8 min",
    },
    Tool {
        name: "kube-controller-manager",
        package: "k8s.io/kubernetes/cmd/kube-controller-manager",
        module: "k8s.io/kubernetes",
        version_arguments: &["--version"],
        takes: "4 min",
    },
    Tool {
        name: "kubectl",
        package: "k8s.io/kubernetes/cmd/kubectl",
        module: "k8s.io/kubernetes",
        version_arguments: &["version", "--client"],
        takes: "1 min",
    },
    Tool {
        name: "helm",
        package: "helm.sh/helm/v4/cmd/helm",
        module: "helm.sh/helm/v4",
        version_arguments: &["version", "--short"],
        takes: "2 min",
    },
];

/// The path of a tool ([`TOOLS`]), which is built first where it is nowhere to be found.
///
/// # Errors
/// When the tool is unknown, or missing and cannot be built.
pub fn tool(name: &str) -> Result<PathBuf, Error> {
    let tool =
        KNOWN.iter().find(|tool| tool.name == name).ok_or_else(|| Error::UnknownTool(name.to_owned()))?;
    if let Some(path) = in_assets(tool) {
        return Ok(path);
    }
    let cached = cache_folder()?.join("bin").join(name);
    if cached.is_file() {
        return Ok(cached);
    }
    if let Some(path) = on_path(tool) {
        return Ok(path);
    }
    build_once(tool, &cached)?;
    Ok(cached)
}

impl Tool {
    /// As in `v1.37.2`.
    fn version(&self) -> &'static str {
        GO_MOD
            .lines()
            .filter_map(|line| line.trim().strip_prefix(self.module)?.strip_prefix(' '))
            .find_map(|rest| rest.split(' ').next().filter(|word| word.starts_with('v')))
            .unwrap_or("v0.0.0")
    }

    fn fits(&self, reported: &str) -> bool {
        if self.name == "helm" {
            return helm_fits(reported);
        }
        let pinned = self.version().trim_start_matches('v');
        let minor = pinned.rsplit_once('.').map_or(pinned, |(minor, _)| minor);
        versions(reported).any(|version| version.starts_with(&format!("{minor}.")))
    }
}

/// Another version or another sum is another folder: nothing in it ever goes stale.
fn cache_folder() -> Result<PathBuf, Error> {
    let sums = fingerprint([GO_MOD, GO_SUM]);
    Ok(cache::folder()?.join(format!("{}-{sums:08x}", kubernetes_version())))
}

fn kubernetes_version() -> &'static str {
    KNOWN[1].version()
}

fn helm_fits(reported: &str) -> bool {
    versions(reported).any(|version| {
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        match (numbers.next(), numbers.next()) {
            (Some(3), Some(minor)) => minor >= 17,
            (Some(major), _) => major == 4,
            _ => false,
        }
    })
}

/// The words of a tool's answer that look like a version, without the `v`.
fn versions(reported: &str) -> impl Iterator<Item = &str> {
    reported
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .filter(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'))
}

/// FNV-1a: short, and the same in every version of Rust, which the standard hasher does not promise.
fn fingerprint(texts: [&str; 2]) -> u32 {
    texts
        .iter()
        .flat_map(|text| text.bytes())
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn in_assets(tool: &Tool) -> Option<PathBuf> {
    let folder = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty())?;
    Some(Path::new(&folder).join(tool.name)).filter(|path| path.is_file())
}

fn on_path(tool: &Tool) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(tool.name))
        .find(|path| path.is_file() && fits(tool, path))
}

fn fits(tool: &Tool, path: &Path) -> bool {
    let answer = Command::new(path).args(tool.version_arguments).stdin(Stdio::null()).output();
    answer.is_ok_and(|answer| tool.fits(&String::from_utf8_lossy(&answer.stdout)))
}

/// Builds the tool unless another process did while we waited for the lock.
fn build_once(tool: &Tool, target: &Path) -> Result<(), Error> {
    let folder = cache_folder()?;
    let module = folder.join("module");
    for wanted in [&folder.join("bin"), &module] {
        fs::create_dir_all(wanted).map_err(Error::file("make", wanted))?;
    }
    let lock = folder.join("lock");
    let guard = File::create(&lock).map_err(Error::file("open", &lock))?;
    if guard.try_lock().is_err() {
        eprintln!("waiting for another process that builds tools …");
        guard.lock().map_err(Error::file("lock", &lock))?;
    }
    if target.is_file() {
        return Ok(());
    }
    write(&module.join("go.mod"), GO_MOD)?;
    write(&module.join("go.sum"), GO_SUM)?;
    build(tool, &module, target)
}

/// A build that is cut off leaves a temporary name, never half a tool.
fn build(tool: &Tool, module: &Path, target: &Path) -> Result<(), Error> {
    eprintln!(
        "building {} {} from source (the first time about {} on two cores) …",
        tool.name,
        tool.version(),
        tool.takes
    );
    let unfinished = target.with_extension(format!("unfinished-{}", process::id()));
    let mut output = OsString::from("-o=");
    output.push(&unfinished);
    let status = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", &linker_flags()])
        .arg(output)
        .arg(tool.package)
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env_remove("GOFLAGS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {
            fs::rename(&unfinished, target).map_err(Error::file("rename", &unfinished))
        }
        Ok(status) => {
            let _ = fs::remove_file(&unfinished);
            Err(cannot_build(tool, format!("go build ended with {status}")))
        }
        Err(error) => Err(cannot_build(tool, format!("run go: {error}"))),
    }
}

fn cannot_build(tool: &Tool, reason: String) -> Error {
    Error::CannotBuild { tool: tool.name.to_owned(), reason }
}

/// Without these, Kubernetes reports v0.0.0 and clients refuse it.
fn linker_flags() -> String {
    let version = kubernetes_version();
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let base = "k8s.io/component-base/version";
    format!(
        "-s -w -X {base}.gitVersion={version} -X {base}.gitMajor={major} -X {base}.gitMinor={minor} \
         -X k8s.io/client-go/pkg/version.gitVersion={version}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_pinned_module() {
        for tool in &KNOWN {
            assert_ne!(tool.version(), "v0.0.0", "{}", tool.name);
        }
        assert!(kubernetes_version().starts_with("v1."));
    }

    #[test]
    fn a_tool_on_the_path_fits_only_in_the_pinned_minor() {
        let kubectl = &KNOWN[3];
        assert!(kubectl.fits("Client Version: v1.37.9\nKustomize Version: v5.8.0\n"));
        assert!(!kubectl.fits("Client Version: v1.36.1\n"));
        assert!(!kubectl.fits(""));
    }

    #[test]
    fn helm_fits_from_3_17() {
        assert!(helm_fits("v3.17.0+g301108e"));
        assert!(helm_fits("v4.3.1"));
        assert!(!helm_fits("v3.16.4+g7877b45"));
        assert!(!helm_fits("v2.17.0"));
    }
}
