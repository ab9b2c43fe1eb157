//! The verdict on the servers of an identity: the same observations always give the same verdict.
//!
//! What a change that is still on its way explains is no finding: a server has the propagation time to load it.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};

use super::observation::{ClientOutcome, Observation, ObservedServer, ServedLeaf, TlsAlert, distrusts};
pub use super::reason::ServingReason;

/// Endpoints that a sentence of the message names at most: it stays readable with a thousand of them.
const NAMED: usize = 3;
/// Endpoints that status lists at most.
const LISTED: usize = 5;

/// What servers of an identity should be like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// Whether the servers are meant to accept untrusted clients.
    pub allows_untrusted: bool,
}

/// An announced root that the Secret carries, so that servers can load it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextRoot {
    /// Its fingerprint.
    pub fingerprint: String,
    /// When the Secret was first observed to carry it.
    pub since: Timestamp,
}

/// What is wrong with a server, the worst first. Empty where it is as expected, or has time left to become so.
#[must_use]
pub fn findings(observation: &Observation, at: Timestamp, expected: &Expected) -> Vec<ServingReason> {
    let server = match observation {
        Observation::Unreachable => return vec![ServingReason::Unreachable],
        Observation::NoTls => return vec![ServingReason::SpeaksNoTls],
        Observation::Server(server) => server,
    };
    let had_time = |since: Timestamp| at.duration_since(since) >= expected.propagation;
    let found = [
        leaf_finding(server.leaf.as_ref(), expected, had_time(expected.issued_at)),
        mesh_finding(server.mesh),
        expected
            .next
            .as_ref()
            .filter(|next| had_time(next.since) && distrusts(server, &next.fingerprint))
            .map(|_| ServingReason::DoesNotTrustNextRoot),
        untrusted_finding(server).filter(|_| !expected.allows_untrusted),
    ];
    found.into_iter().flatten().collect()
}

fn leaf_finding(leaf: Option<&ServedLeaf>, expected: &Expected, had_time: bool) -> Option<ServingReason> {
    match leaf {
        Some(leaf) if leaf.serial == expected.serial => None,
        Some(leaf) if leaf.spiffe_id == expected.spiffe_id => {
            had_time.then_some(ServingReason::ServesOldLeaf)
        }
        _ => Some(ServingReason::ServesOtherLeaf),
    }
}

const fn mesh_finding(outcome: ClientOutcome) -> Option<ServingReason> {
    match outcome {
        ClientOutcome::Refused(TlsAlert::UnknownRoot) => Some(ServingReason::DoesNotTrustRoot),
        ClientOutcome::Refused(TlsAlert::Alert(_)) => Some(ServingReason::RefusesProbe),
        ClientOutcome::Accepted | ClientOutcome::Unclear => None,
    }
}

fn untrusted_finding(server: &ObservedServer) -> Option<ServingReason> {
    let untrusted = server.untrusted?;
    [untrusted.without_certificate, untrusted.unrelated_root]
        .contains(&ClientOutcome::Accepted)
        .then_some(ServingReason::AcceptsStrangers)
}

/// What the last probe of an endpoint observed.
#[derive(Clone, Copy, Debug)]
pub struct EndpointObservation<'a> {
    /// Address and port.
    pub address: SocketAddr,
    /// The observation.
    pub observation: &'a Observation,
    /// When, by the wall clock.
    pub at: Timestamp,
}

/// An endpoint that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// Name of the probe.
    pub probe: String,
    /// Address and port.
    pub address: String,
    /// What is wrong, the worst first.
    pub reasons: Vec<ServingReason>,
    /// The certificate that it presented.
    pub leaf: Option<ServedLeaf>,
}

impl Differing {
    fn by_severity(&self, other: &Self) -> Ordering {
        (&self.reasons, &self.probe, &self.address).cmp(&(&other.reasons, &other.probe, &other.address))
    }
}

/// The verdict on the servers of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingVerdict {
    /// The worst finding.
    pub reason: ServingReason,
    /// Every finding, in sentences.
    pub message: String,
    /// How many endpoints there are.
    pub endpoints: usize,
    /// How many of them are as expected.
    pub as_issued: usize,
    /// The worst of the others, `LISTED` at most.
    pub differing: Vec<Differing>,
}

impl ServingVerdict {
    /// The verdict where no endpoint was probed.
    #[must_use]
    pub const fn unobserved(reason: ServingReason, message: String) -> Self {
        Self { reason, message, endpoints: 0, as_issued: 0, differing: Vec::new() }
    }

    /// Keeps as many differing endpoints as status lists, the worst first.
    fn truncate(&mut self) {
        self.differing.sort_by(Differing::by_severity);
        self.differing.truncate(LISTED);
    }
}

/// The verdict on the endpoints of all probes of an identity. Where there are several probes, the message names each.
#[must_use]
pub fn combined(probes: Vec<(String, ServingVerdict)>) -> Option<ServingVerdict> {
    let reason = probes.iter().map(|(_, verdict)| verdict.reason).min()?;
    let sentence = |(name, verdict): &(String, ServingVerdict)| match probes.len() {
        1 => verdict.message.clone(),
        _ => format!("{name}: {}", verdict.message),
    };
    let message = probes.iter().map(sentence).collect::<Vec<_>>().join(". ");
    let mut all = ServingVerdict::unobserved(reason, message);
    for (_, verdict) in probes {
        all.endpoints += verdict.endpoints;
        all.as_issued += verdict.as_issued;
        all.differing.extend(verdict.differing);
    }
    all.truncate();
    Some(all)
}

/// The verdict on the endpoints of one probe.
#[must_use]
pub fn verdict(probe: &str, endpoints: &[EndpointObservation<'_>], expected: &Expected) -> ServingVerdict {
    let differing = |endpoint: &EndpointObservation<'_>| {
        let reasons = findings(endpoint.observation, endpoint.at, expected);
        // Only now is anything copied: almost every endpoint is as expected.
        (!reasons.is_empty()).then(|| Differing {
            probe: probe.to_owned(),
            address: endpoint.address.to_string(),
            reasons,
            leaf: endpoint.observation.leaf().cloned(),
        })
    };
    let mut differing: Vec<Differing> = endpoints.iter().filter_map(differing).collect();
    differing.sort_by(Differing::by_severity);
    let worst = differing.iter().flat_map(|one| &one.reasons).min().copied();
    let message = sentences(&differing, endpoints.len());
    let as_issued = endpoints.len() - differing.len();
    let reason = worst.unwrap_or(ServingReason::ServesAsIssued);
    let mut verdict = ServingVerdict { reason, message, endpoints: endpoints.len(), as_issued, differing };
    verdict.truncate();
    verdict
}

fn sentences(differing: &[Differing], of: usize) -> String {
    if differing.is_empty() {
        return format!("every endpoint ({of}) presents the certificate as issued and is as it should be");
    }
    let mut text = String::new();
    for reason in ServingReason::ALL {
        let affected = differing.iter().filter(|one| one.reasons.contains(&reason));
        let addresses: Vec<&str> = affected.map(|one| one.address.as_str()).collect();
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
