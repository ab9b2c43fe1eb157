//! Laws of the scheduler: it forgets what is gone, believes the newest version, backs off and wakes. Here: how a test
//! builds a scheduler and takes from it.

mod due_times;
mod fresh_list;
mod lagging;
mod pacing;
mod queue;
mod ready_keys;
mod repairs;
mod retries;
mod scope;
mod watch_events;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::{ReconcileRequest, Scheduler};
use serde_json::json;

use super::fixture::{HOUR, NOW, terms};
use super::requeue::{issued, issuer_entry, secret as seen};

pub fn at(minutes: i64) -> Millis {
    (NOW + HOUR / 60 * i32::try_from(minutes).unwrap()).as_millisecond()
}

/// A scheduler that knows namespace and authority, and no identity yet.
pub fn ready() -> Scheduler {
    let mut scheduler = Scheduler::default();
    for namespace in ["orders", "bank"] {
        scheduler.apply_namespace(namespace, NamespaceEntry::default(), at(0));
    }
    scheduler.apply_authority(&Arc::new(terms()), at(0));
    scheduler.apply_issuer("mesh", Some(issuer_entry()), at(0));
    scheduler
}

pub fn secret(name: &str, version: &str) -> PartialObjectMeta<Secret> {
    let profile = seen(name).profile.unwrap().to_string();
    serde_json::from_value(json!({"metadata": {
        "name": format!("{name}-mtls"), "namespace": "orders", "uid": "secret-uid", "resourceVersion": version,
        "labels": {"mtls-operator.dev/identity": name},
        "annotations": {
            "mtls-operator.dev/identity-uid": format!("uid-{name}"), "mtls-operator.dev/trust": "t1",
            "mtls-operator.dev/profile": profile, "mtls-operator.dev/issued-at": NOW.to_string(),
        },
    }}))
    .unwrap()
}

/// A scheduler in which `web` is settled.
pub fn settled() -> Scheduler {
    let mut scheduler = ready();
    scheduler.apply_secret(&secret("web", "7"), true, at(0));
    scheduler.apply_identity(&issued("web"), true, at(0));
    scheduler
}

pub fn version(mut identity: MtlsIdentity, version: &str) -> MtlsIdentity {
    identity.metadata.resource_version = Some(version.into());
    identity
}

/// The names of the identities that are to be reconciled now.
pub fn turns(scheduler: &mut Scheduler, now: Millis) -> Vec<String> {
    scheduler.sweep(now);
    std::iter::from_fn(|| scheduler.next(now)).map(|job| job.name).collect()
}

fn take(scheduler: &mut Scheduler, now: Millis) -> ReconcileRequest {
    scheduler.sweep(now);
    scheduler.next(now).unwrap()
}

pub fn has(scheduler: &Scheduler, namespace: &str, name: &str) -> bool {
    scheduler.index().find(namespace, name).is_some()
}
