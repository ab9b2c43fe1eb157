//! The happy path: two writes for each leaf, and silence in between.

use jiff::SignedDuration;
use mtls_operator::operator::error::Error;
use serde_json::json;

use super::server::Mishap;
use super::stage::{A_WHILE, NOW, PATIENCE, Stage, issued};

const FIRST: [&str; 2] = ["POST secrets orders/web-mtls", "PATCH status orders/web"];

#[tokio::test(start_paused = true)]
async fn a_new_identity_costs_two_writes_and_no_read() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.watch();
    assert_eq!(stage.calls().await, FIRST);
    assert_eq!(stage.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_settled_identity_is_radio_silence() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    for _ in 0..3 {
        stage.advance(A_WHILE);
        stage.watch();
        assert_eq!(stage.calls().await, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_neither_reads_nor_writes_for_settled_identities() {
    let mut stage = Stage::set().await;
    for name in ["web", "api", "db"] {
        stage.apply(name, &json!({}));
    }
    stage.settle().await;
    let mut restarted = stage.restarted().await;
    assert_eq!(restarted.asked(), ["GET secrets mtls-system/mtls-authority-mesh"]);
    assert_eq!(restarted.calls().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_reads_the_identity_confirms_the_root_and_writes_twice() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    let before = stage.serial("web");
    let renewal = stage.identity("web").status.unwrap().renewal_time.unwrap().0;
    stage.hand.set(renewal - SignedDuration::from_secs(1));
    assert_eq!(stage.calls().await, [""; 0], "renewed too early");
    stage.hand.set(renewal);
    let calls = [
        "GET mtlsidentities orders/web",
        "GET metadata mtls-system/mtls-authority-mesh",
        "PATCH secrets orders/web-mtls",
        "PATCH status orders/web",
    ];
    assert_eq!(stage.calls().await, calls);
    assert_ne!(stage.serial("web"), before);
    assert_eq!(stage.ready("web"), issued());
    assert_eq!(stage.identity("web").status.unwrap().revision, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_changed_spec_costs_the_same_two_writes() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    stage.apply("web", &json!({"services": ["web", "api"]}));
    stage.watch();
    let calls = stage.calls().await;
    let writes: Vec<&String> = calls.iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, ["PATCH secrets orders/web-mtls", "PATCH status orders/web"]);
    assert!(stage.identity("web").status.unwrap().dns_names.contains(&"api.orders.svc".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_the_certificate_changes_without_a_new_key() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    let before = stage.serial("web");
    stage.apply("web", &json!({"secret": {"labels": {"team": "red"}}}));
    stage.settle().await;
    assert_eq!(stage.secret("web-mtls").unwrap()["metadata"]["labels"]["team"], "red");
    stage.apply("web", &json!({"renewBefore": "11h", "secret": {"reclaim": "Retain"}}));
    stage.settle().await;
    let secret = stage.secret("web-mtls").unwrap();
    assert!(secret["metadata"]["labels"]["team"].is_null(), "a label outlives its spec");
    assert_eq!(secret["metadata"]["ownerReferences"], json!([]));
    assert_eq!(stage.serial("web"), before);
    assert_eq!(stage.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_request_is_answered_once_even_if_its_record_is_lost() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    let first = stage.serial("web");
    stage.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["metadata"]["annotations"]["mtls-operator.dev/renew"] = json!("now");
    });
    stage.server.next("PATCH status", Mishap::Broken);
    stage.settle().await;
    let second = stage.serial("web");
    assert_ne!(second, first);
    stage.advance(A_WHILE);
    stage.settle().await;
    stage.restarted().await.settle().await;
    assert_eq!(stage.serial("web"), second, "one request, two leaves");
    assert_eq!(stage.identity("web").status.unwrap().last_handled_renew.as_deref(), Some("now"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_comes_back_in_two_writes() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    stage.server.delete("secrets", "orders", "web-mtls");
    let calls = stage.settle().await;
    let writes: Vec<&String> = calls.iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, FIRST);
    assert_eq!(stage.identity("web").status.unwrap().revision, Some(2), "the count of issuances starts anew");
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_gone_before_its_turn_is_not_issued() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    let renewal = stage.identity("web").status.unwrap().renewal_time.unwrap().0;
    stage.server.delete("mtlsidentities", "orders", "web");
    stage.hand.set(renewal);
    assert_eq!(stage.calls().await, ["GET mtlsidentities orders/web"]);
}

#[tokio::test]
async fn a_key_that_takes_long_is_made_before_the_first_call() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"privateKey": {"algorithm": "RSA2048"}}));
    stage.watch();
    let outcomes = stage.work().await;
    assert_eq!((outcomes.len(), stage.asked()), (1, Vec::new()));
    let is_back = async {
        while stage.context.board.lock().queue().is_empty() {
            stage.context.board.changed().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_back).await.unwrap();
    let calls = stage.calls().await;
    assert_eq!(calls, ["GET mtlsidentities orders/web", FIRST[0], FIRST[1]]);
}

#[tokio::test]
async fn keys_that_take_long_keep_nobody_else_waiting() {
    let stage = Stage::set().await;
    let slow = ["slow-a", "slow-b", "slow-c"];
    for name in slow {
        stage.apply(name, &json!({"privateKey": {"algorithm": "RSA2048"}}));
    }
    stage.apply("swift", &json!({}));
    stage.watch();
    let first = stage.work().await;
    let ordered = first.iter().filter(|outcome| matches!(outcome, Err(Error::KeyOrdered))).count();
    assert_eq!(ordered, slow.len(), "a look waited for its key: {first:?}");
    assert!(stage.secret("swift-mtls").is_some(), "it waited for the key of another identity");
    let all = async {
        loop {
            stage.work().await;
            if slow.iter().all(|name| stage.secret(&format!("{name}-mtls")).is_some()) {
                return;
            }
            while stage.context.board.lock().queue().is_empty() {
                stage.context.board.changed().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_a_finalizer_keeps_says_that_its_certificate_has_expired_and_gets_no_other() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    stage.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["metadata"]["deletionTimestamp"] = json!(NOW.to_string());
        identity["metadata"]["finalizers"] = json!(["example.com/kept"]);
    });
    assert_eq!(stage.settle().await, [""; 0]);
    stage.hand.set(stage.identity("web").status.unwrap().not_after.unwrap().0);
    stage.look_at_authority().await.unwrap();
    stage.asked();
    assert_eq!(stage.settle().await, [""; 0], "it is valid for this second");
    stage.advance(SignedDuration::from_secs(1));
    let calls = stage.settle().await;
    assert_eq!(calls, ["PATCH status orders/web", "POST events orders/"]);
    assert_eq!(stage.ready("web"), ("False".into(), "Expired".into()));
    assert!(stage.message("web").contains("example.com/kept"), "{}", stage.message("web"));
    stage.advance(A_WHILE);
    assert_eq!(stage.settle().await, [""; 0]);
}
