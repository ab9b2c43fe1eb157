//! The guarantees of the scheduler, checked through random sequences of all its inputs.
//!
//! The sequences are drawn from a fixed seed.

use std::sync::Arc;

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::index::IdentityId;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::scheduler::Scheduler;
use serde_json::json;

use super::fixture::{NOW, terms};

const IDENTITIES: u64 = 4;

/// A linear congruential generator (Knuth, MMIX).
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// An identity that needs a reconcile now, at a time, or on a change.
fn identity(number: u64, reason: Option<&str>, version: u64) -> MtlsIdentity {
    let status = reason.map(|reason| {
        json!({
            "observedGeneration": 1, "notAfter": "2026-06-01T00:00:00Z", "renewalTime": "2026-05-30T00:00:00Z",
            "conditions": [{
                "type": "Ready", "status": "False", "reason": reason, "message": "", "observedGeneration": 1,
                "lastTransitionTime": "2026-05-28T00:00:00Z",
            }],
        })
    });
    let mut identity = json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity", "spec": {},
        "metadata": {
            "namespace": "orders", "name": format!("web-{number}"), "uid": format!("uid-{number}"),
            "generation": 1, "resourceVersion": version.to_string(),
        },
    });
    if let Some(status) = status {
        identity["status"] = status;
    }
    serde_json::from_value(identity).unwrap()
}

fn check(scheduler: &Scheduler, in_work: &[IdentityId], now: i64) {
    for (id, entry) in scheduler.index().entries() {
        let (waits, has_deadline) =
            (scheduler.queue().is_waiting(id), scheduler.deadlines().get(id).is_some());
        let is_in_work = in_work.contains(&id);
        let ends = entry.recorded.not_after.is_some_and(|end| end.get() * 1000 > now);
        assert!(!(waits && ends) || has_deadline, "{id:?} waits, and time alone changes nothing");
        assert!(!(waits && is_in_work), "{id:?} waits though it is in work");
        let is_suspended = scheduler.is_suspended(id) && !is_in_work;
        assert!(!(is_suspended && (waits || has_deadline)), "{id:?} is suspended");
    }
}

#[test]
fn an_identity_is_in_work_or_waits_and_keeps_its_deadline() {
    let mut draws = Draws(12);
    let (mut scheduler, mut now) = (Scheduler::default(), NOW.as_millisecond());
    scheduler.apply_namespace("orders", NamespaceEntry::default(), now);
    scheduler.apply_authority(&Arc::new(terms()), now);
    let (mut in_work, mut worked) = (Vec::new(), 0);
    for version in 1..20_000 {
        let number = draws.below(IDENTITIES);
        match draws.below(8) {
            0 | 1 => {
                let reasons = [None, Some("Issuing"), Some("AuthorityNotReady"), Some("NotPermitted")];
                let reason = reasons[usize::try_from(draws.below(4)).unwrap()];
                scheduler.apply_identity(&identity(number, reason, version), false, now);
            }
            2 => in_work.extend(scheduler.next(now).map(|request| request.id)),
            3 if !in_work.is_empty() => {
                let id = in_work.swap_remove(0);
                if draws.below(3) == 0 {
                    scheduler.suspend(id);
                }
                scheduler.done(id, draws.below(2) == 0, now);
                worked += 1;
            }
            4 => {
                if let Some(id) = scheduler.index().find("orders", &format!("web-{number}")) {
                    scheduler.resume(id, now);
                }
            }
            5 => {
                scheduler.sweep(now);
            }
            6 if draws.below(10) == 0 && in_work.is_empty() => {
                scheduler.remove_identity("orders", &format!("web-{number}"), now);
            }
            _ => now += i64::try_from(draws.below(30_000)).unwrap(),
        }
        check(&scheduler, &in_work, now);
    }
    assert!(worked > 500, "too few reconciles were in work: {worked}");
}
