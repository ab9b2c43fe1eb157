//! Laws of the objects that are kept of identities, so that they need not be read: exact or absent, and bounded.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ManagedFieldsEntry, ObjectMeta, Time};
use mtls_operator::api::identity::SecretReference;
use mtls_operator::api::{MtlsIdentity, MtlsIdentityStatus};
use mtls_operator::operator::index::identity::ParsedIdentity;
use mtls_operator::operator::index::kept_object::MAX_TEXT;
use mtls_operator::operator::index::texts::{MAX_OCTETS, Texts};
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::plan::identity::ready::IdentityReady;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use test_support::properties;

use super::fixture::{NOW, identity};
use super::requeue::issued;
use super::scheduler::{at, ready, version};

/// The object as it is put together again from what is kept.
fn kept(identity: &MtlsIdentity) -> Option<MtlsIdentity> {
    let ParsedIdentity { mut entry, object, .. } = ParsedIdentity::from(identity);
    entry.kept = object?.keep(&mut Texts::default());
    assert!(entry.kept.is_some(), "there is room");
    entry.object()
}

/// What a reconcile reads of an object.
fn needed(identity: &MtlsIdentity) -> MtlsIdentity {
    let meta = &identity.metadata;
    let renew = meta.annotations.as_ref().and_then(|all| all.get("mtls-operator.dev/renew"));
    let mut writes: Vec<_> = meta.managed_fields.clone().unwrap_or_default();
    writes.retain(|write| write.subresource.is_none());
    writes.sort_by_key(|write| write.time.clone().map(|time| time.0));
    let last = writes.pop().map(|write| ManagedFieldsEntry { fields_v1: None, ..write });
    let metadata = ObjectMeta {
        annotations: renew.map(|value| [("mtls-operator.dev/renew".to_owned(), value.clone())].into()),
        managed_fields: last.map(|write| vec![write]),
        labels: None,
        finalizers: None,
        ..meta.clone()
    };
    MtlsIdentity { metadata, ..identity.clone() }
}

fn some<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = Option<T>> + use<T> {
    option::of(select(values.to_vec()))
}

fn texts<const N: usize>(texts: [&str; N]) -> impl Strategy<Value = Option<String>> + use<N> {
    some(&texts.map(str::to_owned))
}

/// Usual moments, and some that have no short form.
fn moment() -> impl Strategy<Value = Option<Time>> {
    let odd = [Timestamp::UNIX_EPOCH, Timestamp::MIN, Timestamp::MAX, NOW + SignedDuration::from_millis(1)];
    let usual = (0..3_i64).prop_map(|hours| NOW + SignedDuration::from_hours(hours));
    option::of(prop_oneof![4 => usual, 1 => select(odd.to_vec())].prop_map(Time))
}

fn condition() -> impl Strategy<Value = Condition> {
    let message = prop_oneof![
        Just(IdentityReady::issued(NOW, &[]).message),
        Just("web orders \u{1}\u{2} \"ä\" 2026-05-28T20:26:40Z".to_owned()),
        "[a-z \\\\\"\u{1}-\u{3}]{0,20}",
    ];
    (select(vec!["Ready", "Stalled", "Serving"]), message, moment(), option::of(0..3_i64)).prop_map(
        |(type_, message, since, observed_generation)| Condition {
            type_: type_.into(),
            status: "True".into(),
            reason: "Issued".into(),
            message,
            last_transition_time: since.unwrap_or(Time(NOW)),
            observed_generation,
        },
    )
}

const HEX: &str = "40aabbccddeeff00112233445566778899aabbcc";

fn status() -> impl Strategy<Value = MtlsIdentityStatus> {
    let version = texts(["7", "0", "07", "", "18446744073709551615", "v1"]);
    let names = texts(["web.orders.svc", "a", "orders"]);
    (
        (option::of(-1..3_i64), proptest::collection::vec(condition(), 0..4), names, version),
        (texts([HEX, "5e", "", &HEX.to_uppercase()]), moment(), moment(), moment()),
        (
            texts([HEX, "a1"]),
            texts([&"5a".repeat(32), "no proof"]),
            option::of(-1..3_i64),
            texts(["now", ""]),
        ),
    )
        .prop_map(|((generation, conditions, dns, version), (serial, from, to, renewal), rest)| {
            let (authority_key_id, proof, revision, last_handled_renew) = rest;
            MtlsIdentityStatus {
                observed_generation: generation,
                conditions,
                spiffe_id: dns.as_ref().map(|name| format!("spiffe://cluster.local/ns/orders/sa/{name}")),
                dns_names: dns.into_iter().collect(),
                serial,
                not_before: from,
                not_after: to,
                renewal_time: renewal,
                authority_key_id,
                proof,
                secret: version
                    .map(|version| SecretReference { name: "web-mtls".into(), resource_version: version }),
                revision,
                last_handled_renew,
                authority_name: Some("mesh".into()),
                served: None,
            }
        })
}

fn metadata() -> impl Strategy<Value = ObjectMeta> {
    let writes =
        (texts(["kubectl", "argocd"]), moment(), texts(["status"])).prop_map(|(manager, time, part)| {
            ManagedFieldsEntry { manager, time, subresource: part, ..ManagedFieldsEntry::default() }
        });
    (
        (select(vec!["web", "a", "status", "orders"]), select(vec!["orders", "web", "e"])),
        texts(["0b6a7f70-9d2e-4f0c-8a3b-1c2d3e4f5a6b", "uid-web", "0B6A7F70-9D2E-4F0C-8A3B-1C2D3E4F5A6B"]),
        (texts(["1", "0", "x", "01", "99"]), option::of(0..3_i64), texts(["now", "\u{1}"])),
        option::of(proptest::collection::vec(writes, 0..3)),
    )
        .prop_map(|((name, namespace), uid, (version, generation, renew), writes)| ObjectMeta {
            name: Some(name.into()),
            namespace: Some(namespace.into()),
            uid,
            resource_version: version,
            generation,
            annotations: renew.map(|value| [("mtls-operator.dev/renew".to_owned(), value)].into()),
            labels: Some([("team".to_owned(), "red".to_owned())].into()),
            managed_fields: writes,
            ..ObjectMeta::default()
        })
}

fn spec() -> impl Strategy<Value = serde_json::Value> {
    select(vec![
        json!({}),
        json!({ "services": [], "dnsNames": ["web.example.com", "*.orders.svc"], "ttl": "1h" }),
        json!({ "authorityRef": { "name": "web" }, "privateKey": { "algorithm": "MLDSA65" }, "paused": true }),
        json!({ "secret": { "name": "orders", "labels": { "a": "web" }, "annotations": { "b": "\u{1}\u{3}" } } }),
        json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443 }] }),
    ])
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 2000))]

    #[test]
    fn what_is_kept_of_an_object_is_exactly_what_a_reconcile_reads_of_it(
        metadata in metadata(),
        spec in spec(),
        status in option::of(status()),
    ) {
        let spec = serde_json::from_value(spec).unwrap();
        let identity = MtlsIdentity { metadata, spec, status };
        if let Some(kept) = kept(&identity) {
            prop_assert_eq!(kept, needed(&identity));
        }
    }
}

#[test]
fn a_usual_object_is_kept_and_one_that_is_unusual_is_not() {
    let usual = issued("web");
    assert_eq!(kept(&usual), Some(needed(&usual)));
    let unusual = [
        json!({ "metadata": { "deletionTimestamp": "2026-05-28T20:26:40Z" } }),
        json!({ "metadata": { "resourceVersion": "seven" } }),
        json!({ "status": { "served": { "endpoints": 1 } } }),
        json!({ "spec": { "secret": { "annotations": { "example.com/long": "x".repeat(MAX_TEXT) } } } }),
    ];
    for change in unusual {
        let mut identity = serde_json::to_value(&usual).unwrap();
        for (part, fields) in change.as_object().unwrap() {
            for (field, value) in fields.as_object().unwrap() {
                identity[part][field] = value.clone();
            }
        }
        assert_eq!(kept(&serde_json::from_value(identity).unwrap()), None, "{change}");
    }
}

/// A new identity whose spec is like no other's, with so many octets.
fn odd(name: &str, octets: usize) -> MtlsIdentity {
    let mut identity = identity(name);
    // Not with its name in it, for which the text has a placeholder.
    let text = format!("{}{}", name.replace('-', ":"), "x".repeat(octets));
    identity.spec.secret.annotations = [("example.com/text".to_owned(), text)].into();
    identity
}

#[test]
fn an_object_is_kept_however_many_identities_there_are_and_whether_or_not_they_wait() {
    let mut board = ready();
    for number in 0..5000 {
        board.apply_identity(&identity(&format!("web-{number:04}")), true, at(0));
    }
    let one = board.texts().octets();
    assert!(one < 2000, "the texts of identities that differ by names only are the same: {one}");
    board.sweep(at(1));
    let taken: Vec<_> = std::iter::from_fn(|| board.next(at(1))).collect();
    assert_eq!(taken.len(), 5000);
    for request in taken {
        assert_eq!(request.entry.object().unwrap(), identity(&request.name));
    }
    board.apply_identity(&version(issued("web-0000"), "9"), false, at(1));
    let id = board.index().find("orders", "web-0000").unwrap();
    assert_eq!(board.index().entry(id).unwrap().object().unwrap().status, issued("web-0000").status);
}

#[test]
fn what_is_kept_is_bounded_in_octets_and_takes_nothing_from_usual_identities() {
    let mut board = ready();
    board.apply_identity(&identity("usual"), false, at(0));
    for number in 0..10_000 {
        board.apply_identity(&odd(&format!("web-{number:04}"), 2000), false, at(0));
        assert!(board.texts().octets() <= MAX_OCTETS);
    }
    let is_kept = |board: &Scheduler, name: &str| {
        let id = board.index().find("orders", name).unwrap();
        board.index().entry(id).unwrap().object().is_some()
    };
    assert!(is_kept(&board, "web-0000") && !is_kept(&board, "web-9999"));
    board.apply_identity(&identity("another"), false, at(0));
    assert!(is_kept(&board, "another"), "its texts are those of others");
    for number in 0..10_000 {
        board.remove_identity("orders", &format!("web-{number:04}"), at(0));
    }
    for number in 0..2500 {
        board.apply_identity(&odd(&format!("later-{number:04}"), 2000), false, at(0));
    }
    assert!(is_kept(&board, "later-2499"), "those that are gone have left room");
}
