//! Programs in Go, built from the sources of a test and nothing from elsewhere.

use std::path::Path;
use std::process::Command;

use crate::REPOSITORY;

/// Builds the program in this folder of sources, named from the root of the package.
pub fn build(go: &Path, source: &str, program: &Path) {
    let build = Command::new(go)
        .args(["build", "-o"])
        .arg(program)
        .arg(".")
        .current_dir(Path::new(REPOSITORY).join(source))
        .envs([("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("CGO_ENABLED", "0")])
        .output()
        .unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
}
