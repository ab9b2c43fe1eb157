//! Install, upgrade, uninstall, install again: no root and no leaf is lost in between.

use std::path::Path;
use std::process::Command;

use test_support::chart::CHART;
use test_support::cluster::TestCluster;
use test_support::installation::{SYSTEM, succeed};

fn serial(cluster: &TestCluster) -> String {
    let secret = cluster.get(&["secret", "web-mtls", "-n", "default"]);
    secret["metadata"]["annotations"]["mtls-operator.dev/serial"].as_str().unwrap().to_owned()
}

/// What people write down of the authority that the operator has created.
const MESH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chart/mesh.yaml");
const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chart/web.yaml");

#[test]
fn neither_upgrade_nor_uninstall_and_install_costs_a_leaf_or_the_root() {
    let cluster = TestCluster::new(&[]);
    cluster.kubectl(&["apply", "-f", WEB]);
    cluster.wait("mtlsidentity/web", "default", "condition=Ready");
    let before = serial(&cluster);
    let root = cluster.get(&["secret", "mtls-authority-mesh", "-n", SYSTEM])["metadata"]["uid"].clone();

    cluster.stop_operator();
    cluster.helm(&["upgrade", "mtls-operator", CHART, "-n", SYSTEM, "--set", "log.filter=debug"]);
    cluster.helm(&["uninstall", "mtls-operator", "-n", SYSTEM, "--wait"]);
    // Definitions, identities, roots and leaves outlive the chart.
    assert_eq!(serial(&cluster), before);
    cluster.helm(&["install", "mtls-operator", CHART, "-n", SYSTEM]);
    cluster.start_operator();
    cluster.kubectl(&["apply", "-f", &WEB.replace("web.yaml", "second.yaml")]);
    cluster.wait("mtlsidentity/second", "default", "condition=Ready");
    assert_eq!(serial(&cluster), before);
    assert_eq!(cluster.get(&["secret", "mtls-authority-mesh", "-n", SYSTEM])["metadata"]["uid"], root);
}

/// A copy of the chart as the next release will be, in this folder.
fn next_release(folder: &Path) -> String {
    let chart = folder.join("mtls-operator");
    succeed(Command::new("cp").args(["-r", CHART]).arg(&chart)).unwrap();
    let file = chart.join("Chart.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let old = format!("version: {}", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&old), "{text}");
    std::fs::write(&file, text.replace(&old, "version: 0.99.0")).unwrap();
    chart.to_str().unwrap().to_owned()
}

/// As on a cluster: the operator works while helm changes its roles, policies and definitions, and goes on with them.
#[test]
fn an_upgrade_to_another_release_under_a_running_operator_costs_no_leaf_and_removes_no_right() {
    let cluster = TestCluster::new(&[]);
    cluster.kubectl(&["apply", "-f", WEB]);
    cluster.wait("mtlsidentity/web", "default", "condition=Ready");
    let before = serial(&cluster);
    let folder = tempfile::tempdir().unwrap();
    cluster.helm(&["upgrade", "mtls-operator", &next_release(folder.path()), "-n", SYSTEM]);
    let releases = cluster.helm(&["list", "-n", SYSTEM]);
    assert!(releases.contains("mtls-operator-0.99.0"), "{releases}");
    let second = WEB.replace("web.yaml", "second.yaml");
    cluster.kubectl(&["apply", "-f", &second]);
    cluster.wait("mtlsidentity/second", "default", "condition=Ready");
    assert_eq!(serial(&cluster), before);
    // Its successor takes over from it.
    cluster.stop_operator();
    cluster.start_operator();
    cluster.kubectl(&["delete", "secret", "second-mtls", "-n", "default"]);
    cluster.kubectl(&["wait", "secret/second-mtls", "-n", "default", "--for=create", "--timeout=90s"]);
    assert_eq!(serial(&cluster), before);
}

/// The operator owns the two domains of the authority that it creates, and a manifest that holds the rest owns that.
#[test]
fn a_manifest_takes_the_first_authority_over_without_a_conflict() {
    let cluster = TestCluster::new(&[]);
    cluster.kubectl(&["wait", "mtlsauthority/mesh", "--for=create", "--timeout=90s"]);
    cluster.kubectl(&["apply", "--server-side", "-f", MESH]);
    let mesh = cluster.get(&["mtlsauthority", "mesh", "--show-managed-fields"]);
    assert_eq!(mesh["spec"]["leaf"]["ttl"], "12h");
    let fields = mesh["metadata"]["managedFields"].as_array().unwrap();
    let applied =
        fields.iter().find(|one| one["manager"] == "mtls-operator" && one["operation"] == "Apply").unwrap();
    let owned: Vec<&String> = applied["fieldsV1"]["f:spec"].as_object().unwrap().keys().collect();
    assert_eq!(owned, ["f:clusterDomain", "f:trustDomain"]);
}

#[test]
fn the_operator_has_rights_only_in_a_given_list_of_namespaces() {
    let cluster = TestCluster::shared();
    for namespace in ["red", "blue"] {
        cluster.kubectl(&["create", "namespace", namespace]);
    }
    let values = "crds.enabled=false,watchNamespaces={red}";
    cluster.helm(&["install", "narrow", CHART, "-n", "narrow", "--create-namespace", "--set", values]);
    let account = "--as=system:serviceaccount:narrow:narrow-mtls-operator";
    cluster.kubectl(&["auth", "can-i", "patch", "secrets", "-n", "red", account]);
    cluster.refused(&["auth", "can-i", "get", "secrets", "-n", "blue", account]);
    cluster.refused(&["auth", "can-i", "list", "secrets", "-A", account]);
}
