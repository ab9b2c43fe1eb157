//! Laws of identities that ask for the same Secret, and of namespaces: what happens to one concerns few others.

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::operator::scheduler::requeue::Priority;

use super::fixture::identity;
use super::requeue::issued;
use super::scheduler::{at, ready, secret, turns};

/// An identity that asks for the Secret of `owner`, and was told that it is another's.
fn rival(name: &str) -> MtlsIdentity {
    let mut identity = issued(name);
    identity.spec.secret.name = Some("owner-mtls".into());
    let status = identity.status.as_mut().unwrap();
    (status.conditions[0].status, status.conditions[0].reason) = ("False".into(), "SecretConflict".into());
    status.secret = None;
    identity
}

/// The Secret of `owner`, and many that ask for it, each of which has been told so.
fn contested() -> (Scheduler, Vec<String>) {
    let mut scheduler = ready();
    scheduler.apply_secret(&secret("owner", "7"), true, at(0));
    scheduler.apply_identity(&issued("owner"), true, at(0));
    let rivals: Vec<String> = (0..100).map(|n| format!("rival-{n}")).collect();
    for name in &rivals {
        scheduler.apply_identity(&rival(name), true, at(0));
    }
    while let Some(request) = scheduler.next(at(0)) {
        scheduler.done(request.id, false, at(0));
    }
    (scheduler, rivals)
}

#[test]
fn a_rival_that_goes_wakes_no_other() {
    let (mut scheduler, rivals) = contested();
    for name in &rivals[..50] {
        scheduler.remove_identity("orders", name, at(0));
    }
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
}

#[test]
fn an_owner_that_goes_wakes_a_few_and_so_does_a_secret_that_goes() {
    let (mut scheduler, _) = contested();
    scheduler.remove_identity("orders", "owner", at(0));
    let woken = turns(&mut scheduler, at(0)).len();
    assert!((1..=9).contains(&woken), "{woken}");
    let (mut scheduler, _) = contested();
    scheduler.remove_secret("orders", "owner-mtls", at(0));
    let woken = turns(&mut scheduler, at(0));
    assert!(woken.contains(&"owner".to_owned()), "{woken:?}");
    assert!((2..=9).contains(&woken.len()), "{woken:?}");
}

#[test]
fn the_rest_is_tried_again_when_its_backoff_ends() {
    let (mut scheduler, rivals) = contested();
    scheduler.remove_identity("orders", "owner", at(0));
    scheduler.remove_secret("orders", "owner-mtls", at(0));
    let woken = turns(&mut scheduler, at(6));
    assert_eq!(woken.len(), rivals.len());
}

#[test]
fn the_owner_of_a_secret_is_found_among_all_that_ask_for_it() {
    let (mut scheduler, _) = contested();
    let mut later = secret("owner", "8");
    later.metadata.annotations.as_mut().unwrap().insert("example.com/touched".into(), "yes".into());
    scheduler.apply_secret(&later, false, at(1));
    assert!(turns(&mut scheduler, at(0)).contains(&"owner".to_owned()));
}

#[test]
fn an_identity_that_is_made_again_with_another_secret_asks_for_that_one() {
    let mut scheduler = ready();
    for (uid, name) in [("one", Some("first")), ("two", Some("second")), ("three", None)] {
        let mut web = identity("web");
        web.metadata.uid = Some(uid.into());
        web.spec.secret.name = name.map(Into::into);
        scheduler.apply_identity(&web, true, at(0));
        let asks = |secret: &str| scheduler.index().targeting("orders", secret).count();
        let asked = ["first", "second", "web-mtls"].map(asks);
        assert_eq!(asked.iter().sum::<usize>(), 1);
        assert_eq!(asks(name.unwrap_or("web-mtls")), 1, "{asked:?}");
    }
    scheduler.remove_identity("orders", "web", at(0));
    assert_eq!(scheduler.index().targeting("orders", "web-mtls").count(), 0);
}

#[test]
fn a_namespace_that_changes_concerns_those_in_it() {
    let mut scheduler = ready();
    for namespace in ["orders", "bank"] {
        let mut web = identity("web");
        web.metadata.namespace = Some(namespace.into());
        web.metadata.uid = Some(namespace.into());
        scheduler.apply_identity(&web, true, at(0));
    }
    let members = |scheduler: &Scheduler, namespace: &str| scheduler.index().members(namespace).count();
    assert_eq!(["orders", "bank", "empty"].map(|namespace| members(&scheduler, namespace)), [1, 1, 0]);
    let going = NamespaceEntry { is_terminating: true, ..NamespaceEntry::default() };
    scheduler.apply_namespace("bank", going, at(0));
    assert_eq!(scheduler.queue().depth(Priority::New), 1);
    scheduler.remove_identity("bank", "web", at(0));
    assert_eq!(["orders", "bank"].map(|namespace| members(&scheduler, namespace)), [1, 0]);
    assert_eq!(turns(&mut scheduler, at(0)), ["web"]);
}
