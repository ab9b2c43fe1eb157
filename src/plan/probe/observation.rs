//! What one look at a server has shown: facts, with nothing said yet about what they mean.

use jiff::Timestamp;

/// How a server received a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientOutcome {
    /// It let the client in.
    Accepted,
    /// It refused the client's certificate, or that there was none, by an alert.
    Refused(TlsAlert),
    /// Neither was seen: it closed of its own accord, failed otherwise, or kept silent.
    Unclear,
}

/// By which alert a client was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsAlert {
    /// `unknown_ca`: the server does not trust the root.
    UnknownRoot,
    /// Another one, by its name.
    Alert(&'static str),
}

impl ClientOutcome {
    /// The word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Refused(_) => "Refused",
            Self::Unclear => "Unclear",
        }
    }
}

/// A certificate that a server presented, and whose key it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedLeaf {
    /// Serial number.
    pub serial: String,
    /// Key identifier of the signer.
    pub key_id: String,
    /// End of its validity.
    pub not_after: Timestamp,
    /// Its only URI.
    pub spiffe_id: String,
}

/// How clients of a root were received, and which root that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextRootOutcome {
    /// Fingerprint of the root.
    pub root: String,
    /// How its client was received.
    pub reception: ClientOutcome,
}

/// How clients that are not of the mesh were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UntrustedClients {
    /// One without a certificate.
    pub nobody: ClientOutcome,
    /// One with a certificate of an unrelated root.
    pub unrelated: ClientOutcome,
}

/// What was seen of a server that presented a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedServer {
    /// The certificate; `None` where it is none that this operator could have issued.
    pub leaf: Option<ServedLeaf>,
    /// How a client of the current root was received.
    pub mesh: ClientOutcome,
    /// How a client of the next root was received, if there was one to try.
    pub next: Option<NextRootOutcome>,
    /// How strangers were received, if any were sent.
    pub strangers: Option<UntrustedClients>,
}

/// What one look at a server has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "almost every sighting is a meeting")]
pub enum Observation {
    /// No connection, or no handshake, in time.
    Unreachable,
    /// What answers speaks no TLS.
    NoTls,
    /// It presented a certificate.
    Met(ObservedServer),
}

impl Observation {
    /// The certificate that was presented.
    #[must_use]
    pub const fn leaf(&self) -> Option<&ServedLeaf> {
        match self {
            Self::Met(meeting) => meeting.leaf.as_ref(),
            Self::Unreachable | Self::NoTls => None,
        }
    }
}

/// Whether a server was seen not to trust a next root: it refuses that one's client, and lets one of the current in.
#[must_use]
pub fn distrusts(meeting: &ObservedServer, root: &str) -> bool {
    let refused =
        |next: &NextRootOutcome| next.root == root && matches!(next.reception, ClientOutcome::Refused(_));
    meeting.mesh == ClientOutcome::Accepted && meeting.next.as_ref().is_some_and(refused)
}

/// Whether a server holds a switch to this root up: it was seen not to trust it, or was seen well and not asked yet.
#[must_use]
pub fn holds_up(meeting: &ObservedServer, root: &str) -> bool {
    let is_asked = meeting.next.as_ref().is_some_and(|next| next.root == root);
    distrusts(meeting, root) || (meeting.mesh == ClientOutcome::Accepted && !is_asked)
}

/// Whether what an earlier meeting has shown may be so still, for all that a later one shows: a session of that one broke
/// or stalled.
#[must_use]
pub fn leaves_open(later: &ObservedServer, earlier: &ObservedServer) -> bool {
    let is_unclear = |next: &NextRootOutcome| next.reception == ClientOutcome::Unclear;
    let distrusted = |next: &NextRootOutcome| distrusts(earlier, &next.root);
    later.mesh == ClientOutcome::Unclear
        || (later.next.as_ref().is_some_and(is_unclear) && earlier.next.as_ref().is_some_and(distrusted))
}
