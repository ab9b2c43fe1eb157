//! A rotation that does not go on: what it waits for is shown, and it goes on without that.

use mtls_operator::api::authority::{MtlsAuthorityStatus, Phase, WaitingFor};
use serde_json::json;
use test_support::markdown::block;

use crate::fixture::{Fixture, prompt, trusted};

/// An authority with two identities, one or both of whose Secrets cannot be written, that is asked to rotate.
async fn held_up(name: &str, frozen: &[&str]) -> Option<Fixture> {
    let fixture = Fixture::new(name, prompt()).await?;
    fixture.issue(&["cart", "till"]).await;
    for identity in frozen {
        fixture.patch_secret(&format!("{identity}-mtls"), json!({ "immutable": true })).await.unwrap();
    }
    fixture.run(&block("docs/runbooks.md", "Rotate the root", "mtls-operator.dev/rotate="));
    waits_for(&fixture, "Identity", frozen.iter().map(|identity| format!("{name}/{identity}")).collect())
        .await;
    Some(fixture)
}

/// Waits until the rotation waits for these objects alone.
async fn waits_for(fixture: &Fixture, kind: &str, first: Vec<String>) {
    let only = WaitingFor { kind: kind.into(), count: i64::try_from(first.len()).unwrap(), first };
    let is_so = |status: &MtlsAuthorityStatus| {
        status.rotation.as_ref().is_some_and(|rotation| rotation.waiting_for == [only.clone()])
    };
    fixture.status_where("the rotation to wait for these", is_so).await;
}

#[tokio::test]
async fn an_identity_that_holds_a_rotation_up_is_shown_and_excluded() {
    let Some(fixture) = held_up("stuck", &["cart"]).await else { return };
    let seen = fixture.run(&block("docs/runbooks.md", "A rotation that does not go on", "waitingFor"));
    assert!(seen.starts_with("Announced since 20"), "{seen}");
    assert!(seen.contains("\"kind\":\"Identity\"") && seen.contains("stuck/cart"), "{seen}");
    let exclude = block("docs/runbooks.md", "A rotation that does not go on", "<namespace>/<identity>");
    fixture.run(&exclude.with("<namespace>", "stuck").with("<identity>", "cart"));
    fixture.reaches(Phase::Draining).await;
    let (former, next) = (fixture.root("Retiring").await, fixture.root("Signing").await);
    fixture.trusts("till", &[&former, &next]).await;
    assert_eq!(trusted(&fixture.leaf("cart").await), [former], "it cannot be written");
}

#[tokio::test]
async fn several_identities_are_excluded_at_once() {
    let Some(fixture) = held_up("frozen", &["cart", "till"]).await else { return };
    fixture.run(&block("docs/rotation.md", "What delays a rotation", "rotation-exclude"));
    fixture.reaches(Phase::Draining).await;
}

#[tokio::test]
async fn a_bundle_that_holds_a_rotation_up_is_excluded() {
    let mut spec = prompt();
    spec["trustBundle"] = json!({ "namespaces": { "matchLabels": { "published": "yes" } } });
    let Some(fixture) = Fixture::new("unpublished", spec).await else { return };
    fixture.cluster.kubectl(&["label", "namespace", "unpublished", "published=yes"]);
    let (bundle, namespace) = ("configmap/unpublished-trust-bundle", ["-n", "unpublished"]);
    let kubectl = |words: &[&str]| fixture.cluster.kubectl(&[words, &namespace].concat());
    kubectl(&["wait", bundle, "--for=create", "--timeout=90s"]);
    // One of them is the cluster's own: what is deleted does not come back.
    kubectl(&["create", "quota", "full", "--hard=count/configmaps=1"]);
    kubectl(&["wait", "quota/full", "--for=jsonpath={.status.used}", "--timeout=90s"]);
    kubectl(&["delete", bundle]);
    fixture.run(&block("docs/runbooks.md", "Rotate the root", "mtls-operator.dev/rotate="));
    let name = "configmap/unpublished/unpublished-trust-bundle";
    waits_for(&fixture, "TrustBundle", vec![name.to_owned()]).await;
    let exclude = block("docs/runbooks.md", "A rotation that does not go on", "configmap/");
    fixture.run(&exclude.with("<namespace>", "unpublished"));
    fixture.reaches(Phase::Draining).await;
}
