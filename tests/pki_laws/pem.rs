//! PEM as people have it: what OpenSSL reads is read, and no certificate is left out silently.

use mtls_operator::pki::{
    Authority, AuthorityPem, KeyAlgorithm, Leaf, LoadError, PemError, PrivateKey, TrustBundle, TrustError,
};
use proptest::prelude::*;
use test_support::properties;

use crate::fixture::{NOW, authority_pem, der, foreign_root, generated, pem};

const BOM: &str = "\u{feff}";

fn roots<const COUNT: usize>() -> [String; COUNT] {
    std::array::from_fn(|_| foreign_root(|_| ()).pem().replace("\r\n", "\n"))
}

fn count(text: &str) -> Result<usize, TrustError> {
    TrustBundle::from_pem(text.as_bytes()).map(|bundle| bundle.fingerprints().count())
}

fn unread(begun: usize, read: usize) -> Result<usize, TrustError> {
    Err(TrustError::Pem(PemError::Unread { begun, read }))
}

fn indented(text: &str) -> String {
    with_margin("\t  ", text)
}

fn with_margin(margin: &str, text: &str) -> String {
    text.lines().flat_map(|line| [margin, line, "\n"]).collect()
}

#[test]
fn a_certificate_is_found_in_every_form_that_openssl_reads() {
    let [one, two] = roots();
    let labelled = |label: &str| two.replace("CERTIFICATE", label);
    // What OpenSSL writes behind a certificate that is trusted for a purpose.
    let trusted = pem(
        "TRUSTED CERTIFICATE",
        &[der(&two), b"\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01".to_vec()].concat(),
    );
    for text in [
        format!("{BOM}{two}{one}"),
        format!("{one}{BOM}{two}"),
        format!("{one}{}", labelled("X509 CERTIFICATE")),
        format!("{one}{}", labelled("TRUSTED CERTIFICATE")),
        format!("{one}{trusted}"),
        format!("{one}{}", indented(&two)),
        format!("{}{}", one.trim_end(), two),
        format!("{one}# the other\nsubject=CN = Two\n\n{two}-- \n"),
        format!("{one}{two}").replace('\n', "\r\n"),
        format!("{one}{two}").replace('\n', "\r"),
        format!("{one}{two}").replace('\n', " \n"),
        format!("{one}{}{two}", pem("X509 CRL", b"crl")),
    ] {
        assert_eq!(count(&text), Ok(2), "{text}");
    }
}

#[test]
fn a_certificate_that_begins_and_cannot_be_read_is_reported_with_both_numbers() {
    let [one, two] = roots();
    let body = two.lines().nth(1).unwrap();
    for damaged in [
        two.replace("-----BEGIN", "----BEGIN"),
        two.replace("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE----"),
        two.replace("-----BEGIN CERTIFICATE-----", "-----BEGIN  CERTIFICATE-----").replace(body, "!"),
        two.replace("END CERTIFICATE", "END X509 CERTIFICATE"),
        two.replace("-----END CERTIFICATE-----", ""),
        two.replace(body, &format!("{body}!")),
        with_margin("> ", &two),
        two.replace(body, &format!("{body}\nProc-Type: 4,ENCRYPTED\n")),
    ] {
        assert_eq!(count(&format!("{one}{damaged}")), unread(2, 1), "{damaged}");
        assert_eq!(count(&damaged), unread(1, 0), "{damaged}");
    }
    // The first has no end: what follows is its own.
    let cut = one.replace("-----END CERTIFICATE-----\n", "");
    assert_eq!(count(&format!("{cut}{two}")), unread(2, 1));
}

#[test]
fn the_sentence_names_the_part_and_both_numbers() {
    let [one, two] = roots();
    let text = format!("{one}{}", two.replace("-----END CERTIFICATE-----", ""));
    assert_eq!(
        count(&text).unwrap_err().to_string(),
        "the trust bundle (ca.crt) has BEGIN CERTIFICATE 2 times, and 1 of these could be read; each needs a line for BEGIN, base64, and a line for END with the same words"
    );
    let root = foreign_root(|_| ());
    let chain = authority_pem(text, root.key_pem(), root.pem());
    let expected = LoadError::Chain(PemError::Unread { begun: 2, read: 1 });
    assert_eq!(Authority::load(&chain, NOW).err(), Some(expected));
}

#[test]
fn chains_and_keys_are_read_alike() {
    let good = generated();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    for dress in [|text: &str| format!("{BOM}{text}"), indented] {
        let wrapped = AuthorityPem {
            chain: dress(&text(&good.chain)).into(),
            key: dress(&text(&good.key)).into_bytes().into(),
            anchors: dress(&text(&good.anchors)).into(),
        };
        assert!(Authority::load(&wrapped, NOW).is_ok());
        assert!(Leaf::from_chain_pem(dress(&crate::issuing::issue(&good).chain_pem).as_bytes()).is_ok());
    }
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap().to_pem();
    let unclosed = key.replace("-----END PRIVATE KEY-----", "");
    assert!(PrivateKey::from_pem(unclosed.as_bytes()).is_err());
}

/// One of the ways in which a certificate reaches a file.
fn wrapped(text: &str, way: usize) -> String {
    match way {
        0 => text.to_owned(),
        1 => text.replace('\n', "\r\n"),
        2 => indented(text),
        3 => format!("{BOM}{text}"),
        4 => text.trim_end().to_owned(),
        5 => text.replace("CERTIFICATE", "X509 CERTIFICATE"),
        6 => text.replace("-----END", "----END"),
        7 => text.replace("-----BEGIN", "-----BEGIN "),
        _ => text.chars().filter(|found| *found != '=').skip(way).collect(),
    }
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 200))]

    /// However certificates were put together: either all are in the bundle, or none and both numbers are reported.
    #[test]
    fn all_are_read_or_both_numbers_are_reported(
        ways in prop::collection::vec(0..12usize, 1..6),
        between in prop::collection::vec("[ -,.-~\n]{0,20}", 6),
    ) {
        let made: Vec<String> = ways.iter().map(|way| {
            let [root] = roots::<1>();
            wrapped(&root, *way)
        }).collect();
        let text: String = made.iter().zip(&between).flat_map(|(root, text)| [root.as_str(), text]).collect();
        match count(&text) {
            Ok(read) => prop_assert_eq!(read, text.matches("BEGIN").count(), "{}", text),
            Err(TrustError::Pem(PemError::Unread { begun, read })) => prop_assert!(read < begun),
            Err(TrustError::Damaged { .. } | TrustError::Pem(PemError::NotPem)) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
