//! The fields of issued certificates, leaves and roots, as x509-parser reads them.

use mtls_operator::pki::{
    Authority, AuthorityPem, CommonName, IssuedLeaf, KeyAlgorithm, Leaf, LeafProfile, PrivateKey,
    RootAlgorithm, Serial, Validity,
};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

use crate::fixture::{DAY, NOW, SECOND, YEAR, der, generated, profile};
use crate::issuing::{issue, issue_as};

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
