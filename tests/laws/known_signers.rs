//! Laws of the signers that statuses name: each is suspected once, and one of each namespace comes before a second of any.

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::authority::root::known_signers::claimants;
use mtls_operator::operator::index::digest::{Digest, digest};
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::plan::authority::known_signers::Claimant;

use super::fixture::NOW;
use super::requeue::{END, issued};

/// An identity in this namespace whose status names this signer.
fn of(namespace: &str, name: &str, key_id: &str, proof: Option<&str>) -> MtlsIdentity {
    let mut identity = issued(name);
    identity.metadata.namespace = Some(namespace.to_owned());
    let status = identity.status.as_mut().unwrap();
    status.authority_key_id = Some(key_id.to_owned());
    status.proof = proof.map(str::to_owned);
    identity
}

fn suspected(identities: &[MtlsIdentity], now: i64) -> Vec<Claimant<Digest>> {
    let mut scheduler = Scheduler::default();
    for identity in identities {
        scheduler.apply_identity(identity, true, NOW.as_millisecond());
    }
    claimants(&scheduler, "mesh", now)
}

#[test]
fn signers_named_in_one_namespace_displace_none_of_another() {
    let forged = (0..500).map(|n| of("evil", &format!("x{n}"), &format!("{n:040x}"), Some("forged")));
    let mut identities: Vec<_> = forged.collect();
    identities.push(of("bank", "vault", "a9", Some("proof")));
    identities.push(of("bank", "till", "a9", None));
    let found = suspected(&identities, NOW.as_second());
    assert_eq!(found.len(), 502);
    let first = &found[..2];
    assert!(
        first.iter().any(|claimant| (&*claimant.namespace, &*claimant.name) == ("bank", "vault")),
        "{first:?}"
    );
}

#[test]
fn a_signer_is_suspected_once_in_a_namespace_and_once_with_a_proof() {
    let identities: Vec<_> =
        (0..9).map(|n| of("bank", &format!("x{n}"), "a9", (n % 2 == 0).then_some("proof"))).collect();
    let found = suspected(&identities, NOW.as_second());
    let told: Vec<_> = found.iter().map(|claimant| (claimant.has_proof, claimant.key_id)).collect();
    assert_eq!(told, [(true, digest("a9")), (false, digest("a9"))]);
}

#[test]
fn only_an_unexpired_leaf_of_this_authority_that_was_verified_for_this_spec_is_suspected() {
    let changes: [fn(&mut MtlsIdentity); 4] = [
        |identity| identity.metadata.generation = Some(2),
        |identity| identity.status.as_mut().unwrap().conditions.clear(),
        |identity| identity.status.as_mut().unwrap().authority_key_id = None,
        |identity| identity.spec.authority_ref.name = "other".into(),
    ];
    let sound = of("bank", "vault", "a9", None);
    assert_eq!(suspected(std::slice::from_ref(&sound), END).len(), 1);
    assert_eq!(suspected(std::slice::from_ref(&sound), END + 1), []);
    let refused = of("bank", "vault", "a9", Some("proof"));
    let mut refused = [refused];
    changes[1](&mut refused[0]);
    assert_eq!(suspected(&refused, NOW.as_second()).len(), 1, "a proof says more than a condition");
    for change in changes {
        let mut identity = sound.clone();
        change(&mut identity);
        assert_eq!(suspected(&[identity], NOW.as_second()), []);
    }
}
