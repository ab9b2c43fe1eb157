//! Cross-certificates: whoever trusts only a former root accepts the leaves of the present one, and nobody is asked to
//! follow a path that does not hold.

use mtls_operator::pki::{
    Authority, AuthorityPem, CrossCertificates, CrossError, IssuedLeaf, LeafError, PrivateKey, RootAlgorithm,
    Serial, TrustBundle, Window, verify_as_peer,
};
use rcgen::{BasicConstraints, GeneralSubtree, IsCa, NameConstraints};

use crate::fixture::{Ca, DAY, NOW, YEAR, der, profile};

fn load(pem: &AuthorityPem) -> Authority {
    Authority::load(pem, NOW).unwrap()
}

fn generated(algorithm: RootAlgorithm) -> Authority {
    load(&Authority::generate("mesh", algorithm, YEAR, NOW).unwrap())
}

fn fresh() -> Authority {
    generated(RootAlgorithm::EcdsaP256)
}

fn leaf_of(authority: &Authority) -> IssuedLeaf {
    let key = PrivateKey::generate(profile().key_algorithm).unwrap();
    let window = Window::leaf(NOW, DAY, authority.window());
    authority.issue(&profile(), key, window, Serial::random().unwrap()).unwrap()
}

fn verdict(leaf: &IssuedLeaf, bundle: &TrustBundle) -> Result<(), LeafError> {
    verify_as_peer(leaf.chain_pem.as_bytes(), leaf.key_pem.as_bytes(), bundle, NOW).map(|_| ())
}

fn certificates(chain_pem: &str) -> usize {
    chain_pem.matches("BEGIN CERTIFICATE").count()
}

/// The next authority while it signs: peers trust both roots, and the cross-certificates are served.
fn succeed(former: &Authority, next: Authority, older: &CrossCertificates) -> (Authority, CrossCertificates) {
    let crosses = older.after(&former.cross_certify(&next, NOW).unwrap());
    (next.among(&[former.anchors()], &crosses, &[]), crosses)
}

#[test]
fn whoever_trusts_the_former_root_or_the_new_one_or_both_accepts_the_leaf() {
    let algorithms = [RootAlgorithm::EcdsaP256, RootAlgorithm::EcdsaP384];
    for (one, other) in [(0, 0), (0, 1), (1, 0)] {
        let former = generated(algorithms[one]);
        let (next, _) = succeed(&former, generated(algorithms[other]), &CrossCertificates::default());
        let leaf = leaf_of(&next);
        assert_eq!(certificates(&leaf.chain_pem), 2, "the leaf and the cross-certificate, and no root");
        for bundle in [former.anchors(), next.anchors(), next.bundle()] {
            assert_eq!(verdict(&leaf, bundle), Ok(()));
        }
        assert_eq!(verdict(&leaf, fresh().bundle()), Err(LeafError::Untrusted));
    }
}

#[test]
fn after_two_rotations_the_first_root_is_still_enough() {
    let first = fresh();
    let (second, crosses) = succeed(&first, fresh(), &CrossCertificates::default());
    let (third, crosses) = succeed(&second, fresh(), &crosses);
    let leaf = leaf_of(&third);
    assert_eq!(certificates(&leaf.chain_pem), 3);
    for bundle in [first.anchors(), second.anchors(), third.anchors()] {
        assert_eq!(verdict(&leaf, bundle), Ok(()));
    }
    let read = CrossCertificates::from_pem(crosses.to_pem().as_bytes()).unwrap();
    assert_eq!(read.to_pem(), crosses.to_pem(), "the list reads back in its order");
}

#[test]
fn a_leaf_of_the_former_root_is_served_without_the_cross_certificate_of_its_successor() {
    let former = fresh();
    let next = fresh();
    let crosses = former.cross_certify(&next, NOW).unwrap();
    let announced = former.among(&[next.anchors()], &crosses, &[]);
    let leaf = leaf_of(&announced);
    assert_eq!(certificates(&leaf.chain_pem), 1);
    assert!(crosses.reaches(&next) && !crosses.without(&next).reaches(&next));
    assert!(announced.bundle().contains(&next.fingerprint()));
}

#[test]
fn a_cross_certificate_is_served_until_it_ends_however_long_the_leaf_lives() {
    let former = load(&Authority::generate("mesh", RootAlgorithm::EcdsaP256, DAY, NOW).unwrap());
    let (next, crosses) = succeed(&former, fresh(), &CrossCertificates::default());
    let until = |window: Window| {
        let key = PrivateKey::generate(profile().key_algorithm).unwrap();
        let leaf = next.issue(&profile(), key, window, Serial::random().unwrap()).unwrap();
        certificates(&leaf.chain_pem)
    };
    let second = DAY / (24 * 3600);
    assert_eq!(until(Window::leaf(NOW, DAY, next.window())), 2);
    assert_eq!(until(Window::leaf(NOW, DAY + second, next.window())), 2);
    assert!(
        crosses.valid_at(NOW + DAY).reaches(&next) && !crosses.valid_at(NOW + DAY + second).reaches(&next)
    );
}

#[test]
fn a_distrusted_root_is_out_of_the_bundle_and_vouches_for_nobody() {
    let first = fresh();
    let (second, crosses) = succeed(&first, fresh(), &CrossCertificates::default());
    let (_, crosses) = succeed(&second, fresh(), &crosses);
    let third = fresh();
    let crosses = crosses.without(&third);
    let third = third.among(&[first.anchors(), second.anchors()], &crosses, &[first.fingerprint()]);
    assert!(!third.bundle().contains(&first.fingerprint()) && third.bundle().contains(&second.fingerprint()));
    assert_eq!(certificates(&leaf_of(&third).chain_pem), 1, "there is no path for it");
    let fourth = fresh();
    let crosses = crosses.after(&second.cross_certify(&fourth, NOW).unwrap());
    let fourth = fourth.among(&[first.anchors(), second.anchors()], &crosses, &[first.fingerprint()]);
    let leaf = leaf_of(&fourth);
    assert_eq!((verdict(&leaf, second.anchors()), certificates(&leaf.chain_pem)), (Ok(()), 2));
    assert_eq!(verdict(&leaf, first.anchors()), Err(LeafError::Untrusted));
}

#[test]
fn a_cross_certificate_is_the_new_root_in_all_but_its_issuer() {
    let (former, next) = (fresh(), fresh());
    let crosses = former.cross_certify(&next, NOW).unwrap();
    let (cross, root) = (der(&crosses.to_pem()), der(next.anchors().to_pem()));
    let parse = |der| x509_parser::parse_x509_certificate(der).unwrap().1;
    let ((cross, root), former) = ((parse(&cross), parse(&root)), der(former.anchors().to_pem()));
    let former = parse(&former);
    assert_eq!(cross.subject().as_raw(), root.subject().as_raw());
    assert_eq!(cross.public_key().raw, root.public_key().raw);
    assert_eq!(cross.issuer().as_raw(), former.subject().as_raw());
    assert!(cross.verify_signature(Some(former.public_key())).is_ok());
    assert_ne!(cross.raw_serial(), root.raw_serial());
    assert!(cross.basic_constraints().unwrap().unwrap().critical && cross.is_ca());
    let end = cross.validity().not_after.timestamp();
    assert_eq!(end, former.validity().not_after.timestamp().min(root.validity().not_after.timestamp()));
}

#[test]
fn a_provided_intermediate_is_connected_in_both_directions() {
    let corporate = Ca::root(|_| ());
    let intermediate = corporate.intermediate("intermediate", |_| ());
    let provided = || load(&intermediate.provided(&[], &corporate));
    let generated = fresh();
    let (to_generated, _) = succeed(&provided(), fresh(), &CrossCertificates::default());
    let leaf = leaf_of(&to_generated);
    assert_eq!(certificates(&leaf.chain_pem), 3, "the leaf, the cross-certificate and what signed it");
    assert_eq!(verdict(&leaf, &corporate.bundle()), Ok(()));
    let (to_provided, _) = succeed(&generated, provided(), &CrossCertificates::default());
    let leaf = leaf_of(&to_provided);
    assert_eq!(certificates(&leaf.chain_pem), 3);
    assert_eq!((verdict(&leaf, generated.anchors()), verdict(&leaf, &corporate.bundle())), (Ok(()), Ok(())));
}

#[test]
fn where_a_path_would_not_hold_there_is_no_cross_certificate() {
    let corporate = Ca::root(|_| ());
    let short =
        corporate.intermediate("short", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let short = load(&short.provided(&[], &corporate));
    assert!(matches!(short.cross_certify(&fresh(), NOW), Err(CrossError::NoPath(_))));
    let limited = Ca::root(|params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("shop.svc".into())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    });
    let limited = load(&limited.provided(&[], &limited));
    assert!(matches!(fresh().cross_certify(&limited, NOW), Err(CrossError::NotWritable)));
}

#[test]
fn a_list_that_is_damaged_is_not_read_and_an_empty_one_is_empty() {
    assert_eq!(CrossCertificates::from_pem(b"").unwrap().to_pem(), "");
    assert!(CrossCertificates::from_pem(b"garbage").is_err());
}
