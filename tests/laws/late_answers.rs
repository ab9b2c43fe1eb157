//! Laws of answers to requests: a late one brings no deleted object back, and takes nothing away that was seen since the
//! request.

use mtls_operator::api::MtlsAuthority;
use mtls_operator::operator::index::authorities::Authorities;
use mtls_operator::operator::index::digest::Digest;
use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::index::tombstones::Tombstones;
use mtls_operator::operator::trust_bundle::store::{BundleStore, ObservedBundle};
use mtls_operator::plan::trust_bundle::decide::TargetState;

use super::bundle::{place, posted};
use super::fixture::{authority, identity};
use super::requeue::issued;
use super::scheduler::{at, has, secret, settled, turns, version};

const MINUTE: Millis = 60_000;

#[test]
fn the_late_answer_to_a_write_brings_no_secret_back_that_was_deleted_meanwhile() {
    let mut scheduler = settled();
    scheduler.apply_secret(&secret("web", "9"), false, at(1));
    scheduler.delete_secret(&secret("web", "10"), at(1));
    scheduler.apply_secret_answer(&secret("web", "9"), at(1));
    assert!(scheduler.index().secret("orders", "web-mtls").is_none());
    // Status speaks of the version that is gone.
    scheduler.apply_identity_answer(&version(issued("web"), "11"), at(1));
    assert_eq!(turns(&mut scheduler, at(1)), ["web"], "it has no Secret");
}

#[test]
fn the_watch_need_not_have_told_of_a_write_for_its_answer_to_be_late() {
    let mut scheduler = settled();
    scheduler.delete_secret(&secret("web", "10"), at(1));
    scheduler.apply_secret_answer(&secret("web", "9"), at(1));
    assert!(scheduler.index().secret("orders", "web-mtls").is_none());
    scheduler.apply_secret_answer(&secret("web", "11"), at(1));
    assert!(scheduler.index().secret("orders", "web-mtls").is_some(), "it was created again");
}

#[test]
fn what_a_list_does_not_name_is_deleted_in_the_version_that_was_known() {
    let mut scheduler = settled();
    let list = scheduler.start_list();
    // An answer that comes while the pages do says nothing of what they name.
    scheduler.apply_secret_answer(&secret("web", "9"), at(1));
    scheduler.finish_secret_list(None, list, at(1));
    assert!(scheduler.index().secret("orders", "web-mtls").is_none());
    scheduler.apply_secret_answer(&secret("web", "9"), at(1));
    assert!(scheduler.index().secret("orders", "web-mtls").is_none());
}

#[test]
fn an_answer_takes_nothing_back_that_a_watch_has_told_since() {
    let mut scheduler = settled();
    let mut recreated = secret("web", "9");
    recreated.metadata.uid = Some("another".into());
    scheduler.apply_secret(&recreated, false, at(1));
    scheduler.apply_secret_answer(&secret("web", "8"), at(1));
    assert_eq!(scheduler.secret_version("orders", "web-mtls"), Some(9));
}

#[test]
fn the_late_answer_to_a_status_brings_no_identity_back() {
    let mut scheduler = settled();
    scheduler.delete_identity(&version(issued("web"), "6"), at(1));
    scheduler.apply_identity_answer(&version(issued("web"), "5"), at(1));
    assert!(!has(&scheduler, "orders", "web"));
    scheduler.apply_identity(&version(identity("web"), "7"), false, at(1));
    scheduler.apply_identity_answer(&version(issued("web"), "5"), at(1));
    assert_eq!(scheduler.identity_version("orders", "web"), Some(7), "it was created again");
}

#[test]
fn what_was_not_found_is_gone_unless_it_came_after_the_question() {
    let mut scheduler = settled();
    let known = scheduler.secret_version("orders", "web-mtls");
    scheduler.apply_secret(&secret("web", "8"), false, at(1));
    scheduler.secret_not_found("orders", "web-mtls", known, at(1));
    assert_eq!(scheduler.secret_version("orders", "web-mtls"), Some(8));
    scheduler.secret_not_found("orders", "web-mtls", Some(8), at(1));
    assert_eq!(scheduler.secret_version("orders", "web-mtls"), None);
    scheduler.identity_not_found("orders", "web", None, at(1));
    assert!(has(&scheduler, "orders", "web"));
    scheduler.identity_not_found("orders", "web", Some(1), at(1));
    assert!(!has(&scheduler, "orders", "web"));
}

fn bundle(version: &str) -> ObservedBundle {
    ObservedBundle { published: posted(), uid: "uid".into(), version: version.into() }
}

#[test]
fn the_late_answer_to_a_write_brings_no_bundle_back() {
    let mut store = BundleStore::default();
    let shop = place("shop");
    store.apply(&shop, bundle("5"), false);
    store.delete(&shop, "7", 0);
    store.apply_response(&shop, bundle("6"));
    assert_eq!(store.found(&shop), TargetState::Nothing);
    store.apply_response(&shop, bundle("8"));
    store.apply_response(&shop, bundle("7"));
    assert_eq!(store.seen(&shop).unwrap().version, "8");
}

fn at_version(version: &str) -> MtlsAuthority {
    let mut authority = authority();
    authority.metadata.resource_version = Some(version.into());
    authority
}

/// The version of the authority that the index holds.
fn known(authorities: &Authorities) -> Option<String> {
    authorities.get("mesh")?.metadata.resource_version.clone()
}

#[test]
fn the_late_answer_to_a_write_brings_no_authority_back() {
    let mut authorities = Authorities::default();
    authorities.apply(at_version("5"));
    authorities.delete(&at_version("7"), 0);
    authorities.apply_answer(at_version("6"));
    assert_eq!(known(&authorities), None);
    authorities.apply(at_version("9"));
    authorities.apply_answer(at_version("8"));
    assert_eq!(known(&authorities).as_deref(), Some("9"), "people have edited it since");
}

#[test]
fn an_authority_that_is_not_found_is_gone_and_an_older_one_that_is_found_counts() {
    let mut authorities = Authorities::default();
    authorities.apply(at_version("5"));
    assert!(!authorities.apply_reread(&at_version("4"), None), "it was seen since the request");
    assert!(!authorities.apply_reread(&at_version("5"), Some(at_version("3"))));
    assert_eq!(known(&authorities).as_deref(), Some("3"), "a restored backup");
    assert!(authorities.apply_reread(&at_version("3"), None));
    assert_eq!(known(&authorities), None);
}

#[test]
fn deletions_are_forgotten_by_their_age_and_by_their_number() {
    let key = |number: u64| Digest::new(number).unwrap();
    let mut deleted = Tombstones::default();
    deleted.insert(key(1), 5, 0);
    deleted.insert(key(1), 4, MINUTE);
    assert!(deleted.covers(key(1), 5) && !deleted.covers(key(1), 6) && !deleted.covers(key(2), 1));
    deleted.insert(key(2), 1, MINUTE * 11);
    assert!(deleted.covers(key(1), 5), "it was seen again since");
    deleted.insert(key(3), 1, MINUTE * 12);
    assert!(!deleted.covers(key(1), 5) && deleted.covers(key(2), 1));
    for place in 10..10_000 {
        deleted.insert(key(place), 1, MINUTE * 12);
    }
    assert!(deleted.len() <= 4096 && !deleted.covers(key(2), 1) && deleted.covers(key(9_999), 1));
}
