//! Admission policies that change a Secret on its way in: the condition names them, and the Secret is written once.

use jiff::SignedDuration;
use serde_json::{Value, json};
use test_support::in_memory::harness::{A_WHILE, Harness, SECRETS, issued};

use super::{count, pass, revision};

/// An admission policy that gives each Secret this label.
fn label(key: &'static str, value: &'static str) -> impl Fn(&mut Value) + Send + 'static {
    move |secret| secret["metadata"]["labels"][key] = json!(value)
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_an_admission_policy_hides_from_the_watch_is_told_of_and_looked_at_by_name() {
    let mut harness = Harness::set().await;
    harness.server.admit(label("app.kubernetes.io/managed-by", "platform"));
    harness.apply("web", &json!({}));
    let calls = harness.settle().await;
    assert_eq!((count(&calls, "POST secrets"), count(&calls, "PATCH secrets")), (1, 0), "{calls:#?}");
    let message = harness.message("web");
    assert_eq!(harness.ready("web"), issued());
    assert!(
        message.contains("label app.kubernetes.io/managed-by of Secret orders/web-mtls was changed"),
        "{message}"
    );
    let calls = pass(&mut harness, 1200).await;
    assert!(calls.iter().all(|call| call == "GET metadata orders/web-mtls"), "{calls:#?}");
    assert!((5..=20).contains(&calls.len()), "{} reads in twenty minutes", calls.len());
    assert_eq!(harness.message("web"), message);
    harness.server.delete(SECRETS, "orders", "web-mtls");
    pass(&mut harness, 300).await;
    assert!(harness.secret("web-mtls").is_some(), "its deletion is noticed");
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_hidden_secret_is_renewed_and_costs_a_new_process_no_write() {
    let mut harness = Harness::set().await;
    harness.server.admit(label("app.kubernetes.io/managed-by", "platform"));
    harness.apply("web", &json!({}));
    harness.settle().await;
    let mut harness = harness.restarted().await;
    harness.asked();
    assert_eq!(harness.settle().await, ["GET metadata orders/web-mtls"]);
    harness.advance(SignedDuration::from_hours(17));
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
    assert_eq!((harness.ready("web"), revision(&harness, "web")), (issued(), 2));
}

#[tokio::test(start_paused = true)]
async fn a_label_of_the_spec_that_an_admission_policy_changes_is_told_of_and_written_once() {
    let mut harness = Harness::set().await;
    harness.server.admit(label("team", "platform"));
    harness.apply("web", &json!({"secret": {"labels": {"team": "orders"}}}));
    let calls = harness.settle().await;
    assert_eq!((count(&calls, "POST secrets"), count(&calls, "PATCH secrets")), (1, 0), "{calls:#?}");
    let message = harness.message("web");
    assert!(message.contains("label team of Secret orders/web-mtls was changed on the way"), "{message}");
    harness.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["grants"] =
            json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["example.com"]}]);
    });
    harness.reconcile_authority().await.unwrap();
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.message("web"), message, "a reconcile that reads nothing forgets nothing");
    harness.server.admit(|_| {});
    harness.advance(SignedDuration::from_hours(17));
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
    assert_eq!(revision(&harness, "web"), 2);
    assert!(!harness.message("web").contains("team"), "{}", harness.message("web"));
}

#[tokio::test(start_paused = true)]
async fn annotations_of_the_operator_that_an_admission_policy_removes_cause_no_loop() {
    for key in [
        "trust",
        "identity-uid",
        "issued-at",
        "serial",
        "not-after",
        "authority-key-id",
        "profile",
        "revision",
    ] {
        let mut harness = Harness::set().await;
        harness.server.admit(move |secret| {
            let annotations = secret["metadata"]["annotations"].as_object_mut().unwrap();
            annotations.remove(&format!("mtls-operator.dev/{key}"));
        });
        harness.apply("web", &json!({}));
        harness.settle().await;
        let calls = pass(&mut harness, 600).await;
        assert!(calls.iter().all(|call| call.starts_with("GET")), "{key}: {calls:#?}");
        assert!(calls.len() <= 15, "{key}: {} reads in ten minutes", calls.len());
        assert_eq!((harness.ready("web"), revision(&harness, "web")), (issued(), 1), "{key}");
    }
}
