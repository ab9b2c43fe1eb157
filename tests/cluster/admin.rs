//! The ports of a replica: metrics as Prometheus reads them, and health as the kubelet probes it.

use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::installation::OPERATOR;
use test_support::wait::until;

fn has_status(page: &str, status: &str) -> bool {
    page.starts_with(&format!("HTTP/1.1 {status} "))
}

#[tokio::test]
async fn each_port_serves_what_is_its_own() {
    let cluster = TestCluster::shared();
    let namespace = cluster.namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    for probe in ["/livez", "/readyz"] {
        let page = cluster.health_page(OPERATOR, probe).await;
        assert!(has_status(&page, "200") && page.ends_with("\r\n\r\nok\n"), "{probe}: {page}");
    }
    assert!(has_status(&cluster.admin_page(OPERATOR, "/livez").await, "404"));
    assert!(has_status(&cluster.health_page(OPERATOR, "/metrics").await, "404"));
    // Counts of identities come within ten seconds.
    let counted = || async {
        let page = cluster.admin_page(OPERATOR, "/metrics").await;
        page.contains("mtls_operator_identities{authority=\"mesh\",reason=\"Issued\"}").then_some(page)
    };
    let page = until("the identity to be counted", counted).await;
    assert!(page.to_lowercase().contains("content-type: application/openmetrics-text"), "{page}");
    for figure in [
        "mtls_operator_issued_total{because=\"New\",class=\"New\"} ",
        "mtls_operator_root_not_after_timestamp_seconds{authority=\"mesh\"} ",
        "mtls_operator_rotation_phase{authority=\"mesh\",phase=\"Stable\"} 1",
        "mtls_operator_build_info{version=",
    ] {
        assert!(page.contains(figure), "{figure} is missing in {page}");
    }
    assert!(!page.contains("PRIVATE KEY") && page.trim_end().ends_with("# EOF"), "{page}");
}

#[tokio::test]
async fn a_standby_is_ready_and_has_no_figures_about_identities() {
    let cluster = TestCluster::without_operator(&[]);
    cluster.start_operator_as("one", &[]);
    let namespace = cluster.namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    cluster.start_operator_as("two", &[]);
    let is_ready = || async { has_status(&cluster.health_page("two", "/readyz").await, "200").then_some(()) };
    until("the standby to be ready", is_ready).await;
    let page = cluster.admin_page("two", "/metrics").await;
    assert!(!page.contains("authority=\"mesh\""), "{page}");
}

/// The whole of managed fields is skipped while identities are read, but for the last writer.
#[tokio::test]
async fn the_log_names_the_client_that_asked_for_a_certificate() {
    let cluster = TestCluster::shared();
    let namespace = cluster.namespace().await;
    namespace.create("asked", json!({})).await;
    let identity = namespace.ready("asked").await;
    let writes = identity.metadata.managed_fields.unwrap_or_default();
    let write = writes.into_iter().find(|write| write.subresource.is_none()).unwrap();
    let is_it = |line: &Value| {
        (&line["message"], &line["namespace"], &line["name"])
            == (&json!("issued"), &json!(namespace.name), &json!("asked"))
    };
    let log = cluster.operator_log();
    let line = log.lines().filter_map(|line| serde_json::from_str(line).ok()).find(is_it).unwrap();
    assert_eq!((&line["writer"], line["writer_time"].is_string()), (&json!(write.manager), true), "{line}");
}
