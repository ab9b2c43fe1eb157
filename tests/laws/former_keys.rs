//! Laws of the signers that are kept after a loss: recorded ones come before those that users of a namespace may have written.

use jiff::Timestamp;
use mtls_operator::operator::authority::root::annotations::FormerKey;
use mtls_operator::operator::authority::root::former_keys::{SignerMention, former_keys};
use mtls_operator::pki::KeyId;
use mtls_operator::plan::authority::retiring_root::RetiringRoot;

use super::fixture::{DAY, NOW};

fn key(number: usize) -> KeyId {
    format!("{number:040x}").parse().unwrap()
}

fn keys(numbers: impl IntoIterator<Item = usize>) -> Vec<KeyId> {
    numbers.into_iter().map(key).collect()
}

/// In a namespace, by the Secret of an identity.
fn named_by(key_id: &KeyId, namespace: &str, identity: usize) -> SignerMention {
    SignerMention { key_id: key_id.clone(), namespace: namespace.into(), identity: format!("pod-{identity}") }
}

/// Where each of these is named once, for an identity of its own.
fn kept(recorded: &[KeyId], named: &[KeyId], retiring: &[RetiringRoot]) -> Vec<String> {
    let named = named.iter().enumerate().map(|(number, key_id)| named_by(key_id, "orders", number));
    kept_of(recorded, named.collect(), retiring)
}

fn kept_of(recorded: &[KeyId], named: Vec<SignerMention>, retiring: &[RetiringRoot]) -> Vec<String> {
    let until: Timestamp = NOW + DAY;
    let former = former_keys(recorded.to_vec(), named.into_iter().collect(), retiring, until);
    let is_so = |former: &FormerKey| former.until == until && !former.distrusted;
    assert!(former.iter().all(is_so), "{former:?}");
    former.into_iter().map(|former| former.key_id).collect()
}

fn texts(keys: &[KeyId]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

#[test]
fn each_signer_is_kept_once_but_none_that_stays_trusted() {
    let root = RetiringRoot {
        fingerprint: "f1".into(),
        key_id: key(2).to_string(),
        anchors: vec![],
        not_before: NOW,
        not_after: NOW + DAY,
        until: NOW + DAY,
        chain: Vec::new(),
        certified: None,
        distrusted: None,
    };
    assert_eq!(kept(&keys([1, 2, 1]), &keys([3, 2, 1, 3]), &[root]), texts(&keys([1, 3])));
    assert_eq!(kept(&[], &[], &[]), [""; 0]);
}

#[test]
fn however_many_are_named_those_that_were_recorded_are_kept_and_those_of_most_identities() {
    let named: Vec<KeyId> = keys((1000..3000).chain([5000, 5000]));
    let kept = kept(&keys([9000, 9001]), &named, &[]);
    assert_eq!(kept.len(), 100);
    assert_eq!(kept[..3], texts(&keys([9000, 9001, 5000])));
}

#[test]
fn many_secrets_in_one_namespace_displace_no_signer_of_another() {
    let (real, rare) = (key(9000), key(9001));
    let of_one_identity = (0..3000).flat_map(|number| [key(number), key(number)]);
    let mut named: Vec<SignerMention> = of_one_identity.map(|key_id| named_by(&key_id, "flood", 0)).collect();
    named.extend(["orders", "shop"].map(|namespace| named_by(&real, namespace, 0)));
    named.extend([1, 2].map(|identity| named_by(&rare, "orders", identity)));
    assert_eq!(kept_of(&[], named, &[])[..2], texts(&[real, rare]));
}

#[test]
fn no_key_id_is_kept_that_is_longer_than_any_hash_unless_it_was_recorded() {
    let long = |octets| KeyId::new(&vec![7; octets]);
    assert_eq!(kept(&[], &[long(64), long(65)], &[]), texts(&[long(64)]));
    assert_eq!(kept(&[long(65)], &[], &[]), texts(&[long(65)]), "a certificate has it");
}
