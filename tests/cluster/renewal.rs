//! A leaf is renewed before it expires, and its identity never stops being Ready. Watched in real time.

use std::cell::Cell;

use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::objects::ready_of;

use crate::leaf_content::Content;

#[tokio::test]
async fn a_leaf_of_a_minute_is_renewed_before_its_end_and_stays_ready() {
    let namespace = TestCluster::shared().namespace().await;
    let authority = namespace.unique("fast");
    let fast = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" }, "rotation": { "propagation": "10s" }
    });
    namespace.create_authority(&authority, fast).await;
    namespace.create("cart", json!({ "authorityRef": { "name": authority } })).await;
    let first = namespace.ready("cart").await.status.unwrap();
    let before = Content::of(&namespace.secret("cart-mtls").await);
    let was_ready = Cell::new(true);
    let renewed = namespace
        .identity_where("cart", "the renewal", |identity| {
            was_ready.set(was_ready.get() && ready_of(identity).0 == "True");
            identity.status.as_ref().is_some_and(|status| status.revision > first.revision)
        })
        .await;
    assert!(was_ready.get(), "Ready fell during a renewal");
    let second = renewed.status.unwrap();
    let after = Content::of(&namespace.secret("cart-mtls").await);
    before.assert_reissued(&after, "due");
    let issued_at = second.not_after.unwrap().0 - jiff::SignedDuration::from_mins(1);
    assert!(issued_at < first.not_after.unwrap().0, "renewed only after the end");
    assert!(
        issued_at >= first.renewal_time.unwrap().0 - jiff::SignedDuration::from_secs(1),
        "renewed too early"
    );
}
