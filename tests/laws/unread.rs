//! Laws of published trust bundles of which only metadata are known: each version is read once, and one that was never read counts
//! as one that may have held another text.

use mtls_operator::operator::index::metadata::BundleMetadata;
use mtls_operator::operator::trust_bundle::store::{BundleStore, ListScope, ObservedBundle};
use mtls_operator::operator::trust_bundle::unread::{config_map, observed};
use mtls_operator::plan::trust_bundle::decide::{
    BundlePlan, PublishedBundle, Target, TargetState, decide, seems_as_wanted,
};
use serde_json::json;

use super::bundle::{WANTED, place, posted};

/// The metadata of the bundle of `shop` in this version.
fn metadata(version: &str) -> ObservedBundle {
    let metadata: BundleMetadata = serde_json::from_value(json!({
        "namespace": "shop", "name": "mesh-trust-bundle", "uid": "uid", "resourceVersion": version,
        "labels": { "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": "mesh" },
        "annotations": { "mtls-operator.dev/trust": "t" },
    }))
    .unwrap();
    assert_eq!(config_map(&metadata), place("shop"));
    let seen = observed(&metadata).unwrap();
    ObservedBundle { published: PublishedBundle { trust: WANTED.trust, ..seen.published }, ..seen }
}

/// The same as it is read, with this text.
fn read(version: &str, text: u64) -> ObservedBundle {
    let published = PublishedBundle { text: Some(text), ..posted() };
    ObservedBundle { published, uid: "uid".into(), version: version.into() }
}

/// A store in which the bundle of `shop` was read in version 5 and is as wanted.
fn store() -> BundleStore {
    let mut store = BundleStore::default();
    store.set_current("mesh", WANTED.text);
    store.apply(&place("shop"), read("5", WANTED.text), false);
    store
}

fn plan(store: &BundleStore) -> BundlePlan {
    decide(WANTED, &store.found(&place("shop")), |_| true)
}

fn has_drifted(store: &mut BundleStore) -> bool {
    store.take_drifted(&[place("shop")])
}

#[test]
fn a_version_is_read_once_and_the_one_that_was_read_or_written_never() {
    let mut store = store();
    for is_from_list in [false, true] {
        store.apply_metadata(&place("shop"), metadata("5"), is_from_list);
        assert_eq!(plan(&store), BundlePlan::Keep);
    }
    store.apply_metadata(&place("shop"), metadata("6"), false);
    assert_eq!(plan(&store), BundlePlan::Read);
    assert!(seems_as_wanted(WANTED, &store.found(&place("shop"))));
    store.apply(&place("shop"), read("6", WANTED.text), true);
    assert_eq!((plan(&store), has_drifted(&mut store)), (BundlePlan::Keep, false));
    store.apply_metadata(&place("shop"), metadata("7"), false);
    store.apply(&place("shop"), read("7", 6), true);
    assert_eq!((plan(&store), has_drifted(&mut store)), (BundlePlan::Update, true));
}

#[test]
fn the_event_of_an_own_write_may_come_before_its_answer() {
    let mut store = store();
    store.apply_metadata(&place("shop"), metadata("6"), false);
    store.apply_response(&place("shop"), read("6", WANTED.text));
    assert_eq!((plan(&store), has_drifted(&mut store)), (BundlePlan::Keep, false));
}

#[test]
fn a_version_that_is_replaced_or_gone_before_it_is_read_may_have_held_anything() {
    let ends: [fn(&mut BundleStore); 5] = [
        |store| store.apply_metadata(&place("shop"), metadata("7"), false),
        |store| store.apply(&place("shop"), read("7", WANTED.text), true),
        |store| store.apply_response(&place("shop"), read("8", WANTED.text)),
        |store| store.delete(&place("shop"), "7", 0),
        |store| store.remove(&place("shop")),
    ];
    for end in ends {
        let mut store = store();
        store.apply_metadata(&place("shop"), metadata("6"), false);
        assert!(!has_drifted(&mut store), "it is read before it is judged");
        end(&mut store);
        assert!(has_drifted(&mut store));
    }
    let mut store = store();
    store.apply_metadata(&place("shop"), metadata("4"), false);
    assert!(has_drifted(&mut store), "the event of an older version that nothing has read");
    assert_eq!(plan(&store), BundlePlan::Keep);
}

#[test]
fn what_was_read_of_one_object_says_nothing_of_another() {
    let mut store = store();
    let another = ObservedBundle { uid: "another".into(), ..metadata("3") };
    store.apply_metadata(&place("shop"), another, false);
    let TargetState::Ours(published) = store.found(&place("shop")) else { panic!("it is ours") };
    assert_eq!((published.text, published.is_read), (None, false));
}

#[test]
fn what_a_list_shows_unchanged_is_not_gone() {
    let mut store = store();
    let list = store.begin_list();
    store.apply_metadata(&place("shop"), metadata("5"), true);
    store.end_list(ListScope::ConfigMaps(None), list);
    assert_eq!(plan(&store), BundlePlan::Keep);
}

#[test]
fn config_maps_are_looked_after_until_a_complete_list_shows_none() {
    let all = || ListScope::ConfigMaps(None);
    let mut store = BundleStore::default();
    assert!(!store.has_config_maps());
    store.set_config_maps(all(), Ok(()));
    assert!(store.has_config_maps(), "one may be left");
    let list = store.begin_list();
    store.apply_metadata(&place("shop"), metadata("5"), true);
    store.end_list(all(), list);
    assert!(store.has_config_maps());
    store.delete(&place("shop"), "6", 0);
    assert!(!store.has_config_maps());
    assert!(store.is_listed(&place("shop")));
    store.close_config_maps(&all());
    assert!(!store.is_listed(&place("shop")), "what is published while nothing is watched is not known");
}

#[test]
fn a_right_that_is_missing_is_told_of_what_it_concerns() {
    let mut store = BundleStore::default();
    store.set_config_maps(ListScope::ConfigMaps(Some("shop".into())), Err("forbidden".into()));
    assert_eq!(store.denied(&place("shop")), Some("forbidden"));
    assert_eq!(store.denied(&place("bank")), None);
    assert_eq!(store.denied(&Target::Cluster { name: "x".into() }), None);
    assert!(!store.has_config_maps());
}
