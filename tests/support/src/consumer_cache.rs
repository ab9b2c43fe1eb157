//! What consumers may hold in memory, each whatever its Secret has held within `propagation`, and whether any two of
//! them could still shake hands (I2).

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::{LeafError, TrustBundle, verify_as_peer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// What a Secret held from some moment on.
#[derive(Clone)]
pub struct Snapshot {
    /// Since when.
    pub since: Timestamp,
    /// The leaf, and what leads from it to a root.
    pub chain: String,
    /// Its private key.
    pub key: String,
    /// The roots that are trusted.
    pub bundle: String,
}

impl Snapshot {
    /// What a client without an identity has: a bundle, and no certificate.
    pub const fn of_client(since: Timestamp, bundle: String) -> Self {
        Self { since, chain: String::new(), key: String::new(), bundle }
    }
}

/// Everything that the consumers of a mesh may have loaded.
pub struct ConsumerCache {
    /// No consumer loads what its Secret holds later than after this.
    propagation: SignedDuration,
    /// Whether a leaf that expired is no failure: it could not be renewed in time.
    is_expiry_forgiven: bool,
    history: BTreeMap<String, Vec<Snapshot>>,
    /// Pairs of chain and bundle that were found to fit, and until when: the first of their certificates ends then.
    accepted: HashMap<(String, String), Timestamp>,
}

impl ConsumerCache {
    /// Of consumers that load late by this at most.
    pub fn new(propagation: SignedDuration) -> Self {
        Self { propagation, is_expiry_forgiven: false, history: BTreeMap::new(), accepted: HashMap::new() }
    }

    /// From now on leaves may expire, as they do when the API server hardly answers.
    pub fn forgive_expiry(&mut self) {
        self.is_expiry_forgiven = true;
    }

    /// The Secret of this name holds this.
    pub fn saw(&mut self, name: &str, snapshot: Snapshot) {
        let versions = self.history.entry(name.to_owned()).or_default();
        let is_news = versions
            .last()
            .is_none_or(|last| (&last.chain, &last.bundle) != (&snapshot.chain, &snapshot.bundle));
        if is_news {
            versions.push(snapshot);
        }
    }

    /// Every consumer has loaded what its Secret holds, or will hold when it is seen next.
    pub fn forget(&mut self) {
        self.history.clear();
    }

    /// Checks that any two consumers can shake hands now: each with any leaf and any bundle that its Secret has held
    /// within `propagation`. If `some_never_reload`, each has a twin that has loaded only its first bundle.
    pub fn check(&mut self, now: Timestamp, some_never_reload: bool) -> Result<(), String> {
        let loaded = |versions| visible(versions, now, self.propagation);
        let leaves: Vec<Snapshot> = self.history.values().flat_map(|seen| loaded(seen)).cloned().collect();
        let mut bundles: Vec<String> = leaves.iter().map(|snapshot| snapshot.bundle.clone()).collect();
        if some_never_reload {
            bundles.extend(self.history.values().map(|versions| versions[0].bundle.clone()));
        }
        bundles.sort_unstable();
        bundles.dedup();
        for leaf in leaves.iter().filter(|snapshot| !snapshot.chain.is_empty()) {
            for bundle in &bundles {
                let pair = (leaf.chain.clone(), bundle.clone());
                if self.accepted.get(&pair).is_none_or(|until| now > *until) {
                    let until = self.verify(leaf, bundle, now)?;
                    self.accepted.insert(pair, until);
                }
            }
        }
        Ok(())
    }

    /// Verifies a leaf as a peer with this bundle would. Returns until when the verdict holds.
    fn verify(&self, leaf: &Snapshot, bundle: &str, now: Timestamp) -> Result<Timestamp, String> {
        match accepts(leaf, bundle, now) {
            Ok(()) => Ok(first_end(&leaf.chain, bundle, now)),
            Err(LeafError::Expired) if self.is_expiry_forgiven => Ok(Timestamp::MAX),
            Err(error) => Err(format!("at {now}: {error:?}")),
        }
    }
}

/// Whether a peer with this bundle accepts a leaf.
///
/// # Errors
/// Why not.
pub fn accepts(leaf: &Snapshot, bundle: &str, now: Timestamp) -> Result<(), LeafError> {
    let verdict = |bundle: &str| {
        let trust = TrustBundle::from_pem(bundle.as_bytes()).unwrap();
        verify_as_peer(leaf.chain.as_bytes(), leaf.key.as_bytes(), &trust, now).map(drop)
    };
    match verdict(bundle) {
        // It outlives the cross-certificate that leads to it, which no verifier refuses: the path is valid, and beside its own
        // bundle there is nothing wrong with the leaf.
        Err(LeafError::BadProfile(_)) if outlives_its_chain(&leaf.chain) => verdict(&leaf.bundle),
        verdict => verdict,
    }
}

/// When the first of the certificates that are valid now ends.
fn first_end(chain: &str, bundle: &str, now: Timestamp) -> Timestamp {
    let ends = ends(chain).chain(ends(bundle));
    ends.filter(|end| *end >= now).min().unwrap_or(Timestamp::MAX)
}

/// Whether the first certificate ends later than another that is served with it.
fn outlives_its_chain(chain: &str) -> bool {
    let mut ends = ends(chain);
    ends.next().is_some_and(|leaf| ends.any(|end| end < leaf))
}

/// When each certificate ends.
fn ends(pem: &str) -> impl Iterator<Item = Timestamp> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(|der| {
        let der = der.unwrap();
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
        Timestamp::from_second(certificate.validity().not_after.timestamp()).unwrap()
    })
}

/// What a consumer may hold: what the Secret holds, and what it held within `propagation`.
fn visible(versions: &[Snapshot], now: Timestamp, propagation: SignedDuration) -> &[Snapshot] {
    let oldest = versions.iter().rposition(|version| now.duration_since(version.since) >= propagation);
    &versions[oldest.unwrap_or(0)..]
}
