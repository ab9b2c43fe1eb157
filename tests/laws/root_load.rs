//! Laws of loading a root Secret: what is written reads back as the same root, and what is wrong with a Secret is named.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use mtls_operator::api::authority::AuthorityRequests;
use mtls_operator::api::names::annotation;
use mtls_operator::operator::authority::root::creation::{new, set_evidence_key};
use mtls_operator::operator::authority::root::load::load;
use mtls_operator::operator::authority::root::loaded_ca::LoadedCa;
use mtls_operator::operator::authority::root::patch::RootPatch;
use mtls_operator::operator::authority::root::transition::RootTransition;
use mtls_operator::pki::{Authority, AuthorityPem, EvidenceKey, RootAlgorithm};
use mtls_operator::plan::authority::ca_state::{CaState, RootSecret};
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use serde_json::{Value, json};

use super::fixture::{DAY, HOUR, MINUTE, NOW, terms};

pub const PLACE: &str = "mtls-system/mtls-authority-mesh";
/// What is stored in whole seconds is rounded up.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

pub fn generated() -> AuthorityPem {
    Authority::generate("mesh", RootAlgorithm::EcdsaP256, DAY * 365, NOW).unwrap()
}

pub fn written() -> Secret {
    let mut secret =
        new(&terms(), "mtls-system", "mtls-authority-mesh", &generated(), Origin::Generated, NOW);
    secret.metadata.resource_version = Some("9".into());
    secret
}

/// What is decided on, at a moment.
fn judged(secret: Option<&Secret>, now: Timestamp) -> RootSecret {
    load(secret, &terms(), PLACE, now).map(LoadedCa::state)
}

fn held(secret: &Secret) -> LoadedCa {
    load(Some(secret), &terms(), PLACE, NOW).into_held().unwrap()
}

fn sound(secret: &Secret) -> CaState {
    match judged(Some(secret), NOW) {
        RootSecret::Sound(root) => root,
        other => panic!("not sound: {other:?}"),
    }
}

fn note<'a>(secret: &'a mut Secret, key: &str) -> &'a mut String {
    secret.metadata.annotations.as_mut().unwrap().get_mut(key).unwrap()
}

/// Applies a patch, as the API server would.
pub fn apply(secret: &mut Secret, patch: &Value) {
    let notes = secret.metadata.annotations.get_or_insert_default();
    for (key, value) in patch["metadata"]["annotations"].as_object().into_iter().flatten() {
        match value.as_str() {
            Some(value) => drop(notes.insert(key.clone(), value.to_owned())),
            None => drop(notes.remove(key)),
        }
    }
    let data = secret.data.get_or_insert_default();
    for (key, value) in patch["data"].as_object().into_iter().flatten() {
        match serde_json::from_value::<Option<ByteString>>(value.clone()).unwrap() {
            Some(value) => drop(data.insert(key.clone(), value)),
            None => drop(data.remove(key)),
        }
    }
}

/// What a change writes into the Secret as it is at that moment.
pub fn changed(
    secret: &Secret,
    now: Timestamp,
    change: impl FnOnce(&RootTransition<'_>) -> RootPatch,
) -> Value {
    let (loaded, spec) = (load(Some(secret), &terms(), PLACE, now), terms());
    let (rules, ca) = (spec.rules(Safeguards::ALL), loaded.held().unwrap());
    change(&RootTransition { spec: &spec, rules: &rules, ca, requests: AuthorityRequests::default(), now })
        .at_version("9")
}

#[test]
fn a_root_that_was_written_reads_back_sound() {
    let secret = written();
    let root = sound(&secret);
    let ca = held(&secret);
    assert_eq!((&*ca.version, root.origin, root.max_leaf_ttl), ("9", Origin::Generated, 168 * 3600));
    assert_eq!(root.fingerprint, ca.signer.ca.fingerprint().to_string());
    assert_eq!((ca.since, ca.former.len()), (Some(NOW), 0));
    assert_eq!(root.window.not_after, NOW + DAY * 365);
}

#[test]
fn a_root_secret_has_no_owner_reference() {
    assert_eq!(written().metadata.owner_references, None);
    assert_eq!(written().type_.as_deref(), Some("mtls-operator.dev/root"));
}

#[test]
fn no_secret_is_no_root() {
    assert_eq!(judged(None, NOW), RootSecret::Absent);
}

#[test]
fn a_secret_of_another_kind_or_authority_is_not_ours_and_is_not_opened() {
    let changes: [fn(&mut Secret); 4] = [
        |secret| secret.type_ = Some("Opaque".into()),
        |secret| secret.type_ = None,
        |secret| *note(secret, annotation::AUTHORITY) = "other".into(),
        |secret| secret.metadata.annotations = None,
    ];
    for change in changes {
        let mut secret = written();
        change(&mut secret);
        let judged = judged(Some(&secret), NOW);
        assert!(matches!(&judged, RootSecret::NotOurs(why) if why.contains(PLACE)), "{judged:?}");
    }
}

#[test]
fn a_root_of_another_trust_domain_is_named_with_both() {
    let mut secret = written();
    *note(&mut secret, annotation::TRUST_DOMAIN) = "example.org".into();
    let RootSecret::OtherTrustDomain(why) = judged(Some(&secret), NOW) else { panic!("it is taken") };
    assert!(why.contains("example.org") && why.contains("cluster.local"), "{why}");
}

#[test]
fn a_damaged_root_says_what_is_wrong_and_never_the_key() {
    for key in ["tls.crt", "tls.key", "ca.crt"] {
        for value in [None, Some("garbage")] {
            let mut secret = written();
            let data = secret.data.as_mut().unwrap();
            data.remove(key);
            if let Some(value) = value {
                data.insert(key.into(), ByteString(value.into()));
            }
            let judged = judged(Some(&secret), NOW);
            let RootSecret::Invalid(why) = &judged else { panic!("{key} {value:?}: {judged:?}") };
            assert!(why.contains(PLACE) && why.ends_with("restore it from a backup"), "{why}");
            assert!(!why.contains("garbage"), "{why}");
        }
    }
}

#[test]
fn an_evidence_key_reads_back_and_one_that_is_damaged_is_not_taken_for_none() {
    let (mut secret, key) = (written(), EvidenceKey::random().unwrap());
    assert!(!sound(&secret).has_evidence_key);
    set_evidence_key(&mut secret, &key, Some("a-lost-one"));
    let ca = held(&secret);
    assert_eq!(ca.evidence_key.map(|found| found.id()), Some(key.id()));
    assert_eq!(ca.lost_evidence_key.as_deref(), Some("a-lost-one"));
    assert!(sound(&secret).has_evidence_key);
    secret.data.as_mut().unwrap().insert("evidence.key".into(), ByteString(vec![7; 31]));
    let RootSecret::Invalid(why) = judged(Some(&secret), NOW) else { panic!("it signs without it") };
    assert!(why.contains("evidence.key is damaged"), "{why}");
}

#[test]
fn a_key_of_another_root_is_no_root() {
    let mut secret = written();
    let other = generated();
    secret.data.as_mut().unwrap().insert("tls.key".into(), ByteString(other.key.to_vec()));
    assert!(matches!(judged(Some(&secret), NOW), RootSecret::Invalid(_)));
}

#[test]
fn an_expired_root_is_called_expired_after_its_last_second() {
    let secret = written();
    let end = NOW + DAY * 365;
    assert!(matches!(judged(Some(&secret), end), RootSecret::Sound(_)));
    assert_eq!(judged(Some(&secret), end + HOUR / 3600), RootSecret::Expired(sound(&secret)));
}

#[test]
fn a_root_that_is_not_yet_valid_is_told_apart_from_a_damaged_one() {
    let secret = written();
    let begin = NOW - MINUTE * 5;
    let RootSecret::Invalid(why) = judged(Some(&secret), begin - MINUTE / 60) else {
        panic!("it signs before its time")
    };
    assert!(why.contains("correct the clock") && why.contains(&begin.to_string()), "{why}");
    assert!(!why.contains("backup"), "{why}");
    assert!(matches!(judged(Some(&secret), begin), RootSecret::Sound(_)));
}

#[test]
fn a_lifetime_that_was_not_recorded_is_recorded_before_it_is_used() {
    let mut secret = written();
    *note(&mut secret, annotation::MAX_LEAF_TTL) = "soon".into();
    assert!(sound(&secret).max_leaf_ttl < terms().max_leaf_ttl.as_secs());
    let patch = changed(&secret, NOW, |change| change.raise_max_leaf_ttl());
    assert_eq!(patch["metadata"]["resourceVersion"], "9");
    apply(&mut secret, &patch);
    assert_eq!(sound(&secret).max_leaf_ttl, terms().max_leaf_ttl.as_secs());
}

#[test]
fn a_replaced_signer_stays_known_until_its_last_leaf_has_expired() {
    let mut secret = written();
    let former = held(&secret).signer.ca.key_id().to_string();
    let replace = |secret: &Secret, now| changed(secret, now, |change| change.replace(&generated()));
    let patch = replace(&secret, NOW);
    assert_eq!(patch["metadata"]["resourceVersion"], "9");
    apply(&mut secret, &patch);
    let known = held(&secret).former;
    assert_eq!(known.len(), 1);
    // A replica may have signed a minute late, its write may have lived for half a minute, and clocks differ.
    let late = SignedDuration::from_secs(60 + 30 + 300);
    let last = NOW + HOUR * 168 + late + SECOND;
    assert_eq!((&known[0].key_id, known[0].until), (&former, last));
    // Replaced once more, while its leaves may live, and when they cannot any more.
    let of = |now| {
        let patch = replace(&secret, now);
        let text = patch["metadata"]["annotations"][annotation::FORMER_KEY_IDS].as_str().unwrap().to_owned();
        serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().len()
    };
    assert_eq!((of(last), of(last + SECOND)), (2, 1));
}

#[test]
fn no_former_signer_is_remembered_beyond_its_own_end() {
    let spec = AuthoritySpec { max_leaf_ttl: DAY * 900, ..terms() };
    let secret = new(&spec, "mtls-system", "root", &generated(), Origin::Provided, NOW);
    let loaded = load(Some(&secret), &spec, PLACE, NOW);
    let (rules, ca) = (spec.rules(Safeguards::ALL), loaded.held().unwrap());
    let change =
        RootTransition { spec: &spec, rules: &rules, ca, requests: AuthorityRequests::default(), now: NOW };
    let patch = change.replace(&generated()).at_version("9");
    let text = patch["metadata"]["annotations"][annotation::FORMER_KEY_IDS].as_str().unwrap();
    let former: Value = serde_json::from_str(text).unwrap();
    // The last second of the root's life is part of it.
    assert_eq!(former[0]["until"], json!((NOW + DAY * 365 + SECOND).to_string()));
}

#[test]
fn where_a_signer_came_from_is_remembered() {
    let secret = new(&terms(), "mtls-system", "root", &generated(), Origin::Provided, NOW);
    assert_eq!(sound(&secret).origin, Origin::Provided);
}
