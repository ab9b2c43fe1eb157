//! Names of signers: each is copied byte for byte into all that it signs, whatever attributes, repetitions and strings it is
//! made of.

use mtls_operator::pki::{Authority, AuthorityPem, verify_as_peer};
use proptest::prelude::*;
use test_support::properties;
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, Tag};

use crate::fixture::{NOW, authority_pem, certificate_pem, der, foreign_root, generated, refilled};
use crate::issuing::issue;

/// Attribute types: DC, OU, CN, an e-mail address, and one of a company's own.
const TYPES: [&[u64]; 5] = [
    &[0, 9, 2342, 19_200_300, 100, 1, 25],
    &[2, 5, 4, 11],
    &[2, 5, 4, 3],
    &[1, 2, 840, 113_549, 1, 9, 1],
    &[1, 3, 6, 1, 4, 1, 99_999, 1],
];

/// Tags of `UTF8String`, `PrintableString`, `T61String`, `IA5String`, `UniversalString` and `BMPString`.
const STRINGS: [u64; 6] = [12, 19, 20, 22, 28, 30];

/// Attribute type, kind of string, and content.
type Attribute = (usize, usize, Vec<u8>);

fn write(attribute: &Attribute, writer: DERWriter<'_>) {
    let (kind, string, content) = attribute;
    writer.write_sequence(|writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(TYPES[*kind]));
        let tag = Tag { tag_class: yasna::TagClass::Universal, tag_number: STRINGS[*string] };
        writer.next().write_tagged_implicit(tag, |writer| writer.write_bytes(content));
    });
}

/// A name as DER: parts, each of one attribute or several.
fn name(parts: &[Vec<Attribute>]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            for part in parts {
                writer
                    .next()
                    .write_set_of(|writer| part.iter().for_each(|found| write(found, writer.next())));
            }
        });
    })
}

/// A self-signed CA of this name.
fn named(name: &[u8]) -> AuthorityPem {
    let root = foreign_root(|_| ());
    let text = certificate_pem(&refilled(&der(&root.pem()), |fields| {
        fields[3] = name.to_vec();
        fields[5] = name.to_vec();
    }));
    authority_pem(text.clone(), root.key_pem(), text)
}

/// Issuer and subject of the first certificate.
fn names_in(pem: &str) -> (Vec<u8>, Vec<u8>) {
    let der = der(pem);
    let x509 = x509_parser::parse_x509_certificate(&der).unwrap().1;
    (x509.issuer().as_raw().to_vec(), x509.subject().as_raw().to_vec())
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 64))]

    #[test]
    fn any_name_of_a_signer_is_copied_byte_for_byte(
        parts in prop::collection::vec(
            prop::collection::vec((0..TYPES.len(), 0..STRINGS.len(), prop::collection::vec(any::<u8>(), 0..64)), 1..3),
            1..6,
        )
    ) {
        let name = name(&parts);
        let pem = named(&name);
        let issued = issue(&pem);
        prop_assert_eq!(names_in(&issued.chain_pem).0, name.clone());
        let (foreign, own) = (Authority::load(&pem, NOW).unwrap(), Authority::load(&generated(), NOW).unwrap());
        let own_name = names_in(own.anchors().to_pem()).1;
        let announced = own.cross_certify(&foreign, NOW).unwrap();
        prop_assert_eq!(names_in(&announced.to_pem()), (own_name.clone(), name.clone()));
        let left = foreign.cross_certify(&own, NOW).unwrap();
        prop_assert_eq!(names_in(&left.to_pem()), (name, own_name));
        let found = verify_as_peer(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes(), foreign.anchors(), NOW);
        prop_assert_eq!(found, Ok(issued.leaf));
    }
}
