//! Whatever bytes come in, an answer comes out: no panic, no unbounded work.

use std::sync::LazyLock;

use mtls_operator::pki::{
    Authority, AuthorityPem, IssuedLeaf, Leaf, PrivateKey, TrustBundle, verify_as_peer,
};
use proptest::prelude::*;

use crate::fixture::{NOW, certificate_pem, der, generated, pem};
use crate::issuing::issue;
use crate::properties;

static GOOD: LazyLock<(AuthorityPem, IssuedLeaf)> = LazyLock::new(|| {
    let authority = generated();
    let issued = issue(&authority);
    (authority, issued)
});

fn read_everything(bytes: &[u8]) {
    let (authority, issued) = &*GOOD;
    let _ = Leaf::from_chain_pem(bytes);
    let _ = PrivateKey::from_pem(bytes);
    let _ = TrustBundle::from_pem(bytes);
    let _ = Authority::load(&AuthorityPem { chain: bytes.to_vec(), ..authority.clone() }, NOW);
    let _ = Authority::load_provided(&AuthorityPem { anchors: bytes.to_vec(), ..authority.clone() }, NOW);
    let _ = Authority::load(&AuthorityPem { key: bytes.to_vec().into(), ..authority.clone() }, NOW);
    let bundle = TrustBundle::from_pem(&authority.anchors).unwrap();
    let _ = verify_as_peer(bytes, issued.key_pem.as_bytes(), &bundle, NOW);
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
    #![proptest_config(properties::cases(200))]

    #[test]
    fn any_text_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        read_everything(&bytes);
    }

    #[test]
    fn any_der_in_pem_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        read_everything(certificate_pem(&bytes).as_bytes());
        read_everything(pem("PRIVATE KEY", &bytes).as_bytes());
    }

    /// Also: a leaf that still passes after a change is the same leaf.
    #[test]
    fn a_damaged_leaf_is_answered(flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let (authority, issued) = &*GOOD;
        let text = certificate_pem(&flip(&der(&issued.chain_pem), &flips));
        read_everything(text.as_bytes());
        let bundle = TrustBundle::from_pem(&authority.anchors).unwrap();
        if let Ok(leaf) = verify_as_peer(text.as_bytes(), issued.key_pem.as_bytes(), &bundle, NOW) {
            prop_assert_eq!(&leaf, &issued.leaf);
        }
    }

    #[test]
    fn a_damaged_root_is_answered(flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let (authority, _) = &*GOOD;
        let text = certificate_pem(&flip(&der(std::str::from_utf8(&authority.chain).unwrap()), &flips));
        read_everything(text.as_bytes());
        let both = AuthorityPem { chain: text.clone().into_bytes(), anchors: text.into_bytes(), ..authority.clone() };
        let _ = Authority::load(&both, NOW);
    }
}

#[test]
fn an_rdn_without_attributes_does_not_bring_rcgen_down() {
    let (authority, _) = &*GOOD;
    let good = der(std::str::from_utf8(&authority.chain).unwrap());
    // SET { SEQUENCE { OID CN, UTF8String } }: the set becomes empty, the rest an unknown element behind it.
    let at = good.windows(5).position(|bytes| bytes[0] == 0x31 && bytes[2] == 0x30 && bytes[4] == 6).unwrap();
    let mut bad = good;
    bad[at + 1] = 0;
    read_everything(certificate_pem(&bad).as_bytes());
}
