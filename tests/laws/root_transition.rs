//! Laws of what a transition writes: every state reads back as what it is, trust only grows before a switch and only
//! shrinks after a drain, and a key that will not sign again is gone.

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use mtls_operator::api::authority::{AuthorityRequests, Phase};
use mtls_operator::operator::authority::root::ca_pem::next_pem;
use mtls_operator::operator::authority::root::creation::new;
use mtls_operator::operator::authority::root::load::load;
use mtls_operator::operator::authority::root::loaded_ca::LoadedCa;
use mtls_operator::operator::authority::root::patch::RootPatch;
use mtls_operator::operator::authority::root::transition::RootTransition;
use mtls_operator::pki::{Authority, AuthorityPem};
use mtls_operator::plan::authority::ca_state::{CaState, RootSecret};
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::transition::NextRoot;
use test_support::ca::Ca;

use super::fixture::{DAY, HOUR, NOW, terms};
use super::root_load::{PLACE, apply, changed, generated, written};

fn judged(secret: &Secret, now: Timestamp) -> RootSecret {
    load(Some(secret), &terms(), PLACE, now).map(LoadedCa::state)
}

fn held(secret: &Secret, now: Timestamp) -> LoadedCa {
    load(Some(secret), &terms(), PLACE, now).into_held().unwrap()
}

fn root(secret: &Secret, now: Timestamp) -> CaState {
    held(secret, now).state()
}

pub fn change(secret: &mut Secret, now: Timestamp, change: impl FnOnce(&RootTransition<'_>) -> RootPatch) {
    let patch = changed(secret, now, change);
    assert_eq!(patch["metadata"]["resourceVersion"], "9", "a change names the version it was decided for");
    apply(secret, &patch);
}

pub fn announce(secret: &mut Secret, now: Timestamp) {
    change(secret, now, |change| {
        let pem = Authority::generate("mesh", terms().root_algorithm, DAY * 365, now).unwrap();
        let cross = change.ca.signer.ca.cross_certify(&Authority::load(&pem, now).unwrap(), now).unwrap();
        change.announce(&pem, Origin::Generated, Some(&cross))
    });
}

pub fn switch(secret: &mut Secret, now: Timestamp) {
    let next = next_pem(secret);
    change(secret, now, |change| change.switch(&next));
}

pub fn finish(secret: &mut Secret, now: Timestamp) {
    let gone: Vec<String> = held(secret, now).retiring.iter().map(|root| root.fingerprint.clone()).collect();
    change(secret, now, |change| change.drop(&gone));
}

fn trusted(secret: &Secret, now: Timestamp) -> usize {
    held(secret, now).signer.ca.bundle().fingerprints().count()
}

fn has(secret: &Secret, key: &str) -> bool {
    secret.data.as_ref().unwrap().contains_key(key)
}

#[test]
fn a_rotation_goes_through_its_phases_and_ends_as_it_began() {
    let mut secret = written();
    let first = root(&secret, NOW);
    announce(&mut secret, NOW);
    let announced = root(&secret, NOW);
    assert_eq!((announced.phase, &announced.fingerprint), (Phase::Announced, &first.fingerprint));
    let next = announced.next.clone().unwrap();
    assert!(next.is_certified && next.origin == Origin::Generated);
    assert_eq!(trusted(&secret, NOW), 2);

    switch(&mut secret, NOW + HOUR);
    let switched = root(&secret, NOW + HOUR);
    assert_eq!((switched.phase, &switched.fingerprint), (Phase::Draining, &next.fingerprint));
    assert_eq!((switched.retiring.len(), &switched.retiring[0].fingerprint), (1, &first.fingerprint));
    assert!(switched.next.is_none() && !has(&secret, "next.key"), "only the key of the signer is left");
    assert_eq!(trusted(&secret, NOW + HOUR), 2);

    let end = switched.retiring[0].until;
    finish(&mut secret, end);
    let stable = root(&secret, end);
    assert_eq!((stable.phase, &stable.fingerprint), (Phase::Stable, &next.fingerprint));
    assert_eq!((stable.retiring.len(), trusted(&secret, end), has(&secret, "retiring.crt")), (0, 1, false));
    assert!(has(&secret, "cross.crt"), "a consumer that never reloads needs it until the former root ends");
    let former = held(&secret, end).former;
    assert_eq!(former.len(), 1, "its last leaves are no evidence of a lost root");
}

/// Bytes of all that is written of it.
fn size(secret: &Secret) -> usize {
    serde_json::to_vec(secret).unwrap().len()
}

/// A week apart, so that no former root has ended when the next one follows.
#[test]
fn after_many_rotations_the_secret_holds_no_more_than_after_one() {
    let mut secret = written();
    let (mut now, mut sizes) = (NOW, Vec::new());
    for _ in 0..24 {
        announce(&mut secret, now);
        switch(&mut secret, now + HOUR);
        let drained = root(&secret, now + HOUR).retiring[0].until;
        finish(&mut secret, drained);
        sizes.push(size(&secret));
        now = drained.max(now + DAY * 7);
    }
    assert!(now < NOW + DAY * 365, "the first root has ended: this shows nothing");
    // What is signed again is longer or shorter by some bytes; a certificate is longer than all of these.
    assert!(sizes.iter().all(|size| size.abs_diff(sizes[0]) < 128), "{sizes:?}");
    assert_eq!(root(&secret, now).phase, Phase::Stable, "and it can be loaded");
}

#[test]
fn a_withdrawn_root_leaves_nothing_behind() {
    let mut secret = written();
    let before = secret.data.clone();
    announce(&mut secret, NOW);
    let announced = root(&secret, NOW).next.unwrap().fingerprint;
    change(&mut secret, NOW + HOUR, |change| change.withdraw());
    assert_eq!(secret.data, before);
    assert_eq!(root(&secret, NOW).phase, Phase::Stable);
    let certified = held(&secret, NOW).signer.certified;
    assert_eq!(certified, [announced], "its cross-certificate may have been read");
}

#[test]
fn the_successor_of_an_expired_root_signs_at_once_and_trusts_itself_alone() {
    let mut secret = written();
    let end = NOW + DAY * 366;
    assert!(matches!(judged(&secret, end), RootSecret::Expired(_)));
    let pem = Authority::generate("mesh", terms().root_algorithm, DAY * 365, end).unwrap();
    change(&mut secret, end, |change| change.succeed(&pem, NextRoot::New(Origin::Generated)));
    assert!(matches!(judged(&secret, end), RootSecret::Sound(_)));
    assert_eq!((root(&secret, end).phase, trusted(&secret, end)), (Phase::Stable, 1));
}

/// What people ask: another root.
const ROTATE: AuthorityRequests<'static> = AuthorityRequests { rotate: Some("1"), exclude: None };

/// A rotation is made once per value of the annotation.
#[test]
fn a_root_made_after_a_rotate_request_answers_it() {
    let asked = |secret: &mut Secret, source| {
        let pem = Authority::generate("mesh", terms().root_algorithm, DAY * 365, NOW).unwrap();
        change(secret, NOW, |change| RootTransition { requests: ROTATE, ..*change }.succeed(&pem, source));
        root(secret, NOW).rotate_request
    };
    for (source, answered) in [
        (NextRoot::New(Origin::Generated), Some("1")),
        (NextRoot::New(Origin::Provided), Some("1")),
        (NextRoot::Existing, None),
    ] {
        assert_eq!(asked(&mut written(), source).as_deref(), answered, "{source:?}");
    }
}

#[test]
fn a_secret_that_follows_later_is_known_by_the_former_bundle() {
    let mut secret = written();
    let before = held(&secret, NOW).signer.ca.bundle().hash();
    announce(&mut secret, NOW);
    let both = held(&secret, NOW);
    assert_eq!(both.former_trust.as_ref(), Some(&before));
    let step = both.step.unwrap();
    assert_eq!((step.began, step.ends), (NOW, NOW + DAY), "the default of rotation.spreadOver");
    switch(&mut secret, NOW + HOUR);
    let switched = held(&secret, NOW + HOUR);
    let both = both.signer.ca.bundle().hash();
    assert_eq!(switched.signer.ca.bundle().hash(), both, "a switch changes no trust bundle");
    assert_eq!(switched.former_trust, Some(before));
    finish(&mut secret, NOW + DAY * 30);
    assert_eq!(held(&secret, NOW + DAY * 30).former_trust, Some(both));
}

#[test]
fn a_request_is_answered_by_the_announcement_itself() {
    let mut secret = written();
    let (spec, ca) = (terms(), held(&secret, NOW));
    let rules = spec.rules(Safeguards::ALL);
    let change = RootTransition { spec: &spec, rules: &rules, ca: &ca, requests: ROTATE, now: NOW };
    let patch = change.announce(&generated(), Origin::Provided, None);
    apply(&mut secret, &patch.at_version("9"));
    let announced = root(&secret, NOW);
    assert_eq!(announced.rotate_request.as_deref(), Some("1"));
    let next = announced.next.unwrap();
    assert!(next.origin == Origin::Provided && !next.is_certified);
}

#[test]
fn what_is_damaged_of_a_succession_is_named_and_nothing_is_signed() {
    let mut secret = written();
    announce(&mut secret, NOW);
    switch(&mut secret, NOW);
    announce(&mut secret, NOW);
    for key in ["cross.crt", "next-cross.crt", "retiring.crt", "next.crt"] {
        let mut damaged = secret.clone();
        damaged.data.as_mut().unwrap().insert(key.into(), ByteString(b"garbage".to_vec()));
        let RootSecret::Invalid(why) = judged(&damaged, NOW) else { panic!("{key} is taken") };
        assert!(why.contains(key) && why.contains(PLACE), "{why}");
    }
    let mut damaged = secret;
    let notes = damaged.metadata.annotations.as_mut().unwrap();
    notes.insert("mtls-operator.dev/retiring".into(), "[".into());
    assert!(matches!(judged(&damaged, NOW), RootSecret::Invalid(_)));
}

/// A root that people made, with this key and serial number.
fn made_with(key: &rcgen::KeyPair, serial: u64) -> AuthorityPem {
    let key = rcgen::KeyPair::from_pem(&key.serialize_pem()).unwrap();
    let ca = Ca::root_of(key, "Example Root", NOW, |params| params.serial_number = Some(serial.into()));
    ca.provided(&[], &ca)
}

#[test]
fn a_root_that_was_renewed_with_its_key_has_no_leaves_to_get_rid_of() {
    let key = rcgen::KeyPair::generate().unwrap();
    let (former, renewed) = (made_with(&key, 1), made_with(&key, 2));
    assert_ne!(former.chain, renewed.chain);
    let mut secret = new(&terms(), "mtls-system", "mtls-authority-mesh", &former, Origin::Provided, NOW);
    secret.metadata.resource_version = Some("9".into());
    change(&mut secret, NOW, |change| change.announce(&renewed, Origin::Provided, None));
    switch(&mut secret, NOW);
    let switched = held(&secret, NOW);
    assert_eq!(switched.retiring.len(), 1, "its certificate stays trusted until the bound");
    assert_eq!(switched.facts().rotation.retiring, [], "its leaves are those of the new one");
}
