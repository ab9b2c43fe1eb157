//! The policies that limit the writes of the operator's account beyond RBAC.

use serde_json::{Value, json};

use crate::policy::{OPERATOR, Policy, write};

const UID: &str = "mtls-operator.dev/identity-uid";
const TRUST: &str = "mtls-operator.dev/trust";

fn object(kind: &str, namespace: &str, annotations: &[&str], rest: &Value) -> Value {
    let annotations: Value = annotations
        .iter()
        .map(|key| ((*key).to_owned(), json!("x")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let metadata = json!({ "name": "one", "namespace": namespace, "annotations": annotations });
    let mut object = json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata });
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

fn secret(namespace: &str, type_: &str, annotations: &[&str]) -> Value {
    object("Secret", namespace, annotations, &json!({ "type": type_ }))
}

fn config_map(annotations: &[&str]) -> Value {
    object("ConfigMap", "shop", annotations, &json!({ "data": {} }))
}

/// A leaf Secret of ours from which people removed our annotations.
fn stripped() -> Value {
    let owner = json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity", "name": "web", "uid": "u", "controller": true
    });
    let mut secret = secret("shop", "kubernetes.io/tls", &[]);
    secret["metadata"]["ownerReferences"] = json!([owner]);
    secret["metadata"].as_object_mut().unwrap().remove("annotations");
    secret
}

const NONE: Value = Value::Null;

#[test]
fn secrets_of_its_own_are_written_and_no_others() {
    let leaf = secret("shop", "kubernetes.io/tls", &[UID, "team"]);
    let root = secret("mtls-system", "mtls-operator.dev/root", &["mtls-operator.dev/authority"]);
    let ingress = secret("shop", "kubernetes.io/tls", &["team"]);
    let token =
        secret("shop", "kubernetes.io/service-account-token", &[UID, "kubernetes.io/service-account.name"]);
    let opaque = secret("shop", "Opaque", &[UID]);
    let elsewhere = secret("shop", "mtls-operator.dev/root", &[]);
    let mut bare = ingress.clone();
    bare["metadata"].as_object_mut().unwrap().remove("annotations");
    let by = |before: &Value, after: &Value| write(OPERATOR, "secrets", before, after);
    Policy::of("writes", &[]).says(&[
        ("admitted", by(&NONE, &leaf)),
        ("admitted", by(&leaf, &leaf)),
        ("admitted", by(&leaf, &ingress)),
        ("admitted", by(&stripped(), &leaf)),
        ("admitted", by(&NONE, &root)),
        ("admitted", by(&root, &root)),
        ("denied", by(&NONE, &ingress)),
        ("denied", by(&NONE, &stripped())),
        ("denied", by(&ingress, &leaf)),
        ("denied", by(&bare, &leaf)),
        ("denied", by(&ingress, &NONE)),
        ("denied", by(&NONE, &token)),
        ("denied", by(&token, &token)),
        ("denied", by(&NONE, &opaque)),
        ("denied", by(&opaque, &NONE)),
        ("denied", by(&NONE, &elsewhere)),
        ("outside", write("system:serviceaccount:shop:app", "secrets", &NONE, &token)),
        ("outside", write("system:serviceaccount:mtls-system:other", "secrets", &ingress, &NONE)),
    ]);
}

#[test]
fn config_maps_of_its_own_are_written_and_no_others() {
    let (ours, theirs) = (config_map(&[TRUST]), config_map(&["team"]));
    let mut bare = theirs.clone();
    bare["metadata"].as_object_mut().unwrap().remove("annotations");
    let by = |before: &Value, after: &Value| write(OPERATOR, "configmaps", before, after);
    let holding = |data: Value| {
        let mut holding = ours.clone();
        holding["data"] = data;
        holding
    };
    let (bundle, theirs_too) =
        (holding(json!({ "ca.crt": "1" })), holding(json!({ "ca.crt": "1", "mapRoles": "a" })));
    let mut binary = bundle.clone();
    binary["binaryData"] = json!({ "mapRoles": "YQ==" });
    Policy::of("writes", &[]).says(&[
        ("admitted", by(&NONE, &bundle)),
        ("admitted", by(&bundle, &holding(json!({ "ca.crt": "2" })))),
        // What other writers have put there stays.
        ("admitted", by(&theirs_too, &holding(json!({ "ca.crt": "2", "mapRoles": "a" })))),
        ("denied", by(&theirs_too, &holding(json!({ "ca.crt": "1", "mapRoles": "b" })))),
        ("denied", by(&bundle, &theirs_too)),
        ("denied", by(&NONE, &theirs_too)),
        ("denied", by(&NONE, &binary)),
        ("denied", by(&bundle, &binary)),
        ("admitted", by(&binary, &binary)),
        ("admitted", by(&NONE, &ours)),
        ("admitted", by(&ours, &ours)),
        ("admitted", by(&ours, &NONE)),
        ("denied", by(&NONE, &theirs)),
        ("denied", by(&NONE, &bare)),
        ("denied", by(&theirs, &ours)),
        ("denied", by(&bare, &ours)),
        ("denied", by(&theirs, &NONE)),
        ("outside", write("admin", "configmaps", &theirs, &NONE)),
    ]);
}

#[test]
fn of_an_authority_it_writes_annotations_only() {
    let authority = |spec: Value, note: &str| {
        json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority", "spec": spec,
            "metadata": { "name": "mesh", "annotations": { "mtls-operator.dev/operator-namespace": note } },
        })
    };
    let granting = |names: &[&str]| json!({ "grants": [{ "name": "a", "dnsNames": names }] });
    let before = authority(granting(&["a.example"]), "");
    let by = |after: &Value| write(OPERATOR, "mtls-operator.dev:mtlsauthorities", &before, after);
    Policy::of("writes", &[]).says(&[
        ("admitted", by(&authority(granting(&["a.example"]), "mtls-system"))),
        ("denied", by(&authority(granting(&["b.example"]), ""))),
        ("denied", by(&authority(granting(&["a.example", "b.example"]), ""))),
        ("denied", by(&authority(json!({}), ""))),
    ]);
}

#[test]
fn cluster_trust_bundles_of_its_own_signers_are_written_and_no_others() {
    let bundle = |signer: &Value, annotations: &[&str]| {
        let spec = json!({ "spec": { "signerName": signer, "trustBundle": "" } });
        object("ClusterTrustBundle", "", annotations, &spec)
    };
    let ours = bundle(&json!("mtls-operator.dev/mesh"), &[TRUST]);
    let theirs = bundle(&json!("example.com/ca"), &[TRUST]);
    let mut free = bundle(&Value::Null, &[TRUST]);
    free["spec"].as_object_mut().unwrap().remove("signerName");
    let by = |before: &Value, after: &Value| {
        write(OPERATOR, "certificates.k8s.io:clustertrustbundles", before, after)
    };
    Policy::of("writes", &["trustBundles.clusterTrustBundles=true"]).says(&[
        ("admitted", by(&NONE, &ours)),
        ("admitted", by(&ours, &ours)),
        ("admitted", by(&ours, &NONE)),
        ("denied", by(&NONE, &theirs)),
        ("denied", by(&NONE, &free)),
        ("denied", by(&free, &NONE)),
        ("denied", by(&theirs, &NONE)),
        ("denied", by(&NONE, &bundle(&json!("mtls-operator.dev/mesh"), &[]))),
    ]);
}

/// After a rename the policies hold for the account that the old leader still runs as.
#[test]
fn former_accounts_are_limited_too() {
    let policy = Policy::of("writes", &["serviceAccount.name=new", "serviceAccount.formerNames={old}"]);
    let theirs = config_map(&[]);
    policy.says(&["new", "old"].map(|name| {
        let account = format!("system:serviceaccount:mtls-system:{name}");
        ("denied", write(&account, "configmaps", &theirs, &theirs))
    }));
}
