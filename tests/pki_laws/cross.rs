//! Cross-certificates: a peer that trusts only a former root accepts the leaves of the present one, and no certificate is
//! served for a path that does not hold.

use mtls_operator::pki::{
    Authority, AuthorityPem, CrossCertificate, CrossError, IssuedLeaf, LeafError, PrivateKey, RootAlgorithm,
    Serial, TrustBundle, Validity, verify_as_peer,
};
use rcgen::{BasicConstraints, CustomExtension, GeneralSubtree, IsCa, NameConstraints};
use test_support::ca::Ca;

use crate::fixture::{DAY, NOW, YEAR, der, foreign_root, profile};

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
    let window = Validity::leaf(NOW, DAY, authority.window());
    authority.issue(&profile(), key, window, Serial::random().unwrap()).unwrap()
}

fn verdict(leaf: &IssuedLeaf, bundle: &TrustBundle) -> Result<(), LeafError> {
    verify_as_peer(leaf.chain_pem.as_bytes(), leaf.key_pem.as_bytes(), bundle, NOW).map(|_| ())
}

fn certificates(chain_pem: &str) -> usize {
    chain_pem.matches("BEGIN CERTIFICATE").count()
}

/// The next authority while it signs: peers trust both roots, and the cross-certificate is served.
fn succeed(former: &Authority, next: Authority) -> (Authority, CrossCertificate) {
    let cross = former.cross_certify(&next, NOW).unwrap();
    (next.with_rotation(&[former.anchors()], Some(&cross), &[]), cross)
}

#[test]
fn a_peer_that_trusts_the_former_root_or_the_new_one_or_both_accepts_the_leaf() {
    let algorithms = [RootAlgorithm::EcdsaP256, RootAlgorithm::EcdsaP384];
    for (one, other) in [(0, 0), (0, 1), (1, 0)] {
        let former = generated(algorithms[one]);
        let (next, _) = succeed(&former, generated(algorithms[other]));
        let leaf = leaf_of(&next);
        assert_eq!(certificates(&leaf.chain_pem), 2, "the leaf and the cross-certificate, and no root");
        for bundle in [former.anchors(), next.anchors(), next.bundle()] {
            assert_eq!(verdict(&leaf, bundle), Ok(()));
        }
        assert_eq!(verdict(&leaf, fresh().bundle()), Err(LeafError::Untrusted));
    }
}

/// With two cross-certificates GnuTLS refuses a chain although it trusts the signer.
#[test]
fn after_two_rotations_the_cross_certificate_of_the_last_is_served_alone() {
    let first = fresh();
    let (second, _) = succeed(&first, fresh());
    let (third, cross) = succeed(&second, fresh());
    let leaf = leaf_of(&third);
    assert_eq!(certificates(&leaf.chain_pem), 2);
    for bundle in [second.anchors(), third.anchors()] {
        assert_eq!(verdict(&leaf, bundle), Ok(()));
    }
    assert_eq!(verdict(&leaf, first.anchors()), Err(LeafError::Untrusted));
    let read = CrossCertificate::from_pem(cross.to_pem().as_bytes(), &third).unwrap().unwrap();
    assert_eq!(read.to_pem(), cross.to_pem(), "it reads back");
}

#[test]
fn a_leaf_of_the_former_root_is_served_without_the_cross_certificate_of_its_successor() {
    let (former, next) = (fresh(), fresh());
    let cross = former.cross_certify(&next, NOW).unwrap();
    let announced = former.with_rotation(&[next.anchors()], Some(&cross), &[]);
    assert_eq!(certificates(&leaf_of(&announced).chain_pem), 1);
    assert!(announced.bundle().contains(&next.fingerprint()));
    let of = |root: &Authority| CrossCertificate::from_pem(cross.to_pem().as_bytes(), root).unwrap();
    assert!(of(&next).is_some() && of(&announced).is_none(), "it is the next root's");
}

/// The list as version 0.1 wrote it: the newest first, each without a path length.
#[test]
fn of_a_list_that_was_written_before_the_newest_alone_is_taken() {
    let roots: Vec<Ca> =
        (0..12).map(|number| Ca::root_with(&format!("root {number}"), NOW, |_| ())).collect();
    let certified = roots.windows(2).map(|pair| pair[0].certified(&pair[1]));
    let list: String = certified.collect::<Vec<_>>().into_iter().rev().collect();
    let newest = load(&roots[11].provided(&[], &roots[11]));
    let cross = CrossCertificate::from_pem(list.as_bytes(), &newest).unwrap().unwrap();
    assert_eq!(certificates(&cross.to_pem()), 1);
    let leaf = leaf_of(&newest.with_rotation(&[&roots[10].bundle()], Some(&cross), &[]));
    assert_eq!((certificates(&leaf.chain_pem), verdict(&leaf, &roots[10].bundle())), (2, Ok(())));
}

#[test]
fn a_cross_certificate_is_served_until_it_ends_however_long_the_leaf_lives() {
    let former = load(&Authority::generate("mesh", RootAlgorithm::EcdsaP256, DAY, NOW).unwrap());
    let (next, cross) = succeed(&former, fresh());
    let until = |window: Validity| {
        let key = PrivateKey::generate(profile().key_algorithm).unwrap();
        let leaf = next.issue(&profile(), key, window, Serial::random().unwrap()).unwrap();
        certificates(&leaf.chain_pem)
    };
    let second = DAY / (24 * 3600);
    assert_eq!(until(Validity::leaf(NOW, DAY, next.window())), 2);
    assert_eq!(until(Validity::leaf(NOW, DAY + second, next.window())), 2);
    assert!(cross.is_valid_at(NOW + DAY) && !cross.is_valid_at(NOW + DAY + second));
}

#[test]
fn a_distrusted_root_is_out_of_the_bundle_and_its_cross_certificate_is_not_served() {
    let (former, next) = (fresh(), fresh());
    let cross = former.cross_certify(&next, NOW).unwrap();
    let next = next.with_rotation(&[former.anchors()], Some(&cross), &[former.fingerprint()]);
    assert!(!next.bundle().contains(&former.fingerprint()));
    let leaf = leaf_of(&next);
    assert_eq!((certificates(&leaf.chain_pem), next.has_cross_certificate()), (1, false));
    assert_eq!(verdict(&leaf, former.anchors()), Err(LeafError::Untrusted));
}

#[test]
fn a_cross_certificate_is_the_new_root_in_all_but_its_issuer() {
    let (former, next) = (fresh(), fresh());
    let cross = former.cross_certify(&next, NOW).unwrap();
    let (cross, root) = (der(&cross.to_pem()), der(next.anchors().to_pem()));
    let parse = |der| x509_parser::parse_x509_certificate(der).unwrap().1;
    let ((cross, root), former) = ((parse(&cross), parse(&root)), der(former.anchors().to_pem()));
    let former = parse(&former);
    assert_eq!(cross.subject().as_raw(), root.subject().as_raw());
    assert_eq!(cross.public_key().raw, root.public_key().raw);
    assert_eq!(cross.issuer().as_raw(), former.subject().as_raw());
    assert!(cross.verify_signature(Some(former.public_key())).is_ok());
    assert_ne!(cross.raw_serial(), root.raw_serial());
    let constraints = cross.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0), "it certifies a root that signs leaves");
    let purposes = cross.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.server_auth && purposes.client_auth && !purposes.any && purposes.other.is_empty());
    let end = cross.validity().not_after.timestamp();
    assert_eq!(end, former.validity().not_after.timestamp().min(root.validity().not_after.timestamp()));
}

/// The intermediate would follow the cross-certificate, and GnuTLS refuses such a chain though it trusts the signer.
#[test]
fn an_intermediate_is_certified_and_certifies_no_root() {
    let corporate = foreign_root(|_| ());
    let intermediate = corporate.intermediate_with("intermediate", |_| ());
    let provided = || load(&intermediate.provided(&[], &corporate));
    let generated = fresh();
    assert!(matches!(provided().cross_certify(&fresh(), NOW), Err(CrossError::Intermediate)));
    let (to_provided, _) = succeed(&generated, provided());
    let leaf = leaf_of(&to_provided);
    assert_eq!(certificates(&leaf.chain_pem), 3);
    assert_eq!((verdict(&leaf, generated.anchors()), verdict(&leaf, &corporate.bundle())), (Ok(()), Ok(())));
}

#[test]
fn a_cross_certificate_has_room_for_the_chain_of_the_next_root_and_no_more() {
    let corporate = foreign_root(|_| ());
    let upper = corporate.intermediate_with("upper", |_| ());
    let signer = upper.intermediate_with("signer", |_| ());
    let room = |next: &AuthorityPem| {
        let crosses = fresh().cross_certify(&load(next), NOW).unwrap();
        let cross = der(&crosses.to_pem());
        let cross = x509_parser::parse_x509_certificate(&cross).unwrap().1;
        cross.basic_constraints().unwrap().unwrap().value.path_len_constraint
    };
    assert_eq!(room(&corporate.provided(&[], &corporate)), Some(0));
    assert_eq!(room(&upper.provided(&[], &corporate)), Some(1));
    assert_eq!(room(&signer.provided(&[&upper, &corporate], &corporate)), Some(2));
}

/// What is not copied would be no limit for a verifier that follows the cross-certificate.
#[test]
fn a_root_with_a_limit_that_is_not_copied_is_not_certified() {
    let extension = |oid: &[u64], content: &[u8], is_critical| {
        let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
        extension.set_criticality(is_critical);
        extension
    };
    let certify = |found: CustomExtension| {
        let root = Ca::root_with("root", NOW, |params| params.custom_extensions.push(found));
        fresh().cross_certify(&load(&root.provided(&[], &root)), NOW).map(|_| ())
    };
    // requireExplicitPolicy 0; inhibitAnyPolicy 0; certificate policies anyPolicy.
    let policy_constraints = (&[2, 5, 29, 36][..], &[0x30, 3, 0x80, 1, 0][..]);
    let inhibit_any_policy = (&[2, 5, 29, 54][..], &[2, 1, 0][..]);
    let policies = (&[2, 5, 29, 32][..], &[0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0][..]);
    for (oid, content) in [policy_constraints, inhibit_any_policy] {
        for is_critical in [true, false] {
            let found = certify(extension(oid, content, is_critical));
            assert!(matches!(found, Err(CrossError::NotWritable)), "{oid:?}");
        }
    }
    assert!(matches!(certify(extension(policies.0, policies.1, true)), Err(CrossError::NotWritable)));
    assert!(certify(extension(policies.0, policies.1, false)).is_ok(), "only a hint");
}

#[test]
fn where_a_path_would_not_hold_there_is_no_cross_certificate() {
    let short = foreign_root(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let short = load(&short.provided(&[], &short));
    assert!(matches!(short.cross_certify(&fresh(), NOW), Err(CrossError::NoPath(_))));
    let limited = foreign_root(|params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("shop.svc".into())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    });
    let limited = load(&limited.provided(&[], &limited));
    assert!(matches!(fresh().cross_certify(&limited, NOW), Err(CrossError::NotWritable)));
}

#[test]
fn a_text_that_is_damaged_is_not_read_and_an_empty_one_is_none() {
    assert!(CrossCertificate::from_pem(b"", &fresh()).unwrap().is_none());
    assert!(CrossCertificate::from_pem(b"garbage", &fresh()).is_err());
}
