//! What is issued: the profile field by field, read with a parser and not with our own eyes.

use mtls_operator::pki::{
    Authority, AuthorityPem, CommonName, IssueError, IssuedLeaf, KeyAlgorithm, Leaf, LeafError, LeafProfile,
    MAX_PEM_BYTES, PrivateKey, RootAlgorithm, Serial, Validity, verify_as_peer,
};
use rcgen::{CustomExtension, GeneralSubtree, NameConstraints};
use test_support::ca::Ca;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

use crate::fixture::{DAY, NOW, SECOND, YEAR, authority_pem, der, foreign_root, generated, profile};

pub fn issue(pem: &AuthorityPem) -> IssuedLeaf {
    let authority = Authority::load(pem, NOW).unwrap();
    issue_as(&authority, &profile()).unwrap()
}

fn issue_as(authority: &Authority, profile: &LeafProfile) -> Result<IssuedLeaf, IssueError> {
    let key = PrivateKey::generate(profile.key_algorithm).unwrap();
    let window = Validity::leaf(NOW, DAY, authority.window());
    authority.issue(profile, key, window, Serial::random().unwrap())
}

fn assert_profile(x509: &X509Certificate<'_>, authority: &Authority, issued: &IssuedLeaf) {
    assert_eq!(x509.version(), X509Version::V3);
    assert_eq!(x509.subject().iter_rdn().count(), 0);
    assert!(x509.subject_alternative_name().unwrap().unwrap().critical);
    let constraints = x509.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && !constraints.value.ca);
    let purposes = x509.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.server_auth && purposes.client_auth && !purposes.any && purposes.other.is_empty());
    assert_eq!(x509.raw_serial(), issued.leaf.serial.as_bytes());
    assert_eq!(x509.validity().not_before.timestamp(), issued.leaf.window.not_before.as_second());
    assert_eq!(x509.validity().not_after.timestamp(), issued.leaf.window.not_after.as_second());
    assert_eq!(x509.extensions().len(), 6, "nothing but SAN, BC, KU, EKU, SKI and AKI");
    let has_own_key_id = |extension: &&x509_parser::extensions::X509Extension<'_>| {
        matches!(extension.parsed_extension(), ParsedExtension::SubjectKeyIdentifier(_))
    };
    assert!(x509.extensions().iter().any(|extension| has_own_key_id(&extension)));
    for extension in x509.extensions() {
        if let ParsedExtension::AuthorityKeyIdentifier(id) = extension.parsed_extension() {
            assert_eq!(id.key_identifier.as_ref().unwrap().0, authority.key_id().as_bytes());
            assert!(id.authority_cert_issuer.is_none() && id.authority_cert_serial.is_none());
        }
    }
}

#[test]
fn every_leaf_follows_the_profile_field_by_field() {
    for root in [RootAlgorithm::EcdsaP256, RootAlgorithm::EcdsaP384] {
        let pem = Authority::generate("mesh", root, YEAR, NOW).unwrap();
        let authority = Authority::load(&pem, NOW).unwrap();
        for key_algorithm in KeyAlgorithm::ALL {
            let profile = LeafProfile { key_algorithm, ..profile() };
            let issued = issue_as(&authority, &profile).unwrap();
            let bytes = der(&issued.chain_pem);
            let (_, x509) = X509Certificate::from_der(&bytes).unwrap();
            assert_profile(&x509, &authority, &issued);
            let usage = x509.key_usage().unwrap().unwrap();
            assert!(usage.critical && usage.value.digital_signature());
            assert_eq!(usage.value.key_encipherment(), key_algorithm.is_rsa());
            assert!(issued.leaf.matches(&profile));
            assert_eq!(Leaf::from_chain_pem(issued.chain_pem.as_bytes()).unwrap(), issued.leaf);
            assert_eq!(
                PrivateKey::from_pem(issued.key_pem.as_bytes()).unwrap().algorithm(),
                Some(key_algorithm)
            );
        }
    }
}

#[test]
fn a_generated_root_may_only_sign_and_never_runs_into_a_path_length() {
    let pem = generated();
    let bytes = der(std::str::from_utf8(&pem.chain).unwrap());
    let (_, x509) = X509Certificate::from_der(&bytes).unwrap();
    let constraints = x509.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca && constraints.value.path_len_constraint.is_none());
    let usage = x509.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
    assert!(!usage.value.digital_signature());
    assert_eq!(x509.raw_serial().len(), 20);
    assert_eq!(x509.validity().not_after.timestamp(), (NOW + YEAR).as_second());
    assert_eq!(pem.chain, pem.anchors);
}

#[test]
fn no_two_generated_roots_share_a_subject() {
    let subject = |pem: &AuthorityPem| {
        let bytes = der(std::str::from_utf8(&pem.chain).unwrap());
        X509Certificate::from_der(&bytes).unwrap().1.subject().to_string()
    };
    let (one, other) = (subject(&generated()), subject(&generated()));
    assert!(one.starts_with("CN=mtls-operator root mesh "), "{one}");
    assert_ne!(one, other);
}

#[test]
fn the_same_key_certified_twice_has_two_serials() {
    let authority = Authority::load(&generated(), NOW).unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap().to_pem();
    let window = Validity::leaf(NOW, DAY, authority.window());
    let serial = || {
        let key = PrivateKey::from_pem(key.as_bytes()).unwrap();
        authority.issue(&profile(), key, window, Serial::random().unwrap()).unwrap().leaf.serial
    };
    assert_ne!(serial(), serial());
}

/// RFC 5280 §4.1.2.5: two-digit years up to 2049, four digits from 2050 on. The two differ by one second here.
#[test]
fn dates_change_their_form_between_2049_and_2050() {
    let century = jiff::SignedDuration::from_hours(24 * 365 * 100);
    let pem = Authority::generate("mesh", RootAlgorithm::EcdsaP256, century, NOW).unwrap();
    let authority = Authority::load(&pem, NOW).unwrap();
    let last_of_2049 = "2049-12-31T23:59:59Z".parse().unwrap();
    let forms =
        [(last_of_2049, &b"\x17\x0d491231235959Z"[..]), (last_of_2049 + SECOND, b"\x18\x0f20500101000000Z")];
    for (not_after, form) in forms {
        let window = Validity { not_before: NOW, not_after };
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let issued = authority.issue(&profile(), key, window, Serial::random().unwrap()).unwrap();
        assert_eq!(issued.leaf.window, window);
        assert!(der(&issued.chain_pem).windows(form.len()).any(|bytes| bytes == form), "{not_after}");
    }
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
fn names_are_sets() {
    let authority = Authority::load(&generated(), NOW).unwrap();
    let asked = profile();
    let doubled =
        LeafProfile { dns_names: [asked.dns_names.clone(), asked.dns_names.clone()].concat(), ..profile() };
    let issued = issue_as(&authority, &doubled).unwrap();
    assert_eq!(issued.leaf.dns_names, asked.dns_names);
    assert!(issued.leaf.matches(&asked) && issued.leaf.matches(&doubled));
    let reversed = LeafProfile { dns_names: asked.dns_names.iter().rev().cloned().collect(), ..profile() };
    assert!(issued.leaf.matches(&reversed));
}

#[test]
fn a_leaf_does_not_match_a_profile_that_differs_in_one_thing() {
    let leaf = issue(&generated()).leaf;
    let domain = "cluster.local".parse().unwrap();
    let others = [
        LeafProfile { spiffe_id: mtls_operator::pki::SpiffeId::new(&domain, "shop", "other"), ..profile() },
        LeafProfile { dns_names: vec!["cart.shop.svc".into()], ..profile() },
        LeafProfile { dns_names: [profile().dns_names, vec!["x.shop.svc".into()]].concat(), ..profile() },
        LeafProfile { ip_addresses: vec![], ..profile() },
        LeafProfile { key_algorithm: KeyAlgorithm::EcdsaP384, ..profile() },
        LeafProfile { common_name: CommonName::ServiceAccount, ..profile() },
    ];
    for other in others {
        assert!(!leaf.matches(&other), "{other:?}");
    }
}

/// As `openssl x509 -subject` prints it; RFC 4514 reads it from the end.
#[test]
fn a_leaf_names_its_service_account_in_its_subject_where_that_is_asked() {
    let authority = Authority::load(&generated(), NOW).unwrap();
    let asked = LeafProfile { common_name: CommonName::ServiceAccount, ..profile() };
    let issued = issue_as(&authority, &asked).unwrap();
    assert_eq!(issued.leaf.subject, "O=cluster.local, CN=cart.shop");
    assert!(issued.leaf.matches(&asked));
    assert!(!issued.leaf.matches(&profile()), "a leaf with a subject is not one without");
    let bytes = der(&issued.chain_pem);
    let (_, x509) = X509Certificate::from_der(&bytes).unwrap();
    assert!(!x509.subject_alternative_name().unwrap().unwrap().critical);
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
