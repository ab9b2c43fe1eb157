//! Identities with a default spec: all of a namespace are judged alike, so one answer is kept for them.

use mtls_operator::operator::index::identity::ParsedIdentity;
use mtls_operator::plan::identity::policy::{Permission, permission_of_default};
use mtls_operator::plan::identity::spec::IdentitySpec;
use serde_json::{Value, json};

use super::{judged, terms_of};
use crate::fixture::{asked, pairs, terms};

#[test]
fn every_plain_identity_of_a_namespace_is_judged_alike() {
    let refusing = [
        terms_of(json!({"namespaces": {"matchLabels": {"team": "blue"}}})),
        terms_of(json!({"leaf": {"ttl": "10m"}, "rotation": {"propagation": "5m"}})),
        terms_of(json!({"leaf": {"algorithms": ["ED25519"]}})),
    ];
    let permitting = [terms(), terms_of(json!({"namespaces": {"matchLabels": {"team": "red"}}}))];
    let cases =
        refusing.iter().map(|terms| (terms, false)).chain(permitting.iter().map(|terms| (terms, true)));
    for (terms, is_permitted) in cases {
        for (namespace, name) in [("orders", "web"), ("com", "a"), ("kube-system", "x-1"), ("7", "0")] {
            let asked = IdentitySpec { namespace: namespace.into(), ..asked(name) };
            assert_eq!(judged(&asked, terms).is_ok(), is_permitted, "{namespace}/{name}");
            let permission = permission_of_default(terms, namespace, &pairs(&[("team", "red")]));
            assert_eq!(permission == Permission::Granted, is_permitted);
        }
    }
}

/// The index records that an identity has a default spec, and such an identity is judged by its namespace alone.
#[test]
fn an_identity_that_its_own_name_or_its_subject_could_refuse_is_not_plain() {
    let is_default_spec = |namespace: &str, name: &str, spec: Value| {
        let identity = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity", "spec": spec,
            "metadata": { "namespace": namespace, "name": name, "uid": "u" },
        });
        ParsedIdentity::from(&serde_json::from_value(identity).unwrap()).entry.is_default_spec
    };
    assert!(is_default_spec("default", "web", json!({})));
    assert!(is_default_spec("default", "kubernetes", json!({ "services": [] })));
    assert!(!is_default_spec("default", "kubernetes", json!({})));
    assert!(!is_default_spec("default", "web", json!({ "services": ["kubernetes"] })));
    assert!(!is_default_spec("home", "web", json!({ "subject": { "commonName": "ServiceAccount" } })));
}
