//! One replica works at a time; when it goes, in whatever way, another takes over and issues nothing twice.

use serde_json::json;

use crate::content::Content;
use crate::election::{holder, leader_among, signal};
use crate::stage::Stage;

#[tokio::test]
async fn when_the_leader_is_killed_the_other_replica_takes_over_and_issues_nothing_twice() {
    let stage = Stage::without_operator(&[]);
    let scene = stage.scene().await;
    for replica in ["one", "two"] {
        stage.start_operator_as(replica, &[]);
    }
    scene.create("before", json!({})).await;
    scene.ready("before").await;
    let before = Content::of(&scene.secret("before-mtls").await);
    let leader = leader_among(&scene, &["one", "two"]).await;
    stage.cluster.lock().unwrap().stop_program(leader).unwrap();
    scene.create("after", json!({})).await;
    scene.ready("after").await;
    assert_ne!(leader_among(&scene, &["one", "two"]).await, leader);
    before.assert_kept(&Content::of(&scene.secret("before-mtls").await), "another leader");
    for name in ["before", "after"] {
        assert_eq!(scene.ready(name).await.status.unwrap().revision, Some(1), "{name} was issued twice");
    }
}

#[tokio::test]
async fn an_operator_that_is_asked_to_stop_releases_the_lease() {
    let stage = Stage::without_operator(&[]);
    let scene = stage.scene().await;
    let pid = stage.start_operator_as("one", &[]);
    scene.create("cart", json!({})).await;
    scene.ready("cart").await;
    signal("TERM", pid);
    holder(&scene, "the Lease to be released", |holder| holder.is_none()).await;
}
