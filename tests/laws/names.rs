//! What policy permits can be issued: no name passes the one and fails at the other, for ever.

use std::sync::OnceLock;

use jiff::SignedDuration;
use mtls_operator::pki::{Authority, IssuedLeaf, KeyAlgorithm, LeafProfile, PrivateKey, RootAlgorithm};
use mtls_operator::pki::{Serial, Window};
use mtls_operator::plan::asked::Asked;
use mtls_operator::plan::policy::judge;
use proptest::prelude::*;

use super::fixture::{DAY, NOW, asked, pairs, terms};

pub fn issue(profile: &LeafProfile) -> IssuedLeaf {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    let authority = AUTHORITY.get_or_init(|| {
        let pem = Authority::generate("mesh", RootAlgorithm::EcdsaP256, DAY * 365, NOW).unwrap();
        Authority::load(&pem, NOW).unwrap()
    });
    let window = Window::leaf(NOW, SignedDuration::from_hours(1), authority.window());
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    authority.issue(profile, key, window, Serial::random().unwrap()).unwrap()
}

/// A DNS label, often of the kinds that verifiers treat in a way of their own.
fn label() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?",
        "[0-9]{1,3}",
        "0x[0-9a-f]{0,3}",
        "xn--[a-z0-9]{1,5}",
        "[a-z]{63}"
    ]
}

proptest! {
    #[test]
    fn every_name_that_is_permitted_can_be_issued(
        (namespace, name, services) in (label(), label(), prop::collection::vec(label(), 0..4)),
        (below, wildcard) in (label(), any::<bool>()),
    ) {
        let head = if wildcard { "*".to_owned() } else { below };
        let dns_names = vec![format!("{head}.{namespace}.svc"), format!("{head}.{name}.{namespace}.svc.cluster.local")];
        let asked = Asked { namespace, services, dns_names, service_account: name, ..asked("web") };
        let profile = judge(&asked, &terms(), &pairs(&[])).unwrap().profile;
        prop_assert_eq!(issue(&profile).leaf.dns_names, profile.dns_names);
    }
}
