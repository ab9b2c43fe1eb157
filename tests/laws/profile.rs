//! Laws of the profile hash: it changes with the content of a leaf, and with nothing else.

use mtls_operator::api::identity::Reclaim;
use mtls_operator::pki::{CommonName, KeyAlgorithm};
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::spec::IdentitySpec;

use super::fixture::{HOUR, asked, pairs, terms};

fn hash(asked: &IdentitySpec, terms: &AuthoritySpec) -> ProfileHash {
    ProfileHash::of(IdentitySpecHash::of(asked), AuthoritySpecHash::of(terms))
}

#[test]
fn whatever_changes_the_leaf_changes_the_hash_and_each_change_differs() {
    let changes: [fn(&mut IdentitySpec); 11] = [
        |a| a.namespace = "bank".into(),
        |a| a.service_account = "other".into(),
        |a| a.services.push("api".into()),
        |a| a.services.clear(),
        |a| a.dns_names.push("api.example.com".into()),
        |a| a.dns_names.push("api".into()),
        |a| a.ip_addresses.push("10.0.0.1".parse().unwrap()),
        |a| a.ttl = Some(HOUR),
        |a| a.ttl = Some(HOUR * 24),
        |a| a.algorithm = KeyAlgorithm::Ed25519,
        |a| a.common_name = CommonName::ServiceAccount,
    ];
    let mut seen = vec![hash(&asked("web"), &terms())];
    for (row, change) in changes.iter().enumerate() {
        let mut asked = asked("web");
        change(&mut asked);
        let hash = hash(&asked, &terms());
        assert!(!seen.contains(&hash), "change {row} gives a hash that was there already");
        seen.push(hash);
    }
}

#[test]
fn what_the_leaf_does_not_say_leaves_the_hash_alone() {
    let changes: [fn(&mut IdentitySpec); 8] = [
        |a| a.uid = "other".into(),
        |a| a.renew_before = Some(HOUR),
        |a| a.paused = true,
        |a| a.renew_request = Some("1".into()),
        |a| a.secret.name = "other".into(),
        |a| a.secret.labels = pairs(&[("a", "b")]),
        |a| a.secret.annotations = pairs(&[("a", "b")]),
        |a| a.secret.reclaim = Reclaim::Retain,
    ];
    for (row, change) in changes.iter().enumerate() {
        let mut asked = asked("web");
        change(&mut asked);
        assert_eq!(hash(&asked, &terms()), hash(&self::asked("web"), &terms()), "change {row}");
    }
}

#[test]
fn the_order_of_names_and_a_name_given_twice_make_no_difference() {
    let (mut one, mut other) = (asked("web"), asked("web"));
    one.dns_names = vec!["a.example.com".into(), "b.example.com".into()];
    other.dns_names = vec!["b.example.com".into(), "a.example.com".into(), "b.example.com".into()];
    assert_eq!(hash(&one, &terms()), hash(&other, &terms()));
}

#[test]
fn a_name_that_moves_from_one_list_to_another_is_another_profile() {
    let (mut one, mut other) = (asked("web"), asked("web"));
    one.services = vec!["a".into()];
    (other.services, other.dns_names) = (Vec::new(), vec!["a".into()]);
    assert_ne!(hash(&one, &terms()), hash(&other, &terms()));
}

#[test]
fn of_the_authority_only_its_names_count() {
    let settled = hash(&asked("web"), &terms());
    let names: [fn(&mut AuthoritySpec); 3] = [
        |t| t.name = "other".into(),
        |t| t.trust_domain = "example.org".parse().unwrap(),
        |t| t.cluster_domain = "k8s.example".into(),
    ];
    for change in names {
        let mut terms = terms();
        change(&mut terms);
        assert_ne!(hash(&asked("web"), &terms), settled);
    }
    let limits: [fn(&mut AuthoritySpec); 4] = [
        |t| t.leaf_ttl = HOUR,
        |t| t.max_leaf_ttl = HOUR,
        |t| t.propagation = HOUR,
        |t| t.algorithms.clear(),
    ];
    for change in limits {
        let mut terms = terms();
        change(&mut terms);
        assert_eq!(hash(&asked("web"), &terms), settled, "a default or a limit re-issues every leaf at once");
    }
}

#[test]
fn the_hash_is_the_one_that_lies_in_every_secret_that_was_written() {
    let written = hash(&asked("web"), &terms()).to_string();
    assert_eq!(
        written, "v2:6517047294c4a6ea8d0933026594d9c0",
        "another hash needs another version, or it re-issues every leaf"
    );
}
