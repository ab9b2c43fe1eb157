//! Two versions meet: the definitions are upgraded before the operator is, or after it. Both go on, and what one of them does
//! not know is named, and never taken for deleted.

use serde_json::{Value, json};

use crate::compromise::define;
use crate::helm::Installed;
use crate::schema::{newer, older};

/// A cluster with an operator, an authority of its own and identities that are issued.
fn at_work() -> Installed {
    let installed = Installed::new();
    installed.kubectl(&["wait", "mtlsauthority/mesh", "--for=create", "--timeout=90s"]);
    for name in ["web", "odd"] {
        apply(&installed, &json!({ "metadata": { "name": name }, "spec": {} }));
        installed.wait(&format!("mtlsidentity/{name}"), "default", "condition=Ready");
    }
    installed
}

fn apply(installed: &Installed, object: &Value) {
    let mut object = object.clone();
    object["apiVersion"] = json!("mtls-operator.dev/v1alpha1");
    object["kind"] = json!("MtlsIdentity");
    object["metadata"]["namespace"] = json!("default");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("object.json");
    std::fs::write(&file, object.to_string()).unwrap();
    installed.kubectl(&["apply", "-f", file.to_str().unwrap()]);
}

fn patch(installed: &Installed, object: &str, spec: &Value) {
    let patch = json!({ "spec": spec }).to_string();
    installed.kubectl(&["patch", object, "-n", "default", "--type=merge", "-p", &patch]);
}

/// Asks for a renewal, and waits until the Secret holds another certificate.
fn renews(installed: &Installed, name: &str, request: &str) {
    let renew = format!("mtls-operator.dev/renew={request}");
    installed.kubectl(&["annotate", "mtlsidentity", name, "-n", "default", "--overwrite", &renew]);
    let answered = format!(r"jsonpath={{.metadata.annotations.mtls-operator\.dev/renew-request}}={request}");
    installed.wait(&format!("secret/{name}-mtls"), "default", &answered);
    installed.wait(&format!("mtlsidentity/{name}"), "default", "condition=Ready");
}

fn has_reason(installed: &Installed, object: &str, reason: &str) {
    let condition = format!("jsonpath={{.status.conditions[?(@.type==\"Ready\")].reason}}={reason}");
    installed.wait(object, "default", &condition);
}

fn ready(installed: &Installed, object: &str) -> Value {
    let found = installed.get(&[object, "-n", "default"]);
    let conditions = found["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == "Ready").unwrap().clone()
}

fn serial(installed: &Installed, name: &str) -> Value {
    let secret = installed.get(&["secret", &format!("{name}-mtls"), "-n", "default"]);
    secret["metadata"]["annotations"]["mtls-operator.dev/serial"].clone()
}

#[test]
fn an_old_leader_goes_on_under_newer_definitions_and_names_what_it_does_not_know() {
    let installed = at_work();
    define(&installed, &newer());
    renews(&installed, "web", "1");
    let before = serial(&installed, "odd");
    patch(
        &installed,
        "mtlsidentity/odd",
        &json!({ "privateKey": { "algorithm": "MLDSA65" }, "note": "new" }),
    );
    has_reason(&installed, "mtlsidentity/odd", "Invalid");
    installed.wait("mtlsidentity/odd", "default", "condition=Stalled");
    let said = ready(&installed, "mtlsidentity/odd")["message"].to_string();
    assert!(said.contains("spec.privateKey.algorithm is") && said.contains("MLDSA65"), "{said}");
    // The next list of identities contains one that cannot be read.
    installed.stop_operator();
    installed.start_operator();
    renews(&installed, "web", "2");
    assert_eq!(serial(&installed, "odd"), before, "its Secret stays");
    has_reason(&installed, "mtlsidentity/odd", "Invalid");
    patch(&installed, "mtlsidentity/odd", &json!({ "privateKey": { "algorithm": "ECDSAP256" } }));
    installed.wait("mtlsidentity/odd", "default", "condition=Ready");
}

#[test]
fn an_authority_with_a_word_of_another_version_renews_what_it_permitted_and_permits_nothing_new() {
    let installed = at_work();
    define(&installed, &newer());
    let status =
        json!({ "status": { "flavour": "sweet", "rotation": { "phase": "Rehearsing" } } }).to_string();
    // An operator of that version writes it, under the same account.
    installed.let_accounts_read_status("reads-status");
    installed.kubectl(&[
        "patch",
        "mtlsauthority",
        "mesh",
        "--subresource=status",
        "--type=merge",
        "--as=system:serviceaccount:mtls-system:mtls-operator",
        "-p",
        &status,
    ]);
    renews(&installed, "web", "1");
    let algorithms = json!({ "leaf": { "algorithms": ["ECDSAP256", "MLDSA65"] } });
    patch(&installed, "mtlsauthority/mesh", &algorithms);
    has_reason(&installed, "mtlsauthority/mesh", "Invalid");
    let verdict = ready(&installed, "mtlsauthority/mesh");
    assert_eq!(verdict["status"], "True", "it signs: {verdict}");
    assert!(verdict["message"].to_string().contains("spec.leaf.algorithms is"), "{verdict}");
    renews(&installed, "web", "2");
    // Whom it selects only another version knows.
    let namespaces = json!({ "from": "Expression", "expression": "true" });
    patch(&installed, "mtlsauthority/mesh", &json!({ "namespaces": namespaces, "note": "new" }));
    apply(&installed, &json!({ "metadata": { "name": "late" }, "spec": {} }));
    has_reason(&installed, "mtlsidentity/late", "NotPermitted");
    renews(&installed, "web", "3");
    installed.stop_operator();
    installed.start_operator();
    renews(&installed, "web", "4");
    has_reason(&installed, "mtlsidentity/late", "NotPermitted");
    patch(&installed, "mtlsauthority/mesh", &json!({ "namespaces": { "from": "All", "expression": null } }));
    installed.wait("mtlsidentity/late", "default", "condition=Ready");
}

#[test]
fn a_new_leader_goes_on_under_older_definitions_and_answers_each_request_once() {
    let installed = at_work();
    define(&installed, &older());
    for request in ["1", "2"] {
        renews(&installed, "web", request);
    }
    let before = serial(&installed, "web");
    assert!(installed.get(&["mtlsidentity", "web", "-n", "default"])["status"]["lastHandledRenew"].is_null());
    // Whatever another identity is issued in the meantime, this one is not, though its status cannot say what was answered.
    for name in ["later-1", "later-2", "later-3"] {
        apply(&installed, &json!({ "metadata": { "name": name }, "spec": {} }));
        installed.wait(&format!("mtlsidentity/{name}"), "default", "condition=Ready");
    }
    installed.stop_operator();
    installed.start_operator();
    renews(&installed, "odd", "1");
    assert_eq!(serial(&installed, "web"), before);
}
