//! When the API server or the operator was away, what was missed is made good, and nothing is done twice.

use mtls_operator::api::MtlsIdentity;
use mtls_operator::runtime::clock::Clock;
use serde_json::json;

use crate::content::Content;
use crate::secrecy;
use crate::stage::{OPERATOR, Stage, until, value};

/// Logged at the finest level, where libraries tell most: even so, no key gets there.
#[tokio::test]
async fn an_api_server_that_comes_back_finds_the_operator_at_work() {
    let stage = Stage::without_operator(&[]);
    stage.start_operator_as(OPERATOR, &["--log-filter", "trace"]);
    let scene = stage.scene().await;
    let swift = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" }, "rotation": { "propagation": "10s" }
    });
    scene.create_authority("swift", swift).await;
    scene.create("before", json!({})).await;
    scene.create("due", json!({ "authorityRef": { "name": "swift" }, "renewBefore": "30s" })).await;
    scene.ready("before").await;
    let renewal = scene.ready("due").await.status.unwrap().renewal_time.unwrap().0;
    let before = Content::of(&scene.secret("before-mtls").await);
    let due = Content::of(&scene.secret("due-mtls").await);
    stage.cluster.lock().unwrap().stop_api_server().unwrap();
    for noticed in ["a watch was interrupted", "does not lead any more"] {
        let is_noticed = || async { stage.operator_log().contains(noticed).then_some(()) };
        until(&format!("the operator to say that {noticed}"), is_noticed).await;
    }
    let clock = Clock::system();
    until("a renewal to fall due", || async { (clock.now() > renewal).then_some(()) }).await;
    stage.cluster.lock().unwrap().start_api_server().unwrap();
    scene.create("after", json!({})).await;
    scene.ready("after").await;
    let is_renewed = |identity: &MtlsIdentity| identity.status.as_ref().unwrap().revision == Some(2);
    scene.identity_where("due", "what fell due meanwhile to be made good", is_renewed).await;
    due.assert_reissued(&Content::of(&scene.secret("due-mtls").await), "due in an outage");
    before.assert_kept(&Content::of(&scene.secret("before-mtls").await), "an outage");
    secrecy::assert_no_key_in(&stage.operator_log(), &scene).await;
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
