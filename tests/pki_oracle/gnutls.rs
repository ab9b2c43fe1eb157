//! GnuTLS: `certtool` verifies as a third implementation of path validation, with a view of its own on key usage.

use std::path::Path;
use std::process::{Command, Output};

use test_support::tools::gnutls::{self, CLIENT, SERVER};
use test_support::tools::require_tool;

use crate::cases::{Case, NAME, SUITE, WRONG_NAME};

fn verify(certtool: &Path, case: &Case, anchors: &str, chain: &str, name: &str, purpose: &str) -> Output {
    let mut command = Command::new(certtool);
    let verify = gnutls::verify(&mut command, Path::new(anchors), Path::new(chain), purpose);
    verify.arg(format!("--verify-hostname={name}")).current_dir(&case.folder).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn gnutls_accepts_every_leaf_in_both_roles() {
    let Some(certtool) = require_tool("certtool") else { return };
    for case in &SUITE.cases {
        for purpose in [SERVER, CLIENT] {
            let output = verify(&certtool, case, "ca.crt", "tls.crt", NAME, purpose);
            assert!(output.status.success(), "{} {purpose}: {}", case.name, text(&output));
        }
    }
}

/// `certtool` knows only the real clock, so it is shown a leaf that has really expired.
#[test]
fn gnutls_refuses_a_wrong_root_a_wrong_name_and_an_expired_leaf() {
    let Some(certtool) = require_tool("certtool") else { return };
    for case in &SUITE.cases {
        let mut wrong = vec![
            ("other.crt", "tls.crt", NAME, "issuer is unknown"),
            ("ca.crt", "tls.crt", WRONG_NAME, "name in the certificate does not match"),
        ];
        if case.has_expired {
            wrong.push(("ca.crt", "expired.crt", NAME, "expired"));
        }
        for (anchors, chain, name, reason) in wrong {
            let output = verify(&certtool, case, anchors, chain, name, SERVER);
            let said = text(&output);
            assert!(!output.status.success() && said.contains(reason), "{} {reason}: {said}", case.name);
        }
    }
}

#[test]
fn gnutls_reads_every_key() {
    let Some(certtool) = require_tool("certtool") else { return };
    for case in &SUITE.cases {
        let output = case.run(&certtool, &["--key-info", "--infile", "tls.key"]);
        assert!(output.status.success(), "{}: {}", case.name, text(&output));
    }
}
