//! OpenSSL as a reader of bundles: what it finds in a file is found, or the file is refused and both numbers are reported.

use std::path::Path;
use std::process::Command;

use mtls_operator::pki::{PemError, RootAlgorithm, TrustBundle, TrustError};
use test_support::tools::authorities::generate;
use test_support::tools::require_tool;

use crate::cases::real_now;

const BOM: &str = "\u{feff}";

/// One way in which a certificate reaches a file.
type Dress = fn(&str) -> String;

const DRESSES: [Dress; 12] = [
    |text| text.to_owned(),
    |text| format!("{BOM}{text}"),
    |text| text.replace('\n', "\r\n"),
    |text| text.replace('\n', " \t\n"),
    |text| text.replace("CERTIFICATE", "X509 CERTIFICATE"),
    |text| text.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
    |text| format!("Bag Attributes\n    friendlyName: root\nsubject=CN = root\n{text}\n-- \n"),
    |text| text.trim_end().to_owned(),
    |text| text.lines().flat_map(|line| ["  ", line, "\n"]).collect(),
    |text| text.replace("-----END", "----END"),
    |text| text.replacen("-----BEGIN", "----BEGIN", 1),
    |text| text.replacen('M', "!", 1),
];

/// How many certificates OpenSSL finds.
fn found_by(openssl: &Path, file: &Path) -> usize {
    let output = Command::new(openssl).args(["storeutl", "-certs", "-noout"]).arg(file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find_map(|line| line.strip_prefix("Total found: ")?.parse().ok()).unwrap_or(0)
}

#[test]
fn no_certificate_that_openssl_finds_is_left_out_silently() {
    let Some(openssl) = require_tool("openssl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    let roots = [(); 2].map(|()| generate(RootAlgorithm::EcdsaP256, real_now()).anchors);
    let [one, two] = roots.map(|root| String::from_utf8(root).unwrap());
    let pairs = DRESSES.iter().flat_map(|first| DRESSES.iter().map(move |second| (first, second)));
    for text in pairs.map(|(first, second)| first(&one) + &second(&two)) {
        std::fs::write(&file, &text).unwrap();
        let theirs = found_by(&openssl, &file);
        match TrustBundle::from_pem(text.as_bytes()) {
            Ok(bundle) => assert_eq!(bundle.fingerprints().count(), 2.max(theirs), "{text}"),
            Err(TrustError::Pem(PemError::Unread { begun, read })) => {
                assert!(begun == 2 && read < begun, "{begun} {read} {theirs}: {text}");
            }
            Err(other) => panic!("{other}: {text}"),
        }
    }
}
