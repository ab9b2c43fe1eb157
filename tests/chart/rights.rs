//! What the chart's roles allow, asked of the API server itself.

use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;

/// Whether a user, given by kubectl's flag `--as`, may do something to a `resource`, `resource/name` or `resource#subresource`.
fn may(user: &str, verb: &str, what: &str, namespace: &str) -> bool {
    let (what, subresource) = what.split_once('#').unwrap_or((what, ""));
    let subresource = format!("--subresource={subresource}");
    let question = ["auth", "can-i", verb, what, &subresource, "-n", namespace, user];
    TestCluster::shared().control_plane().kubectl().args(question).output().unwrap().status.success()
}

#[test]
fn the_operator_may_do_its_work_and_no_more() {
    let operator = "--as=system:serviceaccount:mtls-system:mtls-operator";
    for (verb, what, namespace) in [
        ("create", "secrets", "default"),
        ("patch", "secrets", "default"),
        ("delete", "configmaps", "default"),
        ("patch", "mtlsidentities.mtls-operator.dev#status", "default"),
        ("patch", "mtlsauthorities.mtls-operator.dev#status", ""),
        ("create", "events.events.k8s.io", "default"),
        ("update", "leases.coordination.k8s.io/mtls-operator", SYSTEM),
    ] {
        assert!(may(operator, verb, what, namespace), "{verb} {what}");
    }
    for (verb, what, namespace) in [
        ("delete", "secrets", "default"),
        ("update", "secrets", "default"),
        ("delete", "mtlsidentities.mtls-operator.dev", "default"),
        ("patch", "mtlsidentities.mtls-operator.dev", "default"),
        ("delete", "mtlsauthorities.mtls-operator.dev", ""),
        ("update", "leases.coordination.k8s.io/other", SYSTEM),
        ("list", "pods", "default"),
        ("update", "configmaps", "default"),
        ("create", "clustertrustbundles.certificates.k8s.io", ""),
        ("delete", "validatingadmissionpolicies.admissionregistration.k8s.io", ""),
        ("patch", "validatingadmissionpolicybindings.admissionregistration.k8s.io", ""),
        ("attest", "signers.certificates.k8s.io/mtls-operator.dev/mesh", ""),
    ] {
        assert!(!may(operator, verb, what, namespace), "{verb} {what}");
    }
}

#[test]
fn people_get_identities_by_the_roles_they_have() {
    let cluster = TestCluster::shared();
    for role in ["admin", "edit", "view"] {
        let binding = format!("people-{role}");
        let user = format!("--user={role}");
        let role = format!("--clusterrole={role}");
        cluster.kubectl(&["create", "rolebinding", &binding, "-n", "default", &role, &user]);
    }
    // Aggregation is the controller manager's work: it comes a moment after the install.
    cluster.kubectl(&[
        "wait",
        "clusterrole/view",
        "--for=jsonpath={.rules[?(@.resources[0]==\"mtlsidentities\")].verbs[0]}=get",
        "--timeout=60s",
    ]);
    let identities = "mtlsidentities.mtls-operator.dev";
    for user in ["--as=admin", "--as=edit"] {
        assert!(may(user, "create", identities, "default"), "{user}");
        assert!(!may(user, "patch", &format!("{identities}#status"), "default"), "{user}");
    }
    assert!(may("--as=view", "list", identities, "default"));
    assert!(!may("--as=view", "create", identities, "default"));
    assert!(!may("--as=admin", "patch", "mtlsauthorities.mtls-operator.dev", ""));
}

#[test]
fn the_pods_are_admitted_where_the_restricted_standard_is_enforced() {
    let cluster = TestCluster::shared();
    cluster.kubectl(&["label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted"]);
    cluster.kubectl(&["rollout", "restart", "deployment/mtls-operator", "-n", SYSTEM]);
    // A Pod that is refused is never made; one that is made stays Pending, for want of a node.
    cluster.wait("deployment/mtls-operator", SYSTEM, "jsonpath={.status.updatedReplicas}=1");
}
