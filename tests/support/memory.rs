//! What consumers may hold in memory, each whatever its Secret has held within `propagation`, and whether any two of
//! them could still shake hands (I2).

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::{TrustBundle, verify_as_peer};

/// What a Secret held from some moment on.
#[derive(Clone)]
pub struct Snapshot {
    pub since: Timestamp,
    pub chain: String,
    pub key: String,
    pub bundle: String,
}

/// Everything that the consumers of a mesh may have loaded.
pub struct Memory {
    /// No consumer loads what its Secret holds later than after this.
    propagation: SignedDuration,
    history: BTreeMap<String, Vec<Snapshot>>,
    /// Pairs of chain and bundle that were found to fit: they do until the leaf expires.
    accepted: HashSet<(String, String)>,
}

impl Memory {
    /// Of consumers that load late by this at most.
    pub fn new(propagation: SignedDuration) -> Self {
        Self { propagation, history: BTreeMap::new(), accepted: HashSet::new() }
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

    /// Everybody has loaded what its Secret holds, or will hold when it is seen next.
    pub fn forget(&mut self) {
        self.history.clear();
    }

    /// Checks that any two consumers can shake hands now: each with any leaf and any bundle that its Secret has held
    /// within `propagation`. If `are_stubborn`, there is one beside each that has never loaded a bundle but the first.
    pub fn check(&mut self, now: Timestamp, are_stubborn: bool) -> Result<(), String> {
        let loaded = |versions| visible(versions, now, self.propagation);
        let leaves: Vec<Snapshot> = self.history.values().flat_map(|seen| loaded(seen)).cloned().collect();
        let mut bundles: Vec<String> = leaves.iter().map(|snapshot| snapshot.bundle.clone()).collect();
        if are_stubborn {
            bundles.extend(self.history.values().map(|versions| versions[0].bundle.clone()));
        }
        bundles.sort_unstable();
        bundles.dedup();
        for leaf in &leaves {
            for bundle in &bundles {
                if self.accepted.insert((leaf.chain.clone(), bundle.clone())) {
                    let trust = TrustBundle::from_pem(bundle.as_bytes()).unwrap();
                    let verdict = verify_as_peer(leaf.chain.as_bytes(), leaf.key.as_bytes(), &trust, now);
                    verdict.map_err(|error| format!("at {now}: {error:?}"))?;
                }
            }
        }
        Ok(())
    }
}

/// What a consumer may hold: what the Secret holds, and what it held within `propagation`.
fn visible(versions: &[Snapshot], now: Timestamp, propagation: SignedDuration) -> &[Snapshot] {
    let oldest = versions.iter().rposition(|version| now.duration_since(version.since) >= propagation);
    &versions[oldest.unwrap_or(0)..]
}
