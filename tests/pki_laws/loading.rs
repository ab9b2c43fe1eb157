//! Loading a CA: one fault of the CA itself at a time, each refused for its own reason.

use mtls_operator::pki::{
    Authority, AuthorityPem, Fingerprint, KeyAlgorithm, LeafError, LoadError, MAX_PEM_BYTES,
    MAX_PROVIDED_BYTES, PemError, PrivateKey,
};
use rcgen::{DistinguishedName, IsCa, KeyUsagePurpose};

use crate::fixture::{
    NOW, SECOND, YEAR, authority_pem, certificate_pem, der, foreign_root, generated, patched,
};

pub fn load(pem: &AuthorityPem) -> Result<(), LoadError> {
    Authority::load(pem, NOW).map(|_| ())
}

/// A self-signed CA whose bytes were changed after signing, which cannot be seen in an anchor.
fn patched_root(from: &[u8], to: &[u8]) -> AuthorityPem {
    let root = foreign_root(|_| ());
    let text = certificate_pem(&patched(&der(&root.pem()), from, to));
    authority_pem(text.clone(), root.key_pem(), text)
}

#[test]
fn a_good_ca_loads_and_says_what_it_is() {
    let root = foreign_root(|_| ());
    let intermediate = root.intermediate_with("intermediate", |_| ());
    let authority = Authority::load(&intermediate.provided(&[], &root), NOW).unwrap();
    assert_eq!(authority.fingerprint(), Fingerprint::of(intermediate.issuer.der()));
    assert!(authority.bundle().same_anchors(&root.bundle()));
}

#[test]
fn a_certificate_that_is_no_ca_is_refused() {
    let root = foreign_root(|_| ());
    let leaf = root.intermediate_with("leaf", |params| params.is_ca = IsCa::ExplicitNoCa);
    assert_eq!(load(&leaf.provided(&[], &root)), Err(LoadError::NotCa { number: 1 }));
}

#[test]
fn a_ca_that_may_not_sign_certificates_is_refused() {
    let root = foreign_root(|_| ());
    let ca = root.intermediate_with("crl only", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
    assert_eq!(load(&ca.provided(&[], &root)), Err(LoadError::MayNotSign { number: 1 }));
}

#[test]
fn a_ca_without_key_usage_may_sign() {
    let root = foreign_root(|params| params.key_usages = vec![]);
    assert_eq!(load(&root.provided(&[], &root)), Ok(()));
}

#[test]
fn a_key_of_another_ca_is_refused() {
    let (one, other) = (foreign_root(|_| ()), foreign_root(|_| ()));
    let mixed = authority_pem(one.pem(), other.key_pem(), one.pem());
    assert_eq!(load(&mixed), Err(LoadError::KeyMismatch));
}

#[test]
fn only_an_empty_subject_is_refused() {
    let nameless = foreign_root(|params| params.distinguished_name = DistinguishedName::new());
    assert_eq!(load(&nameless.provided(&[], &nameless)), Err(LoadError::Subject));
    // O becomes CN: two attributes of one type.
    assert_eq!(load(&patched_root(&[0x55, 4, 10], &[0x55, 4, 3])), Ok(()));
}

/// rcgen panics when it is to write such an attribute type: first arc 3.
#[test]
fn a_subject_with_an_attribute_type_that_rcgen_cannot_write_is_used() {
    assert_eq!(load(&patched_root(&[0x55, 4, 10], &[0x78, 4, 10])), Ok(()));
}

/// webpki takes a root for every purpose; OpenSSL and others look.
#[test]
fn a_root_for_another_purpose_is_refused() {
    let mail = foreign_root(|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::EmailProtection];
    });
    assert_eq!(load(&mail.provided(&[], &mail)), Err(LoadError::Refused(LeafError::Untrusted)));
}

#[test]
fn a_ca_without_subject_key_identifier_is_refused() {
    assert_eq!(load(&patched_root(&[0x55, 29, 14], &[0x55, 29, 99])), Err(LoadError::NoKeyId));
}

#[test]
fn dates_are_checked_to_the_second() {
    let pem = generated();
    let end = NOW + YEAR;
    let at = |now| Authority::load(&pem, now).map(|_| ());
    let start = NOW - jiff::SignedDuration::from_mins(5);
    assert_eq!(at(start - SECOND), Err(LoadError::NotYetValid { not_before: start }));
    assert_eq!(at(start), Ok(()));
    assert_eq!(at(end), Ok(()));
    assert_eq!(at(end + SECOND), Err(LoadError::Expired { not_after: end }));
}

/// RFC 5280 §4.1.2.5 writes "no well-defined end" as a second that no timestamp here can tell.
#[test]
fn a_ca_without_end_signs_inside_its_window() {
    let endless: fn(&mut rcgen::CertificateParams) = |params| {
        params.not_after = time::OffsetDateTime::from_unix_timestamp(253_402_300_799).unwrap();
    };
    let root = foreign_root(endless);
    let signer = root.intermediate_with("signer", endless);
    for pem in [root.provided(&[], &root), signer.provided(&[], &root)] {
        let authority = Authority::load(&pem, NOW).unwrap();
        assert_eq!(authority.window().not_after.as_second(), jiff::Timestamp::MAX.as_second());
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let longest = mtls_operator::pki::Validity::leaf(NOW, YEAR * 8000, authority.window());
        let serial = mtls_operator::pki::Serial::random().unwrap();
        let issued = authority.issue(&crate::fixture::profile(), key, longest, serial).unwrap();
        assert_eq!(issued.leaf.window.not_after, authority.window().not_after);
    }
}

#[test]
fn each_part_names_itself_when_it_is_missing_or_too_large() {
    let good = generated();
    let megabyte = vec![b'A'; 1 << 20];
    let too_large = |limit| PemError::TooLarge { limit };
    for (bytes, fault, of_key) in [
        (vec![], PemError::Missing, PemError::Missing),
        (megabyte, too_large(MAX_PEM_BYTES), too_large(MAX_PROVIDED_BYTES)),
    ] {
        let chain = AuthorityPem { chain: bytes.clone(), ..good.clone() };
        assert_eq!(load(&chain), Err(LoadError::Chain(fault)));
        let key = AuthorityPem { key: bytes.clone().into(), ..good.clone() };
        assert_eq!(load(&key), Err(LoadError::Key(of_key.into())));
        let anchors = AuthorityPem { anchors: bytes, ..good.clone() };
        assert_eq!(load(&anchors), Err(LoadError::Anchors(fault.into())));
    }
}

/// Bundles of several CAs are joined while a root changes: what is read back may hold more.
#[test]
fn people_may_provide_64_certificates_and_bundles_joined_of_these_can_be_read() {
    let good = generated();
    let with = |count| AuthorityPem { anchors: good.anchors.repeat(count), ..good.clone() };
    let too_many = |limit| Err(LoadError::Anchors(PemError::TooMany { limit }.into()));
    let provided = |count| Authority::load_provided(&with(count), NOW).map(|_| ());
    assert_eq!((provided(64), provided(65)), (Ok(()), too_many(64)));
    assert_eq!((load(&with(256)), load(&with(257))), (Ok(()), too_many(256)));
    let chain = AuthorityPem { chain: good.chain.repeat(65), ..good.clone() };
    let refused = Authority::load_provided(&chain, NOW).map(|_| ());
    assert_eq!(refused, Err(LoadError::Chain(PemError::TooMany { limit: 64 })));
}

#[test]
fn bytes_behind_a_certificate_are_damage() {
    let root = foreign_root(|_| ());
    let trailing = certificate_pem(&[der(&root.pem()), vec![0]].concat());
    let pem = authority_pem(trailing, root.key_pem(), root.pem());
    assert_eq!(load(&pem), Err(LoadError::Damaged { number: 1 }));
}

#[test]
fn sentences_say_which_part_is_wrong() {
    let good = generated();
    let wrong_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap().to_pem().as_bytes().to_vec();
    let error = load(&AuthorityPem { key: wrong_key.into(), ..good.clone() }).unwrap_err().to_string();
    assert_eq!(
        error,
        "the private key (tls.key) does not belong to the first certificate of the chain (tls.crt)"
    );
    let error = load(&AuthorityPem { anchors: vec![], ..good.clone() }).unwrap_err().to_string();
    assert_eq!(error, "the trust bundle (ca.crt) is missing or empty");
    let error = load(&AuthorityPem { anchors: b"nonsense".to_vec(), ..good }).unwrap_err().to_string();
    assert_eq!(
        error,
        "the trust bundle (ca.crt) holds no readable PEM block of the kind that belongs there; convert DER with openssl"
    );
}
