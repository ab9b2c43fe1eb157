//! Issuing and renewing: two writes for each leaf, and no call in between.

use jiff::SignedDuration;
use mtls_operator::operator::error::Error;
use serde_json::json;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{A_WHILE, Harness, NOW, PATIENCE, issued};

const FIRST: [&str; 2] = ["POST secrets orders/web-mtls", "PATCH status orders/web"];

#[tokio::test(start_paused = true)]
async fn a_new_identity_costs_two_writes_and_no_read() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.watch();
    assert_eq!(harness.calls().await, FIRST);
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_settled_identity_costs_no_call() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    for _ in 0..3 {
        harness.advance(A_WHILE);
        harness.watch();
        assert_eq!(harness.calls().await, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_neither_reads_nor_writes_for_settled_identities() {
    let mut harness = Harness::set().await;
    for name in ["web", "api", "db"] {
        harness.apply(name, &json!({}));
    }
    harness.settle().await;
    let mut restarted = harness.restarted().await;
    assert_eq!(restarted.asked(), ["GET secrets mtls-system/mtls-authority-mesh"]);
    assert_eq!(restarted.calls().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_confirms_the_root_and_writes_twice() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let before = harness.serial("web");
    let renewal = harness.identity("web").status.unwrap().renewal_time.unwrap().0;
    harness.manual_clock.set(renewal - SignedDuration::from_secs(1));
    assert_eq!(harness.calls().await, [""; 0], "renewed too early");
    harness.manual_clock.set(renewal);
    let calls = [
        "GET metadata mtls-system/mtls-authority-mesh",
        "PATCH secrets orders/web-mtls",
        "PATCH status orders/web",
    ];
    assert_eq!(harness.calls().await, calls);
    assert_ne!(harness.serial("web"), before);
    assert_eq!(harness.ready("web"), issued());
    assert_eq!(harness.identity("web").status.unwrap().revision, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_changed_spec_costs_the_same_two_writes() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.apply("web", &json!({"services": ["web", "api"]}));
    harness.watch();
    let calls = harness.calls().await;
    let writes: Vec<&String> = calls.iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, ["PATCH secrets orders/web-mtls", "PATCH status orders/web"]);
    assert!(harness.identity("web").status.unwrap().dns_names.contains(&"api.orders.svc".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_the_certificate_changes_without_a_new_key() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let before = harness.serial("web");
    harness.apply("web", &json!({"secret": {"labels": {"team": "red"}}}));
    harness.settle().await;
    assert_eq!(harness.secret("web-mtls").unwrap()["metadata"]["labels"]["team"], "red");
    harness.apply("web", &json!({"renewBefore": "11h", "secret": {"reclaim": "Retain"}}));
    harness.settle().await;
    let secret = harness.secret("web-mtls").unwrap();
    assert!(secret["metadata"]["labels"]["team"].is_null(), "a label outlives its spec");
    assert_eq!(secret["metadata"]["ownerReferences"], json!([]));
    assert_eq!(harness.serial("web"), before);
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_request_is_answered_once_even_if_its_record_is_lost() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let first = harness.serial("web");
    harness.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["metadata"]["annotations"]["mtls-operator.dev/renew"] = json!("now");
    });
    harness.server.next("PATCH status", Fault::Broken);
    harness.settle().await;
    let second = harness.serial("web");
    assert_ne!(second, first);
    harness.advance(A_WHILE);
    harness.settle().await;
    harness.restarted().await.settle().await;
    assert_eq!(harness.serial("web"), second, "one request, two leaves");
    assert_eq!(harness.identity("web").status.unwrap().last_handled_renew.as_deref(), Some("now"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_comes_back_in_two_writes() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.server.delete("secrets", "orders", "web-mtls");
    let calls = harness.settle().await;
    let writes: Vec<&String> = calls.iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, FIRST);
    assert_eq!(
        harness.identity("web").status.unwrap().revision,
        Some(2),
        "the count of issuances starts again"
    );
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_gone_before_its_turn_is_not_issued() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let renewal = harness.identity("web").status.unwrap().renewal_time.unwrap().0;
    harness.server.delete("mtlsidentities", "orders", "web");
    harness.server.delete("secrets", "orders", "web-mtls");
    harness.manual_clock.set(renewal);
    let calls = harness.calls().await;
    let root = "GET metadata mtls-system/mtls-authority-mesh";
    assert_eq!(calls, [root, "PATCH secrets orders/web-mtls", "GET mtlsidentities orders/web"]);
    assert_eq!(harness.secret("web-mtls"), None);
    assert_eq!(harness.calls().await, [""; 0]);
}

#[tokio::test]
async fn a_key_that_takes_long_is_made_before_the_first_call() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"privateKey": {"algorithm": "RSA2048"}}));
    harness.watch();
    let outcomes = harness.work().await;
    assert_eq!((outcomes.len(), harness.asked()), (1, Vec::new()));
    let is_back = async {
        while harness.context.scheduler.lock().queue().is_empty() {
            harness.context.scheduler.changed().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_back).await.unwrap();
    let calls = harness.calls().await;
    assert_eq!(calls, FIRST);
}

#[tokio::test]
async fn keys_that_take_long_keep_no_other_identity_waiting() {
    let harness = Harness::set().await;
    let slow = ["slow-a", "slow-b", "slow-c"];
    for name in slow {
        harness.apply(name, &json!({"privateKey": {"algorithm": "RSA2048"}}));
    }
    harness.apply("swift", &json!({}));
    harness.watch();
    let first = harness.work().await;
    let ordered = first.iter().filter(|outcome| matches!(outcome, Err(Error::KeyPending))).count();
    assert_eq!(ordered, slow.len(), "a reconcile waited for its key: {first:?}");
    assert!(harness.secret("swift-mtls").is_some(), "it waited for the key of another identity");
    let all = async {
        loop {
            harness.work().await;
            if slow.iter().all(|name| harness.secret(&format!("{name}-mtls")).is_some()) {
                return;
            }
            while harness.context.scheduler.lock().queue().is_empty() {
                harness.context.scheduler.changed().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_a_finalizer_keeps_says_that_its_certificate_has_expired_and_gets_no_other() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["metadata"]["deletionTimestamp"] = json!(NOW.to_string());
        identity["metadata"]["finalizers"] = json!(["example.com/kept"]);
    });
    assert_eq!(harness.settle().await, [""; 0]);
    harness.manual_clock.set(harness.identity("web").status.unwrap().not_after.unwrap().0);
    harness.reconcile_authority().await.unwrap();
    harness.asked();
    assert_eq!(harness.settle().await, [""; 0], "it is valid for this second");
    harness.advance(SignedDuration::from_secs(1));
    let calls = harness.settle().await;
    assert_eq!(calls, ["GET mtlsidentities orders/web", "PATCH status orders/web", "POST events orders/"]);
    assert_eq!(harness.ready("web"), ("False".into(), "Expired".into()));
    assert!(harness.message("web").contains("example.com/kept"), "{}", harness.message("web"));
    harness.advance(A_WHILE);
    assert_eq!(harness.settle().await, [""; 0]);
}
