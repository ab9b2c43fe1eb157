//! The programs of `tests/judges`, which judge by the libraries of Kubernetes, Flux and Argo CD.

use std::process::Command;

use super::{require_tool, source};
use crate::installation::succeed_with;

/// What a program prints with these arguments and this on its standard input; `None` where there is no Go.
pub fn ask(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    // The flags with which the control plane is built: the packages that both need are compiled once.
    let mut command = Command::new(require_tool("go")?);
    command.args(["run", "-trimpath", &format!("./{program}")]).args(arguments);
    command.current_dir(source("tests/judges")).env("CGO_ENABLED", "0");
    Some(succeed_with(&mut command, input.as_bytes()).unwrap())
}
