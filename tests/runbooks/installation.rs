//! The chart is installed as each page says, a first identity works, and everything is removed again.

use serde_json::Value;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::markdown::{Commands, block};
use test_support::shell::Shell;

/// An installation as another page has it, and what it leaves at a path of the Deployment.
fn installations() -> [(Commands, &'static str, Value); 3] {
    let (account, user) = ("/serviceAccountName", "/securityContext/runAsUser");
    let chart = block("charts/mtls-operator/README.md", "mtls-operator chart", "helm install");
    [
        (block("docs/operations.md", "Install", "helm install"), account, "mtls-operator".into()),
        (chart, user, 65532.into()),
        (block("charts/mtls-operator/README.md", "OpenShift", "helm install"), user, Value::Null),
    ]
}

/// What the Deployment makes Pods of.
fn pod(cluster: &TestCluster) -> Value {
    cluster.get(&["deployment", "mtls-operator", "-n", SYSTEM])["spec"]["template"]["spec"].clone()
}

fn image(cluster: &TestCluster) -> String {
    pod(cluster)["containers"][0]["image"].as_str().unwrap().to_owned()
}

/// Removes everything, as the chart's README says.
fn remove(cluster: &TestCluster, place: &Shell) {
    place.run(cluster, &block("charts/mtls-operator/README.md", "Upgrade and uninstall", "helm uninstall"));
    let left = cluster.kubectl(&["get", "crd,clusterroles,validatingadmissionpolicies", "-o", "name"]);
    assert!(!left.contains("mtls-operator"), "{left}");
}

#[test]
fn the_readme_installs_the_operator_and_issues_a_first_identity_and_all_of_it_is_removed() {
    let Some(place) = Shell::new() else { return };
    let cluster = TestCluster::bare();
    place.run(&cluster, &block("README.md", "Install it", "helm install"));
    assert!(image(&cluster).starts_with("registry.example.com/mtls-operator:"), "{}", image(&cluster));
    cluster.start_operator();
    cluster.wait_for_first_authority();
    cluster.wait("mtlsauthority/mesh", SYSTEM, "condition=Ready");
    let shown = place.run(&cluster, &block("README.md", "Install it", "kubectl get mtlsauthorities"));
    assert!(shown.contains("mtls-authority-mesh   mtls-operator.dev/root"), "{shown}");
    let shown = place.run(&cluster, &block("README.md", "A first identity", "kubectl apply"));
    for name in ["spiffe://cluster.local/ns/webshop/sa/cart", "DNS:cart.webshop.svc.cluster.local"] {
        assert!(shown.contains(name), "{shown}");
    }
    cluster.stop_operator();
    remove(&cluster, &place);
    cluster.kubectl(&["wait", "secret/cart-mtls", "-n", "webshop", "--for=delete", "--timeout=90s"]);
    cluster.refused(&["get", "secret", "mtls-authority-mesh", "-n", SYSTEM]);
    for (install, path, value) in installations() {
        place.run(&cluster, &install);
        assert_eq!(pod(&cluster).pointer(path).unwrap_or(&Value::Null), &value, "{path}");
        remove(&cluster, &place);
    }
}

#[test]
fn another_account_takes_over_and_the_former_one_keeps_its_rights_for_one_upgrade() {
    let Some(place) = Shell::new() else { return };
    let cluster = TestCluster::bare();
    place.run(
        &cluster,
        "helm package charts/mtls-operator && mv mtls-operator-*.tgz mtls-operator-VERSION.tgz",
    );
    let digest = format!("sha256:{}", "ab".repeat(32));
    let install = block("docs/releasing.md", "Verify a release", "helm install");
    place.run(&cluster, &install.with("sha256:…", &digest));
    assert_eq!(image(&cluster), format!("registry.example.com/mtls-operator@{digest}"));
    place.run(&cluster, &block("charts/mtls-operator/README.md", "Another account name", "formerNames"));
    assert_eq!(pod(&cluster)["serviceAccountName"], "new-name");
    assert_eq!(image(&cluster), format!("registry.example.com/mtls-operator@{digest}"), "values are kept");
    for account in ["mtls-operator", "new-name"] {
        let account = format!("--as=system:serviceaccount:{SYSTEM}:{account}");
        cluster.kubectl(&["auth", "can-i", "patch", "secrets", "-n", "default", &account]);
    }
}
