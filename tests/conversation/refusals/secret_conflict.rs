//! A Secret that belongs to another owner is neither written nor read.

use jiff::SignedDuration;
use serde_json::json;
use test_support::in_memory::harness::{A_WHILE, Harness, issued};

use super::{STATUS_WRITES, assert_stalls_after_a_minute, foreign, refused};

#[tokio::test(start_paused = true)]
async fn a_foreign_secret_is_neither_written_nor_read_and_the_identity_says_whose_it_is_not() {
    let mut harness = Harness::set().await;
    harness.server.put("secrets", &foreign());
    let before = harness.secret("web-mtls");
    harness.apply("web", &json!({}));
    harness.watch();
    let calls = harness.calls().await;
    let expected = [
        "POST secrets orders/web-mtls",
        "GET mtlsidentities orders/web",
        "GET metadata orders/web-mtls",
        STATUS_WRITES[0],
        // The watch shows the status that was just written; then the backoff begins.
        "GET metadata orders/web-mtls",
    ];
    assert_eq!(calls, expected);
    assert_eq!(harness.ready("web"), refused("SecretConflict"));
    assert_stalls_after_a_minute(&mut harness).await;
    harness.advance(A_WHILE);
    let later = harness.settle().await;
    assert!(later.iter().all(|call| call.starts_with("GET")), "{later:#?}");
    assert_eq!(harness.secret("web-mtls"), before);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_ends_within_the_backoff_once_the_foreign_secret_is_gone() {
    let mut harness = Harness::set().await;
    harness.server.put("secrets", &foreign());
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.server.delete("secrets", "orders", "web-mtls");
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_renewal_does_not_wait_for_the_backoff_of_a_conflict() {
    let mut harness = Harness::set().await;
    harness.server.put("secrets", &foreign());
    harness.apply("web", &json!({}));
    for _ in 0..400 {
        harness.advance(SignedDuration::from_secs(1));
        harness.settle().await;
    }
    let ask = |harness: &Harness, value: &str| {
        harness.server.edit("mtlsidentities", "orders", "web", |identity| {
            identity["metadata"]["annotations"] = json!({"mtls-operator.dev/renew": value});
        });
    };
    ask(&harness, "too early");
    assert!(!harness.settle().await.is_empty(), "it is reconciled");
    assert_eq!(harness.ready("web"), refused("SecretConflict"));
    harness.server.delete("secrets", "orders", "web-mtls");
    ask(&harness, "now");
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
    let status = harness.identity("web").status.unwrap();
    assert_eq!((status.last_handled_renew.as_deref(), status.revision), (Some("now"), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn of_two_identities_that_want_one_secret_exactly_one_has_it() {
    let mut harness = Harness::set().await;
    for name in ["one", "two"] {
        harness.apply(name, &json!({"secret": {"name": "shared"}}));
    }
    harness.settle().await;
    for _ in 0..3 {
        harness.advance(A_WHILE);
        harness.settle().await;
    }
    let mut reasons = [harness.ready("one"), harness.ready("two")];
    reasons.sort();
    assert_eq!(reasons, [refused("SecretConflict"), issued()]);
    let secret = harness.secret("shared").unwrap();
    let owner = secret["metadata"]["labels"]["mtls-operator.dev/identity"].as_str().unwrap().to_owned();
    let loser = if owner == "one" { "two" } else { "one" };
    assert!(harness.message(loser).contains(&format!("belongs to MtlsIdentity orders/{owner}")));
    assert_eq!(secret["metadata"]["annotations"]["mtls-operator.dev/revision"], "1", "issued once");
}
