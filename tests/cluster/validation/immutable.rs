//! Fields that never change once they are set.

use serde_json::{Value, json};
use test_support::cluster::TestCluster;

/// What was so before may stay: `tests/api_policy/emergency.rs`.
#[tokio::test]
async fn an_authority_in_the_default_trust_domain_gets_no_provided_ca_later_either() {
    let namespace = TestCluster::shared().namespace().await;
    let authority = namespace.unique("ca");
    namespace.create_authority(&authority, json!({})).await;
    let provided = json!({ "spec": { "root": { "provided": { "secretName": "corporate-ca" } } } });
    let said = namespace.patch_authority(&authority, provided).await;
    let said = said.map_or_else(|error| error.to_string(), |_| "accepted".into());
    assert!(said.contains("spec.trustDomain must be one of your own"), "{said}");
}

#[tokio::test]
async fn the_name_of_an_identitys_secret_never_changes() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("unset", json!({})).await;
    namespace.create("set", json!({ "secret": { "name": "certs" } })).await;
    for (name, change) in [("unset", json!("x")), ("set", json!("x")), ("set", json!(null))] {
        let said = namespace.patch(name, json!({ "spec": { "secret": { "name": change } } })).await;
        let said = said.map_or_else(|error| error.to_string(), |_| "accepted".into());
        assert!(said.contains("spec.secret.name is immutable"), "{name}, {change}: {said}");
    }
    let said =
        namespace.patch("set", json!({ "spec": { "secret": null } })).await.map(|_| "accepted".to_owned());
    let said = said.unwrap_or_else(|error| error.to_string());
    assert!(said.contains("spec.secret"), "{said}");
}

#[tokio::test]
async fn an_authoritys_root_secret_and_trust_domain_never_change() {
    let namespace = TestCluster::shared().namespace().await;
    let (unset, set) = (namespace.unique("unset"), namespace.unique("set"));
    namespace.create_authority(&unset, json!({})).await;
    namespace.create_authority(&set, json!({ "root": { "secretName": namespace.unique("root") } })).await;
    let secret = |name: Value| json!({ "root": { "secretName": name } });
    let changes = [
        (&unset, secret(json!("x")), "spec.root.secretName is immutable"),
        (&set, secret(json!("x")), "spec.root.secretName is immutable"),
        (&set, secret(json!(null)), "spec.root.secretName is immutable"),
        (&unset, json!({ "trustDomain": "example.org" }), "spec.trustDomain is immutable"),
    ];
    for (name, change, words) in changes {
        let said =
            namespace.patch_authority(name, json!({ "spec": change })).await.map(|_| "accepted".to_owned());
        let said = said.unwrap_or_else(|error| error.to_string());
        assert!(said.contains(words), "{name}, {change}: {said}");
    }
}
