//! Go: `crypto/x509` and mutual handshakes of `crypto/tls`, the stack of most Kubernetes workloads.

use std::path::Path;
use std::process::Command;

use crate::cases::SUITE;
use crate::tool::require_tool;

/// Checks that the program makes of each case.
const CHECKS: usize = 10;

#[test]
fn go_accepts_and_refuses_what_it_should() {
    let Some(go) = require_tool("go") else { return };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pki_oracle/go");
    let program = SUITE.folder.join("go-oracle");
    let build = Command::new(go)
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
        .envs([("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("CGO_ENABLED", "0")])
        .output()
        .unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    SUITE.judge(CHECKS, &program, &[]);
}
