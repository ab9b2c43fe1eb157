//! Verifying a leaf: key, dates, signature and the CAs above it.

use mtls_operator::pki::{LeafError, TrustBundle, verify_as_peer};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyIdMethod, KeyPair};
use test_support::ca::{Ca, offset};

use crate::fixture::{DAY, NOW, SECOND, Spoil, foreign_root, good_leaf};

pub fn verify(ca: &Ca, params: &CertificateParams, key: &KeyPair) -> Result<(), LeafError> {
    let chain = params.signed_by(key, &ca.issuer).unwrap().pem();
    verify_text(&chain, &key.serialize_pem(), &ca.bundle())
}

pub fn verify_text(chain: &str, key: &str, bundle: &TrustBundle) -> Result<(), LeafError> {
    verify_as_peer(chain.as_bytes(), key.as_bytes(), bundle, NOW).map(|_| ())
}

/// webpki accepts this; OpenSSL, GnuTLS and Java do not.
#[test]
fn an_authority_key_identifier_of_another_key_is_found() {
    let ca = foreign_root(|_| ());
    let key = KeyPair::generate().unwrap();
    let mut claimed = ca.params.clone();
    claimed.key_identifier_method = KeyIdMethod::PreSpecified(vec![1; 20]);
    let issuer = Issuer::from_params(&claimed, ca.issuer.key());
    let chain = good_leaf().signed_by(&key, &issuer).unwrap().pem();
    let reason = "it names another signing key, or outlives its signer";
    assert_eq!(verify_text(&chain, &key.serialize_pem(), &ca.bundle()), Err(LeafError::BadProfile(reason)));
}

#[test]
fn key_and_certificate_belong_together() {
    let ca = foreign_root(|_| ());
    let chain = good_leaf().signed_by(&KeyPair::generate().unwrap(), &ca.issuer).unwrap().pem();
    let other = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(verify_text(&chain, &other, &ca.bundle()), Err(LeafError::KeyMismatch));
    assert_eq!(verify_text(&chain, "", &ca.bundle()), Err(LeafError::KeyUnreadable));
    assert_eq!(verify_text("", &other, &ca.bundle()), Err(LeafError::NotPem));
    assert_eq!(verify_text(&"x".repeat(1 << 20), &other, &ca.bundle()), Err(LeafError::TooLarge));
}

#[test]
fn a_leaf_is_valid_from_its_first_second_to_its_last() {
    let ca = foreign_root(|_| ());
    let key = KeyPair::generate().unwrap();
    let chain = good_leaf().signed_by(&key, &ca.issuer).unwrap().pem();
    let at =
        |now| verify_as_peer(chain.as_bytes(), key.serialize_pem().as_bytes(), &ca.bundle(), now).map(|_| ());
    assert_eq!(at(NOW - SECOND), Err(LeafError::NotYetValid));
    assert_eq!(at(NOW), Ok(()));
    assert_eq!(at(NOW + DAY), Ok(()));
    assert_eq!(at(NOW + DAY + SECOND), Err(LeafError::Expired));
}

#[test]
fn a_flipped_bit_of_the_signature_is_found() {
    let ca = foreign_root(|_| ());
    let key = KeyPair::generate().unwrap();
    let mut der = good_leaf().signed_by(&key, &ca.issuer).unwrap().der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let chain = crate::fixture::certificate_pem(&der);
    assert_eq!(verify_text(&chain, &key.serialize_pem(), &ca.bundle()), Err(LeafError::Untrusted));
}

/// webpki takes anchors without dates; other verifiers do not.
#[test]
fn an_expired_root_makes_its_leaves_expire() {
    let ca = foreign_root(|params| params.not_after = offset(NOW - SECOND));
    assert_eq!(verify(&ca, &good_leaf(), &KeyPair::generate().unwrap()), Err(LeafError::Expired));
}

#[test]
fn a_leaf_under_an_intermediate_for_servers_only_is_not_trusted_for_both_roles() {
    let root = foreign_root(|_| ());
    let key = KeyPair::generate().unwrap();
    let verify_under = |spoil: Spoil| {
        let ca = root.intermediate_with("intermediate", spoil);
        let chain = good_leaf().signed_by(&key, &ca.issuer).unwrap().pem() + &ca.pem();
        verify_text(&chain, &key.serialize_pem(), &root.bundle())
    };
    assert_eq!(verify_under(|_| ()), Ok(()));
    let servers: Spoil = |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert_eq!(verify_under(servers), Err(LeafError::Untrusted));
}
