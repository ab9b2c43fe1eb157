//! Laws of the floor between what people cause: neither the first nor what time asks for waits for it.

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::Scheduler;

use super::fixture::{identity, pairs};
use super::requeue::{END, RENEWAL, issued};
use super::scheduler::{at, ready, secret, settled, turns, version};

/// `web` with this value of `renew`, of which status answers another.
fn asking(value: &str, answered: &str, revision: i64) -> MtlsIdentity {
    let mut web = version(issued("web"), &revision.to_string());
    web.metadata.annotations = Some(pairs(&[("mtls-operator.dev/renew", value)]));
    web.status.as_mut().unwrap().last_handled_renew = Some(answered.into());
    web
}

/// People toggle `renew` each second, and each reconcile answers. How many there are in so many seconds.
fn toggled(scheduler: &mut Scheduler, from: Millis, seconds: i64) -> usize {
    let (mut answered, mut revision, mut count) = (String::new(), 100, 0);
    for now in (0..seconds).map(|second| from + second * 1000) {
        let value = now.to_string();
        revision += 2;
        scheduler.apply_identity(&asking(&value, &answered, revision), false, now);
        scheduler.sweep(now);
        if let Some(request) = scheduler.next(now) {
            count += 1;
            answered.clone_from(&value);
            scheduler.apply_identity_answer(&asking(&value, &answered, revision + 1), now);
            scheduler.done(request.id, false, now);
        }
    }
    count
}

#[test]
fn a_renewal_that_is_asked_for_without_end_is_made_once_a_minute() {
    let mut scheduler = settled();
    assert_eq!(toggled(&mut scheduler, at(0), 3600), 5 + 59);
}

#[test]
fn a_renewal_that_waits_for_the_floor_is_made_when_its_time_comes() {
    let mut scheduler = settled();
    let due = RENEWAL * 1000;
    toggled(&mut scheduler, due - 20_000, 19);
    scheduler.apply_identity(&asking("again", "", 999), false, due - 1000);
    assert_eq!(turns(&mut scheduler, due - 1), [""; 0]);
    assert_eq!(turns(&mut scheduler, due), ["web"]);
}

#[test]
fn a_leaf_that_ends_while_its_identity_waits_for_the_floor_is_replaced_at_once() {
    let mut scheduler = settled();
    let end = END * 1000;
    let pausing = |value: &str, revision| {
        let mut web = asking(value, "", revision);
        web.status.as_mut().unwrap().renewal_time = None;
        web
    };
    for n in 0..6 {
        scheduler.apply_identity(&pausing(&n.to_string(), 100 + n), false, end - 10_000);
        if let Some(request) = scheduler.next(end - 10_000) {
            scheduler.done(request.id, false, end - 10_000);
        }
    }
    scheduler.apply_identity(&pausing("again", 999), false, end - 5000);
    assert_eq!(turns(&mut scheduler, end), [""; 0]);
    assert_eq!(turns(&mut scheduler, end + 1000), ["web"]);
}

#[test]
fn a_spec_that_changes_again_and_again_waits_and_the_first_certificate_never_does() {
    let edited = |mut web: MtlsIdentity, generation: i64| {
        web.metadata.generation = Some(generation);
        version(web, &(100 + generation).to_string())
    };
    let reconciled = |scheduler: &mut Scheduler, template: &MtlsIdentity| {
        let change = |generation| {
            scheduler.apply_identity(&edited(template.clone(), generation), false, at(1));
            scheduler.next(at(1)).map(|request| scheduler.done(request.id, false, at(1))).is_some()
        };
        (2..22).map(change).filter(|was| *was).count()
    };
    let mut scheduler = settled();
    assert_eq!(reconciled(&mut scheduler, &issued("web")), 5);
    let mut scheduler = ready();
    scheduler.apply_secret(&secret("other", "7"), true, at(0));
    assert_eq!(reconciled(&mut scheduler, &identity("web")), 20);
}

#[test]
fn an_identity_that_is_made_again_is_another() {
    let mut scheduler = settled();
    toggled(&mut scheduler, at(0), 30);
    scheduler.remove_identity("orders", "web", at(1));
    let mut again = asking("again", "", 999);
    again.metadata.uid = Some("another".into());
    scheduler.apply_identity(&again, false, at(1));
    assert_eq!(turns(&mut scheduler, at(1)), ["web"]);
}
