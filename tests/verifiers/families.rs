//! Three roots that follow each other: their chains, trust bundles and the leaf that the last one signs, as files.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::{
    Authority, AuthorityPem, CommonName, CrossCertificate, KeyAlgorithm, LeafProfile, PrivateKey,
    RootAlgorithm, Serial, SpiffeId, Validity,
};
use test_support::tools::authorities::OpenSsl;

use crate::family_roots::{Kind, generate, make, real_now};

/// A DNS name of every leaf.
pub const NAME: &str = "cart.shop.svc.cluster.local";

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The certificates that are served with a leaf beside the intermediates of its signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crosses {
    None,
    /// The signer's root, certified by the former one.
    One,
}

impl Crosses {
    pub const ALL: [Self; 2] = [Self::None, Self::One];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::One => "one",
        }
    }
}

/// The trust bundle of a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    Former,
    Current,
    FormerThenCurrent,
    CurrentThenFormer,
    All,
    /// The root before the former one: at most one rotation is bridged.
    Oldest,
    /// A root of another authority.
    Other,
}

impl Trust {
    pub const ALL: [Self; 7] = [
        Self::Former,
        Self::Current,
        Self::FormerThenCurrent,
        Self::CurrentThenFormer,
        Self::All,
        Self::Oldest,
        Self::Other,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Former => "the former root",
            Self::Current => "the current root",
            Self::FormerThenCurrent => "the former, then the current root",
            Self::CurrentThenFormer => "the current, then the former root",
            Self::All => "the oldest, the former, then the current root",
            Self::Oldest => "the oldest root",
            Self::Other => "a root of another authority",
        }
    }

    /// The members of `[oldest, former, current, other]`, in the order of the bundle.
    const fn roots(self) -> &'static [usize] {
        match self {
            Self::Former => &[1],
            Self::Current => &[2],
            Self::FormerThenCurrent => &[1, 2],
            Self::CurrentThenFormer => &[2, 1],
            Self::All => &[0, 1, 2],
            Self::Oldest => &[0],
            Self::Other => &[3],
        }
    }
}

/// The files of three roots that follow each other.
pub struct Family {
    pub kind: Kind,
    /// CAs between the former root and what signs below it, and between the current root and the signer of the leaf.
    pub intermediates: [usize; 2],
    folder: PathBuf,
}

impl Family {
    pub fn chain(&self, crosses: Crosses) -> PathBuf {
        self.folder.join(format!("chain-{}.pem", crosses.name()))
    }

    pub fn key(&self) -> PathBuf {
        self.folder.join("tls.key")
    }

    pub fn trust(&self, trust: Trust) -> PathBuf {
        self.folder.join(format!("{trust:?}.pem"))
    }

    /// What may be served: an intermediate certifies no root.
    pub fn crosses(intermediates: [usize; 2]) -> &'static [Crosses] {
        if intermediates[0] == 0 { &Crosses::ALL } else { &[Crosses::None] }
    }

    /// The fewest CAs between the leaf and a trusted root; `None` if no path leads to one.
    pub fn depth(&self, crosses: Crosses, trust: Trust) -> Option<usize> {
        let [_, current] = self.intermediates;
        match (trust, crosses) {
            (Trust::Former, Crosses::One) => Some(current + 1),
            (Trust::Former, Crosses::None) | (Trust::Oldest | Trust::Other, _) => None,
            _ => Some(current),
        }
    }

    /// Issues a leaf below the last root, and writes down what is served and what is trusted.
    fn write(self, roots: &[AuthorityPem; 3], other: &AuthorityPem, now: Timestamp) -> Self {
        fs::create_dir_all(&self.folder).unwrap();
        let [oldest, former, current] = roots;
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap().to_pem();
        fs::write(self.key(), key.as_bytes()).unwrap();
        let certified = load(former, now).cross_certify(&load(current, now), now);
        assert_eq!(certified.is_ok(), self.intermediates[0] == 0);
        for crosses in Self::crosses(self.intermediates) {
            let served = certified.as_ref().ok().filter(|_| *crosses == Crosses::One);
            fs::write(self.chain(*crosses), issue(current, served, &key, now)).unwrap();
        }
        let anchors = [oldest, former, current, other].map(|pem| &pem.anchors);
        for trust in Trust::ALL {
            let bundle: Vec<u8> = trust.roots().iter().flat_map(|root| anchors[*root].clone()).collect();
            fs::write(self.trust(trust), bundle).unwrap();
        }
        self
    }
}

fn load(pem: &AuthorityPem, now: Timestamp) -> Authority {
    Authority::load(pem, now).unwrap()
}

/// `tls.crt` of a leaf with this key.
fn issue(signer: &AuthorityPem, cross: Option<&CrossCertificate>, key: &str, now: Timestamp) -> String {
    let authority = load(signer, now).with_rotation(&[], cross, &[]);
    let profile = LeafProfile {
        spiffe_id: SpiffeId::new(&"cluster.local".parse().unwrap(), "shop", "cart"),
        dns_names: vec![NAME.to_owned()],
        ip_addresses: vec!["127.0.0.1".parse().unwrap()],
        key_algorithm: KeyAlgorithm::EcdsaP256,
        common_name: CommonName::None,
    };
    let key = PrivateKey::from_pem(key.as_bytes()).unwrap();
    let window = Validity::leaf(now, DAY, authority.window());
    authority.issue(&profile, key, window, Serial::random().unwrap()).unwrap().chain_pem
}

/// All families, in a new folder, and the time at which they are to be judged.
pub fn all(openssl: PathBuf, folder: &Path) -> (Vec<Family>, Timestamp) {
    let _ = fs::remove_dir_all(folder);
    let openssl = OpenSsl::new(openssl, &folder.join("authorities"));
    let other = generate(RootAlgorithm::EcdsaP256);
    let made: Vec<_> = Kind::ALL.iter().flat_map(|kind| make(*kind, &openssl)).collect();
    // Read only now: certificates by OpenSSL are valid from the moment they are made.
    let now = real_now();
    let family = |(kind, intermediates, roots): (Kind, [usize; 2], [AuthorityPem; 3])| {
        let [former, current] = intermediates;
        let folder = folder.join(format!("{}-{former}-{current}", kind.name().replace([' ', ','], "-")));
        Family { kind, intermediates, folder }.write(&roots, &other, now)
    };
    (made.into_iter().map(family).collect(), now)
}
