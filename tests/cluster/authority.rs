//! One operator serves an authority: a second one finds it claimed and leaves it alone.

use std::path::Path;

use devcluster::audit::{self, Event};
use mtls_operator::api::MtlsIdentity;
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::objects::note;
use test_support::wait::{until, wait};

use crate::leaf_content::Content;

const OTHER: &str = "other-system";

#[tokio::test]
async fn a_second_operator_leaves_a_claimed_authority_alone() {
    let cluster = TestCluster::new(&[]);
    let namespace = cluster.namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    let before = Content::of(&namespace.secret("cart-mtls").await);
    cluster.start_other_operator(OTHER);
    let log = cluster.control_plane().log_of(OTHER);
    let said = || async {
        std::fs::read_to_string(&log).ok()?.contains("another operator serves this authority").then_some(())
    };
    until("the second operator to find the authority claimed", said).await;
    namespace.create("late", json!({})).await;
    namespace.ready("late").await;
    let mesh = namespace.authority_stands("mesh", "True", "Ready").await;
    assert_eq!(note(&mesh, "operator-namespace").as_deref(), Some(SYSTEM));
    before.assert_kept(&Content::of(&namespace.secret("cart-mtls").await), "a second operator");
    let log = cluster.control_plane().audit_log();
    // Its Lease is renewed all the time: with the next renewal, all that it wrote before is in the log.
    let since = audit::end(&log).unwrap();
    let renewed = || async { (!writes(&log, since, OTHER).is_empty()).then_some(()) };
    until("the second operator to renew its Lease still", renewed).await;
    let elsewhere: Vec<_> =
        writes(&log, 0, OTHER).into_iter().filter(|event| event.resource != "leases").collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    assert!(writes(&log, 0, SYSTEM).iter().any(|event| event.resource == "secrets"), "the log lacks writes");
}

/// What the operator in a namespace has written, from this place of the audit log on.
fn writes(log: &Path, since: u64, namespace: &str) -> Vec<Event> {
    let user = format!("system:serviceaccount:{namespace}:");
    let events = audit::read(log, since).unwrap().into_iter();
    events.filter(|event| event.user.starts_with(&user) && event.is_mutating()).collect()
}

/// The admission policies of two releases are applied to each other's writes, and admit them.
#[tokio::test]
async fn two_operators_serve_an_authority_each_and_neither_is_refused_what_it_writes() {
    let cluster = TestCluster::new(&[]);
    let namespace = cluster.namespace().await;
    cluster.start_other_operator(OTHER);
    namespace.create_authority_of(Some(OTHER), "theirs", json!({})).await;
    namespace.create("cart", json!({})).await;
    namespace.create("till", json!({ "authorityRef": { "name": "theirs" } })).await;
    for name in ["cart", "till"] {
        namespace.ready(name).await;
        let renew = json!({ "metadata": { "annotations": { "mtls-operator.dev/renew": "1" } } });
        namespace.patch(name, renew).await.unwrap();
        let handled = |identity: &MtlsIdentity| {
            identity.status.as_ref().and_then(|status| status.last_handled_renew.as_deref()) == Some("1")
        };
        wait(namespace.identities(), name, "the renewal to be recorded", |one| {
            one.is_some_and(handled).then_some(())
        })
        .await;
    }
    let log = cluster.control_plane().audit_log();
    let writes: Vec<_> = audit::read(&log, 0).unwrap();
    let refused: Vec<_> =
        writes.iter().filter(|event| event.user.contains("mtls-operator") && event.code == 403).collect();
    assert!(refused.is_empty(), "{refused:?}");
}
