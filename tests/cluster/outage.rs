//! After an outage of the API server or of the operator, what was due meanwhile is done, once.

use mtls_operator::api::MtlsIdentity;
use mtls_operator::runtime::clock::Clock;
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::installation::OPERATOR;
use test_support::objects::value;
use test_support::wait::until;

use crate::leaf_content::Content;
use crate::secrecy;

/// The log is at the finest level, where libraries log most: even so, no key gets there.
#[tokio::test]
async fn after_an_outage_of_the_api_server_the_operator_goes_on() {
    let cluster = TestCluster::without_operator(&[]);
    cluster.start_operator_as(OPERATOR, &["--log-filter", "trace"]);
    cluster.wait_for_first_authority();
    let namespace = cluster.namespace().await;
    let swift = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" }, "rotation": { "propagation": "10s" }
    });
    namespace.create_authority("swift", swift).await;
    namespace.create("before", json!({})).await;
    namespace.create("due", json!({ "authorityRef": { "name": "swift" }, "renewBefore": "30s" })).await;
    namespace.ready("before").await;
    let renewal = namespace.ready("due").await.status.unwrap().renewal_time.unwrap().0;
    let before = Content::of(&namespace.secret("before-mtls").await);
    let due = Content::of(&namespace.secret("due-mtls").await);
    cluster.control_plane().stop_api_server().unwrap();
    for noticed in ["a watch was interrupted", "does not lead any more"] {
        let is_noticed = || async { cluster.operator_log().contains(noticed).then_some(()) };
        until(&format!("the operator to say that {noticed}"), is_noticed).await;
    }
    let clock = Clock::system();
    until("a renewal to fall due", || async { (clock.now() > renewal).then_some(()) }).await;
    cluster.control_plane().start_api_server().unwrap();
    namespace.create("after", json!({})).await;
    namespace.ready("after").await;
    // It is renewed again every half minute.
    let is_renewed = |identity: &MtlsIdentity| identity.status.as_ref().unwrap().revision >= Some(2);
    namespace.identity_where("due", "the renewal that fell due meanwhile", is_renewed).await;
    due.assert_reissued(&Content::of(&namespace.secret("due-mtls").await), "due in an outage");
    before.assert_kept(&Content::of(&namespace.secret("before-mtls").await), "an outage");
    secrecy::assert_no_key_in(&cluster.operator_log(), &namespace).await;
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
