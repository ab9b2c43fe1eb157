//! Laws of the store of published bundles: late events change nothing, and a text that drifted is remembered until it was
//! asked for.

use mtls_operator::operator::trust_bundle::store::{BundleStore, ListScope, ObservedBundle, PublishFailure};
use mtls_operator::plan::trust_bundle::decide::{Conflict, PublishedBundle, Target, TargetState};

use super::bundle::{place, posted};

fn seen(version: &str, text: u64) -> ObservedBundle {
    let posted = PublishedBundle { text: Some(text), ..posted() };
    ObservedBundle { published: posted, uid: "uid".into(), version: version.into() }
}

/// A store in which the bundle of `shop` is as it should be, and text 7 in force.
fn store() -> BundleStore {
    let mut store = BundleStore::default();
    store.set_current("mesh", 7);
    store.apply(&place("shop"), seen("5", 7), false);
    store
}

fn text(store: &BundleStore, place: &Target) -> Option<u64> {
    match store.found(place) {
        TargetState::Ours(posted) => posted.text,
        _ => None,
    }
}

#[test]
fn an_event_of_an_older_version_changes_nothing_unless_a_list_shows_it() {
    let mut store = store();
    store.apply(&place("shop"), seen("4", 6), false);
    assert_eq!(text(&store, &place("shop")), Some(7));
    store.apply(&place("shop"), ObservedBundle { uid: "another".into(), ..seen("4", 6) }, false);
    assert_eq!(text(&store, &place("shop")), Some(6), "it was created again");
    store.apply(&place("shop"), seen("3", 5), true);
    assert_eq!(text(&store, &place("shop")), Some(5));
}

#[test]
fn what_a_list_does_not_name_is_gone_unless_it_came_meanwhile_or_lies_elsewhere() {
    let mut store = store();
    store.apply(&place("elsewhere"), seen("6", 7), false);
    let list = store.begin_list();
    store.apply(&place("new"), seen("7", 7), false);
    let here = ListScope::ConfigMaps(Some("shop".into()));
    store.end_list(here, list);
    let left = ["shop", "elsewhere", "new"].map(|name| text(&store, &place(name)).is_some());
    assert_eq!(left, [false, true, true]);
    assert!(store.is_listed(&place("shop")) && !store.is_listed(&place("elsewhere")));
    let list = store.begin_list();
    store.end_list(ListScope::Cluster, list);
    assert!(text(&store, &place("new")).is_some(), "a list of another kind says nothing of it");
}

#[test]
fn a_text_that_drifted_is_reported_once_also_if_it_is_gone() {
    let shop = [place("shop")];
    let drifts = |change: fn(&mut BundleStore)| {
        let mut store = store();
        assert!(!store.take_drifted(&shop));
        change(&mut store);
        let first = store.take_drifted(&shop);
        assert!(!store.take_drifted(&shop));
        first
    };
    assert!(!drifts(|store| store.apply(&place("shop"), seen("6", 7), false)), "another version of the same");
    assert!(!drifts(|store| store.remove(&place("shop"))), "what is lost was as it should be");
    assert!(drifts(|store| store.apply(&place("shop"), seen("6", 6), false)));
    assert!(drifts(|store| {
        store.apply(&place("shop"), seen("6", 6), false);
        store.apply(&place("shop"), seen("7", 7), false);
    }));
    assert!(drifts(|store| {
        store.apply(&place("shop"), seen("6", 6), false);
        store.remove(&place("shop"));
    }));
    assert!(
        drifts(|store| {
            store.apply_response(&place("shop"), seen("7", 7));
            store.apply(&place("shop"), seen("6", 6), false);
        }),
        "its event comes after the answer to the write that repaired it"
    );
    assert!(!drifts(|store| store.apply(&place("elsewhere"), seen("6", 6), false)));
    assert!(
        drifts(|store| {
            store.set_current("mesh", 9);
            store.apply(&place("shop"), seen("6", 9), false);
        }),
        "the former text was replaced after another one came into force"
    );
}

#[test]
fn what_failed_is_tried_again_with_backoff_and_at_once_with_another_text_or_after_an_event() {
    let (mut store, shop) = (store(), place("shop"));
    let fail = |store: &mut BundleStore| {
        store.record_failure(&place("shop"), PublishFailure::Failed("no".into()), 7, 0);
    };
    assert_eq!(store.backoff_until(&shop, 7, 0), None);
    fail(&mut store);
    let first = store.backoff_until(&shop, 7, 0).unwrap();
    fail(&mut store);
    let second = store.backoff_until(&shop, 7, 0).unwrap();
    assert!((375..=500).contains(&first) && (750..=1000).contains(&second), "{first} {second}");
    assert_eq!(store.backoff_until(&shop, 8, 0), None);
    assert_eq!(store.backoff_until(&shop, 7, second), None, "the time has come");
    assert_eq!(store.backoff_until(&shop, 7, -8 * 3_600_000), None, "the clock was set back");
    store.apply(&place("shop"), seen("6", 6), false);
    assert_eq!((store.backoff_until(&shop, 7, 0), store.failure(&shop)), (None, None));
}

#[test]
fn what_was_noted_of_a_place_is_forgotten_where_no_bundle_is_wanted_any_more() {
    let mut store = store();
    for name in ["shop", "gone"] {
        store.apply(&place(name), seen("6", 6), false);
        store.record_failure(&place(name), PublishFailure::Failed("no".into()), 7, 0);
    }
    store.record_failure(&place("foreign"), PublishFailure::Conflict(Conflict::Foreign), 7, 0);
    assert_eq!(store.noted(), 5);
    store.retain_targets(|wanted| *wanted == place("shop"));
    assert_eq!(store.noted(), 3, "a bundle that cannot be removed is tried again with backoff");
    assert_eq!(store.failure(&place("foreign")), None);
    store.remove(&place("gone"));
    store.retain_targets(|wanted| *wanted == place("shop"));
    assert!(store.take_drifted(&[place("shop")]) && !store.take_drifted(&[place("gone")]));
}

#[test]
fn a_foreign_object_is_remembered_until_it_is_ours_or_gone() {
    let (mut store, red) = (store(), place("red"));
    store.record_failure(&red, PublishFailure::Conflict(Conflict::Foreign), 7, 0);
    assert_eq!(store.found(&red), TargetState::Foreign);
    store.clear_failure(&red);
    assert_eq!(store.found(&red), TargetState::Nothing);
}
