//! Laws of the policy epoch: only a change that permissions depend on has identities checked again, each at the cost of a read.

use std::sync::Arc;

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::pki::{KeyAlgorithm, RootAlgorithm};
use mtls_operator::plan::authority::spec::{AuthoritySpec, ParsedGrant};
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::selector::Selection;

use super::fixture::{DAY, HOUR, terms};
use super::requeue::{issued, issuer_entry};
use super::scheduler::{at, secret};

const NAMES: [&str; 3] = ["web", "mail", "shop"];

/// Terms that grant a name outside of the own zone.
fn granting() -> AuthoritySpec {
    let grant = ParsedGrant {
        name: "public".into(),
        namespaces: Selection::All,
        dns_names: vec!["example.com".into()],
        ranges: Vec::new(),
        hides_ranges: false,
    };
    AuthoritySpec { grants: vec![grant], ..terms() }
}

fn asking(name: &str) -> MtlsIdentity {
    let mut identity = issued(name);
    identity.spec.dns_names = vec!["example.com".into()];
    identity
}

/// Identities that need that grant, with certificates as asked.
fn settled() -> Scheduler {
    let mut scheduler = super::scheduler::ready();
    scheduler.apply_authority(&Arc::new(granting()), at(0));
    scheduler.apply_issuer("mesh", Some(issuer_entry()), at(0));
    for name in NAMES {
        let identity = asking(name);
        let spec = IdentitySpec::parse(&identity).unwrap();
        let profile = ProfileHash::of(IdentitySpecHash::of(&spec), AuthoritySpecHash::of(&granting()));
        let mut meta = secret(name, "7");
        let annotations = meta.metadata.annotations.as_mut().unwrap();
        annotations.insert("mtls-operator.dev/profile".into(), profile.to_string());
        scheduler.apply_secret(&meta, true, at(0));
        scheduler.apply_identity(&identity, true, at(0));
    }
    scheduler
}

/// How many identities are reconciled after this change of the authority's spec.
fn reconciled_after(change: impl FnOnce(&mut AuthoritySpec)) -> usize {
    let mut scheduler = settled();
    assert!(scheduler.next(at(1)).is_none(), "they are settled");
    let mut spec = granting();
    change(&mut spec);
    scheduler.apply_authority(&Arc::new(spec), at(1));
    std::iter::from_fn(|| scheduler.next(at(1))).count()
}

#[test]
fn a_field_that_permissions_do_not_depend_on_reconciles_no_identity() {
    type Row = (&'static str, fn(&mut AuthoritySpec));
    let rows: [Row; 6] = [
        ("distrust", |spec| spec.distrust = vec!["ab".repeat(32).parse().unwrap()]),
        ("spread", |spec| spec.spread_over = HOUR),
        ("root ttl", |spec| spec.root_ttl = DAY * 700),
        ("root renewal", |spec| spec.root_renew_before = DAY * 30),
        ("root algorithm", |spec| spec.root_algorithm = RootAlgorithm::EcdsaP384),
        ("certified", |spec| drop(spec.certified.insert("ab".into(), Vec::new()))),
    ];
    for (name, change) in rows {
        assert_eq!(reconciled_after(change), 0, "{name}");
    }
}

#[test]
fn a_field_that_permissions_depend_on_reconciles_each_identity_once() {
    type Row = (&'static str, fn(&mut AuthoritySpec));
    let rows: [Row; 6] = [
        ("grants", |spec| spec.grants.clear()),
        ("namespaces", |spec| spec.namespaces = Selection::Nothing),
        ("ttl", |spec| spec.leaf_ttl = HOUR),
        ("longest ttl", |spec| spec.max_leaf_ttl = DAY),
        ("algorithms", |spec| spec.algorithms = vec![KeyAlgorithm::EcdsaP384]),
        ("propagation", |spec| spec.propagation = HOUR),
    ];
    for (name, change) in rows {
        assert_eq!(reconciled_after(change), NAMES.len(), "{name}");
    }
}
