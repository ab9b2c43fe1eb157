//! Events of watches: what a list no longer names is forgotten, and an older version changes nothing.

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::scheduler::Scheduler;

use super::{at, has, ready, secret, settled, turns, version};
use crate::fixture::identity;
use crate::requeue::issued;

fn within(namespace: &str, mut identity: MtlsIdentity) -> MtlsIdentity {
    identity.metadata.namespace = Some(namespace.into());
    identity
}

#[test]
fn a_list_makes_the_scheduler_forget_what_it_does_not_name() {
    let mut scheduler = ready();
    for name in ["web", "gone"] {
        scheduler.apply_identity(&identity(name), false, at(0));
    }
    let list = scheduler.start_list();
    scheduler.apply_identity(&identity("web"), true, at(1));
    scheduler.apply_identity(&identity("born"), false, at(1));
    scheduler.finish_identity_list(None, list, at(1));
    assert_eq!(["web", "gone", "born"].map(|name| has(&scheduler, "orders", name)), [true, false, true]);
    assert_eq!(turns(&mut scheduler, at(1)).len(), 2);
}

#[test]
fn lists_of_two_scopes_that_overlap_forget_only_what_each_has_missed() {
    let mut scheduler = ready();
    for namespace in ["orders", "bank"] {
        for name in ["stays", "gone"] {
            scheduler.apply_identity(&within(namespace, identity(name)), false, at(0));
        }
    }
    let orders = scheduler.start_list();
    scheduler.apply_identity(&within("orders", identity("stays")), true, at(1));
    let bank = scheduler.start_list();
    scheduler.apply_identity(&within("bank", identity("stays")), true, at(1));
    scheduler.finish_identity_list(Some("orders"), orders, at(1));
    let known = |scheduler: &Scheduler| {
        [("orders", "stays"), ("orders", "gone"), ("bank", "stays"), ("bank", "gone")]
            .map(|(ns, n)| has(scheduler, ns, n))
    };
    assert_eq!(known(&scheduler), [true, false, true, true]);
    scheduler.finish_identity_list(Some("bank"), bank, at(1));
    assert_eq!(known(&scheduler), [true, false, true, false]);
}

#[test]
fn a_secret_that_a_list_does_not_name_has_its_identity_reconciled() {
    let mut scheduler = settled();
    let list = scheduler.start_list();
    scheduler.finish_secret_list(Some("bank"), list, at(1));
    assert_eq!(turns(&mut scheduler, at(1)), [""; 0], "it is another scope's");
    scheduler.finish_secret_list(Some("orders"), list, at(1));
    assert_eq!(turns(&mut scheduler, at(1)), ["web"]);
}

#[test]
fn a_late_event_of_an_older_version_changes_nothing() {
    let mut scheduler = settled();
    scheduler.apply_identity(&version(issued("web"), "9"), false, at(1));
    let mut old = version(issued("web"), "8");
    old.metadata.generation = Some(2);
    scheduler.apply_identity(&old, false, at(1));
    scheduler.apply_secret(&secret("web", "6"), false, at(1));
    assert_eq!(turns(&mut scheduler, at(1)), [""; 0]);
    scheduler.apply_secret(&secret("web", "8"), false, at(1));
    assert_eq!(turns(&mut scheduler, at(1)), ["web"]);
}

#[test]
fn a_list_and_another_uid_are_believed_whatever_their_version() {
    let mut scheduler = settled();
    scheduler.apply_identity(&version(issued("web"), "9"), false, at(1));
    let mut restored = version(issued("web"), "3");
    restored.metadata.generation = Some(2);
    scheduler.apply_identity(&restored, true, at(1));
    assert_eq!(
        turns(&mut scheduler, at(1)),
        ["web"],
        "a restored backup counts its versions from an earlier one"
    );
    let mut scheduler = settled();
    let mut recreated = version(identity("web"), "0");
    recreated.metadata.uid = Some("another".into());
    scheduler.apply_identity(&recreated, false, at(1));
    assert_eq!(turns(&mut scheduler, at(1)), ["web"]);
}
