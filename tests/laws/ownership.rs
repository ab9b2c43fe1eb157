//! Laws of the ownership of a Secret: one that this operator did not make for this identity is never written.

use k8s_openapi::api::core::v1::Secret;
use mtls_operator::operator::identity::ownership::{Ownership, ownership};
use mtls_operator::operator::index::Index;
use mtls_operator::operator::index::identity::ParsedIdentity;
use mtls_operator::operator::index::source::Source;
use serde_json::{Value, json};

use super::fixture::{asked, identity};

/// The Secret as this operator made it for `web`.
fn ours() -> Value {
    json!({
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": "web-mtls", "namespace": "orders",
            "labels": {"mtls-operator.dev/identity": "web"},
            "annotations": {"mtls-operator.dev/identity-uid": "uid-web"},
            "ownerReferences": [owner("mtls-operator.dev/v1alpha1", "MtlsIdentity", "web", true)],
        },
    })
}

fn owner(version: &str, kind: &str, name: &str, controller: bool) -> Value {
    json!({"apiVersion": version, "kind": kind, "name": name, "uid": "u", "controller": controller})
}

/// Whether `web` owns the Secret, with these other identities that want it, too.
fn judged(change: impl FnOnce(&mut Value), others: &[&str]) -> Ownership {
    let mut secret = ours();
    change(&mut secret);
    let secret: Secret = serde_json::from_value(secret).unwrap();
    let mut index = Index::default();
    for name in others.iter().chain(&["web"]) {
        let mut identity = identity(name);
        identity.spec.secret.name = Some("web-mtls".into());
        index.put(ParsedIdentity::from(&identity).entry, Source::Watch);
    }
    ownership(&secret, &asked("web"), &index)
}

fn foreign(belonging: Ownership) -> String {
    match belonging {
        Ownership::Foreign(why) => why,
        other => panic!("{other:?} is not foreign"),
    }
}

fn uid(secret: &mut Value, uid: &str) {
    secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = json!(uid);
}

#[test]
fn what_carries_the_uid_is_its_own_whatever_people_did_to_labels_and_owners() {
    let changes: [fn(&mut Value); 4] = [
        |_| {},
        |secret| secret["metadata"]["labels"] = json!({}),
        |secret| secret["metadata"]["labels"]["mtls-operator.dev/identity"] = json!("other"),
        |secret| secret["metadata"]["ownerReferences"] = json!([owner("v1", "ConfigMap", "x", false)]),
    ];
    for change in changes {
        assert_eq!(judged(change, &["other"]), Ownership::Owned);
    }
}

#[test]
fn a_secret_of_a_former_identity_of_the_name_is_adopted_by_label_or_else_by_owner() {
    assert_eq!(judged(|secret| uid(secret, "gone"), &[]), Ownership::Adoptable);
    let by_owner = |secret: &mut Value| {
        uid(secret, "gone");
        secret["metadata"]["labels"] = json!({});
    };
    assert_eq!(judged(by_owner, &[]), Ownership::Adoptable);
}

#[test]
fn what_belongs_to_an_identity_that_exists_is_not_taken_from_it() {
    let why = foreign(judged(|secret| uid(secret, "uid-other"), &["other"]));
    assert!(why.contains("belongs to MtlsIdentity orders/other"), "{why}");
}

#[test]
fn a_secret_of_another_name_is_not_adopted() {
    let change = |secret: &mut Value| {
        uid(secret, "gone");
        secret["metadata"]["labels"]["mtls-operator.dev/identity"] = json!("other");
    };
    let why = foreign(judged(change, &[]));
    assert!(why.contains("was left by MtlsIdentity orders/other"), "{why}");
    let nameless = |secret: &mut Value| {
        uid(secret, "gone");
        (secret["metadata"]["labels"], secret["metadata"]["ownerReferences"]) = (json!({}), json!([]));
    };
    assert!(foreign(judged(nameless, &[])).contains("does not say which MtlsIdentity"));
}

#[test]
fn what_cannot_or_must_not_be_written_is_foreign_even_with_the_right_uid() {
    type Row = (fn(&mut Value), &'static str);
    let rows: [Row; 5] = [
        (|secret| secret["type"] = json!("Opaque"), "has the type Opaque"),
        (|secret| secret["type"] = Value::Null, "has the type Opaque"),
        (|secret| secret["immutable"] = json!(true), "is immutable"),
        (
            |secret| {
                secret["metadata"]["ownerReferences"] = json!([owner("apps/v1", "Deployment", "x", true)]);
            },
            "is controlled by Deployment x",
        ),
        (
            // Another group's kind of the same name is not ours.
            |secret| {
                secret["metadata"]["ownerReferences"] =
                    json!([owner("x.dev/v1", "MtlsIdentity", "web", true)]);
            },
            "is controlled by MtlsIdentity web",
        ),
    ];
    for (change, expected) in rows {
        let why = foreign(judged(change, &[]));
        assert!(why.starts_with("Secret orders/web-mtls ") && why.contains(expected), "{why}");
    }
}

#[test]
fn a_secret_without_our_annotations_is_foreign() {
    let why = foreign(judged(|secret| secret["metadata"]["annotations"] = json!({}), &[]));
    assert!(why.contains("was not made by mtls-operator"), "{why}");
}

#[test]
fn what_lost_our_annotations_is_still_its_controllers() {
    let bare = |secret: &mut Value| {
        secret["metadata"]["annotations"] = json!({});
        secret["metadata"]["ownerReferences"][0]["uid"] = json!("uid-web");
    };
    assert_eq!(judged(bare, &[]), Ownership::Owned);
}
