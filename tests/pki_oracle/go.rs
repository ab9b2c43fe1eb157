//! Go: `crypto/x509` and mutual handshakes of `crypto/tls`, the stack of most Kubernetes workloads.

use std::process::Command;

use test_support::tools::go;

use crate::cases::SUITE;

/// Checks that the program makes of each case.
const CHECKS: usize = 10;

#[test]
fn go_accepts_and_refuses_what_it_should() {
    let Some(program) = go::build("tests/pki_oracle/go", &SUITE.folder.join("go-oracle")) else { return };
    SUITE.judge(CHECKS, &mut Command::new(program));
}
