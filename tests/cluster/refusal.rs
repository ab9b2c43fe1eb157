//! What an authority does not permit gets no leaf, a sentence that says what to do, and a leaf once it is permitted.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::objects::{is_stalled, ready_of, value};

use crate::leaf_content::Content;

/// Waits for the refusal, in words that name these things. That a person must act is said only after a minute: what cures
/// it may come with the same change.
async fn refused(namespace: &TestNamespace, name: &str, reason: &str, words: &[&str]) {
    let identity = namespace.stands(name, "False", reason).await;
    assert!(!is_stalled(&identity), "the change that cures it may be in the same commit");
    let sentence = ready_of(&identity).2;
    for word in words {
        assert!(sentence.contains(word), "{word:?} is missing in: {sentence}");
    }
}

async fn assert_no_secret(namespace: &TestNamespace, name: &str) {
    assert!(namespace.secrets().get_opt(name).await.unwrap().is_none(), "{name} was made");
}

/// An authority of its own, and an identity that it refuses, with the reason and words of the refusal.
async fn refuses(authority: Value, spec: Value, reason: &str, words: &[&str]) -> (TestNamespace, String) {
    let namespace = TestCluster::shared().namespace().await;
    let name = namespace.unique("ca");
    namespace.create_authority(&name, authority).await;
    let mut spec = spec;
    spec["authorityRef"] = json!({ "name": name });
    namespace.create("cart", spec).await;
    refused(&namespace, "cart", reason, words).await;
    assert_no_secret(&namespace, "cart-mtls").await;
    (namespace, name)
}

#[tokio::test]
async fn an_identity_waits_for_an_authority_that_does_not_exist_yet() {
    let namespace = TestCluster::shared().namespace().await;
    let authority = namespace.unique("later");
    namespace.create("cart", json!({ "authorityRef": { "name": authority } })).await;
    let identity = namespace.stands("cart", "False", "AuthorityNotReady").await;
    assert!(!is_stalled(&identity), "an authority may be on its way");
    assert!(ready_of(&identity).2.contains(&authority), "{}", ready_of(&identity).2);
    assert_no_secret(&namespace, "cart-mtls").await;
    namespace.create_authority(&authority, json!({})).await;
    namespace.ready("cart").await;
}

#[tokio::test]
async fn a_namespace_that_is_not_selected_gets_nothing_until_it_is_labelled() {
    let selector = json!({ "namespaces": { "matchLabels": { "mtls": "yes" } } });
    let (namespace, authority) = refuses(selector, json!({}), "NotPermitted", &[]).await;
    refused(&namespace, "cart", "NotPermitted", &[&namespace.name, &authority, "spec.namespaces"]).await;
    let labels = Patch::Merge(json!({ "metadata": { "labels": { "mtls": "yes" } } }));
    let namespaces = Api::<Namespace>::all(namespace.client.clone());
    namespaces.patch(&namespace.name, &PatchParams::default(), &labels).await.unwrap();
    namespace.ready("cart").await;
}

#[tokio::test]
async fn a_name_without_a_grant_is_issued_once_it_is_granted() {
    let spec = json!({ "dnsNames": ["cart.example.com"] });
    let words = ["spec.dnsNames", "cart.example.com", "spec.grants[].dnsNames"];
    let (namespace, authority) = refuses(json!({}), spec, "NotPermitted", &words).await;
    let grant = json!({ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["*.example.com"] });
    namespace.patch_authority(&authority, json!({ "spec": { "grants": [grant] } })).await.unwrap();
    namespace.ready("cart").await;
    let leaf = Content::of(&namespace.secret("cart-mtls").await).leaf;
    assert!(leaf.dns_names.contains(&"cart.example.com".to_owned()), "{:?}", leaf.dns_names);
}

#[tokio::test]
async fn an_address_without_a_grant_is_issued_once_it_is_granted() {
    let words = ["spec.ipAddresses", "10.0.0.7", "spec.grants[].cidrs"];
    let (namespace, authority) =
        refuses(json!({}), json!({ "ipAddresses": ["10.0.0.7"] }), "NotPermitted", &words).await;
    let grant = json!({ "name": "edge", "namespaces": { "from": "All" }, "cidrs": ["10.0.0.0/24"] });
    namespace.patch_authority(&authority, json!({ "spec": { "grants": [grant] } })).await.unwrap();
    namespace.ready("cart").await;
}

#[tokio::test]
async fn a_name_of_another_namespace_needs_a_grant() {
    let spec = json!({ "dnsNames": ["cart.other.svc.cluster.local", "a.other.svc", "x.other"] });
    let words = ["cart.other.svc.cluster.local, a.other.svc, x.other"];
    refuses(json!({}), spec, "NotPermitted", &words).await;
}

#[tokio::test]
async fn a_lifetime_above_the_limit_is_issued_once_the_limit_is_raised() {
    let words = ["spec.ttl 200h", "leaf.maxTTL 168h", "ask for less"];
    let (namespace, authority) = refuses(json!({}), json!({ "ttl": "200h" }), "Invalid", &words).await;
    namespace.patch_authority(&authority, json!({ "spec": { "leaf": { "maxTTL": "240h" } } })).await.unwrap();
    namespace.ready("cart").await;
}

#[tokio::test]
async fn an_algorithm_outside_the_limits_is_refused_with_those_that_may_be_chosen() {
    let limits = json!({ "leaf": { "algorithms": ["ECDSAP256", "ED25519"] } });
    let spec = json!({ "privateKey": { "algorithm": "RSA2048" } });
    refuses(limits, spec, "Invalid", &["RSA2048", "ECDSAP256, ED25519"]).await;
}

#[tokio::test]
async fn a_margin_in_which_a_renewal_cannot_reach_the_pods_is_refused() {
    let words = ["spec.renewBefore", "rotation.propagation 5m"];
    refuses(json!({}), json!({ "renewBefore": "1m" }), "Invalid", &words).await;
    refuses(json!({}), json!({ "ttl": "10m" }), "Invalid", &["a third of spec.ttl", "rotation.propagation"])
        .await;
}

#[tokio::test]
async fn a_pause_before_the_first_issuance_asks_a_person_to_act() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({ "paused": true })).await;
    let identity = namespace.stands("cart", "False", "Paused").await;
    assert!(
        is_stalled(&identity) && ready_of(&identity).2.contains("spec.paused"),
        "only a person can end it"
    );
    assert_no_secret(&namespace, "cart-mtls").await;
    namespace.patch("cart", json!({ "spec": { "paused": false } })).await.unwrap();
    namespace.ready("cart").await;
}

#[tokio::test]
async fn a_refused_identity_keeps_its_leaf_and_still_gets_trust_updates() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    let before = Content::of(&namespace.secret("cart-mtls").await);
    namespace.patch("cart", json!({ "spec": { "dnsNames": ["cart.example.com"] } })).await.unwrap();
    refused(&namespace, "cart", "NotPermitted", &["cart.example.com"]).await;
    namespace.patch_secret("cart-mtls", json!({ "data": { "ca.crt": "" } })).await.unwrap();
    let healed = namespace
        .secret_where("cart-mtls", "the bundle", |secret| value(secret, "ca.crt") == before.trust)
        .await;
    before.assert_kept(&Content::of(&healed), "refused");
    refused(&namespace, "cart", "NotPermitted", &["cart.example.com"]).await;
}
