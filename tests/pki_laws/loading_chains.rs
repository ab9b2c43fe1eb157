//! Loading a CA with its chain and anchors: their order, dates and path lengths.

use mtls_operator::pki::{Authority, LeafError, LoadError, TrustError};
use rcgen::{BasicConstraints, IsCa};
use test_support::ca::offset;

use crate::fixture::{DAY, NOW, SECOND, authority_pem, foreign_root, version_1};
use crate::loading::load;

#[test]
fn an_expired_certificate_anywhere_above_counts_as_expired() {
    let old: fn(&mut rcgen::CertificateParams) = |params| params.not_after = offset(NOW - SECOND);
    let expired = Err(LoadError::Expired { not_after: NOW - SECOND });
    let (root, old_root) = (foreign_root(|_| ()), foreign_root(old));
    assert_eq!(load(&old_root.intermediate_with("signer", |_| ()).provided(&[], &old_root)), expired);
    let old_upper = root.intermediate_with("upper", old);
    assert_eq!(load(&old_upper.intermediate_with("signer", |_| ()).provided(&[&old_upper], &root)), expired);
}

#[test]
fn the_window_is_narrowed_by_every_certificate_above() {
    let root = foreign_root(|params| params.not_after = offset(NOW + DAY));
    let upper = root.intermediate_with("upper", |params| params.not_before = offset(NOW - SECOND));
    let signer = upper.intermediate_with("signer", |_| ());
    let window = Authority::load(&signer.provided(&[&upper], &root), NOW).unwrap().window();
    assert_eq!((window.not_before, window.not_after), (NOW - SECOND, NOW + DAY));
}

#[test]
fn a_signing_root_must_itself_be_trusted() {
    let (one, other) = (foreign_root(|_| ()), foreign_root(|_| ()));
    assert_eq!(load(&one.provided(&[], &other)), Err(LoadError::NotAnchored));
}

#[test]
fn a_chain_must_lead_to_an_anchor() {
    let (root, unrelated) = (foreign_root(|_| ()), foreign_root(|params| params.serial_number = None));
    let upper = root.intermediate_with("upper", |_| ());
    let signer = upper.intermediate_with("signer", |_| ());
    assert_eq!(load(&signer.provided(&[], &root)), Err(LoadError::Refused(LeafError::Untrusted)));
    // The other root has the same name, but another key: only signatures tell.
    assert_eq!(load(&signer.provided(&[&upper], &unrelated)), Err(LoadError::Refused(LeafError::Untrusted)));
}

#[test]
fn a_chain_out_of_order_or_with_unrelated_certificates_is_refused() {
    let root = foreign_root(|_| ());
    let top = root.intermediate_with("top", |_| ());
    let middle = top.intermediate_with("middle", |_| ());
    let signer = middle.intermediate_with("signer", |_| ());
    assert_eq!(load(&signer.provided(&[&middle, &top], &root)), Ok(()));
    assert_eq!(load(&signer.provided(&[&middle, &top, &root], &root)), Ok(()));
    assert_eq!(load(&signer.provided(&[&top, &middle], &root)), Err(LoadError::OutOfOrder { number: 2 }));
    let unrelated = root.intermediate_with("unrelated", |_| ());
    assert_eq!(
        load(&signer.provided(&[&middle, &top, &unrelated], &root)),
        Err(LoadError::OutOfOrder { number: 4 })
    );
}

#[test]
fn a_repeated_certificate_in_the_chain_means_nothing() {
    let root = foreign_root(|_| ());
    let signer = root.intermediate_with("signer", |_| ());
    assert_eq!(load(&root.provided(&[&root], &root)), Ok(()));
    for above in [&[&root, &root][..], &[&signer, &root], &[&signer], &[&root, &signer]] {
        let issued = crate::issuing::issue(&signer.provided(above, &root));
        assert_eq!(issued.chain_pem.matches("BEGIN CERTIFICATE").count(), 2);
    }
}

/// A certificate of version 1 cannot say that it is a CA's.
#[test]
fn a_root_of_version_1_is_an_anchor_and_signs_nothing() {
    let root = foreign_root(|_| ());
    let old = version_1(&root);
    let signer = root.intermediate_with("signer", |_| ());
    for chain in [signer.pem(), signer.pem() + &old] {
        assert_eq!(load(&authority_pem(chain, signer.key_pem(), old.clone())), Ok(()));
    }
    let signing = authority_pem(old.clone(), root.key_pem(), old.clone());
    assert_eq!(load(&signing), Err(LoadError::NotCa { number: 1 }));
    let below = signer.intermediate_with("below", |_| ());
    let between = authority_pem(below.pem() + &version_1(&signer) + &root.pem(), below.key_pem(), root.pem());
    assert_eq!(load(&between), Err(LoadError::NotCa { number: 2 }));
}

#[test]
fn a_path_length_that_leaves_no_room_is_refused() {
    let root = foreign_root(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let signer = root.intermediate_with("signer", |_| ());
    assert_eq!(load(&root.provided(&[], &root)), Ok(()));
    // webpki does not read the path length of an anchor; of an intermediate it does.
    let top = foreign_root(|_| ());
    let narrow =
        top.intermediate_with("narrow", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let below = narrow.intermediate_with("below", |_| ());
    assert_eq!(load(&below.provided(&[&narrow], &top)), Err(LoadError::Refused(LeafError::Untrusted)));
    assert_eq!(load(&signer.provided(&[], &root)), Err(LoadError::Refused(LeafError::Untrusted)));
}

#[test]
fn an_intermediate_in_the_bundle_is_refused() {
    let root = foreign_root(|_| ());
    let signer = root.intermediate_with("signer", |_| ());
    let wrong = authority_pem(signer.pem(), signer.key_pem(), signer.pem());
    assert_eq!(load(&wrong), Err(LoadError::Anchors(TrustError::NotRoot { number: 1 })));
}
