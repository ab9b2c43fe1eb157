//! CAs as companies have them, made by OpenSSL: what can be used is, and what cannot is refused with its reason.

use std::path::Path;

use mtls_operator::pki::{Authority, LoadError};

use crate::authorities::OpenSsl;
use crate::cases::real_now;
use crate::tool::require_tool;

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
fn a_subject_is_used_if_it_can_be_written_back_and_refused_if_not() {
    let Some(openssl) = openssl("provided-subjects") else { return };
    for simple in
        ["/CN=Root", "/C=DE/ST=Köln/O=Bücher GmbH/OU=IT/CN=Root", "/emailAddress=a@example.com/CN=x"]
    {
        assert_eq!(load(&openssl, P256, simple), Ok(()), "{simple}");
    }
    for lossy in ["/DC=com/DC=example/CN=Root", "/OU=a/OU=b/CN=Root", "/CN=a+OU=b"] {
        assert_eq!(load(&openssl, P256, lossy), Err(LoadError::Subject), "{lossy}");
    }
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
    assert_eq!(load(&openssl, &short, "/CN=Root"), Err(LoadError::WeakKey { bits: 1024 }));
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
