//! Laws of the check before a write (I13): a root Secret that could not be loaded again is refused, with a sentence that
//! says why.

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use mtls_operator::api::authority::Phase;
use mtls_operator::operator::authority::root::read_back::read_back;
use mtls_operator::pki::MAX_CERTIFICATES;
use mtls_operator::plan::authority::spec::AuthoritySpec;

use super::fixture::{DAY, NOW, terms};
use super::root_load::{PLACE, generated, written};
use super::root_transition::{announce, change, switch};

fn read(secret: &Secret, phase: Phase, now: Timestamp) -> Result<(), String> {
    read_back(secret, &terms(), PLACE, phase, now)
}

fn put(secret: &mut Secret, key: &str, content: Vec<u8>) {
    secret.data.as_mut().unwrap().insert(key.into(), ByteString(content));
}

fn announced() -> Secret {
    let mut secret = written();
    announce(&mut secret, NOW);
    secret
}

/// This many roots, as one text.
fn roots(count: usize) -> Vec<u8> {
    (0..count).flat_map(|_| generated().anchors).collect()
}

#[test]
fn what_a_transition_writes_is_read_back_in_the_phase_that_it_leads_to() {
    let mut secret = written();
    assert_eq!(read(&secret, Phase::Stable, NOW), Ok(()));
    announce(&mut secret, NOW);
    assert_eq!(read(&secret, Phase::Announced, NOW), Ok(()));
    let mut withdrawn = secret.clone();
    change(&mut withdrawn, NOW, |change| change.withdraw());
    assert_eq!(read(&withdrawn, Phase::Stable, NOW), Ok(()));
    switch(&mut secret, NOW);
    assert_eq!(read(&secret, Phase::Draining, NOW), Ok(()));
}

#[test]
fn a_secret_in_another_phase_is_refused() {
    for (phase, word) in [(Phase::Stable, "Stable"), (Phase::Draining, "Draining")] {
        let why = read(&announced(), phase, NOW).unwrap_err();
        assert_eq!(why, format!("it would be in phase Announced, not {word}"));
    }
}

#[test]
fn a_secret_that_would_be_damaged_is_refused_and_its_key_is_named() {
    for key in ["tls.crt", "tls.key", "next.crt", "next.key", "next-cross.crt", "retiring.crt"] {
        let mut secret = announced();
        put(&mut secret, key, b"garbage".to_vec());
        let why = read(&secret, Phase::Announced, NOW).unwrap_err();
        assert!(why.starts_with(&format!("Secret {PLACE}")), "{key}: {why}");
    }
    let mut secret = announced();
    let notes = secret.metadata.annotations.as_mut().unwrap();
    notes.insert("mtls-operator.dev/former-key-ids".into(), "[".into());
    let why = read(&secret, Phase::Announced, NOW).unwrap_err();
    assert!(why.contains("mtls-operator.dev/former-key-ids is damaged"), "{why}");
}

#[test]
fn a_secret_that_would_not_be_that_of_the_authority_is_refused() {
    let other = AuthoritySpec { name: "other".into(), ..terms() };
    let why = read_back(&written(), &other, PLACE, Phase::Stable, NOW).unwrap_err();
    assert!(why.contains("holds the root of MtlsAuthority \"mesh\""), "{why}");
    let other = AuthoritySpec { trust_domain: "example.org".parse().unwrap(), ..terms() };
    let why = read_back(&written(), &other, PLACE, Phase::Stable, NOW).unwrap_err();
    assert!(why.contains("spec.trustDomain is example.org"), "{why}");
}

#[test]
fn a_signer_that_would_have_expired_is_refused() {
    let why = read(&written(), Phase::Stable, NOW + DAY * 366).unwrap_err();
    assert_eq!(why, format!("its signer would have expired at {}", NOW + DAY * 365));
}

/// Each text can be read by itself, and the bundle that is joined of them cannot: with it every Secret would be written.
#[test]
fn a_joined_bundle_that_could_not_be_read_is_refused() {
    let mut secret = announced();
    put(&mut secret, "retiring.crt", roots(MAX_CERTIFICATES - 2));
    assert_eq!(read(&secret, Phase::Announced, NOW), Ok(()), "with the signer and the next root it is full");
    put(&mut secret, "retiring.crt", roots(MAX_CERTIFICATES - 1));
    let why = read(&secret, Phase::Announced, NOW).unwrap_err();
    assert!(why.contains(&format!("more than {MAX_CERTIFICATES} certificates")), "{why}");
}
