//! The right to write the status of identities and authorities.

use serde_json::{Value, json};

use crate::policy::{OPERATOR, Policy, write};

const TENANT: &str = "tenant";
const ADMIN: &str = "admin";
const OTHER: &str = "system:serviceaccount:other:other-mtls-operator";

fn identity(authority: &str) -> Value {
    json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity", "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "authorityRef": { "name": authority } },
    })
}

/// An authority that the operator of this namespace serves; of none, where the namespace is empty.
fn authority(name: &str, operator: &str) -> Value {
    let mut authority = json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority", "metadata": { "name": name }, "spec": {},
    });
    if !operator.is_empty() {
        authority["metadata"]["annotations"] = json!({ "mtls-operator.dev/operator-namespace": operator });
    }
    authority
}

/// A status written by a user, who may or may not write that of authorities.
fn status(user: &str, object: &Value, is_of_cluster: bool) -> Value {
    let kind = if object["kind"] == "MtlsIdentity" { "mtlsidentities" } else { "mtlsauthorities" };
    let mut request = write(user, &format!("mtls-operator.dev:{kind}/status"), object, object);
    if is_of_cluster {
        request["rights"] = json!(["mtlsauthorities/status"]);
    }
    request
}

#[test]
fn no_right_in_a_namespace_is_enough_to_write_a_status() {
    let (identity, ours, others) =
        (identity("mesh"), authority("mesh", "mtls-system"), authority("mesh", "other"));
    Policy::of("status", &[]).says(&[
        ("outside", status(OPERATOR, &identity, true)),
        ("outside", status(OPERATOR, &ours, true)),
        ("denied", status(TENANT, &identity, false)),
        ("denied", status(TENANT, &ours, false)),
        ("denied", status(ADMIN, &ours, true)),
        ("denied", status("system:serviceaccount:mtls-system:other", &ours, true)),
        // What is not this release's is left to the operator that serves it.
        ("admitted", status(OTHER, &identity, true)),
        ("admitted", status(OTHER, &others, true)),
        ("admitted", status(OTHER, &authority("mesh", ""), true)),
    ]);
}

#[test]
fn the_status_of_an_identity_of_an_own_authority_is_closed_to_administrators_too() {
    let of = |user: &str, params: Value| {
        let mut request = status(user, &identity("mesh"), true);
        request["params"] = params;
        request
    };
    Policy::of("status-of-own", &[]).says(&[
        ("outside", of(OPERATOR, authority("mesh", "mtls-system"))),
        ("denied", of(ADMIN, authority("mesh", "mtls-system"))),
        ("denied", of(OTHER, authority("mesh", "mtls-system"))),
        ("outside", of(ADMIN, authority("second", "mtls-system"))),
        ("admitted", of(OTHER, authority("mesh", "other"))),
        ("admitted", of(OTHER, authority("mesh", ""))),
    ]);
}

#[test]
fn writers_and_former_accounts_write_status_beside_the_own_account() {
    let values = [
        "serviceAccount.name=new",
        "serviceAccount.formerNames={old}",
        "admissionPolicies.writers={system:serviceaccount:velero:velero}",
    ];
    let policy = Policy::of("status", &values);
    let ours = authority("mesh", "mtls-system");
    let named = ["mtls-system:new", "mtls-system:old", "velero:velero"];
    policy
        .says(&named.map(|name| ("outside", status(&format!("system:serviceaccount:{name}"), &ours, true))));
    policy.says(&[("denied", status(OPERATOR, &ours, true))]);
}
