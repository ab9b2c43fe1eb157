//! Test programs: how cargo builds them, and how one is started as `cargo test` would start it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A program could not be started or read.
    #[error("{what}: {source}")]
    Io {
        /// The program.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The tests do not compile; cargo has said why.
    #[error("the tests do not compile")]
    Build,
    /// Cargo built no test program.
    #[error("cargo built no test program")]
    Nothing,
}

/// A test program.
#[derive(Debug)]
pub struct Program {
    /// The name of its target.
    pub name: String,
    /// The command that runs all its tests.
    pub command: Command,
}

/// Builds the test programs that these arguments of `cargo test` ask for.
pub fn build(arguments: &[String]) -> Result<Vec<Program>, Failure> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--no-run", "--message-format=json-render-diagnostics"]).args(arguments);
    let failed = |source| Failure::Io { what: "cargo", source };
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(failed)?;
    if !output.status.success() {
        return Err(Failure::Build);
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let programs: Vec<Program> = lines.lines().filter_map(program).collect();
    if programs.is_empty() { Err(Failure::Nothing) } else { Ok(programs) }
}

/// The tests in doc comments, which rustdoc compiles and runs.
pub fn documentation(arguments: &[String]) -> Program {
    let mut command = Command::new("cargo");
    command.args(["test", "--doc"]).args(arguments);
    Program { name: "doc".into(), command }
}

/// The test program that a message of cargo tells of.
fn program(message: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["profile"]["test"] != true {
        return None;
    }
    let executable = PathBuf::from(message["executable"].as_str()?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let target = &message["target"];
    let name = match target["kind"][0].as_str()? {
        "test" => target["name"].as_str()?.to_owned(),
        kind => format!("{} ({kind})", target["name"].as_str()?),
    };
    let mut command = Command::new(executable);
    command.current_dir(&folder).env("CARGO_MANIFEST_DIR", &folder);
    Some(Program { name, command })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_program_is_started_in_the_folder_of_its_package() {
        let message = r#"{"reason":"compiler-artifact","manifest_path":"/a/tests/peer/Cargo.toml",
            "target":{"kind":["test"],"name":"peers"},"profile":{"test":true},"executable":"/a/target/debug/deps/peers-1"}"#;
        let found = program(&message.replace('\n', "")).unwrap();
        assert_eq!(found.name, "peers");
        assert_eq!(found.command.get_current_dir(), Some(Path::new("/a/tests/peer")));
    }

    #[test]
    fn what_is_built_beside_the_tests_is_not_run() {
        let binary = r#"{"reason":"compiler-artifact","manifest_path":"/a/Cargo.toml","target":{"kind":["bin"],"name":"a"},
            "profile":{"test":false},"executable":"/a/target/debug/a"}"#;
        assert!(program(&binary.replace('\n', "")).is_none());
        assert!(program(r#"{"reason":"build-finished","success":true}"#).is_none());
    }
}
