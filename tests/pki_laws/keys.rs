//! Keys: every form people have is read, and one form is written.

use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use mtls_operator::pki::{KeyAlgorithm, KeyError, PrivateKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;

use crate::fixture::pem;

/// `ecPublicKey` parameters of P-256, as `openssl ecparam -genkey` puts them before the key.
const EC_PARAMETERS: &str = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";

fn pkcs8(text: &str) -> Vec<u8> {
    PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).unwrap().secret_pkcs8_der().to_vec()
}

/// Version 0 in DER says version 1 of PKCS#8. The version follows the header of the outer sequence.
fn is_version_1(der: &[u8]) -> bool {
    let header = if der[1] & 0x80 == 0 { 2 } else { 2 + usize::from(der[1] & 0x7f) };
    der[header..].starts_with(&[2, 1, 0])
}

#[test]
fn every_generated_key_is_pkcs8_version_1_and_reads_back_as_itself() {
    for algorithm in KeyAlgorithm::ALL {
        let key = PrivateKey::generate(algorithm).unwrap();
        let text = key.to_pem();
        assert!(is_version_1(&pkcs8(&text)), "{algorithm}");
        let read = PrivateKey::from_pem(text.as_bytes()).unwrap();
        assert_eq!(read.algorithm(), Some(algorithm));
        assert_eq!(read.public_key_der(), key.public_key_der());
        assert_eq!(*read.to_pem(), *text, "writing is stable");
    }
}

#[test]
fn no_two_keys_are_the_same() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Ed25519] {
        let (one, other) =
            (PrivateKey::generate(algorithm).unwrap(), PrivateKey::generate(algorithm).unwrap());
        assert_ne!(one.public_key_der(), other.public_key_der());
    }
}

#[test]
fn an_ed25519_key_of_pkcs8_version_2_is_rewritten_as_version_1() {
    let theirs = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    assert!(
        !is_version_1(theirs.serialized_der()),
        "rcgen no longer makes version 2: this test shows nothing any more"
    );
    let ours = PrivateKey::from_pem(theirs.serialize_pem().as_bytes()).unwrap();
    assert_eq!(ours.algorithm(), Some(KeyAlgorithm::Ed25519));
    assert!(is_version_1(&pkcs8(&ours.to_pem())));
    assert_eq!(ours.public_key_der(), rcgen::PublicKeyData::subject_public_key_info(&theirs));
}

#[test]
fn a_sec1_key_is_read_also_behind_its_parameters() {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let sec1: EcPrivateKeyRfc5915Der<'_> = key.private_key().as_der().unwrap();
    let bare = pem("EC PRIVATE KEY", sec1.as_ref());
    for text in [bare.clone(), format!("{EC_PARAMETERS}{bare}"), format!("a comment\r\n{bare}")] {
        let read = PrivateKey::from_pem(text.as_bytes()).unwrap();
        assert_eq!(read.algorithm(), Some(KeyAlgorithm::EcdsaP256));
        assert!(is_version_1(&pkcs8(&read.to_pem())));
    }
}

#[test]
fn a_pkcs1_key_is_read() {
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let pkcs8 = pkcs8(&key.to_pem());
    let pkcs1 = pem("RSA PRIVATE KEY", &pkcs8[26..]);
    let read = PrivateKey::from_pem(pkcs1.as_bytes()).unwrap();
    assert_eq!(*read.to_pem(), *key.to_pem());
}

#[test]
fn what_is_no_usable_key_is_refused_with_its_reason() {
    let unsupported = [
        pem("PRIVATE KEY", b"nonsense"),
        pem("RSA PRIVATE KEY", &[0x30; 300]),
        pem("PRIVATE KEY", rcgen::KeyPair::generate_for(&rcgen::PKCS_ML_DSA_65).unwrap().serialized_der()),
    ];
    for text in unsupported {
        assert_eq!(PrivateKey::from_pem(text.as_bytes()).err(), Some(KeyError::Unsupported), "{text}");
    }
    for text in [
        "",
        EC_PARAMETERS,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    ] {
        assert!(matches!(PrivateKey::from_pem(text.as_bytes()), Err(KeyError::Pem(_))), "{text}");
    }
}

#[test]
fn errors_say_nothing_of_the_key() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap().to_pem().replace("AgEAM", "AgE!M");
    let error = PrivateKey::from_pem(key.as_bytes()).err().unwrap();
    let body = key.lines().nth(1).unwrap();
    assert!(!format!("{error} {error:?}").contains(&body[8..20]));
}
