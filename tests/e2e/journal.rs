//! What a peer writes to its log, read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The events of one Pod, oldest first.
pub struct Journal(Vec<Value>);

/// A version of the mounted files that a Pod took into use.
#[derive(Clone, Debug, Deserialize)]
pub struct Loaded {
    /// Milliseconds since 1970.
    pub at: u64,
    pub leaf: Leaf,
    /// Fingerprints.
    pub roots: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Leaf {
    pub serial: String,
    /// Key id of its signer.
    pub signer: String,
}

/// What came of all attempts of one Pod to reach one peer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Tally {
    pub attempted: u64,
    pub granted: u64,
    /// Before the peer was reached for the first time.
    pub unreachable: u64,
    /// Connections that came to nothing after that.
    pub lost: u64,
    pub refused: u64,
    pub last_refusal: Option<String>,
    pub first_granted: Option<u64>,
    pub smallest_overlap: Option<usize>,
    pub smallest_margin: Option<i64>,
}

impl Journal {
    /// From a log: lines that are no event, such as one that is being written, are left out.
    pub fn of(log: &str) -> Self {
        Self(log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    fn events<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.0.iter().filter(move |event| event["event"] == name)
    }

    /// Every version that was loaded.
    pub fn loaded(&self) -> Vec<Loaded> {
        self.events("loaded").filter_map(|event| Loaded::deserialize(event).ok()).collect()
    }

    /// The last tally, by peer.
    pub fn tallies(&self) -> BTreeMap<String, Tally> {
        let last = self.events("tally").next_back();
        last.and_then(|event| Deserialize::deserialize(&event["peers"]).ok()).unwrap_or_default()
    }

    /// Why the Pod, as a server, turned somebody away.
    pub fn turned_away(&self) -> Vec<String> {
        self.events("turned_away").map(|event| event["why"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
