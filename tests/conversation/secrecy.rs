//! No status, Event, error or log line holds a key or a certificate.

use std::fs;

use serde_json::json;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{A_WHILE, Harness, issued};

use crate::authority_controller::ROOT;
use tracing::level_filters::LevelFilter;

#[tokio::test(start_paused = true)]
async fn neither_status_nor_events_hold_a_key_or_a_certificate() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.apply("refused", &json!({"ttl": "1000h"}));
    harness.server.next("POST secrets", Fault::Broken);
    harness.settle().await;
    harness.advance(A_WHILE);
    harness.settle().await;
    harness
        .server
        .edit("secrets", "orders", "web-mtls", |secret| secret["data"]["tls.key"] = json!("c2VjcmV0"));
    harness.server.next("PATCH secrets", Fault::AnswerLost);
    harness.settle().await;
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
    assert!(harness.sent.len() >= 4, "{:#?}", harness.sent);
    let key = harness.secret("web-mtls").unwrap()["data"]["tls.key"].as_str().unwrap().to_owned();
    // The second one is how base64 spells `-----BEGIN`.
    for word in ["-----BEGIN", "LS0tLS1CRUdJTi", "PRIVATE KEY", "c2VjcmV0", &key] {
        assert!(harness.sent.iter().all(|body| !body.contains(word)), "{word} is written");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_is_not_logged() {
    let harness = Harness::set().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(file.reopen().unwrap())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    harness.server.next(&format!("GET secrets mtls-system/{ROOT}"), Fault::AnswerCut);
    let error = harness.reconcile_authority().await.unwrap_err().to_string();
    tracing::info!(error, "the reconcile ended");
    drop(guard);
    let log = fs::read_to_string(file.path()).unwrap();
    assert!(log.contains("the answer cannot be read from line 1, column"), "{error}");
    assert!(!log.contains("LS0tLS1CRUdJTi"), "a key or certificate is logged");
}
