//! Go: `crypto/x509` and mutual handshakes of `crypto/tls`, the stack of most Kubernetes workloads.

use test_support::tools::go;
use test_support::tools::require_tool;

use crate::cases::SUITE;

/// Checks that the program makes of each case.
const CHECKS: usize = 10;

#[test]
fn go_accepts_and_refuses_what_it_should() {
    let Some(go) = require_tool("go") else { return };
    let program = SUITE.folder.join("go-oracle");
    go::build(&go, "tests/pki_oracle/go", &program);
    SUITE.judge(CHECKS, &program, &[]);
}
