//! The operator, a cluster, or a trust domain moves, and no workload loses a peer.

use serde_json::Value;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::shell::Shell;

use test_support::markdown::block;

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chart/web.yaml");

/// A cluster with an identity that is issued.
fn at_work() -> TestCluster {
    let cluster = TestCluster::new(&[]);
    cluster.kubectl(&["apply", "-f", WEB]);
    cluster.wait("mtlsidentity/web", "default", "condition=Ready");
    cluster
}

/// The root that signs for an authority.
fn root(cluster: &TestCluster, authority: &str) -> Value {
    cluster.kubectl(&["wait", &format!("mtlsauthority/{authority}"), "--for=create", "--timeout=90s"]);
    cluster.wait(&format!("mtlsauthority/{authority}"), "default", "condition=Ready");
    cluster.get(&["mtlsauthority", authority])["status"]["roots"][0]["fingerprint"].clone()
}

fn serial(cluster: &TestCluster) -> Value {
    cluster.get(&["secret", "web-mtls", "-n", "default"])["metadata"]["annotations"]["mtls-operator.dev/serial"].clone()
}

#[test]
fn the_operator_moves_to_another_namespace_and_issues_nothing_again() {
    let Some(place) = Shell::new() else { return };
    let cluster = at_work();
    let (root_before, serial_before) = (root(&cluster, "mesh"), serial(&cluster));
    // The operator is a process of this test, so the test ends it where helm would.
    cluster.stop_operator();
    place.run(
        &cluster,
        &block("docs/runbooks.md", "Move the operator to another namespace", "helm uninstall"),
    );
    cluster.start_operator_in("mtls-new");
    cluster.kubectl(&["apply", "-f", &WEB.replace("web.yaml", "second.yaml")]);
    cluster.wait("mtlsidentity/second", "default", "condition=Ready");
    assert_eq!((root(&cluster, "mesh"), serial(&cluster)), (root_before, serial_before));
}

#[test]
fn workloads_of_a_new_cluster_have_the_root_of_the_old_one() {
    let Some(place) = Shell::new() else { return };
    let (old, new) = (at_work(), TestCluster::bare());
    place.run(&old, &block("docs/runbooks.md", "Back up the roots", "gpg --encrypt"));
    let steps = block("docs/runbooks.md", "Move to another cluster", "helm install");
    place.run(&new, &steps.replace("<as in the old one>", "cluster.local"));
    new.start_operator();
    assert_eq!(root(&new, "mesh"), root(&old, "mesh"));
    new.kubectl(&["apply", "-f", WEB]);
    new.wait("mtlsidentity/web", "default", "condition=Ready");
    let bundle = |cluster: &TestCluster| cluster.get(&["secret", "web-mtls"])["data"]["ca.crt"].clone();
    assert_eq!(bundle(&new), bundle(&old));
}

#[test]
fn a_cluster_that_is_created_again_from_its_backup_has_its_root_and_its_identities() {
    let Some(place) = Shell::new() else { return };
    let (lost, restored) = (at_work(), TestCluster::bare());
    place.run(&lost, &block("docs/runbooks.md", "Back up the roots", "gpg --encrypt"));
    place.run(&lost, &block("docs/runbooks.md", "Restore a whole cluster", "> objects.json"));
    let root_before = root(&lost, "mesh");
    drop(lost);
    place.run(&restored, &block("docs/runbooks.md", "Restore a whole cluster", "create -f objects.json"));
    // Tools that restore object by object run with the operator stopped.
    place.run(&restored, &block("docs/runbooks.md", "Restore a whole cluster", "--replicas=0"));
    assert_eq!(restored.get(&["deployment", "mtls-operator", "-n", SYSTEM])["spec"]["replicas"], 0);
    restored.start_operator();
    restored.wait("mtlsidentity/web", "default", "condition=Ready");
    assert_eq!(root(&restored, "mesh"), root_before);
    assert_eq!(
        restored.get(&["secrets", "-n", SYSTEM, "--field-selector", "type=mtls-operator.dev/root"])["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn identities_move_to_another_trust_domain_and_keep_their_root() {
    let Some(place) = Shell::new() else { return };
    let cluster = at_work();
    let root_before = root(&cluster, "mesh");
    let copy = block("docs/runbooks.md", "Move to a new authority", "get secret mtls-authority-mesh");
    let (kept, added) = ("\"mesh-2\"", ", \"mtls-operator.dev/trust-domain\": \"prod.example.com\"");
    place.run(&cluster, &copy.with(kept, &format!("{kept}{added}")));
    let create = block("docs/runbooks.md", "Move to a new authority", "kubectl create -f -");
    let (kept, added) = ("del(.root.secretName)", " | .trustDomain = \"prod.example.com\"");
    place.run(&cluster, &create.with(kept, &format!("{kept}{added}")));
    assert_eq!(root(&cluster, "mesh-2"), root_before);
    place.run(&cluster, &block("docs/runbooks.md", "Move to a new authority", "while read"));
    let id = "--for=jsonpath={.status.spiffeID}=spiffe://prod.example.com/ns/default/sa/web";
    cluster.kubectl(&["wait", "mtlsidentity/web", id, "--timeout=90s"]);
    cluster.wait("mtlsidentity/web", "default", "condition=Ready");
    let behind = place.run(&cluster, &block("docs/runbooks.md", "Move to a new authority", "@tsv"));
    assert_eq!(behind, "", "every identity is ready");
    place.run(&cluster, &block("docs/runbooks.md", "Move to a new authority", "delete mtlsauthority mesh"));
    place.run(&cluster, &block("docs/runbooks.md", "Move to a new authority", "mtls-operator.dev/rotate="));
    cluster.kubectl(&[
        "wait",
        "mtlsauthority/mesh-2",
        "--for=jsonpath={.status.rotation.phase}=Announced",
        "--timeout=90s",
    ]);
}
