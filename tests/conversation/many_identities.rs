//! Requests of a mesh of many identities: two writes for each, and no identity is read, however many there are.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use mtls_operator::api::MtlsAuthoritySpec;
use serde_json::json;
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{A_WHILE, AUTHORITIES, Harness, IDENTITIES, NAMESPACE, NOW};

/// More than the objects of which a queue once kept copies.
const MANY: usize = 2060;

fn name(number: usize) -> String {
    format!("web-{number}")
}

/// How many requests of each kind these are.
fn counted(calls: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        let kind = call.split(' ').take(2).collect::<Vec<_>>().join(" ");
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

fn requests<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.map(|(kind, count)| (kind.to_owned(), count)).into()
}

/// The root is confirmed once, since no time passes while all are reconciled.
fn renewals() -> BTreeMap<String, usize> {
    requests([("GET metadata", 1), ("PATCH secrets", MANY), ("PATCH status", MANY)])
}

async fn mesh() -> Harness {
    let spec = json!({ "rotation": { "spreadOver": "0s" } });
    let spec: MtlsAuthoritySpec = serde_json::from_value(spec).unwrap();
    let harness = Harness::bare(ApiServer::default(), NOW).with_authority(spec).await;
    (0..MANY).for_each(|number| harness.apply(&name(number), &json!({})));
    harness
}

async fn settled(harness: &mut Harness) -> BTreeMap<String, usize> {
    counted(&harness.settle().await)
}

/// The moment at which the last of them is due.
fn last_renewal(harness: &Harness) -> jiff::Timestamp {
    let renewal = |number| harness.identity(&name(number)).status.unwrap().renewal_time.unwrap().0;
    (0..MANY).map(renewal).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_identity_is_read_however_many_there_are() {
    let mut harness = mesh().await;
    let issuance = settled(&mut harness).await;
    assert_eq!(issuance, requests([("PATCH status", MANY), ("POST secrets", MANY)]), "an issuance");

    harness.advance(A_WHILE);
    assert_eq!(settled(&mut harness).await, requests([]), "what is idle");

    for number in 0..MANY {
        harness.server.edit(IDENTITIES, NAMESPACE, &name(number), |identity| {
            identity["metadata"]["annotations"]["mtls-operator.dev/renew"] = json!("now");
        });
    }
    assert_eq!(settled(&mut harness).await, renewals(), "a renewal that is asked for");

    harness.manual_clock.set(last_renewal(&harness) + SignedDuration::from_secs(1));
    assert_eq!(settled(&mut harness).await, renewals(), "a renewal by time");

    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/rotate"] = json!("1");
    });
    harness.reconcile_authority().await.unwrap();
    harness.asked();
    let refresh = requests([("PATCH secrets", MANY), ("PATCH status", MANY)]);
    assert_eq!(settled(&mut harness).await, refresh, "an update of the trust bundle");

    let mut restarted = harness.restarted().await;
    restarted.asked();
    assert_eq!(settled(&mut restarted).await, requests([]), "a restart");
}
