//! Laws of what this version cannot read: permissions fail closed, the root stays as it is, and what was permitted before is
//! still renewed (`docs/api-policy.md`, C6).

use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::operator::scheduler::requeue::Requeue;
use mtls_operator::plan::authority::ca_state::{CaState, Provided, RootSecret};
use mtls_operator::plan::authority::decide;
use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::authority::transition::Transition;
use mtls_operator::plan::identity::decide::{IssueReason, Plan, decide};
use mtls_operator::plan::identity::policy::{Permission, authorize, permission, retained};
use mtls_operator::plan::identity::ready::{ReadyReason, Refusal};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::identity::world::{Before, SecretState};
use serde_json::{Value, json};

use super::fixture::{Case, DAY, HOUR, MINUTE, NOW, asked, pairs};
use super::requeue::Indexed;
use super::root::{sound, world};

fn terms(spec: Value) -> AuthoritySpec {
    let authority: MtlsAuthority = serde_json::from_value(json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority", "metadata": { "name": "mesh" }, "spec": spec,
    }))
    .unwrap();
    AuthoritySpec::parse(&authority).unwrap()
}

/// A word of another version in each field that has words, and in each that has a form.
fn of_the_root() -> Vec<Value> {
    vec![
        json!({ "root": { "algorithm": "MLDSA65" } }),
        json!({ "root": { "ttl": "1y" } }),
        json!({ "root": { "renewBefore": "1y" } }),
        json!({ "rotation": { "propagation": "1y" } }),
        json!({ "rotation": { "spreadOver": "1y" } }),
        json!({ "leaf": { "maxTTL": "1y" } }),
        json!({ "distrustedRoots": [{ "fingerprint": "sha512:00" }] }),
    ]
}

fn of_permissions() -> Vec<Value> {
    let of_namespaces = json!({ "from": "Expression" });
    let operator = json!({ "matchExpressions": [{ "key": "a", "operator": "Like", "values": ["b"] }] });
    vec![
        json!({ "namespaces": of_namespaces }),
        json!({ "namespaces": operator }),
        json!({ "grants": [{ "name": "edge", "namespaces": of_namespaces, "dnsNames": ["example.com"] }] }),
        json!({ "grants": [{ "name": "edge", "namespaces": { "from": "All" }, "cidrs": ["everywhere"] }] }),
    ]
}

#[test]
fn each_value_that_cannot_be_read_is_named_with_what_follows() {
    for spec in of_the_root() {
        let unread = terms(spec.clone()).unread;
        assert!(unread.freezes_root() && !unread.hides_permissions(), "{spec}");
    }
    for spec in of_permissions() {
        let unread = terms(spec.clone()).unread;
        assert!(unread.hides_permissions() && !unread.freezes_root(), "{spec}");
    }
    let algorithms = terms(json!({ "leaf": { "algorithms": ["MLDSA65", "ED25519"] } }));
    assert_eq!(algorithms.algorithms.len(), 1, "a word of a list is left out");
    assert!(!algorithms.unread.freezes_root() && !algorithms.unread.hides_permissions());
    let sentence = algorithms.unread.sentence().unwrap();
    assert!(sentence.contains("spec.leaf.algorithms is \"MLDSA65\": it is ignored"), "{sentence}");
    let published = terms(json!({ "trustBundle": { "namespaces": { "from": "Expression" } } })).unread;
    assert!(published.hides_publication() && !published.hides_permissions());
    assert_eq!(terms(json!({})).unread.sentence(), None);
}

#[test]
fn no_lifetime_is_longer_than_what_can_be_read() {
    let lifetimes = |leaf: Value| {
        let terms = terms(json!({ "leaf": leaf }));
        (terms.leaf_ttl, terms.max_leaf_ttl)
    };
    assert_eq!(lifetimes(json!({ "ttl": "2h", "maxTTL": "1d" })), (HOUR * 2, HOUR * 2));
    assert_eq!(lifetimes(json!({ "ttl": "1d", "maxTTL": "2h" })), (HOUR * 2, HOUR * 2));
    assert_eq!(lifetimes(json!({ "ttl": "1d", "maxTTL": "2d" })), (DAY, DAY));
}

#[test]
fn a_root_is_neither_made_nor_changed_while_a_value_that_it_depends_on_cannot_be_read() {
    let unread = terms(json!({ "root": { "algorithm": "MLDSA65" } })).unread;
    let due = CaState { rotate_request: None, ..sound() };
    for secret in [RootSecret::Absent, RootSecret::Sound(due.clone()), RootSecret::Expired(sound())] {
        let mut frozen = world(secret.clone(), Provided::NotAsked);
        frozen.inputs.request = Some("1".into());
        assert_ne!(decide::decide(&frozen).plan, RootPlan::Keep, "{secret:?}");
        frozen.unread = unread.clone();
        let decision = decide::decide(&frozen);
        assert_eq!(decision.plan, RootPlan::Keep, "{secret:?}");
        assert!(decision.stalled && decision.message.contains("spec.root.algorithm is"), "{decision:?}");
        assert_eq!(decision.signs, matches!(secret, RootSecret::Sound(_)), "signing goes on, where it can");
    }
    let mut other = world(RootSecret::Sound(due), Provided::NotAsked);
    other.inputs.request = Some("1".into());
    other.unread = terms(json!({ "namespaces": { "from": "Expression" } })).unread;
    let decision = decide::decide(&other);
    assert_ne!(decision.plan, RootPlan::Keep, "permissions say nothing of the root");
    assert_eq!((decision.signs, decision.stalled, decision.reason), (true, true, AuthorityReason::Invalid));
}

/// Else a leaf would outlive the trust in its root (I2).
#[test]
fn a_longer_lifetime_is_recorded_though_the_root_must_not_change() {
    let mut frozen = world(RootSecret::Sound(CaState { max_leaf_ttl: 1, ..sound() }), Provided::NotAsked);
    frozen.unread = terms(json!({ "root": { "algorithm": "MLDSA65" } })).unread;
    let recorded = RootPlan::Change(Transition::RaiseMaxLeafTtl);
    assert_eq!(decide::decide(&frozen).plan, recorded);
    // Also where another change, which must wait, would come first.
    frozen.inputs.request = Some("1".into());
    assert_eq!(decide::decide(&frozen).plan, recorded);
}

/// What can be read is in force: a word that this version does not know elsewhere takes no refusal back.
#[test]
fn only_what_cannot_be_read_may_still_permit_a_name() {
    let labels = pairs(&[("team", "red")]);
    let hidden =
        |name: &str| json!({ "name": "edge", "namespaces": { "from": "Expression" }, "dnsNames": [name] });
    let named = |name: &str| IdentitySpec { dns_names: vec![name.into()], ..asked("web") };
    let terms_of =
        |namespaces: Value, name: &str| terms(json!({ "namespaces": namespaces, "grants": [hidden(name)] }));
    let (all, blue) = (json!({ "from": "All" }), json!({ "matchLabels": { "team": "blue" } }));
    let permission = |asked: &IdentitySpec, terms: &AuthoritySpec| permission(asked, terms, &labels);
    let may = terms_of(all.clone(), "example.com");
    assert_eq!(permission(&named("example.com"), &may), Permission::Hidden);
    assert_eq!(permission(&asked("web"), &may), Permission::Granted);
    assert_eq!(permission(&named("example.org"), &may), Permission::Refused, "no grant may name it");
    assert_eq!(
        permission(&named("example.com"), &terms_of(blue.clone(), "example.com")),
        Permission::Refused
    );
    assert_eq!(permission(&asked("web"), &terms_of(blue, "example.com")), Permission::Refused);
    let address = IdentitySpec { ip_addresses: vec!["10.0.0.1".parse().unwrap()], ..asked("web") };
    assert_eq!(permission(&address, &may), Permission::Refused);
    assert_eq!(permission(&address, &terms(of_permissions()[3].clone())), Permission::Hidden);
    for terms in [terms_of(json!({ "from": "All" }), "example.org"), terms(json!({}))] {
        assert_eq!(retained(&named("example.com"), &terms, &labels), None);
    }
}

#[test]
fn what_cannot_be_read_permits_nothing() {
    let labels = pairs(&[("team", "red")]);
    let [everything, ..] = &of_permissions()[..] else { panic!() };
    let plain = asked("web");
    assert!(matches!(authorize(&plain, &terms(everything.clone()), &labels), Err(Refusal::NotPermitted(_))));
    assert_eq!(permission(&plain, &terms(everything.clone()), &labels), Permission::Hidden);
    let named = IdentitySpec { dns_names: vec!["example.com".into()], ..asked("web") };
    assert_eq!(permission(&named, &terms(of_permissions()[2].clone()), &labels), Permission::Hidden);
    assert_eq!(permission(&named, &terms(json!({})), &labels), Permission::Refused, "all of it can be read");
    let long = IdentitySpec { ttl: Some(DAY * 30), ..asked("web") };
    assert_eq!(
        permission(&long, &terms(everything.clone()), &labels),
        Permission::Refused,
        "limits can be read"
    );
}

/// A refused identity with the leaf that it was permitted before.
fn held_before() -> Case {
    Case::changed(|case| {
        let hidden = terms(json!({ "namespaces": { "from": "Expression" } }));
        let allowed = case.terms.as_mut().unwrap();
        allowed.entitlement = authorize(&case.asked, &hidden, &pairs(&[]));
        allowed.retained = retained(&case.asked, &hidden, &pairs(&[]));
    })
}

fn plan(case: &Case) -> Plan {
    decide(&case.world(), NOW + HOUR * 23).plan
}

#[test]
fn a_leaf_that_was_permitted_is_renewed_though_the_permission_cannot_be_read() {
    let due = Plan::Issue { because: IssueReason::Due, over: Some("7".into()) };
    assert_eq!(plan(&held_before()), due);
    let ready = decide(&held_before().world(), NOW + MINUTE).ready;
    assert_eq!((ready.ready, ready.reason), (true, ReadyReason::Issued));
    let changes: [fn(&mut Case); 5] = [
        |case| case.before = Before { was_permitted: false, ..case.before },
        |case| case.terms.as_mut().unwrap().retained = None,
        |case| case.held().matches_profile = false,
        |case| case.held().carries_uid = false,
        |case| case.secret = SecretState::Absent,
    ];
    for change in changes {
        let mut case = held_before();
        change(&mut case);
        assert!(!matches!(plan(&case), Plan::Issue { .. }), "nothing new is permitted");
        assert_eq!(decide(&case.world(), NOW).ready.reason, ReadyReason::NotPermitted);
    }
}

#[test]
fn while_a_permission_cannot_be_read_an_identity_stands_as_it_did() {
    let mut indexed = Indexed::settled();
    indexed.permission = Some(Permission::Hidden);
    let settled = indexed.next_reconcile();
    assert!(matches!(settled, Requeue::At(_)), "{settled:?}");
    indexed.stands(ReadyReason::NotPermitted);
    indexed.entry.recorded.is_stalled = true;
    assert_eq!(indexed.next_reconcile(), Requeue::OnChange);
}

#[test]
fn a_word_of_another_version_in_an_identity_is_invalid_and_named_and_its_trust_is_kept_current() {
    for (field, spec) in [
        ("privateKey.algorithm", json!({ "privateKey": { "algorithm": "MLDSA65" } })),
        ("secret.reclaim", json!({ "secret": { "reclaim": "Orphan" } })),
        (
            "probes[].clientCertificates",
            json!({ "probes": [{ "name": "a", "serviceName": "a", "targetPort": 1, "clientCertificates": "Some" }] }),
        ),
        ("ttl", json!({ "ttl": "1d" })),
        ("renewBefore", json!({ "renewBefore": "1d" })),
        ("ipAddresses", json!({ "ipAddresses": ["nowhere"] })),
    ] {
        let mut identity: MtlsIdentity = super::fixture::identity("web");
        identity.spec = serde_json::from_value(spec).unwrap();
        let mut case = Case::settled();
        case.asked = IdentitySpec::parse(&identity).unwrap();
        let verdict = authorize(&case.asked, &terms(json!({})), &pairs(&[]));
        let Err(Refusal::Malformed(why)) = &verdict else { panic!("{field}: {verdict:?}") };
        assert!(why.contains(&format!("spec.{field} ")), "{why}");
        case.terms.as_mut().unwrap().entitlement = verdict;
        case.stalls_at = NOW + DAY;
        case.held().trust = Some("t0".into());
        let decision = decide(&case.world(), NOW);
        assert_eq!(decision.plan, Plan::Refresh { over: "7".into() }, "{field}");
        let ready = &decision.ready;
        assert_eq!(
            (ready.ready, ready.stalled, ready.reason),
            (false, true, ReadyReason::Invalid),
            "{field}"
        );
    }
}
