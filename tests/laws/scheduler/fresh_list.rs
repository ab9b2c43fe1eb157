//! A fresh list of Secrets against the index: what is newer, and which Secrets no identity of the index explains.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::PartialObjectMeta;
use mtls_operator::api::namespaced_name::NamespacedName;
use mtls_operator::operator::authority::rotation::fresh_list::{FreshList, OwnershipClaim};
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::issuer::IssuerEntry;
use mtls_operator::operator::index::metadata::LeafMetadata;
use mtls_operator::operator::scheduler::Scheduler;

use super::{at, ready, secret, settled};
use crate::fixture::{NOW, identity};

/// How many Secrets of a fresh list with this one are newer than the index, and the claims of those that are behind.
fn listed(scheduler: &Scheduler, secret: &PartialObjectMeta<Secret>) -> (usize, Vec<OwnershipClaim>) {
    let announced = IssuerEntry { trust: digest("t2"), ..crate::requeue::announced() };
    let mut list = FreshList::new(&announced, NOW.as_second());
    let claims = list.fold(scheduler, [LeafMetadata::from(secret)]);
    (list.newer_than_index(scheduler), claims)
}

#[test]
fn a_list_is_ahead_of_the_index_by_what_the_index_was_not_told() {
    let scheduler = settled();
    let newer = |name, version| listed(&scheduler, &secret(name, version)).0;
    assert_eq!([newer("web", "6"), newer("web", "7")], [0, 0]);
    assert_eq!([newer("web", "8"), newer("other", "1")], [1, 1]);
}

#[test]
fn a_secret_that_was_deleted_while_the_list_was_made_is_not_newer_than_the_index() {
    let mut scheduler = settled();
    scheduler.delete_secret(&secret("web", "9"), at(1));
    let newer = |version| listed(&scheduler, &secret("web", version)).0;
    assert_eq!([newer("7"), newer("8"), newer("10")], [0, 0, 1], "the last one was created again");
}

#[test]
fn a_secret_that_is_behind_is_checked_where_its_identity_is_not_in_the_index() {
    let claims = |scheduler: &Scheduler, secret: PartialObjectMeta<Secret>| {
        let claims = listed(scheduler, &secret).1;
        claims.into_iter().map(|claim| (claim.identity.to_string(), claim.secret)).collect::<Vec<_>>()
    };
    assert_eq!(claims(&settled(), secret("web", "7")), [], "the survey counts it");
    let mut copy = secret("web", "7");
    copy.metadata.name = Some("web-mtls-backup".into());
    assert_eq!(claims(&settled(), copy.clone()), [], "web has another Secret");
    assert_eq!(claims(&ready(), copy), [("orders/web".to_owned(), "web-mtls-backup".to_owned())]);
    let mut unlabelled = secret("web", "7");
    unlabelled.metadata.labels = None;
    assert_eq!(claims(&ready(), unlabelled), []);
}

#[test]
fn a_claim_holds_for_the_secret_that_the_identity_wants_and_for_no_copy_of_it() {
    let claim = |secret: &str, uid: &str| OwnershipClaim {
        secret: secret.into(),
        identity: NamespacedName::new("orders", "web"),
        uid: uid.into(),
    };
    let web = identity("web");
    assert!(claim("web-mtls", "uid-web").is_true(&web));
    assert!(!claim("web-mtls-backup", "uid-web").is_true(&web));
    assert!(!claim("web-mtls", "uid-former").is_true(&web));
    let mut going = web;
    going.metadata.deletion_timestamp = Some(Time(NOW));
    assert!(!claim("web-mtls", "uid-web").is_true(&going));
}
