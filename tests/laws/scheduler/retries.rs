//! Backoff after a failure or a conflict, and what ends it.

use mtls_operator::api::MtlsIdentity;

use super::{at, ready, secret, take, turns, version};
use crate::fixture::identity;
use crate::requeue::{issued, issuer_entry};

/// `web`, whose status says that its Secret belongs to another identity.
fn in_conflict() -> MtlsIdentity {
    let mut identity = issued("web");
    let status = identity.status.as_mut().unwrap();
    status.conditions[0].reason = "SecretConflict".into();
    status.conditions[0].status = "False".into();
    status.secret = None;
    identity
}

#[test]
fn a_conflict_backs_off_and_wakes_when_the_secret_goes() {
    let mut scheduler = ready();
    scheduler.apply_secret(&secret("other", "7"), true, at(0));
    let mut rival = in_conflict();
    rival.spec.secret.name = Some("other-mtls".into());
    scheduler.apply_identity(&rival, false, at(0));
    let mut reconciles = 0;
    for second in 0..3600 {
        let now = at(0) + second * 1000;
        scheduler.sweep(now);
        while let Some(job) = scheduler.next(now) {
            reconciles += 1;
            scheduler.done(job.id, false, now);
        }
    }
    assert!((15..=30).contains(&reconciles), "{reconciles} reconciles in an hour");
    let now = at(60);
    assert_eq!(turns(&mut scheduler, now), [""; 0]);
    scheduler.remove_secret("orders", "other-mtls", now);
    assert_eq!(turns(&mut scheduler, now), ["web"]);
}

#[test]
fn a_conflict_wakes_when_the_owner_of_the_secret_goes() {
    let mut scheduler = ready();
    scheduler.apply_secret(&secret("owner", "7"), true, at(0));
    scheduler.apply_identity(&issued("owner"), true, at(0));
    let mut rival = in_conflict();
    rival.spec.secret.name = Some("owner-mtls".into());
    scheduler.apply_identity(&rival, false, at(0));
    let job = take(&mut scheduler, at(0));
    scheduler.done(job.id, false, at(0));
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
    scheduler.remove_identity("orders", "owner", at(0));
    assert_eq!(turns(&mut scheduler, at(0)), ["web"]);
}

#[test]
fn what_fails_comes_again_later_and_a_new_spec_comes_at_once() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut scheduler, at(0));
    scheduler.done(job.id, true, at(0));
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
    assert_eq!(scheduler.backoff().len(), 1);
    let job = take(&mut scheduler, at(0) + 500);
    scheduler.done(job.id, true, at(0) + 500);
    let mut edited = version(identity("web"), "2");
    edited.metadata.generation = Some(2);
    scheduler.apply_identity(&edited, false, at(0) + 500);
    assert_eq!(turns(&mut scheduler, at(0) + 500), ["web"]);
}

#[test]
fn what_settles_forgets_its_failures() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut scheduler, at(0));
    scheduler.done(job.id, true, at(0));
    let job = take(&mut scheduler, at(1));
    scheduler.apply_secret(&secret("web", "7"), false, at(1));
    scheduler.apply_identity(&version(issued("web"), "2"), false, at(1));
    scheduler.done(job.id, false, at(1));
    assert_eq!((scheduler.backoff().len(), turns(&mut scheduler, at(2))), (0, Vec::new()));
}

#[test]
fn a_signer_that_comes_back_ends_every_backoff() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    for second in [0, 1, 3, 6, 12, 25] {
        let now = at(0) + second * 1000;
        let job = take(&mut scheduler, now);
        scheduler.done(job.id, true, now);
    }
    let now = at(0) + 26_000;
    scheduler.apply_issuer("mesh", Some(issuer_entry()), now);
    assert_eq!(turns(&mut scheduler, now), [""; 0], "it never was away");
    scheduler.apply_issuer("mesh", None, now);
    scheduler.apply_issuer("mesh", Some(issuer_entry()), now);
    assert_eq!(turns(&mut scheduler, now), ["web"]);
}

#[test]
fn what_failed_before_an_authority_changed_is_tried_again() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    for second in [0, 1, 3, 6] {
        let now = at(0) + second * 1000;
        let job = take(&mut scheduler, now);
        scheduler.done(job.id, true, now);
    }
    assert_eq!(turns(&mut scheduler, at(0) + 7000), [""; 0]);
    scheduler.retry_authority("mesh", at(0) + 7000);
    assert_eq!(turns(&mut scheduler, at(0) + 7000), ["web"]);
}
