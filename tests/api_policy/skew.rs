//! Two versions meet: the definitions are upgraded before the operator is, or after it. Both go on, and what one of them does
//! not know is named, and never taken for deleted.

use serde_json::{Value, json};
use test_support::cluster::TestCluster;

use crate::compromise::define;
use crate::schema::{newer, older};

/// A cluster with an operator, an authority of its own and identities that are issued.
fn at_work() -> TestCluster {
    let cluster = TestCluster::new(&[]);
    cluster.kubectl(&["wait", "mtlsauthority/mesh", "--for=create", "--timeout=90s"]);
    for name in ["web", "odd"] {
        apply(&cluster, &json!({ "metadata": { "name": name }, "spec": {} }));
        cluster.wait(&format!("mtlsidentity/{name}"), "default", "condition=Ready");
    }
    cluster
}

fn apply(cluster: &TestCluster, object: &Value) {
    let mut object = object.clone();
    object["apiVersion"] = json!("mtls-operator.dev/v1alpha1");
    object["kind"] = json!("MtlsIdentity");
    object["metadata"]["namespace"] = json!("default");
    cluster.apply(&object);
}

fn patch(cluster: &TestCluster, object: &str, spec: &Value) {
    let patch = json!({ "spec": spec }).to_string();
    cluster.kubectl(&["patch", object, "-n", "default", "--type=merge", "-p", &patch]);
}

/// Asks for a renewal, and waits until the Secret holds another certificate.
fn renews(cluster: &TestCluster, name: &str, request: &str) {
    let renew = format!("mtls-operator.dev/renew={request}");
    cluster.kubectl(&["annotate", "mtlsidentity", name, "-n", "default", "--overwrite", &renew]);
    let answered = format!(r"jsonpath={{.metadata.annotations.mtls-operator\.dev/renew-request}}={request}");
    cluster.wait(&format!("secret/{name}-mtls"), "default", &answered);
    cluster.wait(&format!("mtlsidentity/{name}"), "default", "condition=Ready");
}

fn has_reason(cluster: &TestCluster, object: &str, reason: &str) {
    let condition = format!("jsonpath={{.status.conditions[?(@.type==\"Ready\")].reason}}={reason}");
    cluster.wait(object, "default", &condition);
}

fn ready(cluster: &TestCluster, object: &str) -> Value {
    let found = cluster.get(&[object, "-n", "default"]);
    let conditions = found["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == "Ready").unwrap().clone()
}

fn serial(cluster: &TestCluster, name: &str) -> Value {
    let secret = cluster.get(&["secret", &format!("{name}-mtls"), "-n", "default"]);
    secret["metadata"]["annotations"]["mtls-operator.dev/serial"].clone()
}

#[test]
fn an_old_leader_goes_on_under_newer_definitions_and_names_what_it_does_not_know() {
    let cluster = at_work();
    define(&cluster, &newer());
    renews(&cluster, "web", "1");
    let before = serial(&cluster, "odd");
    patch(&cluster, "mtlsidentity/odd", &json!({ "privateKey": { "algorithm": "MLDSA65" }, "note": "new" }));
    has_reason(&cluster, "mtlsidentity/odd", "Invalid");
    cluster.wait("mtlsidentity/odd", "default", "condition=Stalled");
    let said = ready(&cluster, "mtlsidentity/odd")["message"].to_string();
    assert!(said.contains("spec.privateKey.algorithm is") && said.contains("MLDSA65"), "{said}");
    // The next list of identities contains one that cannot be read.
    cluster.stop_operator();
    cluster.start_operator();
    renews(&cluster, "web", "2");
    assert_eq!(serial(&cluster, "odd"), before, "its Secret stays");
    has_reason(&cluster, "mtlsidentity/odd", "Invalid");
    patch(&cluster, "mtlsidentity/odd", &json!({ "privateKey": { "algorithm": "ECDSAP256" } }));
    cluster.wait("mtlsidentity/odd", "default", "condition=Ready");
}

#[test]
fn an_authority_with_a_word_of_another_version_renews_what_it_permitted_and_permits_nothing_new() {
    let cluster = at_work();
    define(&cluster, &newer());
    let status =
        json!({ "status": { "flavour": "sweet", "rotation": { "phase": "Rehearsing" } } }).to_string();
    // An operator of that version writes it, under the same account.
    cluster.let_accounts_read_status("reads-status");
    cluster.kubectl(&[
        "patch",
        "mtlsauthority",
        "mesh",
        "--subresource=status",
        "--type=merge",
        "--as=system:serviceaccount:mtls-system:mtls-operator",
        "-p",
        &status,
    ]);
    renews(&cluster, "web", "1");
    let algorithms = json!({ "leaf": { "algorithms": ["ECDSAP256", "MLDSA65"] } });
    patch(&cluster, "mtlsauthority/mesh", &algorithms);
    has_reason(&cluster, "mtlsauthority/mesh", "Invalid");
    let verdict = ready(&cluster, "mtlsauthority/mesh");
    assert_eq!(verdict["status"], "True", "it signs: {verdict}");
    assert!(verdict["message"].to_string().contains("spec.leaf.algorithms is"), "{verdict}");
    renews(&cluster, "web", "2");
    // Only another version knows what it selects.
    let namespaces = json!({ "from": "Expression", "expression": "true" });
    patch(&cluster, "mtlsauthority/mesh", &json!({ "namespaces": namespaces, "note": "new" }));
    apply(&cluster, &json!({ "metadata": { "name": "late" }, "spec": {} }));
    has_reason(&cluster, "mtlsidentity/late", "NotPermitted");
    renews(&cluster, "web", "3");
    cluster.stop_operator();
    cluster.start_operator();
    renews(&cluster, "web", "4");
    has_reason(&cluster, "mtlsidentity/late", "NotPermitted");
    patch(&cluster, "mtlsauthority/mesh", &json!({ "namespaces": { "from": "All", "expression": null } }));
    cluster.wait("mtlsidentity/late", "default", "condition=Ready");
}

#[test]
fn a_new_leader_goes_on_under_older_definitions_and_answers_each_request_once() {
    let cluster = at_work();
    define(&cluster, &older());
    for request in ["1", "2"] {
        renews(&cluster, "web", request);
    }
    let before = serial(&cluster, "web");
    assert!(cluster.get(&["mtlsidentity", "web", "-n", "default"])["status"]["lastHandledRenew"].is_null());
    // Whatever another identity is issued in the meantime, this one is not, though its status cannot say what was answered.
    for name in ["later-1", "later-2", "later-3"] {
        apply(&cluster, &json!({ "metadata": { "name": name }, "spec": {} }));
        cluster.wait(&format!("mtlsidentity/{name}"), "default", "condition=Ready");
    }
    cluster.stop_operator();
    cluster.start_operator();
    renews(&cluster, "odd", "1");
    assert_eq!(serial(&cluster, "web"), before);
}
