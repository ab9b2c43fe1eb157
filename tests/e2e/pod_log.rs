//! The log of a peer, read.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use peer::{Counters, State};
use serde::Deserialize;
use serde_json::Value;

/// The events of one Pod, oldest first.
pub struct PodLog(Vec<Value>);

/// A version of the mounted files that a Pod took into use.
#[derive(Clone, Debug, Deserialize)]
pub struct Loaded {
    /// Milliseconds since 1970.
    pub at: u64,
    #[serde(flatten)]
    pub state: State,
}

impl PodLog {
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

    /// The last counts, by peer.
    pub fn tallies(&self) -> BTreeMap<String, Counters> {
        let last = self.events("tally").next_back();
        last.and_then(|event| Deserialize::deserialize(&event["peers"]).ok()).unwrap_or_default()
    }

    /// Why the Pod, as a server, refused clients from this address.
    pub fn refusals(&self, address: IpAddr) -> Vec<String> {
        let came = |event: &&Value| {
            let from = event["from"].as_str().and_then(|from| from.parse().ok());
            from.is_some_and(|from: SocketAddr| from.ip() == address)
        };
        let refusals = self.events("turned_away").filter(came);
        refusals.map(|event| event["why"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
