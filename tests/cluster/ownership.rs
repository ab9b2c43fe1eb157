//! A Secret belongs to exactly one identity; the Secret of another owner is never touched.

use futures::future::join;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::objects::{is_stalled, note, ready_of};
use test_support::wait::wait;

use crate::leaf_content::Content;

/// Creates a Secret as another owner would.
async fn make(namespace: &TestNamespace, secret: Value) -> Secret {
    let secret = serde_json::from_value(secret).unwrap();
    namespace.secrets().create(&PostParams::default(), &secret).await.unwrap()
}

/// Waits for the conflict, and returns its sentence.
async fn conflict(namespace: &TestNamespace, name: &str) -> String {
    let identity = namespace.stands(name, "False", "SecretConflict").await;
    assert!(!is_stalled(&identity), "the change that cures it may be in the same commit");
    ready_of(&identity).2
}

async fn assert_untouched(namespace: &TestNamespace, made: &Secret) {
    let name = made.metadata.name.as_deref().unwrap();
    assert_eq!(
        namespace.secret(name).await.metadata.resource_version,
        made.metadata.resource_version,
        "{name} was written"
    );
}

async fn delete_identity(namespace: &TestNamespace, name: &str) {
    namespace.identities().delete(name, &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_secret_of_another_owner_is_refused_untouched_and_replaced_once_it_is_gone() {
    let namespace = TestCluster::shared().namespace().await;
    let made =
        make(&namespace, json!({ "metadata": { "name": "cart-mtls" }, "stringData": { "password": "x" } }))
            .await;
    namespace.create("cart", json!({})).await;
    let sentence = conflict(&namespace, "cart").await;
    assert!(sentence.contains("cart-mtls"), "{sentence}");
    assert_untouched(&namespace, &made).await;
    namespace.delete_secret("cart-mtls").await;
    namespace.ready("cart").await;
    Content::of(&namespace.secret("cart-mtls").await);
}

#[tokio::test]
async fn a_tls_secret_of_another_maker_is_refused_though_it_has_our_labels() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("donor", json!({})).await;
    namespace.ready("donor").await;
    let data = namespace.secret("donor-mtls").await.data;
    let labels =
        json!({ "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/identity": "cart" });
    let metadata = json!({ "name": "cart-mtls", "labels": labels });
    let made =
        make(&namespace, json!({ "metadata": metadata, "type": "kubernetes.io/tls", "data": data })).await;
    namespace.create("cart", json!({})).await;
    conflict(&namespace, "cart").await;
    assert_untouched(&namespace, &made).await;
}

#[tokio::test]
async fn a_secret_of_ours_that_was_made_immutable_is_refused_with_that_reason() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    let frozen = namespace.patch_secret("cart-mtls", json!({ "immutable": true })).await.unwrap();
    let sentence = conflict(&namespace, "cart").await;
    assert!(sentence.contains("immutable"), "{sentence}");
    assert_untouched(&namespace, &frozen).await;
    namespace.delete_secret("cart-mtls").await;
    namespace.ready("cart").await;
}

#[tokio::test]
async fn of_two_identities_that_name_one_secret_the_second_is_told_who_owns_it() {
    let namespace = TestCluster::shared().namespace().await;
    let spec = json!({ "secret": { "name": "shared" } });
    namespace.create("first", spec.clone()).await;
    namespace.ready("first").await;
    namespace.create("second", spec).await;
    let sentence = conflict(&namespace, "second").await;
    assert!(sentence.contains(&format!("MtlsIdentity {}/first", namespace.name)), "{sentence}");
    let owned = namespace.secret("shared").await;
    assert_eq!(note(&owned, "identity-uid"), namespace.ready("first").await.metadata.uid);
    delete_identity(&namespace, "first").await;
    let heir = namespace.ready("second").await;
    assert_eq!(note(&namespace.secret("shared").await, "identity-uid"), heir.metadata.uid);
}

#[tokio::test]
async fn of_two_identities_that_race_for_one_secret_exactly_one_wins() {
    let namespace = TestCluster::shared().namespace().await;
    for round in 0..5 {
        let names = [format!("left-{round}"), format!("right-{round}")];
        let spec = json!({ "secret": { "name": format!("prize-{round}") } });
        join(namespace.create(&names[0], spec.clone()), namespace.create(&names[1], spec)).await;
        let settled = |name: &String| {
            let name = name.clone();
            let namespace = &namespace;
            async move {
                let identity = namespace
                    .identity_where(&name, "to win or to lose", |identity| {
                        ["Issued", "SecretConflict"].contains(&ready_of(identity).1.as_str())
                    })
                    .await;
                ready_of(&identity).1 == "Issued"
            }
        };
        let (left, right) = join(settled(&names[0]), settled(&names[1])).await;
        assert!(left != right, "left is issued: {left}, right is issued: {right}");
    }
}

#[tokio::test]
async fn the_secret_goes_with_its_identity() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    delete_identity(&namespace, "cart").await;
    namespace.secret_gone("cart-mtls").await;
}

#[tokio::test]
async fn a_retained_secret_stays_and_the_next_identity_of_that_name_adopts_it_with_a_new_key() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({ "secret": { "reclaim": "Retain" } })).await;
    let first = namespace.ready("cart").await;
    let kept = namespace.secret("cart-mtls").await;
    assert_eq!(kept.metadata.owner_references, None);
    delete_identity(&namespace, "cart").await;
    wait(namespace.identities(), "cart", "it to be gone", |identity| identity.is_none().then_some(())).await;
    namespace.create("cart", json!({})).await;
    let second = namespace.ready("cart").await;
    assert_ne!(first.metadata.uid, second.metadata.uid);
    let adopted = namespace.secret("cart-mtls").await;
    assert_eq!(kept.metadata.uid, adopted.metadata.uid, "the Secret was created again");
    assert_eq!(note(&adopted, "identity-uid"), second.metadata.uid);
    assert_eq!(
        adopted.metadata.owner_references.as_ref().map(|owners| owners[0].uid.clone()),
        second.metadata.uid
    );
    Content::of(&kept).assert_reissued(&Content::of(&adopted), "another identity");
}

#[tokio::test]
async fn an_identity_that_is_recreated_at_once_gets_a_secret_of_its_own() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    let before = Content::of(&namespace.secret("cart-mtls").await);
    delete_identity(&namespace, "cart").await;
    let uid = namespace.create("cart", json!({})).await.metadata.uid;
    let own =
        |secret: &Secret| note(secret, "identity-uid") == uid && secret.metadata.deletion_timestamp.is_none();
    let secret = namespace.secret_where("cart-mtls", "it to be the new identity's", own).await;
    before.assert_reissued(&Content::of(&secret), "recreated");
    // Whether the collector or the operator comes first: in the end there is a Secret, and status knows its version.
    namespace
        .identity_where("cart", "status to name the Secret's version", |identity| {
            ready_of(identity).1 == "Issued" && identity.metadata.uid == uid
        })
        .await;
}

#[tokio::test]
async fn a_namespace_can_be_deleted_with_its_identities() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    let namespaces = Api::<Namespace>::all(namespace.client.clone());
    namespaces.delete(&namespace.name, &DeleteParams::default()).await.unwrap();
    wait(namespaces, &namespace.name, "it to be gone", |namespace| namespace.is_none().then_some(())).await;
}
