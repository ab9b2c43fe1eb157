//! Laws of names: each name that policy permits can be issued, so that no issuance fails again and again.

use std::sync::OnceLock;

use jiff::SignedDuration;
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::pki::{Authority, IssuedLeaf, KeyAlgorithm, LeafProfile, PrivateKey, RootAlgorithm};
use mtls_operator::pki::{Serial, Validity};
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::policy::authorize;
use mtls_operator::plan::identity::ready::Refusal;
use mtls_operator::plan::identity::spec::IdentitySpec;
use proptest::prelude::*;
use test_support::properties;

use super::fixture::{DAY, NOW, asked, pairs, terms};

pub fn issue(profile: &LeafProfile) -> IssuedLeaf {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    let authority = AUTHORITY.get_or_init(|| {
        let pem = Authority::generate("mesh", RootAlgorithm::EcdsaP256, DAY * 365, NOW).unwrap();
        Authority::load(&pem, NOW).unwrap()
    });
    let window = Validity::leaf(NOW, SignedDuration::from_hours(1), authority.window());
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    authority.issue(profile, key, window, Serial::random().unwrap()).unwrap()
}

/// A DNS label, often of the kinds that verifiers treat in a way of their own.
fn label() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?",
        "[0-9]{1,3}",
        "0x[0-9a-f]{0,3}",
        "xn--[a-z0-9]{1,5}",
        "[a-z]{63}"
    ]
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 256))]

    #[test]
    fn every_name_that_is_permitted_can_be_issued(
        (namespace, name, services) in (label(), label(), prop::collection::vec(label(), 0..4)),
        (below, wildcard) in (label(), any::<bool>()),
    ) {
        let head = if wildcard { "*".to_owned() } else { below };
        let dns_names = vec![format!("{head}.{namespace}.svc"), format!("{head}.{name}.{namespace}.svc.cluster.local")];
        let asked = IdentitySpec { namespace, services, dns_names, service_account: name, ..asked("web") };
        let profile = authorize(&asked, &terms(), &pairs(&[])).unwrap().profile;
        prop_assert_eq!(issue(&profile).leaf.dns_names, profile.dns_names);
    }
}

/// What a raw object could hold that no schema has judged.
fn raw() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9]([-a-z0-9]{0,5}[a-z0-9])?([.][a-z]{1,3})?",
        1 => "[-a-z0-9./%:@#? A-Z\\n]{0,12}",
        1 => Just("x/../../bank/sa/vault".to_owned()),
    ]
}

/// An object that no schema has judged: its definition is missing, older, or of another version.
fn unjudged(namespace: &str, name: &str, spec: &serde_json::Value) -> MtlsIdentity {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity", "spec": spec,
        "metadata": { "namespace": namespace, "name": name, "uid": "u" },
    }))
    .unwrap()
}

fn refused(identity: &MtlsIdentity) -> bool {
    match IdentitySpec::parse(identity) {
        Ok(asked) => matches!(authorize(&asked, &terms(), &pairs(&[])), Err(Refusal::Malformed(_))),
        Err(_) => true,
    }
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 256))]

    #[test]
    fn every_spiffe_id_has_four_segments_below_its_trust_domain(
        (namespace, name, account) in (raw(), raw(), prop::option::of(raw())),
    ) {
        let identity = unjudged(&namespace, &name, &serde_json::json!({ "serviceAccountName": account, "services": [] }));
        let Ok(asked) = IdentitySpec::parse(&identity) else { return Ok(()) };
        let Ok(entitlement) = authorize(&asked, &terms(), &pairs(&[])) else { return Ok(()) };
        let id = entitlement.profile.spiffe_id;
        let segments: Vec<&str> = id.as_str().strip_prefix("spiffe://cluster.local/").unwrap().split('/').collect();
        prop_assert_eq!(segments, ["ns", &*namespace, "sa", account.as_deref().unwrap_or(&name)]);
    }
}

#[test]
fn a_name_that_the_schema_would_refuse_is_refused_without_a_schema() {
    let long = "a".repeat(254);
    let specs = [
        serde_json::json!({ "serviceAccountName": "x/../../bank/sa/vault" }),
        serde_json::json!({ "serviceAccountName": "" }),
        serde_json::json!({ "serviceAccountName": long }),
        serde_json::json!({ "services": ["web.bank"] }),
        serde_json::json!({ "services": ["web", "vault.bank.svc.cluster.local."] }),
        serde_json::json!({ "dnsNames": ["a b.orders.svc"] }),
        serde_json::json!({ "dnsNames": ["*.*.orders.svc"] }),
        serde_json::json!({ "dnsNames": ["*.svc"] }),
        serde_json::json!({ "dnsNames": ["x.1"] }),
        serde_json::json!({ "authorityRef": { "name": "a/b" } }),
        serde_json::json!({ "secret": { "name": "../../../bank/secrets/x" } }),
    ];
    for spec in &specs {
        assert!(refused(&unjudged("orders", "web", spec)), "{spec}");
    }
    for (namespace, name) in [("a.b", "web"), ("orders", "web.bank"), ("orders", "a/b"), ("", "web")] {
        assert!(refused(&unjudged(namespace, name, &serde_json::json!({}))), "{namespace}/{name}");
    }
    assert!(!refused(&unjudged("orders", "web", &serde_json::json!({ "serviceAccountName": "a.b" }))));
    let unsafe_secret = unjudged("orders", "web", specs.last().unwrap());
    assert!(IdentitySpec::parse(&unsafe_secret).is_err(), "no request is made for a Secret of such a name");
}

#[test]
fn an_authority_whose_names_would_be_none_signs_nothing() {
    for (field, value) in
        [("trustDomain", "a/b"), ("clusterDomain", "a/b"), ("clusterDomain", ""), ("clusterDomain", "a.1")]
    {
        let authority: MtlsAuthority = serde_json::from_value(serde_json::json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority", "metadata": { "name": "mesh" }, "spec": { field: value },
        }))
        .unwrap();
        let why = AuthoritySpec::parse(&authority).unwrap_err().to_string();
        assert!(why.contains(field) && why.contains(value), "{why}");
    }
}
