//! Priorities and limits: new identities first, few renewals at a time, background work one at a time.

use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::scheduler::pacing::Pacing;
use mtls_operator::operator::scheduler::requeue::Priority;

use super::{at, ready, secret, settled, take, turns};
use crate::fixture::identity;
use crate::requeue::{issued, issuer_entry};

#[test]
fn new_identities_come_before_due_ones_and_those_before_the_rest() {
    let mut scheduler = settled();
    scheduler.apply_secret(&secret("late", "7"), true, at(0));
    let mut late = issued("late");
    late.status.as_mut().unwrap().conditions[0].reason = "SecretConflict".into();
    let now = 1_780_050_000_000;
    scheduler.apply_identity(&late, false, now);
    scheduler.apply_identity(&identity("new"), false, now);
    assert_eq!(turns(&mut scheduler, now), ["new", "web", "late"]);
}

#[test]
fn background_work_begins_with_half_of_the_time_and_wakes_the_workers_itself() {
    let mut scheduler = ready();
    scheduler.set_pacing(Pacing::of(4));
    let mass: Vec<String> = (0..16).map(|n| format!("late-{n}")).collect();
    for name in &mass {
        let mut late = issued(name);
        late.status.as_mut().unwrap().conditions[0].reason = "SecretConflict".into();
        scheduler.apply_identity(&late, false, at(0));
    }
    let (mut now, mut busy) = (at(0), 0);
    for _ in 0..15 {
        let job = take(&mut scheduler, now);
        assert_eq!(turns(&mut scheduler, now + 3), [""; 0], "one at a time");
        scheduler.apply_identity(&identity(&format!("new-{busy}")), false, now + 4);
        let newcomer = take(&mut scheduler, now + 4);
        assert_eq!(newcomer.priority, Priority::New);
        scheduler.remove_identity("orders", &newcomer.name, now + 5);
        scheduler.done(newcomer.id, false, now + 5);
        scheduler.done(job.id, false, now + 10);
        busy += 10;
        assert_eq!(turns(&mut scheduler, now + 19), [""; 0], "it rests");
        now = scheduler.earliest(now + 10).unwrap();
    }
    assert_eq!(now - at(0), 2 * busy);
}

#[test]
fn few_renewals_run_at_once_and_one_that_hangs_delays_no_other() {
    let mut scheduler = ready();
    scheduler.set_pacing(Pacing::of(4));
    for n in 0..10 {
        let name = format!("due-{n}");
        scheduler.apply_secret(&secret(&name, "7"), true, at(0));
        scheduler.apply_identity(&issued(&name), true, at(0));
    }
    let due = 1_780_050_000_000;
    let hanging = turns(&mut scheduler, due).len();
    assert_eq!((hanging, scheduler.earliest(due + 1)), (4, Some(due + 1000)));
    assert_eq!(turns(&mut scheduler, due + 999).len(), 0);
    assert_eq!(turns(&mut scheduler, due + 1000).len(), 4);
}

#[test]
fn certificates_of_a_distrusted_signer_are_replaced_by_as_many_workers_as_fresh_ones() {
    let mut scheduler = ready();
    scheduler.set_pacing(Pacing::of(4));
    scheduler.set_workers(32);
    for n in 0..100 {
        let name = format!("web-{n}");
        scheduler.apply_secret(&secret(&name, "7"), true, at(0));
        scheduler.apply_identity(&issued(&name), true, at(0));
    }
    let mut issuer = issuer_entry();
    issuer.rotation.distrusted = vec![digest("a1")];
    scheduler.apply_issuer("mesh", Some(issuer), at(0));
    let taken: Vec<_> = std::iter::from_fn(|| scheduler.next(at(0))).collect();
    assert_eq!(taken.len(), 28, "all but those that are spared for other namespaces");
    assert!(taken.iter().all(|request| request.priority == Priority::Due));
}
