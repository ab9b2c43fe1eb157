//! Install, upgrade, uninstall, install again: no root and no leaf is lost on the way.

use test_support::chart::CHART;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;

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

/// Design §2.2: the operator owns the two domains of the authority that it creates, and a manifest that holds the rest owns that.
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
fn a_list_of_namespaces_is_all_that_the_operator_has_rights_to() {
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
