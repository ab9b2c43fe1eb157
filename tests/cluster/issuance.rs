//! The Secret of an identity: its certificate, names, labels and owner.

use futures::future::join_all;
use mtls_operator::pki::KeyAlgorithm;
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::objects::{is_stalled, note};

use crate::leaf_content::Content;

#[tokio::test]
async fn an_empty_spec_becomes_a_secret_that_names_the_workload() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    let secret = namespace.secret("cart-mtls").await;
    let leaf = Content::of(&secret).leaf;
    let name = &namespace.name;
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
    assert_eq!(leaf.spiffe_ids, [format!("spiffe://cluster.local/ns/{name}/sa/cart")]);
    let names = ["", ".svc", ".svc.cluster.local"].map(|suffix| format!("cart.{name}{suffix}"));
    assert_eq!(leaf.dns_names, names);
    assert_eq!(leaf.key_algorithm, Some(KeyAlgorithm::EcdsaP256));
}

#[tokio::test]
async fn status_and_annotations_say_what_the_certificate_says() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    let identity = namespace.ready("cart").await;
    let secret = namespace.secret("cart-mtls").await;
    let content = Content::of(&secret);
    let status = identity.status.clone().unwrap();
    assert!(!is_stalled(&identity));
    assert_eq!(status.serial, Some(content.serial()));
    assert_eq!(status.not_before.map(|time| time.0), Some(content.leaf.window.not_before));
    assert_eq!(status.not_after.map(|time| time.0), Some(content.leaf.window.not_after));
    assert_eq!(status.authority_key_id, Some(content.leaf.authority_key_id.to_string()));
    assert_eq!(status.spiffe_id.as_ref(), content.leaf.spiffe_ids.first());
    assert_eq!(status.dns_names, content.leaf.dns_names);
    assert_eq!(status.revision, Some(1));
    let renewal = status.renewal_time.unwrap().0;
    assert!(renewal < content.leaf.window.not_after, "renewed at {renewal}");
    let kept = status.secret.unwrap();
    assert_eq!(
        (Some(kept.name), Some(kept.resource_version)),
        (secret.metadata.name.clone(), secret.metadata.resource_version.clone())
    );
    assert_eq!(note(&secret, "serial"), Some(content.serial()));
    assert_eq!(note(&secret, "not-after"), Some(content.leaf.window.not_after.to_string()));
    assert_eq!(note(&secret, "identity-uid"), identity.metadata.uid);
    assert_eq!(note(&secret, "revision").as_deref(), Some("1"));
}

#[tokio::test]
async fn a_secret_is_labelled_and_owned_by_its_identity() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    let identity = namespace.ready("cart").await;
    let metadata = namespace.secret("cart-mtls").await.metadata;
    let labels = metadata.labels.unwrap();
    assert_eq!(labels["app.kubernetes.io/managed-by"], "mtls-operator");
    assert_eq!(labels["mtls-operator.dev/authority"], "mesh");
    assert_eq!(labels["mtls-operator.dev/identity"], "cart");
    let owners = metadata.owner_references.unwrap();
    let [owner] = owners.as_slice() else { panic!("one owner is expected, not {owners:?}") };
    assert_eq!(Some(&owner.uid), identity.metadata.uid.as_ref());
    assert_eq!((owner.kind.as_str(), owner.controller), ("MtlsIdentity", Some(true)));
    assert_eq!(owner.block_owner_deletion, Some(false));
}

#[tokio::test]
async fn every_algorithm_can_be_asked_for() {
    let namespace = TestCluster::shared().namespace().await;
    let namespace = &namespace;
    let issued = KeyAlgorithm::ALL.iter().enumerate().map(|(number, algorithm)| async move {
        let name = format!("key-{number}");
        namespace.create(&name, json!({ "privateKey": { "algorithm": algorithm } })).await;
        namespace.ready(&name).await;
        let leaf = Content::of(&namespace.secret(&format!("{name}-mtls")).await).leaf;
        assert_eq!(leaf.key_algorithm, Some(*algorithm));
    });
    join_all(issued).await;
}

#[tokio::test]
async fn services_dns_names_and_a_named_secret_are_as_asked() {
    let namespace = TestCluster::shared().namespace().await;
    let within = &namespace.name;
    let own = format!("*.pods.{within}.svc.cluster.local");
    let spec = json!({
        "serviceAccountName": "shop", "services": ["front", "back"], "dnsNames": [own], "ttl": "2h",
        "secret": { "name": "certs", "labels": { "team": "blue" }, "annotations": { "example.com/note": "x" } }
    });
    namespace.create("cart", spec).await;
    let identity = namespace.ready("cart").await;
    let secret = namespace.secret("certs").await;
    let leaf = Content::of(&secret).leaf;
    assert_eq!(leaf.spiffe_ids, [format!("spiffe://cluster.local/ns/{within}/sa/shop")]);
    let service = |name: &str| ["", ".svc", ".svc.cluster.local"].map(|end| format!("{name}.{within}{end}"));
    let names: Vec<String> = service("front").into_iter().chain(service("back")).chain([own]).collect();
    assert_eq!(leaf.dns_names, names);
    assert_eq!(secret.metadata.labels.as_ref().unwrap()["team"], "blue");
    assert_eq!(secret.metadata.annotations.as_ref().unwrap()["example.com/note"], "x");
    let life = leaf.window.not_after.duration_since(leaf.window.not_before);
    assert!((120..=126).contains(&life.as_mins()), "{life:?}");
    assert_eq!(identity.status.unwrap().secret.unwrap().name, "certs");
}

#[tokio::test]
async fn no_service_and_no_dns_name_leave_the_spiffe_id_alone() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("batch", json!({ "services": [] })).await;
    namespace.ready("batch").await;
    let leaf = Content::of(&namespace.secret("batch-mtls").await).leaf;
    assert!(leaf.dns_names.is_empty(), "{:?}", leaf.dns_names);
    assert_eq!(leaf.spiffe_ids.len(), 1);
}
