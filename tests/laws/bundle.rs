//! Laws of published trust bundles: each place has one answer, and what the operator did not make is left alone.

use std::sync::Arc;

use mtls_operator::api::MtlsAuthority;
use mtls_operator::plan::trust_bundle::decide::{
    BundlePlan, Conflict, DesiredBundle, PublicationSpec, PublishedBundle, Target, TargetState, decide,
    decide_unwanted, is_behind,
};
use mtls_operator::plan::trust_bundle::published::{PublishedReason, TargetStatus, verdict};
use mtls_operator::plan::unread_spec::Unread;
use serde_json::{Value, json};

use super::fixture::pairs;

pub const WANTED: DesiredBundle<'_> = DesiredBundle { authority: "mesh", text: 7, trust: 8 };

pub fn posted() -> PublishedBundle {
    let authority = Some(Arc::from("mesh"));
    PublishedBundle { authority, text: Some(7), trust: 8, is_labelled: true, is_frozen: false, is_read: true }
}

pub fn place(namespace: &str) -> Target {
    Target::ConfigMap { namespace: namespace.into(), name: "mesh-trust-bundle".into() }
}

fn ours(change: impl FnOnce(&mut PublishedBundle)) -> TargetState {
    let mut posted = posted();
    change(&mut posted);
    TargetState::Ours(posted)
}

/// Besides `mesh` there is an authority `other`.
fn exists(name: &str) -> bool {
    ["mesh", "other"].contains(&name)
}

#[test]
fn every_place_has_one_answer() {
    let other = Conflict::Authority("other".into());
    let rows = [
        (TargetState::Nothing, BundlePlan::Create),
        (TargetState::Foreign, BundlePlan::Refuse(Conflict::Foreign)),
        (ours(|_| ()), BundlePlan::Keep),
        (ours(|posted| posted.text = Some(6)), BundlePlan::Update),
        (ours(|posted| posted.text = None), BundlePlan::Update),
        (ours(|posted| posted.trust = 6), BundlePlan::Update),
        (ours(|posted| posted.is_labelled = false), BundlePlan::Update),
        (ours(|posted| posted.authority = None), BundlePlan::Update),
        (ours(|posted| posted.authority = Some("gone".into())), BundlePlan::Update),
        (ours(|posted| posted.authority = Some("other".into())), BundlePlan::Refuse(other)),
        (ours(|posted| posted.is_frozen = true), BundlePlan::Keep),
        (ours(|posted| (posted.is_frozen, posted.is_labelled) = (true, false)), BundlePlan::Update),
        (ours(|posted| (posted.is_frozen, posted.text) = (true, None)), BundlePlan::Remove),
    ];
    for (found, expected) in rows {
        assert_eq!(decide(WANTED, &found, exists), expected, "{found:?}");
    }
}

#[test]
fn only_what_is_its_own_is_removed_for_an_authority() {
    assert_eq!(decide_unwanted("mesh", &ours(|_| ())), BundlePlan::Remove);
    let others = [
        TargetState::Nothing,
        TargetState::Foreign,
        ours(|posted| posted.authority = None),
        ours(|posted| posted.authority = Some("other".into())),
        ours(|posted| posted.authority = Some("gone".into())),
    ];
    for found in others {
        assert_eq!(decide_unwanted("mesh", &found), BundlePlan::Keep, "{found:?}");
    }
}

#[test]
fn behind_is_who_may_use_another_text_than_the_one_in_force() {
    let rows = [
        (ours(|_| ()), false),
        (ours(|posted| posted.is_labelled = false), false),
        (ours(|posted| posted.text = Some(6)), true),
        (ours(|posted| (posted.text, posted.authority) = (Some(6), Some("gone".into()))), true),
        (ours(|posted| (posted.text, posted.authority) = (Some(6), Some("other".into()))), false),
        (TargetState::Foreign, false),
        (TargetState::Nothing, true),
    ];
    for (found, expected) in rows {
        assert_eq!(is_behind(WANTED, &found, exists, false), expected, "{found:?}");
    }
    assert!(!is_behind(WANTED, &TargetState::Nothing, exists, true), "a new place never held anything else");
    assert!(is_behind(WANTED, &ours(|posted| posted.text = Some(6)), exists, true));
}

fn publication(spec: Value) -> PublicationSpec {
    let mut authority = super::fixture::authority();
    authority.spec = serde_json::from_value(json!({ "trustBundle": spec })).unwrap();
    PublicationSpec::of(&authority, &mut Unread::default())
}

#[test]
fn namespaces_get_a_bundle_by_their_labels_and_none_by_default() {
    let (red, blue) = (pairs(&[("team", "red")]), pairs(&[("team", "blue")]));
    let (selective, none) =
        (publication(json!({ "namespaces": { "matchLabels": { "team": "red" } } })), publication(json!({})));
    let shop = Arc::from("shop");
    assert_eq!(selective.within(&shop, &red), Some(place("shop")));
    assert_eq!([selective.within(&shop, &blue), none.within(&shop, &red)], [None, None]);
    assert!(publication(json!({ "namespaces": { "from": "All" } })).within(&shop, &blue).is_some());
    assert!(!none.is_asked() && selective.is_asked());
}

#[test]
fn bundles_have_the_names_that_specs_and_signers_give_them() {
    let named = publication(
        json!({ "namespaces": { "from": "All" }, "configMapName": "roots", "clusterTrustBundle": true }),
    );
    let within = named.within(&Arc::from("shop"), &pairs(&[])).unwrap();
    assert_eq!(within.to_string(), "configmap/shop/roots");
    assert_eq!(named.cluster().unwrap().to_string(), "clustertrustbundle/mtls-operator.dev:mesh:bundle");
    assert_eq!(
        MtlsAuthority::new("a", serde_json::from_value(json!({})).unwrap()).config_map_name(),
        "a-trust-bundle"
    );
}

#[test]
fn the_condition_tells_the_worst_and_one_example_of_it() {
    let stand = |standings: &[(&str, TargetStatus)]| {
        let places: Vec<_> =
            standings.iter().map(|(name, standing)| (place(name), standing.clone())).collect();
        verdict(&places)
    };
    let foreign = TargetStatus::Conflict(Conflict::Foreign);
    let owned = TargetStatus::Conflict(Conflict::Authority("other".into()));
    let failed = TargetStatus::Failed("exceeded quota".into());
    assert_eq!(stand(&[]).0, PublishedReason::Published);
    assert_eq!(
        stand(&[("a", TargetStatus::Published), ("b", TargetStatus::Publishing)]).0,
        PublishedReason::Publishing
    );
    let (reason, sentence) = stand(&[("b", foreign.clone()), ("c", owned), ("a", TargetStatus::Published)]);
    assert_eq!(reason, PublishedReason::Conflict);
    assert_eq!(
        sentence,
        "configmap/b/mesh-trust-bundle was not made by mtls-operator; delete it, or choose another spec.trustBundle.configMapName; and so in 1 more"
    );
    let (reason, sentence) = stand(&[("b", foreign), ("c", failed)]);
    assert_eq!(reason, PublishedReason::Failed);
    assert_eq!(sentence, "configmap/c/mesh-trust-bundle could not be written: exceeded quota");
}
