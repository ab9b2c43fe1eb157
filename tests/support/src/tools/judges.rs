//! The programs of `tests/judges`: Kubernetes' own libraries, asked what they think.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::require_tool;
use crate::REPOSITORY;

/// What a program prints with these arguments and this on its standard input; `None` where there is no Go.
pub fn ask(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let go = require_tool("go")?;
    // The flags with which the control plane is built: the packages that both need are compiled once.
    let mut command = Command::new(go);
    command.args(["run", "-trimpath", &format!("./{program}")]).args(arguments);
    command.current_dir(Path::new(REPOSITORY).join("tests/judges")).env("CGO_ENABLED", "0");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    // It answers while it is asked: a pipe that is full would stop both.
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()).unwrap());
        running.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
