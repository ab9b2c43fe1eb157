//! The Secret of another tool is taken over once people label it.

use serde_json::json;
use test_support::in_memory::harness::{Harness, SECRETS, issued};

use super::{count, pass};

/// `docs/runbooks.md`, "Take over a Secret of another tool".
#[tokio::test(start_paused = true)]
async fn a_secret_of_another_tool_is_taken_over_in_one_write_once_people_say_whose_it_is() {
    let mut harness = Harness::set().await;
    harness.server.put(
        SECRETS,
        &json!({
            "metadata": {
                "name": "shop-tls", "namespace": "orders",
                "annotations": {"cert-manager.io/issuer-name": "company"}, "labels": {"team": "orders"},
            },
            "type": "kubernetes.io/tls", "data": {"tls.crt": "b3RoZXI=", "tls.key": "b3RoZXI=", "keystore.jks": "eA=="},
        }),
    );
    harness.apply("web", &json!({"secret": {"name": "shop-tls"}}));
    pass(&mut harness, 300).await;
    assert_eq!(harness.ready("web"), ("False".into(), "SecretConflict".into()));
    let uid = harness.identity("web").metadata.uid.unwrap();
    harness.server.edit(SECRETS, "orders", "shop-tls", |secret| {
        secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = json!(uid);
        let labels = &mut secret["metadata"]["labels"];
        labels["app.kubernetes.io/managed-by"] = json!("mtls-operator");
        labels["mtls-operator.dev/identity"] = json!("web");
        labels["mtls-operator.dev/authority"] = json!("mesh");
    });
    let calls = harness.settle().await;
    assert_eq!((count(&calls, "PATCH secrets"), count(&calls, "POST secrets")), (1, 0), "{calls:#?}");
    assert_eq!(harness.ready("web"), issued());
    let secret = harness.secret("shop-tls").unwrap();
    assert_eq!(
        (&secret["data"]["keystore.jks"], &secret["metadata"]["labels"]["team"]),
        (&json!("eA=="), &json!("orders"))
    );
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], json!(uid));
}
