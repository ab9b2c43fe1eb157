//! One replica works at a time; when it goes, in whatever way, another takes over and issues nothing twice.

use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::election::{holder, leader_among, signal};

use crate::leaf_content::Content;

#[tokio::test]
async fn when_the_leader_is_killed_the_other_replica_takes_over_and_issues_nothing_twice() {
    let cluster = TestCluster::without_operator(&[]);
    let namespace = cluster.namespace().await;
    for replica in ["one", "two"] {
        cluster.start_operator_as(replica, &[]);
    }
    namespace.create("before", json!({})).await;
    namespace.ready("before").await;
    let before = Content::of(&namespace.secret("before-mtls").await);
    let leader = leader_among(&namespace, &["one", "two"]).await;
    cluster.control_plane().stop_program(leader).unwrap();
    namespace.create("after", json!({})).await;
    namespace.ready("after").await;
    assert_ne!(leader_among(&namespace, &["one", "two"]).await, leader);
    before.assert_kept(&Content::of(&namespace.secret("before-mtls").await), "another leader");
    for name in ["before", "after"] {
        assert_eq!(namespace.ready(name).await.status.unwrap().revision, Some(1), "{name} was issued twice");
    }
}

#[tokio::test]
async fn an_operator_that_is_asked_to_stop_releases_the_lease() {
    let cluster = TestCluster::without_operator(&[]);
    let namespace = cluster.namespace().await;
    let pid = cluster.start_operator_as("one", &[]);
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    signal("TERM", pid);
    holder(&namespace, "the Lease to be released", |holder| holder.is_none()).await;
}
