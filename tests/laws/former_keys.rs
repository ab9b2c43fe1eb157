//! Laws of what is kept of signers after a loss: what was recorded comes before what anybody can have written.

use jiff::Timestamp;
use mtls_operator::operator::former_keys::former_keys;
use mtls_operator::operator::root_notes::{FormerKey, Retiring};
use mtls_operator::pki::KeyId;

use super::fixture::{DAY, NOW};

fn key(number: usize) -> KeyId {
    format!("{number:040x}").parse().unwrap()
}

fn keys(numbers: impl IntoIterator<Item = usize>) -> Vec<KeyId> {
    numbers.into_iter().map(key).collect()
}

fn kept(recorded: &[KeyId], named: &[KeyId], retiring: &[Retiring]) -> Vec<String> {
    let until: Timestamp = NOW + DAY;
    let former = former_keys(recorded.to_vec(), named.to_vec(), retiring, until);
    let is_so = |former: &FormerKey| former.until == until && !former.distrusted;
    assert!(former.iter().all(is_so), "{former:?}");
    former.into_iter().map(|former| former.key_id).collect()
}

fn texts(keys: &[KeyId]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

#[test]
fn each_signer_is_kept_once_but_none_that_stays_trusted() {
    let root = Retiring {
        fingerprint: "f1".into(),
        key_id: key(2).to_string(),
        anchors: vec![],
        not_before: NOW,
        not_after: NOW + DAY,
        until: NOW + DAY,
    };
    assert_eq!(kept(&keys([1, 2, 1]), &keys([3, 2, 1, 3]), &[root]), texts(&keys([1, 3])));
    assert_eq!(kept(&[], &[], &[]), [""; 0]);
}

#[test]
fn however_many_are_named_those_that_were_recorded_are_kept_and_those_that_most_secrets_name() {
    let named: Vec<KeyId> = keys((1000..3000).chain([5000, 5000]));
    let kept = kept(&keys([9000, 9001]), &named, &[]);
    assert_eq!(kept.len(), 100);
    assert_eq!(kept[..3], texts(&keys([9000, 9001, 5000])));
}

#[test]
fn no_key_id_is_kept_that_is_longer_than_any_hash_unless_it_was_recorded() {
    let long = |octets| KeyId::new(&vec![7; octets]);
    assert_eq!(kept(&[], &[long(64), long(65)], &[]), texts(&[long(64)]));
    assert_eq!(kept(&[long(65)], &[], &[]), texts(&[long(65)]), "a certificate has it");
}
