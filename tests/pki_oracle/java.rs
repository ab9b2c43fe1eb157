//! Java: PKIX path validation, JSSE handshakes and `keytool`, for workloads in Java.

use test_support::tools::{java, require_tool};

use crate::cases::SUITE;

/// Checks that the program makes of each case.
const CHECKS: usize = 8;

#[test]
fn java_accepts_and_refuses_what_it_should() {
    let Some(java) = java::find() else { return };
    SUITE.judge(CHECKS, &mut java::run(&java, "tests/pki_oracle/java/PkiOracle.java"));
}

#[test]
fn keytool_shows_every_kind_of_leaf_and_stores_its_root() {
    let Some(keytool) = require_tool("keytool") else { return };
    for case in SUITE.cases.iter().filter(|case| case.name.starts_with("generated-ECDSA-P256")) {
        let shown = case.run(&keytool, &["-printcert", "-file", "tls.crt"]);
        let text = String::from_utf8_lossy(&shown.stdout);
        assert!(shown.status.success(), "{}: {text}", case.name);
        assert!(text.contains("URIName: spiffe://cluster.local/ns/shop/sa/cart"), "{}: {text}", case.name);
    }
    let case = &SUITE.cases[0];
    let _ = std::fs::remove_file(case.file("trust.p12"));
    let store = ["-importcert", "-noprompt", "-alias", "root", "-file", "ca.crt", "-keystore", "trust.p12"];
    let stored = case.run(&keytool, &[&store[..], &["-storepass", "changeit"]].concat());
    assert!(stored.status.success(), "{}", String::from_utf8_lossy(&stored.stderr));
}
