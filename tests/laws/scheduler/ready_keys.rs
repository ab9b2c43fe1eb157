//! Keys that were generated for identities: each is taken once, and goes with what it is for.

use mtls_operator::operator::index::IdentityId;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::operator::scheduler::ready_keys::GeneratedKey;
use mtls_operator::pki::{KeyAlgorithm, PrivateKey};

use super::{at, ready, secret, take, turns, version};
use crate::fixture::identity;
use crate::requeue::issued;

const RSA: KeyAlgorithm = KeyAlgorithm::Rsa2048;

/// A key that took less time than it would.
fn key() -> GeneratedKey {
    GeneratedKey { algorithm: RSA, key: PrivateKey::generate(KeyAlgorithm::EcdsaP256) }
}

/// A scheduler in which `web` waits for its key.
fn awaiting() -> (Scheduler, IdentityId) {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    let id = take(&mut scheduler, at(0)).id;
    scheduler.suspend(id);
    scheduler.done(id, false, at(0));
    (scheduler, id)
}

#[test]
fn a_key_is_taken_once_by_the_identity_that_asked_for_it() {
    let (mut scheduler, id) = awaiting();
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
    scheduler.key_generated(id, Some(key()), at(0));
    assert_eq!(turns(&mut scheduler, at(0)), ["web"]);
    assert!(scheduler.take_key(id, RSA).unwrap().is_some());
    assert!(scheduler.take_key(id, RSA).unwrap().is_none());
}

#[test]
fn a_key_of_another_kind_is_not_taken_and_not_kept() {
    let (mut scheduler, id) = awaiting();
    scheduler.key_generated(id, Some(key()), at(0));
    assert!(scheduler.take_key(id, KeyAlgorithm::Rsa4096).unwrap().is_none());
    assert_eq!(scheduler.ready_keys(), 0);
}

#[test]
fn a_key_that_could_not_be_made_has_the_identity_tried_again() {
    let (mut scheduler, id) = awaiting();
    scheduler.key_generated(id, None, at(0));
    assert_eq!((turns(&mut scheduler, at(0)), scheduler.ready_keys()), (vec!["web".to_owned()], 0));
}

#[test]
fn a_key_goes_with_its_identity_with_its_spec_and_where_none_is_needed_any_more() {
    type Change = (&'static str, fn(&mut Scheduler));
    let changes: [Change; 4] = [
        ("deleted", |scheduler| scheduler.remove_identity("orders", "web", at(1))),
        ("not listed", |scheduler| {
            let list = scheduler.start_list();
            scheduler.finish_identity_list(None, list, at(1));
        }),
        ("another spec", |scheduler| {
            let mut edited = version(identity("web"), "2");
            edited.metadata.generation = Some(2);
            scheduler.apply_identity(&edited, false, at(1));
        }),
        ("issued by another replica", |scheduler| {
            scheduler.apply_secret(&secret("web", "7"), false, at(1));
            scheduler.apply_identity(&version(issued("web"), "2"), false, at(1));
        }),
    ];
    for (what, change) in changes {
        let (mut scheduler, id) = awaiting();
        scheduler.key_generated(id, Some(key()), at(1));
        assert_eq!(scheduler.ready_keys(), 1);
        change(&mut scheduler);
        assert_eq!(scheduler.ready_keys(), 0, "{what}");
    }
}

#[test]
fn a_key_that_is_ready_after_its_identity_has_gone_is_not_kept() {
    let (mut scheduler, id) = awaiting();
    scheduler.remove_identity("orders", "web", at(1));
    scheduler.key_generated(id, Some(key()), at(1));
    assert_eq!(scheduler.ready_keys(), 0);
}
