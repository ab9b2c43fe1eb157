//! Trust bundles: they are sets of roots.

use mtls_operator::pki::{
    Fingerprint, KeyId, LeafError, MAX_CERTIFICATES, MAX_PROVIDED_CERTIFICATES, PemError, TrustBundle,
    TrustError, verify_as_peer,
};

use crate::fixture::{NOW, certificate_pem, der, foreign_root, generated};

fn bundle(text: &str) -> TrustBundle {
    TrustBundle::from_pem(text.as_bytes()).unwrap()
}

#[test]
fn order_repetition_and_text_around_change_nothing() {
    let (one, two) = (foreign_root(|_| ()).pem(), foreign_root(|_| ()).pem());
    let canonical = bundle(&format!("{one}{two}"));
    for other in [format!("{two}{one}"), format!("# roots\n{one}\n{two}{one}"), canonical.to_pem().to_owned()]
    {
        let other = bundle(&other);
        assert!(canonical.same_anchors(&other));
        assert_eq!(canonical.hash(), other.hash());
        assert_eq!(canonical.to_pem(), other.to_pem());
    }
}

#[test]
fn another_set_has_another_hash() {
    let (one, two) = (foreign_root(|_| ()).pem(), foreign_root(|_| ()).pem());
    let sets = [bundle(&one), bundle(&two), bundle(&format!("{one}{two}"))];
    for (index, set) in sets.iter().enumerate() {
        assert_eq!(set.hash().len(), 32);
        for other in &sets[index + 1..] {
            assert!(!set.same_anchors(other));
            assert_ne!(set.hash(), other.hash());
        }
    }
}

#[test]
fn a_root_is_found_by_fingerprint_and_by_key() {
    let root = foreign_root(|_| ());
    let bundle = root.bundle();
    let fingerprint = Fingerprint::of(root.issuer.der());
    assert!(bundle.contains(&fingerprint));
    assert!(!bundle.contains(&Fingerprint::of(b"another")));
    let key_id = KeyId::new(&root.params.key_identifier(root.issuer.key()));
    assert_eq!(bundle.describe(&fingerprint).map(|(found, _)| found), Some(key_id));
    assert!(bundle.describe(&Fingerprint::of(b"another")).is_none());
}

#[test]
fn only_roots_belong_in_a_bundle() {
    let root = foreign_root(|_| ());
    let intermediate = root.intermediate_with("intermediate", |_| ());
    let text = format!("{}{}", root.pem(), intermediate.pem());
    assert_eq!(TrustBundle::from_pem(text.as_bytes()).err(), Some(TrustError::NotRoot { number: 2 }));
    let not_a_ca = foreign_root(|params| params.is_ca = rcgen::IsCa::ExplicitNoCa);
    assert_eq!(TrustBundle::from_pem(not_a_ca.pem().as_bytes()).err(), Some(TrustError::NotCa { number: 1 }));
    let trailing = certificate_pem(&[der(&root.pem()), vec![0]].concat());
    assert_eq!(TrustBundle::from_pem(trailing.as_bytes()).err(), Some(TrustError::Damaged { number: 1 }));
    assert_eq!(TrustBundle::from_pem(b"").err(), Some(TrustError::Pem(PemError::Missing)));
}

/// Four full bundles are a rotation between two full ones, and more than one that retires.
fn read_back(bundle: &TrustBundle) -> Result<(), TrustError> {
    TrustBundle::from_pem(bundle.to_pem().as_bytes()).map(|_| ())
}

#[test]
fn a_joined_bundle_says_whether_it_can_be_read_back() {
    let roots: Vec<String> = (0..=MAX_CERTIFICATES).map(|_| foreign_root(|_| ()).pem()).collect();
    let joined = roots.chunks(MAX_PROVIDED_CERTIFICATES).map(|part| bundle(&part.concat()));
    let bundles: Vec<TrustBundle> = joined.collect();
    let (last, full) = bundles.split_last().unwrap();
    let full = full.iter().skip(1).fold(full[0].clone(), |all, next| all.union(next));
    assert_eq!(read_back(&full), Ok(()));
    assert!(bundle(full.to_pem()).same_anchors(&full));
    let too_many = TrustError::Pem(PemError::TooMany { limit: MAX_CERTIFICATES });
    assert_eq!(read_back(&full.union(last)), Err(too_many));
}

#[test]
fn a_leaf_is_trusted_by_any_bundle_with_its_root_and_by_no_other() {
    let authority = generated();
    let issued = crate::issuing::issue(&authority);
    let own = String::from_utf8(authority.anchors).unwrap();
    let other = foreign_root(|_| ()).pem();
    let verify = |bundle: &TrustBundle| {
        verify_as_peer(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes(), bundle, NOW)
    };
    assert!(verify(&bundle(&own)).is_ok());
    assert!(verify(&bundle(&format!("{other}{own}"))).is_ok());
    assert_eq!(verify(&bundle(&other)), Err(LeafError::Untrusted));
}
