//! Go: programs built from the sources of a test and nothing from elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{require_tool, source};

/// The toolchain that is installed, and no other.
pub fn command(go: &Path) -> Command {
    let mut command = Command::new(go);
    command.envs([("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("CGO_ENABLED", "0")]);
    command
}

/// Builds the program in this folder of sources, named from the root of the repository; `None` where there is no Go.
pub fn build(folder: &str, program: &Path) -> Option<PathBuf> {
    let go = require_tool("go")?;
    let build = command(&go).args(["build", "-o"]).arg(program).arg(".").current_dir(source(folder)).output();
    let build = build.unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    Some(program.to_owned())
}
