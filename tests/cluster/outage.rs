//! When the API server or the operator was away, what was missed is made good, and nothing is done twice.

use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::objects::value;

use crate::leaf_content::Content;

#[tokio::test]
async fn an_api_server_that_comes_back_finds_the_operator_at_work() {
    let cluster = TestCluster::new(&[]);
    let namespace = cluster.namespace().await;
    namespace.create("before", json!({})).await;
    namespace.ready("before").await;
    let before = Content::of(&namespace.secret("before-mtls").await);
    {
        let control_plane = cluster.control_plane();
        control_plane.stop_api_server().unwrap();
        control_plane.start_api_server().unwrap();
    }
    namespace.create("after", json!({})).await;
    namespace.ready("after").await;
    before.assert_kept(&Content::of(&namespace.secret("before-mtls").await), "an outage");
}

#[tokio::test]
async fn what_happened_while_the_operator_was_away_is_made_good_at_its_start() {
    let cluster = TestCluster::new(&[]);
    let namespace = cluster.namespace().await;
    for name in ["deleted", "edited", "left-alone"] {
        namespace.create(name, json!({})).await;
        namespace.ready(name).await;
    }
    let [deleted, edited, alone] = ["deleted-mtls", "edited-mtls", "left-alone-mtls"];
    let (gone, kept) =
        (Content::of(&namespace.secret(deleted).await), Content::of(&namespace.secret(edited).await));
    let alone_before = namespace.secret(alone).await.metadata.resource_version;
    cluster.stop_operator();
    namespace.delete_secret(deleted).await;
    namespace.patch_secret(edited, json!({ "data": { "ca.crt": "" } })).await.unwrap();
    namespace.create("new", json!({})).await;
    cluster.start_operator();
    namespace.ready("new").await;
    let restored = namespace.secret_where(deleted, "it to be there again", |_| true).await;
    gone.assert_reissued(&Content::of(&restored), "deleted");
    let healed =
        namespace.secret_where(edited, "the bundle", |secret| value(secret, "ca.crt") == kept.trust).await;
    kept.assert_kept(&Content::of(&healed), "edited");
    assert_eq!(
        namespace.secret(alone).await.metadata.resource_version,
        alone_before,
        "a settled Secret was written"
    );
}
