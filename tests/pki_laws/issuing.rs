//! What an authority issues and what it refuses to issue: windows, names, chains.

use mtls_operator::pki::{
    Authority, AuthorityPem, IssueError, IssuedLeaf, KeyAlgorithm, LeafError, LeafProfile, MAX_PEM_BYTES,
    PrivateKey, Serial, Validity, verify_as_peer,
};
use rcgen::{CustomExtension, GeneralSubtree, NameConstraints};
use test_support::ca::Ca;

use crate::fixture::{DAY, NOW, SECOND, authority_pem, foreign_root, generated, profile};

pub fn issue(pem: &AuthorityPem) -> IssuedLeaf {
    let authority = Authority::load(pem, NOW).unwrap();
    issue_as(&authority, &profile()).unwrap()
}

pub fn issue_as(authority: &Authority, profile: &LeafProfile) -> Result<IssuedLeaf, IssueError> {
    let key = PrivateKey::generate(profile.key_algorithm).unwrap();
    let window = Validity::leaf(NOW, DAY, authority.window());
    authority.issue(profile, key, window, Serial::random().unwrap())
}

#[test]
fn a_window_outside_the_authority_by_one_second_is_refused() {
    let authority = Authority::load(&generated(), NOW).unwrap();
    let whole = authority.window();
    let issue = |window| {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        authority.issue(&profile(), key, window, Serial::random().unwrap()).map(|issued| issued.leaf.window)
    };
    assert_eq!(issue(whole), Ok(whole));
    for outside in [
        Validity { not_before: whole.not_before - SECOND, ..whole },
        Validity { not_after: whole.not_after + SECOND, ..whole },
        Validity { not_before: NOW, not_after: NOW - SECOND },
    ] {
        assert_eq!(issue(outside), Err(IssueError::OutsideSigner));
    }
}

#[test]
fn the_chain_carries_intermediates_and_never_a_root() {
    let root = foreign_root(|_| ());
    let upper = root.intermediate_with("upper", |_| ());
    let lower = upper.intermediate_with("lower", |_| ());
    for above in [&[&upper][..], &[&upper, &root]] {
        let issued = issue(&lower.provided(above, &root));
        let rest = format!("{}{}", lower.pem(), upper.pem());
        assert!(issued.chain_pem.replace("\r\n", "\n").ends_with(&rest.replace("\r\n", "\n")));
        assert_eq!(issued.chain_pem.matches("BEGIN CERTIFICATE").count(), 3);
    }
    let own = issue(&generated());
    assert_eq!(own.chain_pem.matches("BEGIN CERTIFICATE").count(), 1);
}

#[test]
fn a_leaf_may_have_wildcards_or_no_names_but_its_id() {
    let authority = Authority::load(&generated(), NOW).unwrap();
    let wildcard = vec!["*.cart.shop.svc.cluster.local".to_owned()];
    assert!(issue_as(&authority, &LeafProfile { dns_names: wildcard, ..profile() }).is_ok());
    assert!(
        issue_as(&authority, &LeafProfile { dns_names: vec![], ip_addresses: vec![], ..profile() }).is_ok()
    );
}

#[test]
fn a_name_that_no_client_can_ask_for_is_not_issued() {
    let authority = Authority::load(&generated(), NOW).unwrap();
    let issue = |name: &str| {
        issue_as(&authority, &LeafProfile { dns_names: vec![name.into()], ..profile() })
            .map(|issued| issued.leaf)
    };
    assert_eq!(issue("bücher.shop.svc"), Err(IssueError::Name("bücher.shop.svc".into())));
    for name in ["", "a b", "a..b", "cart.shop.svc\0.evil", "*", "a.*.b", "10.1.2.3", "-a.b"] {
        assert!(matches!(issue(name), Err(IssueError::Refused(LeafError::BadProfile(_)))), "{name:?}");
    }
}

#[test]
fn a_leaf_against_the_name_constraints_of_a_provided_ca_is_not_handed_out() {
    let root = foreign_root(|_| ());
    let constrained = root.intermediate_with("constrained", |params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("corp.example".into())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    });
    let authority = Authority::load(&constrained.provided(&[], &root), NOW).unwrap();
    let refused = issue_as(&authority, &profile()).map(|issued| issued.leaf);
    let excluded = vec!["cart.shop.svc".to_owned(), "cart.shop.svc.cluster.local".to_owned()];
    assert_eq!(refused, Err(IssueError::NamesExcluded(excluded)));
    let permitted = LeafProfile { dns_names: vec!["cart.corp.example".into()], ..profile() };
    assert!(issue_as(&authority, &permitted).is_ok());
}

#[test]
fn what_is_issued_passes_as_it_is_stored() {
    let pem = generated();
    let issued = issue(&pem);
    let bundle = mtls_operator::pki::TrustBundle::from_pem(&pem.anchors).unwrap();
    let found = verify_as_peer(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes(), &bundle, NOW);
    assert_eq!(found, Ok(issued.leaf));
}

/// A CA below a root, with a cross-certificate of that root in its chain that is so long that about this many bytes are left
/// for the leaf before it. Peers do not follow it: they trust the root.
fn leaving(bytes: usize) -> AuthorityPem {
    let (root, other) = (Ca::root_with("root", NOW, |_| ()), Ca::root_with("other", NOW, |_| ()));
    let signer = root.intermediate_with("signer", |_| ());
    // 48 octets make a line of 64 characters; the rest of both certificates has less than 1000 octets.
    let octets = (MAX_PEM_BYTES - bytes) / 65 * 48 - 1000;
    let mut params = root.params.clone();
    let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55555, 1], vec![5; octets]);
    params.custom_extensions.push(extension);
    let long = params.signed_by(root.issuer.key(), &other.issuer).unwrap().pem();
    authority_pem(signer.pem() + &long, signer.key_pem(), root.pem())
}

#[test]
fn a_chain_that_could_not_be_read_again_is_not_issued() {
    let near = Authority::load(&leaving(4000), NOW).unwrap();
    let issued = issue_as(&near, &profile()).unwrap();
    assert!(issued.chain_pem.len() > MAX_PEM_BYTES - 4000, "{}", issued.chain_pem.len());
    let found = verify_as_peer(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes(), near.bundle(), NOW);
    assert_eq!(found, Ok(issued.leaf), "what is issued is read again");
    let full = leaving(300);
    assert!(full.chain.len() <= MAX_PEM_BYTES, "the CA itself can be read: {}", full.chain.len());
    let error = issue_as(&Authority::load(&full, NOW).unwrap(), &profile()).err().unwrap();
    assert!(matches!(error, IssueError::Refused(LeafError::TooLarge)), "{error}");
    assert!(error.to_string().contains(&format!("longer than {MAX_PEM_BYTES} bytes")), "{error}");
}
