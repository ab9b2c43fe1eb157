//! A paused identity: its condition says so, and its Secret stays as it is.

use serde_json::json;
use test_support::in_memory::harness::{Harness, issued};

use super::{STATUS_WRITES, refused};

#[tokio::test(start_paused = true)]
async fn a_paused_identity_is_told_and_left_alone() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"paused": true}));
    harness.watch();
    assert_eq!(harness.calls().await, STATUS_WRITES);
    assert_eq!(harness.ready("web"), refused("Paused"));
    harness.apply("web", &json!({}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
    harness.apply("web", &json!({"paused": true}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), ("True".into(), "Paused".into()));
}

/// What a certificate was asked to be stays noted while no other can be issued. The index would take the note of what is
/// asked now for a certificate that is as asked.
#[tokio::test(start_paused = true)]
async fn names_that_are_asked_while_paused_are_not_noted_as_those_of_the_certificate() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let noted = |harness: &Harness| {
        harness.secret("web-mtls").unwrap()["metadata"]["annotations"]["mtls-operator.dev/profile"].clone()
    };
    let before = noted(&harness);
    harness.apply("web", &json!({"paused": true, "services": ["web", "api"]}));
    harness.settle().await;
    assert_eq!((harness.ready("web"), noted(&harness)), (refused("Paused"), before));
    // Another reconcile decides the same, by metadata alone.
    let mut restarted = harness.restarted().await;
    restarted.settle().await;
    assert_eq!(restarted.ready("web"), refused("Paused"));
}
