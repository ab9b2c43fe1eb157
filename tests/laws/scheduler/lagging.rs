//! Secrets that lack the announced root: each is known, also one that lacked it only between two passes.

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::plan::identity::world::OwnedSecret;

use super::{at, secret, settled};
use crate::fixture::held;
use crate::requeue::secret as seen;

#[test]
fn a_list_with_another_version_hides_what_was_in_between() {
    let mut scheduler = settled();
    scheduler.take_lagging("mesh", &[]);
    scheduler.apply_secret(&secret("web", "7"), true, at(1));
    scheduler.apply_secret(&secret("web", "8"), false, at(1));
    assert!(!scheduler.take_lagging("mesh", &[]));
    scheduler.apply_secret(&secret("web", "9"), true, at(1));
    assert!(scheduler.take_lagging("mesh", &[]), "it may have been behind since");
    assert!(!scheduler.take_lagging("mesh", &[]), "said once");
}

#[test]
fn a_list_that_shows_nothing_newer_than_the_index_hides_nothing() {
    let mut scheduler = settled();
    scheduler.apply_secret_answer(&secret("web", "9"), at(1));
    scheduler.take_lagging("mesh", &[]);
    scheduler.apply_secret(&secret("web", "8"), true, at(1));
    assert!(!scheduler.take_lagging("mesh", &[]), "our own write came while the pages did");
    scheduler.apply_secret(&secret("web", "9"), false, at(2));
    scheduler.apply_secret(&secret("web", "9"), true, at(3));
    assert!(!scheduler.take_lagging("mesh", &[]));
}

/// A scheduler whose authority announces a root that the Secret of `web` has.
fn announced() -> Scheduler {
    let mut scheduler = settled();
    scheduler.apply_issuer("mesh", Some(crate::requeue::announced()), at(0));
    scheduler.take_lagging("mesh", &[]);
    scheduler
}

/// The Secret of `web` without the announced root.
fn lacking(version: &str) -> PartialObjectMeta<Secret> {
    let mut secret = secret("web", version);
    secret.metadata.annotations.as_mut().unwrap().insert("mtls-operator.dev/trust".into(), "t0".into());
    secret
}

#[test]
fn a_secret_that_was_behind_is_known_also_if_its_event_comes_after_the_repair() {
    let mut scheduler = announced();
    scheduler.apply_secret_answer(&secret("web", "9"), at(1));
    assert!(!scheduler.take_lagging("mesh", &[]));
    scheduler.apply_secret(&lacking("8"), false, at(1));
    assert!(scheduler.take_lagging("mesh", &[]));
    scheduler.delete_secret(&lacking("10"), at(1));
    assert!(scheduler.take_lagging("mesh", &[]), "it was so when it was deleted");
}

#[test]
fn a_secret_that_was_read_behind_is_known_whatever_it_says_of_itself() {
    let mut scheduler = announced();
    let profile = seen("web").profile.unwrap();
    scheduler.note_read_secret(&secret("web", "8"), &held(profile), at(1));
    assert!(!scheduler.take_lagging("mesh", &[]));
    scheduler.note_read_secret(&secret("web", "8"), &OwnedSecret { trust: None, ..held(profile) }, at(1));
    assert!(scheduler.take_lagging("mesh", &[]));
}
