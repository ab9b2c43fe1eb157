//! When the API server or the operator was away, what was missed is made good, and nothing is done twice.

use serde_json::json;

use crate::content::Content;
use crate::stage::{Stage, value};

#[tokio::test]
async fn an_api_server_that_comes_back_finds_the_operator_at_work() {
    let stage = Stage::set(&[]);
    let scene = stage.scene().await;
    scene.create("before", json!({})).await;
    scene.ready("before").await;
    let before = Content::of(&scene.secret("before-mtls").await);
    {
        let cluster = stage.cluster.lock().unwrap();
        cluster.stop_api_server().unwrap();
        cluster.start_api_server().unwrap();
    }
    scene.create("after", json!({})).await;
    scene.ready("after").await;
    before.assert_kept(&Content::of(&scene.secret("before-mtls").await), "an outage");
}

#[tokio::test]
async fn what_happened_while_the_operator_was_away_is_made_good_at_its_start() {
    let stage = Stage::set(&[]);
    let scene = stage.scene().await;
    for name in ["deleted", "edited", "left-alone"] {
        scene.create(name, json!({})).await;
        scene.ready(name).await;
    }
    let [deleted, edited, alone] = ["deleted-mtls", "edited-mtls", "left-alone-mtls"];
    let (gone, kept) = (Content::of(&scene.secret(deleted).await), Content::of(&scene.secret(edited).await));
    let alone_before = scene.secret(alone).await.metadata.resource_version;
    stage.kill_operator();
    scene.delete_secret(deleted).await;
    scene.patch_secret(edited, json!({ "data": { "ca.crt": "" } })).await.unwrap();
    scene.create("new", json!({})).await;
    stage.start_operator();
    scene.ready("new").await;
    let restored = scene.secret_where(deleted, "it to be there again", |_| true).await;
    gone.assert_reissued(&Content::of(&restored), "deleted");
    let healed =
        scene.secret_where(edited, "the bundle", |secret| value(secret, "ca.crt") == kept.trust).await;
    kept.assert_kept(&Content::of(&healed), "edited");
    assert_eq!(
        scene.secret(alone).await.metadata.resource_version,
        alone_before,
        "a settled Secret was written"
    );
}
