//! Verifying a leaf against the profile: each departure is found, also those that some verifiers accept.

use mtls_operator::pki::LeafError;
use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber,
};
use test_support::ca::offset;

use crate::fixture::{DAY, NOW, SECOND, Spoil, foreign_root, good_leaf};
use crate::verifying::verify;

fn verify_spoilt(spoil: Spoil) -> Result<(), LeafError> {
    let mut params = good_leaf();
    spoil(&mut params);
    verify(&foreign_root(|_| ()), &params, &KeyPair::generate().unwrap())
}

const OTHER_SUBJECT: &str = "the subject is neither empty nor the service account of the URI name";

fn name(leaf: &mut CertificateParams, attributes: &[(DnType, &str)]) {
    for (kind, value) in attributes {
        leaf.distinguished_name.push(kind.clone(), *value);
    }
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

#[test]
fn the_unspoilt_leaf_passes() {
    assert_eq!(verify_spoilt(|_| ()), Ok(()));
}

/// One fault each, with what is said of it.
const FAULTS: &[(Spoil, &str)] = &[
    (|leaf| leaf.use_authority_key_identifier_extension = false, "the authority key identifier is missing"),
    (|leaf| leaf.subject_alt_names.push(uri("spiffe://x/y")), "there is not exactly one URI name"),
    (
        |leaf| leaf.subject_alt_names = vec![SanType::DnsName("a.b".try_into().unwrap())],
        "there is not exactly one URI name",
    ),
    (
        |leaf| leaf.subject_alt_names.push(SanType::Rfc822Name("a@b".try_into().unwrap())),
        "a name is neither DNS, IP nor URI",
    ),
    (|leaf| name(leaf, &[(DnType::CommonName, "cart.shop")]), OTHER_SUBJECT),
    (
        |leaf| name(leaf, &[(DnType::OrganizationName, "cluster.local"), (DnType::CommonName, "till.shop")]),
        OTHER_SUBJECT,
    ),
    (
        |leaf| name(leaf, &[(DnType::OrganizationName, "example.org"), (DnType::CommonName, "cart.shop")]),
        OTHER_SUBJECT,
    ),
    (
        |leaf| name(leaf, &[(DnType::CommonName, "cart.shop"), (DnType::OrganizationName, "cluster.local")]),
        OTHER_SUBJECT,
    ),
    (
        |leaf| {
            name(
                leaf,
                &[
                    (DnType::OrganizationName, "cluster.local"),
                    (DnType::CommonName, "cart.shop"),
                    (DnType::OrganizationalUnitName, "admins"),
                ],
            );
        },
        OTHER_SUBJECT,
    ),
    (|leaf| leaf.distinguished_name.push(DnType::CommonName, "cart"), OTHER_SUBJECT),
    (|leaf| leaf.serial_number = Some(SerialNumber::from(1)), "the serial number is shorter than 64 bits"),
    (
        |leaf| leaf.serial_number = Some(SerialNumber::from_slice(&[0x7f; 7])),
        "the serial number is shorter than 64 bits",
    ),
    (
        |leaf| leaf.serial_number = Some(SerialNumber::from_slice(&[0x7f; 21])),
        "the serial number is negative or longer than 20 octets",
    ),
    (|leaf| leaf.is_ca = IsCa::NoCa, "the subject key identifier is missing"),
    (
        |leaf| leaf.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained),
        "the basic constraints do not critically say that it is no CA",
    ),
    (|leaf| leaf.key_usages = vec![], "the key usage is not critical, or not what the key is for"),
    (
        |leaf| leaf.key_usages.push(KeyUsagePurpose::KeyEncipherment),
        "the key usage is not critical, or not what the key is for",
    ),
    (
        |leaf| leaf.key_usages.push(KeyUsagePurpose::KeyCertSign),
        "the key usage is not critical, or not what the key is for",
    ),
    (
        |leaf| leaf.extended_key_usages = vec![],
        "the extended key usage is not exactly server and client authentication",
    ),
    (
        |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        "the extended key usage is not exactly server and client authentication",
    ),
    (
        |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        "the extended key usage is not exactly server and client authentication",
    ),
    (
        |leaf| leaf.extended_key_usages.push(ExtendedKeyUsagePurpose::CodeSigning),
        "the extended key usage is not exactly server and client authentication",
    ),
    (|leaf| leaf.not_after = offset(NOW + DAY * 400), "it names another signing key, or outlives its signer"),
    (
        |leaf| leaf.not_before = offset(NOW - DAY - SECOND),
        "it names another signing key, or outlives its signer",
    ),
    (
        |leaf| leaf.subject_alt_names.push(SanType::DnsName("a b".try_into().unwrap())),
        "a client cannot ask for one of its names",
    ),
];

#[test]
fn every_departure_from_the_profile_has_its_own_reason() {
    for (spoil, reason) in FAULTS {
        assert_eq!(verify_spoilt(*spoil), Err(LeafError::BadProfile(reason)));
    }
}

/// rcgen marks these as critical, so the wrong ones are written by hand.
#[test]
fn extensions_that_should_be_critical_and_are_not_are_found() {
    let spiffe_id = b"\x30\x0e\x86\x0cspiffe://x/y";
    let faults: [(Spoil, &[u64], &[u8], &str); 3] = [
        (
            |leaf| leaf.key_usages = vec![],
            &[2, 5, 29, 15],
            &[3, 2, 7, 0x80],
            "the key usage is not critical, or not what the key is for",
        ),
        (
            |leaf| leaf.subject_alt_names = vec![],
            &[2, 5, 29, 17],
            spiffe_id,
            "the subject alternative names are critical beside a subject, or not critical without one",
        ),
        (
            with_key_id_only,
            &[2, 5, 29, 19],
            &[0x30, 0],
            "the basic constraints do not critically say that it is no CA",
        ),
    ];
    for (spoil, oid, content, reason) in faults {
        let mut params = good_leaf();
        spoil(&mut params);
        params.custom_extensions.push(CustomExtension::from_oid_content(oid, content.to_vec()));
        let found = verify(&foreign_root(|_| ()), &params, &KeyPair::generate().unwrap());
        assert_eq!(found, Err(LeafError::BadProfile(reason)));
    }
}

/// No basic constraints; the subject key identifier, which rcgen then leaves out too, is put back.
fn with_key_id_only(leaf: &mut CertificateParams) {
    leaf.is_ca = IsCa::NoCa;
    leaf.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 14], vec![4, 1, 9])];
}

#[test]
fn a_repeated_extension_is_found() {
    let mut params = good_leaf();
    params.custom_extensions = vec![CustomExtension::from_oid_content(
        &[2, 5, 29, 37],
        vec![0x30, 0x0a, 6, 8, 43, 6, 1, 5, 5, 7, 3, 1],
    )];
    let found = verify(&foreign_root(|_| ()), &params, &KeyPair::generate().unwrap());
    assert!(matches!(found, Err(LeafError::BadProfile(_) | LeafError::NotPem)), "{found:?}");
}

#[test]
fn a_key_that_we_do_not_issue_is_found() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    let reason = "the key is of another kind than those we issue";
    assert_eq!(verify(&foreign_root(|_| ()), &good_leaf(), &key), Err(LeafError::BadProfile(reason)));
}
