//! Handshakes of every kind of consumer without a cluster, with success and with failure. In the rotations a consumer that
//! accepts any certificate would not be noticed.

use std::process::Command;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::{
    Authority, CommonName, KeyAlgorithm, LeafProfile, PrivateKey, RootAlgorithm, Serial, SpiffeId, Validity,
};
use test_support::tools::{java, require_tool};

use crate::consumer::{Loaded, Stack, Version};
use crate::gnutls::GnuTls;
use crate::openssl::OpenSsl;
use crate::process::{self, Process};

const NAME: &str = "pod.shop.svc";

/// The content of a Secret of a root of its own.
fn loaded() -> Loaded {
    let (day, now) = (SignedDuration::from_hours(24), real_now());
    let pem = Authority::generate("mesh", RootAlgorithm::EcdsaP256, day, now).unwrap();
    let authority = Authority::load(&pem, now).unwrap();
    let profile = LeafProfile {
        spiffe_id: SpiffeId::new(&"cluster.local".parse().unwrap(), "shop", "pod"),
        dns_names: vec![NAME.to_owned()],
        ip_addresses: Vec::new(),
        key_algorithm: KeyAlgorithm::EcdsaP256,
        common_name: CommonName::None,
    };
    let key = PrivateKey::generate(profile.key_algorithm).unwrap();
    let window = Validity::leaf(now, day, authority.window());
    let leaf = authority.issue(&profile, key, window, Serial::random().unwrap()).unwrap();
    let version = Version::new([leaf.chain_pem.into_bytes(), leaf.key_pem.as_bytes().to_vec(), pem.anchors]);
    Loaded { leaf: version.clone(), trust: version }
}

fn stacks() -> Vec<Stack> {
    let folder = tempfile::tempdir().unwrap();
    let of = |command: &mut Command| Mutex::new(Process::start(command));
    let openssl = require_tool("openssl").map(|program| Stack::OpenSsl(Mutex::new(OpenSsl::new(program))));
    let gnutls = require_tool("gnutls-cli").map(|program| Stack::GnuTls(Mutex::new(GnuTls::new(program))));
    let go = process::build_go(folder.path()).map(|program| Stack::Go(of(&mut Command::new(program))));
    let java = java::find().map(|java| Stack::Java(of(&mut process::java(&java))));
    std::iter::once(Stack::Rustls).chain([openssl, gnutls, go, java].into_iter().flatten()).collect()
}

#[test]
fn consumers_of_every_kind_shake_hands_with_their_own_mesh_and_with_no_other() {
    let (own, other) = (loaded(), loaded());
    // A certificate of the same mesh, and trust in another one.
    let mistaken = Loaded { leaf: own.leaf.clone(), trust: Arc::clone(&other.trust) };
    // Each has one thing in memory at a time.
    let (clients, servers) = (stacks(), stacks());
    for (from, to) in clients.iter().flat_map(|from| servers.iter().map(move |to| (from, to))) {
        let who = format!("{} to {}", from.name(), to.server_name());
        assert_eq!(from.shake_hands(to, [&own, &own], NAME), Ok(()), "{who}");
        assert!(from.shake_hands(to, [&own, &other], NAME).is_err(), "{who}: a server of another mesh");
        assert!(
            from.shake_hands(to, [&own, &mistaken], NAME).is_err(),
            "{who}: the server trusts another mesh"
        );
        assert!(
            from.shake_hands(to, [&mistaken, &own], NAME).is_err(),
            "{who}: the client trusts another mesh"
        );
    }
}

#[allow(clippy::disallowed_methods, reason = "foreign programs use the real clock")]
fn real_now() -> Timestamp {
    Timestamp::now()
}
