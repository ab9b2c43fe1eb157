//! Looks at the operator and at its rights, which change nothing.

use serde_json::json;
use test_support::markdown::block;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_first_look_shows_authorities_identities_that_are_not_ready_and_the_replicas() {
    let Some(fixture) = Fixture::new("looked-at", json!({})).await else { return };
    fixture.issue(&["till"]).await;
    let refused = json!({ "authorityRef": { "name": "looked-at" }, "dnsNames": ["www.example.com"] });
    fixture.create("cart", refused).await;
    fixture.is_refused("cart", "NotPermitted").await;
    let shown = fixture.run(&block("docs/runbooks.md", "First look", "kubectl get mtlsauthorities"));
    let own: Vec<&str> = shown.lines().filter(|line| line.starts_with("looked-at ")).collect();
    assert_eq!(own.len(), 2, "the authority and the identity that is refused: {shown}");
    assert!(own[0].contains(" Ready ") && own[1].contains(" NotPermitted "), "{own:?}");
    assert!(shown.contains("lease.coordination.k8s.io/mtls-operator"), "{shown}");
    assert!(shown.contains("pod/mtls-operator-"), "{shown}");
}

#[tokio::test]
async fn both_clocks_are_shown() {
    let Some(fixture) = Fixture::without_authority("clocks").await else { return };
    let shown = fixture.run(&block("docs/runbooks.md", "ClockSkewed", "date --utc"));
    let here = shown.lines().next().unwrap();
    assert!(here.contains("UTC"), "{shown}");
    assert!(shown.lines().any(|line| line.trim().starts_with("Date: ") && line.contains("GMT")), "{shown}");
}

#[tokio::test]
async fn the_rights_of_the_operator_are_listed_by_the_api_server() {
    let Some(fixture) = Fixture::without_authority("rights").await else { return };
    let shown = fixture.run(&block("docs/security.md", "What the operator may do", "auth can-i --list"));
    let rows = |resource: &str| -> Vec<Vec<&str>> {
        let rows = shown.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
        rows.filter(|words| words.first() == Some(&resource)).collect()
    };
    let secrets = rows("secrets").into_iter().flatten().collect::<Vec<&str>>().join(" ");
    assert!(secrets.ends_with("[get list watch create patch]"), "{shown}");
    assert!(shown.lines().all(|line| !line.starts_with("*.*")), "{shown}");
    assert!(rows("pods").is_empty(), "{shown}");
}

#[tokio::test]
async fn argo_cd_gets_the_health_check() {
    let Some(fixture) = Fixture::without_authority("argocd").await else { return };
    fixture.cluster.kubectl(&["create", "configmap", "argocd-cm", "-n", "argocd", "--from-literal=url=kept"]);
    fixture.run(&block("docs/operations.md", "Argo CD", "argocd-cm"));
    let data = fixture.cluster.get(&["configmap", "argocd-cm", "-n", "argocd"])["data"].clone();
    assert_eq!(data["url"], "kept");
    let scripts = data.as_object().unwrap().keys().filter(|key| key.contains(".health.mtls-operator.dev_"));
    assert_eq!(scripts.count(), 2, "one for each kind: {data}");
}
