//! The key of the operator's proofs, in the root Secret: made once, never shown, and another key is evidence of another root.

use serde_json::{Value, json};
use test_support::in_memory::harness::{AUTHORITIES, IDENTITIES, NAMESPACE, SECRETS};

use super::{accept, recorded, status};
use crate::authority_controller::{ROOT, controller, down, root, run_a_minute, served};

/// A root Secret as an older version has left it.
fn strip_evidence_key(root: &mut Value) {
    root["data"].as_object_mut().unwrap().remove("evidence.key");
}

#[tokio::test(start_paused = true)]
async fn a_root_secret_without_the_key_gets_one_in_one_write_and_statuses_follow_with_what_is_due_anyway() {
    let harness = served().await;
    harness.server.edit(SECRETS, "mtls-system", ROOT, strip_evidence_key);
    harness.server.edit(IDENTITIES, NAMESPACE, "web", |identity| {
        identity["status"].as_object_mut().unwrap().remove("proof");
    });
    let mut harness = harness.restarted().await;
    let patch = format!("PATCH secrets mtls-system/{ROOT}");
    let writes = harness.asked().into_iter().filter(|line| !line.starts_with("GET")).collect::<Vec<_>>();
    assert_eq!(writes, [patch]);
    let key = root(&harness)["data"]["evidence.key"].clone();
    assert_eq!(harness.settle().await, [""; 0], "an upgrade writes no status");
    harness.server.edit(IDENTITIES, NAMESPACE, "web", |identity| {
        identity["metadata"]["annotations"]["mtls-operator.dev/renew"] = json!("now");
    });
    harness.settle().await;
    assert_eq!(status(&harness, "web")["proof"].as_str().map(str::len), Some(64));
    assert!(
        !harness.sent.iter().any(|told| told.contains(key.as_str().unwrap())),
        "the key is written to a status or an Event"
    );
    harness.reconcile_authority().await.unwrap();
    assert_eq!(root(&harness)["data"]["evidence.key"], key, "it is made once");
}

#[tokio::test(start_paused = true)]
async fn a_root_secret_with_another_evidence_key_or_none_is_another_one_until_the_loss_is_accepted() {
    let another: fn(&mut Value) =
        |root| root["data"]["evidence.key"] = json!("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    for change in [strip_evidence_key, another] {
        let harness = served().await;
        let mut controller = controller(&harness);
        run_a_minute(&mut controller).await;
        let before = recorded(&harness);
        assert_eq!(before["evidenceKeyID"].as_str().map(str::len), Some(64));
        harness.server.edit(SECRETS, "mtls-system", ROOT, change);
        harness.context.authorities.lock().apply_secret(ROOT);
        let restored = root(&harness)["data"]["evidence.key"].clone();
        run_a_minute(&mut controller).await;
        let why = down(&harness);
        assert!(why.starts_with("RootLost: ") && why.contains("status.evidenceKeyID"), "{why}");
        assert_eq!(recorded(&harness)["evidenceKeyID"], before["evidenceKeyID"]);
        assert_eq!(root(&harness)["data"]["evidence.key"], restored, "none is made in its place");
        accept(&harness, before["roots"][0]["fingerprint"].as_str().unwrap());
        let accepted = harness.server.get(AUTHORITIES, "", "mesh").unwrap();
        harness.context.authorities.lock().apply(serde_json::from_value(accepted).unwrap());
        run_a_minute(&mut controller).await;
        assert_eq!(down(&harness), "");
        let after = root(&harness);
        assert_eq!(after["metadata"]["annotations"]["mtls-operator.dev/phase"], "Draining");
        assert!(restored.is_null() || after["data"]["evidence.key"] == restored, "the Secret keeps its key");
        assert_ne!(recorded(&harness)["evidenceKeyID"], before["evidenceKeyID"]);
        let retiring = after["metadata"]["annotations"]["mtls-operator.dev/retiring"].as_str().unwrap();
        let retiring: Vec<Value> = serde_json::from_str(retiring).unwrap();
        assert_eq!(retiring.len(), 1, "another root was made once");
    }
}
