//! Floods of one namespace, as its users can make them: the identities of another are served meanwhile.

use std::time::Duration;

use jiff::SignedDuration;
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};
use mtls_operator::operator::index::policy::NamespaceEntry;
use serde_json::json;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{Harness, IDENTITIES, NAMESPACE, SECRETS};
use tokio::time::sleep;

use super::workers::{Workers, until};

/// The other namespace.
const BANK: &str = "bank";

/// A user of the namespace bank applies an identity.
fn apply_in_bank(harness: &Harness, name: &str) {
    let known = NamespaceEntry::default();
    let now = harness.context.millis();
    harness.context.scheduler.change(|scheduler| scheduler.apply_namespace(BANK, known, now));
    let mut identity = MtlsIdentity::new(name, MtlsIdentitySpec::default());
    identity.metadata.namespace = Some(BANK.into());
    let mut identity = serde_json::to_value(identity).unwrap();
    identity["status"] = json!({ "observedGeneration": -1 });
    harness.server.put(IDENTITIES, &identity);
    tell(harness, BANK, name);
}

/// The watch tells of an identity as it is stored.
fn tell(harness: &Harness, namespace: &str, name: &str) {
    let identity = harness.server.get(IDENTITIES, namespace, name).unwrap();
    let identity: MtlsIdentity = serde_json::from_value(identity).unwrap();
    let now = harness.context.millis();
    harness.context.scheduler.change(|scheduler| scheduler.apply_identity(&identity, false, now));
}

fn is_issued(harness: &Harness, namespace: &str, name: &str) -> bool {
    harness.server.get(SECRETS, namespace, &format!("{name}-mtls")).is_some()
}

#[tokio::test(start_paused = true)]
async fn eight_hundred_identities_behind_a_webhook_that_hangs_keep_no_other_namespace_waiting() {
    let harness = Harness::set().await;
    for n in 0..800 {
        harness.apply(&format!("web-{n}"), &json!({}));
    }
    // Each write of a Secret there is never answered.
    for _ in 0..2000 {
        harness.server.next(&format!("POST {SECRETS} {NAMESPACE}/"), Fault::Held);
    }
    harness.watch();
    let workers = Workers::begin(&harness, 32);
    sleep(Duration::from_secs(5)).await;
    for n in 0..20 {
        let name = format!("vault-{n}");
        apply_in_bank(&harness, &name);
        sleep(Duration::from_secs(2)).await;
        assert!(is_issued(&harness, BANK, &name), "{name} waited for what hangs in another namespace");
    }
    drop(workers);
}

/// How often leaves were issued for these, all together.
fn revisions<const N: usize>(harness: &Harness, names: [&str; N]) -> i64 {
    let identities = names.map(|name| harness.server.get(IDENTITIES, NAMESPACE, name).unwrap());
    identities.iter().map(|identity| identity["status"]["revision"].as_i64().unwrap()).sum()
}

/// How many Events say of each of these that its request waits.
fn requests_held_back<const N: usize>(harness: &Harness, names: [&str; N]) -> [usize; N] {
    let calls = harness.server.calls();
    let is_of = |body: &serde_json::Value, name: &str| {
        body["reason"] == "RequestHeldBack" && body["regarding"]["name"] == name
    };
    names.map(|name| calls.iter().filter(|call| is_of(&call.body, name)).count())
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_toggles_renew_is_followed_now_and_then_and_keeps_no_renewal_waiting() {
    let harness = Harness::set().await;
    let toggled = ["a", "b", "c", "d"];
    for name in toggled {
        harness.apply(name, &json!({}));
    }
    harness.watch();
    apply_in_bank(&harness, "vault");
    let workers = Workers::begin(&harness, 2);
    until("all to be issued", || toggled.iter().all(|name| is_issued(&harness, NAMESPACE, name))).await;
    until("the other", || is_issued(&harness, BANK, "vault")).await;
    let recorded = || {
        let vault = harness.server.get(IDENTITIES, BANK, "vault").unwrap();
        serde_json::from_value::<MtlsIdentity>(vault).unwrap().status.and_then(|status| status.renewal_time)
    };
    until("its status", || recorded().is_some()).await;
    let first = recorded().unwrap().0;
    harness.manual_clock.set(first - SignedDuration::from_secs(20));
    harness.reconcile_authority().await.unwrap();
    let before = revisions(&harness, toggled);
    for second in 0..60 {
        for name in toggled {
            harness.server.edit(IDENTITIES, NAMESPACE, name, |identity| {
                identity["metadata"]["annotations"] =
                    json!({ "mtls-operator.dev/renew": second.to_string() });
            });
            tell(&harness, NAMESPACE, name);
        }
        sleep(Duration::from_secs(1)).await;
        if second % 15 == 0 {
            harness.reconcile_authority().await.unwrap();
        }
    }
    let issued = revisions(&harness, toggled) - before;
    assert_eq!(requests_held_back(&harness, toggled), [1; 4], "an Event says once that requests wait");
    // Five each and one a minute; and their own renewal, whose time comes meanwhile.
    assert!((20..=32).contains(&issued), "{issued} certificates in a minute");
    assert!(recorded().unwrap().0 > first, "the renewal of another namespace waited");
    workers.stop().await;
}
