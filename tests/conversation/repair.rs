//! A leaf Secret that people have changed is repaired, and one that an identity inherits gets a new key.

use serde_json::json;
use test_support::in_memory::harness::{A_WHILE, Harness, issued};

#[tokio::test(start_paused = true)]
async fn what_people_break_in_a_secret_is_healed() {
    type Breakage = (&'static str, fn(&mut serde_json::Value), bool);
    let breakages: [Breakage; 7] = [
        ("certificate", |secret| secret["data"]["tls.crt"] = json!("eA=="), true),
        ("key", |secret| secret["data"]["tls.key"] = json!("eA=="), true),
        ("key gone", |secret| drop(secret["data"].as_object_mut().unwrap().remove("tls.key")), true),
        ("bundle", |secret| secret["data"]["ca.crt"] = json!("eA=="), false),
        ("annotations", |secret| secret["metadata"]["annotations"] = json!({}), false),
        ("owner", |secret| secret["metadata"]["ownerReferences"] = json!([]), false),
        (
            "serial",
            |secret| secret["metadata"]["annotations"]["mtls-operator.dev/serial"] = json!("0"),
            false,
        ),
    ];
    for (what, breakage, is_reissued) in breakages {
        let mut harness = Harness::set().await;
        harness.apply("web", &json!({}));
        harness.settle().await;
        let before = harness.secret("web-mtls").unwrap();
        harness.server.edit("secrets", "orders", "web-mtls", breakage);
        harness.settle().await;
        let after = harness.secret("web-mtls").unwrap();
        assert_eq!(harness.ready("web"), issued(), "{what}");
        assert_eq!(after["data"] != before["data"], is_reissued, "{what}");
        assert_eq!(after["metadata"]["ownerReferences"], before["metadata"]["ownerReferences"], "{what}");
        assert_eq!(harness.identity("web").status.unwrap().serial, Some(harness.serial("web")), "{what}");
        harness.advance(A_WHILE);
        assert_eq!(harness.settle().await, [""; 0], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn stripped_labels_come_back_without_a_new_key() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let before = harness.secret("web-mtls").unwrap();
    harness.server.edit("secrets", "orders", "web-mtls", |secret| secret["metadata"]["labels"] = json!({}));
    harness.settle().await;
    let after = harness.secret("web-mtls").unwrap();
    assert_eq!(
        (&after["data"], &after["metadata"]["labels"]),
        (&before["data"], &before["metadata"]["labels"])
    );
}

#[tokio::test(start_paused = true)]
async fn an_identity_created_again_under_its_old_name_takes_its_secret_over_with_a_new_key() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let before = harness.secret("web-mtls").unwrap();
    harness.server.delete("mtlsidentities", "orders", "web");
    harness.watch();
    harness.apply("web", &json!({}));
    harness.settle().await;
    let after = harness.secret("web-mtls").unwrap();
    assert_eq!(harness.ready("web"), issued());
    assert_ne!(after["data"]["tls.key"], before["data"]["tls.key"]);
    let owners = after["metadata"]["ownerReferences"].as_array().unwrap();
    let uid = harness.identity("web").metadata.uid.unwrap();
    assert_eq!((owners.len(), owners[0]["uid"].as_str()), (1, Some(uid.as_str())));
}
