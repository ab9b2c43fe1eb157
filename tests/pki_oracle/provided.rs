//! CAs as companies have them, made by OpenSSL: what can be used is, and what cannot is refused with its reason.

use std::path::Path;

use mtls_operator::pki::{Authority, AuthorityPem, LoadError, TrustError, Weakness};
use test_support::tools::authorities::OpenSsl;
use test_support::tools::require_tool;

use crate::cases::real_now;

const P256: &[&str] = &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "KEY"];

fn openssl(folder: &str) -> Option<OpenSsl> {
    let program = require_tool("openssl")?;
    Some(OpenSsl::new(program, &Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder)))
}

fn load(openssl: &OpenSsl, make_key: &[&str], subject: &str) -> Result<(), LoadError> {
    openssl.make_key("ca", make_key);
    Authority::load(&openssl.root("ca", subject), real_now()).map(|_| ())
}

#[test]
fn a_subject_is_used_however_it_is_made_up() {
    let Some(openssl) = openssl("provided-subjects") else { return };
    for subject in [
        "/CN=Root",
        "/C=DE/ST=Köln/O=Bücher GmbH/OU=IT/CN=Root",
        "/emailAddress=a@example.com/CN=x",
        "/DC=com/DC=example/CN=Root",
        "/OU=a/OU=b/CN=Root",
        "/CN=a+OU=b",
    ] {
        assert_eq!(load(&openssl, P256, subject), Ok(()), "{subject}");
    }
    assert_eq!(load(&openssl, P256, "/"), Err(LoadError::Subject));
}

#[test]
fn a_curve_of_521_bits_may_sign() {
    let Some(openssl) = openssl("provided-p521") else { return };
    let p521 = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-out", "KEY"];
    assert_eq!(load(&openssl, &p521, "/CN=Root"), Ok(()));
}

#[test]
fn keys_that_peers_refuse_may_not_sign() {
    let Some(openssl) = openssl("provided-keys") else { return };
    let short = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "KEY"];
    let weakness = Weakness::ShortKey { bits: 1024 };
    let weak = LoadError::Weak { number: 1, subject: "CN=Root".into(), weakness };
    assert_eq!(load(&openssl, &short, "/CN=Root"), Err(weak));
    let pss = ["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "KEY"];
    assert!(load(&openssl, &pss, "/CN=Root").is_err());
    let foreign = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-out", "KEY"];
    assert!(matches!(load(&openssl, &foreign, "/CN=Root"), Err(LoadError::Key(_))));
}

#[test]
fn an_encrypted_key_is_refused() {
    let Some(openssl) = openssl("provided-encrypted") else { return };
    let encrypted = ["genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:secret", "-out", "KEY"];
    openssl.make_key("encrypted", &encrypted);
    openssl.make_key("ca", P256);
    let mut pem = openssl.root("ca", "/CN=Root");
    pem.key = openssl.read("encrypted", "key").into();
    assert!(matches!(Authority::load(&pem, real_now()), Err(LoadError::Key(_))));
}

const SHORT: &[&str] = &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "KEY"];

/// Their anchors would stand in every bundle. A copy that is in force already goes on signing.
#[test]
fn a_weak_anchor_is_refused_by_name_where_it_is_provided_and_nowhere_else() {
    let Some(openssl) = openssl("provided-weak-anchors") else { return };
    openssl.make_key("sound", P256);
    openssl.make_key("short", SHORT);
    openssl.make_key("spelled", EXPLICIT);
    let sound = openssl.root("sound", "/CN=Sound");
    let short = Weakness::ShortKey { bits: 1024 };
    for (name, weakness) in [("short", short), ("spelled", Weakness::SpelledCurve)] {
        let weak = openssl.root(name, "/DC=com/DC=example/CN=Weak").anchors;
        let joined = AuthorityPem { anchors: [sound.anchors.clone(), weak].concat(), ..sound.clone() };
        let subject = "DC=com, DC=example, CN=Weak".to_owned();
        let refused = LoadError::Anchors(TrustError::Weak { number: 2, subject, weakness });
        assert_eq!(Authority::load_provided(&joined, real_now()).err(), Some(refused));
        assert!(Authority::load(&joined, real_now()).is_ok());
    }
}

const EXPLICIT: &[&str] =
    &["ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout", "-out", "KEY"];

#[test]
fn a_curve_that_is_spelled_out_has_its_own_sentence() {
    let Some(openssl) = openssl("provided-explicit") else { return };
    let error = load(&openssl, EXPLICIT, "/CN=Root").unwrap_err().to_string();
    assert_eq!(
        error,
        "certificate 1 of the chain (tls.crt), \"CN=Root\", spells its curve out instead of naming it; make it again with a named curve"
    );
}

/// A root's signature of itself proves nothing; that of an intermediate is what a verifier relies on.
#[test]
fn sha_1_is_refused_in_an_intermediate_and_not_in_a_root() {
    let Some(openssl) = openssl("provided-sha1") else { return };
    let openssl = openssl.with_sha_1();
    for name in ["root", "signer"] {
        openssl.make_key(name, P256);
    }
    let root = openssl.root("root", "/CN=Root");
    assert!(Authority::load_provided(&root, real_now()).is_ok());
    let signer = openssl.signed("signer", "/CN=Signer", "root");
    let weakness = Weakness::Forgeable("SHA-1");
    let weak = LoadError::Weak { number: 1, subject: "CN=Signer".into(), weakness };
    assert_eq!(Authority::load_provided(&signer, real_now()).err(), Some(weak));
}
