//! The wall clock decides what is due: a jump of it or a long absence of the operator loses no renewal and issues nothing
//! early.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use mtls_operator::runtime::clock::Clock;
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::in_process::InProcessOperator;
use test_support::installation::SYSTEM;
use test_support::namespace::TestNamespace;

use crate::leaf_content::Content;

async fn revision(namespace: &TestNamespace, revision: i64) -> Content {
    let what = format!("revision {revision}");
    namespace
        .identity_where("cart", &what, |identity| {
            identity.status.as_ref().is_some_and(|status| status.revision == Some(revision))
        })
        .await;
    namespace.ready("cart").await;
    Content::of(&namespace.secret("cart-mtls").await)
}

async fn root(namespace: &TestNamespace) -> Secret {
    Api::namespaced(namespace.client.clone(), SYSTEM).get("mtls-authority-mesh").await.unwrap()
}

#[tokio::test]
async fn a_jump_of_both_clocks_renews_what_is_due_and_a_jump_back_what_is_not_valid_yet() {
    let cluster = TestCluster::without_operator(&[]);
    let (clock, hand) = Clock::manual(Clock::system().now());
    let operator = InProcessOperator::start(&cluster, clock).await;
    let namespace = cluster.namespace().await;
    namespace.create("cart", json!({})).await;
    let first = revision(&namespace, 1).await;
    hand.advance(SignedDuration::from_hours(20));
    let second = revision(&namespace, 2).await;
    first.assert_reissued(&second, "due");
    hand.advance(SignedDuration::from_hours(48));
    let third = revision(&namespace, 3).await;
    second.assert_reissued(&third, "expired");
    hand.advance(SignedDuration::from_hours(-12));
    let fourth = revision(&namespace, 4).await;
    third.assert_reissued(&fourth, "not valid yet");
    assert!(!fourth.leaf.window.is_not_yet_valid_at(hand.now()));
    operator.stop().await;
}

#[tokio::test]
async fn a_clock_that_steps_away_from_the_api_servers_signs_nothing_and_changes_no_root() {
    let cluster = TestCluster::without_operator(&[]);
    let (clock, hand) = Clock::manual(Clock::system().now());
    let operator = InProcessOperator::start_apart(&cluster, clock, Clock::system()).await;
    let namespace = cluster.namespace().await;
    namespace.create("cart", json!({})).await;
    let leaf = revision(&namespace, 1).await;
    let made = root(&namespace).await;
    hand.advance(SignedDuration::from_hours(2 * 8760));
    namespace.authority_stands("mesh", "False", "ClockSkewed").await;
    leaf.assert_kept(&revision(&namespace, 1).await, "a clock that is wrong");
    hand.advance(SignedDuration::from_hours(-2 * 8760));
    namespace.authority_stands("mesh", "True", "Ready").await;
    namespace.create("later", json!({})).await;
    namespace.ready("later").await;
    leaf.assert_kept(&revision(&namespace, 1).await, "a clock that was wrong");
    assert_eq!(root(&namespace).await, made);
    operator.stop().await;
}

#[tokio::test]
async fn a_leaf_that_expired_while_the_operator_was_off_is_renewed_at_its_start() {
    let cluster = TestCluster::without_operator(&[]);
    let now = Clock::system().now();
    let (clock, _hand) = Clock::manual(now - SignedDuration::from_hours(72));
    let operator = InProcessOperator::start(&cluster, clock).await;
    let namespace = cluster.namespace().await;
    namespace.create("cart", json!({})).await;
    let expired = revision(&namespace, 1).await;
    assert!(expired.leaf.window.is_expired_at(now));
    operator.stop().await;
    cluster.start_operator();
    let renewed = revision(&namespace, 2).await;
    expired.assert_reissued(&renewed, "expired");
    assert!(!renewed.leaf.window.is_expired_at(now));
}

#[tokio::test]
async fn a_root_that_expired_while_the_operator_was_off_is_replaced_at_its_start() {
    let cluster = TestCluster::without_operator(&[]);
    let now = Clock::system().now();
    let (clock, _hand) = Clock::manual(now - SignedDuration::from_hours(2 * 8760));
    let operator = InProcessOperator::start(&cluster, clock).await;
    let namespace = cluster.namespace().await;
    namespace.create("cart", json!({})).await;
    let expired = revision(&namespace, 1).await;
    operator.stop().await;
    cluster.start_operator();
    let renewed = revision(&namespace, 2).await;
    expired.assert_reissued(&renewed, "expired");
    assert_ne!(expired.leaf.authority_key_id, renewed.leaf.authority_key_id);
    assert!(!renewed.leaf.window.is_expired_at(now));
    namespace.authority_stands("mesh", "True", "Ready").await;
}
