//! What was seen of the servers of an identity, judged: the same sightings always give the same verdict. Nobody is
//! accused of what a change that is still on its way explains.

use std::cmp::Ordering;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::observation::{ClientOutcome, Observation, ObservedServer, ServedLeaf, TlsAlert, distrusts};
pub use super::reason::ServingReason;

/// As many endpoints are named in one sentence as a person will read.
const NAMED: usize = 3;
/// As many endpoints are listed in status.
const LISTED: usize = 5;

/// What servers of an identity should be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Serial number of the leaf in force.
    pub serial: String,
    /// Its only URI.
    pub spiffe_id: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// How long servers may take to see a changed Secret.
    pub propagation: SignedDuration,
    /// The announced root, once the Secret carries it.
    pub next: Option<NextRoot>,
    /// Whether strangers are meant to be let in.
    pub allows_strangers: bool,
}

/// An announced root that servers have had the chance to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextRoot {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Since when the Secret was seen to carry it.
    pub since: Timestamp,
}

/// What is wrong with a server, the worst first. Nothing, where it is as it should be or has time left to become so.
#[must_use]
pub fn findings(sighting: &Observation, at: Timestamp, expected: &Expected) -> Vec<ServingReason> {
    let meeting = match sighting {
        Observation::Unreachable => return vec![ServingReason::Unreachable],
        Observation::NoTls => return vec![ServingReason::SpeaksNoTls],
        Observation::Met(meeting) => meeting,
    };
    let had_time = |since: Timestamp| at.duration_since(since) >= expected.propagation;
    let found = [
        of_leaf(meeting.leaf.as_ref(), expected, had_time(expected.issued_at)),
        of_mesh(meeting.mesh),
        expected
            .next
            .as_ref()
            .filter(|next| had_time(next.since) && distrusts(meeting, &next.fingerprint))
            .map(|_| ServingReason::DoesNotTrustNextRoot),
        lets_strangers_in(meeting).filter(|_| !expected.allows_strangers),
    ];
    found.into_iter().flatten().collect()
}

fn of_leaf(leaf: Option<&ServedLeaf>, expected: &Expected, had_time: bool) -> Option<ServingReason> {
    match leaf {
        Some(leaf) if leaf.serial == expected.serial => None,
        Some(leaf) if leaf.spiffe_id == expected.spiffe_id => {
            had_time.then_some(ServingReason::ServesOldLeaf)
        }
        _ => Some(ServingReason::ServesOtherLeaf),
    }
}

const fn of_mesh(reception: ClientOutcome) -> Option<ServingReason> {
    match reception {
        ClientOutcome::Refused(TlsAlert::UnknownRoot) => Some(ServingReason::DoesNotTrustRoot),
        ClientOutcome::Refused(TlsAlert::Alert(_)) => Some(ServingReason::RefusesProbe),
        ClientOutcome::Accepted | ClientOutcome::Unclear => None,
    }
}

fn lets_strangers_in(meeting: &ObservedServer) -> Option<ServingReason> {
    let strangers = meeting.strangers?;
    [strangers.nobody, strangers.unrelated]
        .contains(&ClientOutcome::Accepted)
        .then_some(ServingReason::AcceptsStrangers)
}

/// One endpoint: its address, and what the last look has shown, when.
#[derive(Clone, Debug)]
pub struct Endpoint<'a> {
    /// Address and port.
    pub address: String,
    /// What was seen.
    pub sighting: &'a Observation,
    /// When.
    pub at: Timestamp,
}

/// An endpoint that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// Name of the probe.
    pub probe: String,
    /// Address and port.
    pub address: String,
    /// What is wrong, the worst first.
    pub reasons: Vec<ServingReason>,
    /// What it presented.
    pub leaf: Option<ServedLeaf>,
}

impl Differing {
    fn in_order(&self, other: &Self) -> Ordering {
        (&self.reasons, &self.probe, &self.address).cmp(&(&other.reasons, &other.probe, &other.address))
    }
}

/// What the servers of an identity are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingVerdict {
    /// The worst that was found.
    pub reason: ServingReason,
    /// All of it, in sentences.
    pub message: String,
    /// How many endpoints there are.
    pub endpoints: usize,
    /// How many of them are as they should be.
    pub as_issued: usize,
    /// The first few of the others.
    pub differing: Vec<Differing>,
}

impl ServingVerdict {
    /// Nothing was looked at.
    #[must_use]
    pub const fn unseen(reason: ServingReason, message: String) -> Self {
        Self { reason, message, endpoints: 0, as_issued: 0, differing: Vec::new() }
    }

    /// As many of the others as status lists, the worst first.
    fn put_in_order(&mut self) {
        self.differing.sort_by(Differing::in_order);
        self.differing.truncate(LISTED);
    }
}

/// What the endpoints of all probes of an identity amount to. Where there are several probes, each is told apart.
#[must_use]
pub fn combined(probes: Vec<(String, ServingVerdict)>) -> Option<ServingVerdict> {
    let reason = probes.iter().map(|(_, verdict)| verdict.reason).min()?;
    let told = |(name, verdict): &(String, ServingVerdict)| match probes.len() {
        1 => verdict.message.clone(),
        _ => format!("{name}: {}", verdict.message),
    };
    let message = probes.iter().map(told).collect::<Vec<_>>().join(". ");
    let mut all = ServingVerdict::unseen(reason, message);
    for (_, verdict) in probes {
        all.endpoints += verdict.endpoints;
        all.as_issued += verdict.as_issued;
        all.differing.extend(verdict.differing);
    }
    all.put_in_order();
    Some(all)
}

/// What the endpoints of one probe amount to.
#[must_use]
pub fn verdict(probe: &str, endpoints: &[Endpoint<'_>], expected: &Expected) -> ServingVerdict {
    let judged = endpoints.iter().map(|endpoint| Differing {
        probe: probe.to_owned(),
        address: endpoint.address.clone(),
        reasons: findings(endpoint.sighting, endpoint.at, expected),
        leaf: endpoint.sighting.leaf().cloned(),
    });
    let mut differing: Vec<Differing> = judged.filter(|one| !one.reasons.is_empty()).collect();
    differing.sort_by(Differing::in_order);
    let worst = differing.iter().flat_map(|one| &one.reasons).min().copied();
    let message = sentences(&differing, endpoints.len());
    let as_issued = endpoints.len() - differing.len();
    let reason = worst.unwrap_or(ServingReason::ServesAsIssued);
    let mut verdict = ServingVerdict { reason, message, endpoints: endpoints.len(), as_issued, differing };
    verdict.put_in_order();
    verdict
}

fn sentences(differing: &[Differing], of: usize) -> String {
    if differing.is_empty() {
        return format!("every endpoint ({of}) presents the certificate as issued and is as it should be");
    }
    let mut text = String::new();
    for reason in ServingReason::ALL {
        let guilty = differing.iter().filter(|one| one.reasons.contains(&reason));
        let addresses: Vec<&str> = guilty.map(|one| one.address.as_str()).collect();
        if addresses.is_empty() {
            continue;
        }
        let named = match addresses.get(..NAMED) {
            Some(first) if addresses.len() > NAMED => format!("{}, …", first.join(", ")),
            _ => addresses.join(", "),
        };
        let separator = if text.is_empty() { "" } else { ". " };
        // Writing to a String cannot fail.
        let _ =
            write!(text, "{separator}{} of {of} endpoints ({named}) {}", addresses.len(), reason.sentence());
    }
    text
}
