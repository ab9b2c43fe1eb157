//! Hostile input: whatever the bytes, reading them ends without a panic, accepts nothing that cannot be used, and does no
//! work on what is longer than any Secret.

use std::sync::LazyLock;

use mtls_operator::pki::{
    Authority, AuthorityPem, IssuedLeaf, KeyError, Leaf, LeafError, MAX_PEM_BYTES, PemError, PrivateKey,
    TrustBundle, TrustError, verify_as_peer,
};
use proptest::prelude::*;
use test_support::properties;

use crate::fixture::{NOW, certificate_pem, der, generated, pem};
use crate::issuing::issue;

static GOOD: LazyLock<(AuthorityPem, IssuedLeaf)> = LazyLock::new(|| {
    let authority = generated();
    let issued = issue(&authority);
    (authority, issued)
});

/// Whatever is read of these bytes can be used: what is refused is refused at once, not later.
fn read_everything(bytes: &[u8]) {
    let (authority, issued) = &*GOOD;
    if let Ok(key) = PrivateKey::from_pem(bytes) {
        let again = PrivateKey::from_pem(key.to_pem().as_bytes()).unwrap();
        assert_eq!(again.public_key_der(), key.public_key_der());
    }
    if let Ok(bundle) = TrustBundle::from_pem(bytes) {
        let again = TrustBundle::from_pem(bundle.to_pem().as_bytes()).unwrap();
        assert!(again.fingerprints().eq(bundle.fingerprints()));
    }
    let bundle = TrustBundle::from_pem(&authority.anchors).unwrap();
    if let Ok(leaf) = verify_as_peer(bytes, issued.key_pem.as_bytes(), &bundle, NOW) {
        assert_eq!(Leaf::from_chain_pem(bytes).as_ref(), Ok(&leaf));
        assert!(leaf.window.not_before <= NOW && NOW <= leaf.window.not_after);
    }
    for pem in [
        AuthorityPem { chain: bytes.to_vec(), ..authority.clone() },
        AuthorityPem { anchors: bytes.to_vec(), ..authority.clone() },
        AuthorityPem { key: bytes.to_vec().into(), ..authority.clone() },
        AuthorityPem { chain: bytes.to_vec(), anchors: bytes.to_vec(), ..authority.clone() },
    ] {
        load(&pem);
    }
}

/// What may sign, signs: peers that trust its anchors accept its leaf.
fn load(pem: &AuthorityPem) {
    let Ok(authority) = Authority::load(pem, NOW) else {
        assert!(Authority::load_provided(pem, NOW).is_err(), "what people provide is read more strictly");
        return;
    };
    let leaf = issue(pem);
    let (chain, key) = (leaf.chain_pem.as_bytes(), leaf.key_pem.as_bytes());
    assert_eq!(verify_as_peer(chain, key, authority.anchors(), NOW), Ok(leaf.leaf));
}

fn flip(bytes: &[u8], flips: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (index, mask) in flips {
        let at = index.index(bytes.len());
        bytes[at] ^= mask;
    }
    bytes
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 200))]

    #[test]
    fn any_text_is_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        read_everything(&bytes);
    }

    #[test]
    fn any_der_in_pem_is_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        read_everything(certificate_pem(&bytes).as_bytes());
        read_everything(pem("PRIVATE KEY", &bytes).as_bytes());
    }

    /// Also: a leaf that still passes after a change is the same leaf.
    #[test]
    fn a_damaged_leaf_is_accepted_or_refused(flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let (authority, issued) = &*GOOD;
        let text = certificate_pem(&flip(&der(&issued.chain_pem), &flips));
        read_everything(text.as_bytes());
        let bundle = TrustBundle::from_pem(&authority.anchors).unwrap();
        if let Ok(leaf) = verify_as_peer(text.as_bytes(), issued.key_pem.as_bytes(), &bundle, NOW) {
            prop_assert_eq!(&leaf, &issued.leaf);
        }
    }

    #[test]
    fn a_damaged_root_is_accepted_or_refused(flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let (authority, _) = &*GOOD;
        let text = certificate_pem(&flip(&der(std::str::from_utf8(&authority.chain).unwrap()), &flips));
        read_everything(text.as_bytes());
    }

    /// However much there is, and whatever it is: beyond the limits nothing is decoded.
    #[test]
    fn what_is_longer_than_any_secret_is_refused_for_its_length(
        bytes in prop::collection::vec(any::<u8>(), 1..2048), is_sound in any::<bool>(),
    ) {
        let sound = GOOD.1.chain_pem.as_bytes();
        let part = if is_sound { [sound, &bytes].concat() } else { bytes };
        let text: Vec<u8> = part.iter().copied().cycle().take(MAX_PEM_BYTES + 1).collect();
        let limit = MAX_PEM_BYTES;
        prop_assert_eq!(Leaf::from_chain_pem(&text), Err(LeafError::TooLarge));
        assert!(matches!(
            TrustBundle::from_pem(&text).err(),
            Some(TrustError::Pem(PemError::TooLarge { limit: told })) if told == limit
        ));
        assert!(matches!(PrivateKey::from_pem(&text).err(), Some(KeyError::Pem(PemError::TooLarge { .. }))));
    }
}

#[test]
fn an_rdn_without_attributes_does_not_make_rcgen_panic() {
    let (authority, _) = &*GOOD;
    let good = der(std::str::from_utf8(&authority.chain).unwrap());
    // SET { SEQUENCE { OID CN, UTF8String } }: the set becomes empty, the rest an unknown element behind it.
    let at = good.windows(5).position(|bytes| bytes[0] == 0x31 && bytes[2] == 0x30 && bytes[4] == 6).unwrap();
    let mut bad = good;
    bad[at + 1] = 0;
    read_everything(certificate_pem(&bad).as_bytes());
}
