//! Builds of tools: by one process at a time, and a tool appears under its name only when it is complete.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::{self, Command, Stdio};

use super::module::{CONTROL_PLANE, Module};
use super::versions::Tool;
use crate::Error;

/// Builds the tool unless another process did while we waited for the lock.
pub(super) fn build_once(tool: &Tool, target: &Path) -> Result<(), Error> {
    let source = tool.module()?;
    let folder = source.cache_folder()?;
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
    source.write_to(&module)?;
    build(tool, source, &module, target)
}

/// A build that is cut off leaves a temporary name, never half a tool.
fn build(tool: &Tool, source: &Module, module: &Path, target: &Path) -> Result<(), Error> {
    eprintln!(
        "building {} {} from source (the first time about {} on two cores) …",
        tool.name,
        tool.version()?,
        tool.takes
    );
    let unfinished = target.with_extension(format!("unfinished-{}", process::id()));
    let mut output = OsString::from("-o=");
    output.push(&unfinished);
    let status = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", &linker_flags(source)])
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
fn linker_flags(source: &Module) -> String {
    let kubernetes = |module: &Module| module.version("k8s.io/kubernetes");
    // What a node needs besides has no version of Kubernetes of its own.
    let version = Some(kubernetes(source)).filter(|version| *version != "v0.0.0");
    let version = version.unwrap_or_else(|| kubernetes(&CONTROL_PLANE));
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let base = "k8s.io/component-base/version";
    format!(
        "-s -w -X {base}.gitVersion={version} -X {base}.gitMajor={major} -X {base}.gitMinor={minor} \
         -X k8s.io/client-go/pkg/version.gitVersion={version}"
    )
}
