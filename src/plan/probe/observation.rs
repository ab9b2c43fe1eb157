//! What one probe of a server has observed: facts, with no judgement of what they mean.
//!
//! Only an alert counts as a refusal: a session that ends in any other way proves nothing about what the server trusts.

use jiff::Timestamp;

/// How a server treated a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientOutcome {
    /// It accepted the client.
    Accepted,
    /// It refused the client's certificate, or that there was none, by an alert.
    Refused(TlsAlert),
    /// Neither was observed: it closed without an alert, failed in another way, or did not answer.
    Unclear,
}

/// The alert by which a client was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsAlert {
    /// `unknown_ca`: the server does not trust the root (RFC 8446 §6.2).
    UnknownRoot,
    /// Another alert, by its name.
    Alert(&'static str),
}

impl ClientOutcome {
    /// The value of the metrics' label `outcome`.
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

/// How a server treated a client of a next root, and which root that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextRootOutcome {
    /// Fingerprint of the root.
    pub root: String,
    /// How its client was treated.
    pub outcome: ClientOutcome,
}

/// How a server treated clients that do not belong to the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UntrustedClients {
    /// A client without a certificate.
    pub without_certificate: ClientOutcome,
    /// A client with a certificate of an unrelated root.
    pub unrelated_root: ClientOutcome,
}

/// What was observed of a server that presented a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedServer {
    /// The certificate; `None` where this operator cannot have issued it.
    pub leaf: Option<ServedLeaf>,
    /// How a client of the current root was treated.
    pub mesh: ClientOutcome,
    /// How a client of the next root was treated, if there was one to try.
    pub next: Option<NextRootOutcome>,
    /// How untrusted clients were treated, if they were tried.
    pub untrusted: Option<UntrustedClients>,
}

/// What one probe of a server has observed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "almost every observation is of a server that presents a certificate"
)]
pub enum Observation {
    /// No connection, or no handshake, in time.
    Unreachable,
    /// What answers speaks no TLS.
    NoTls,
    /// The server presented a certificate.
    Server(ObservedServer),
}

impl Observation {
    /// The certificate that was presented.
    #[must_use]
    pub const fn leaf(&self) -> Option<&ServedLeaf> {
        match self {
            Self::Server(server) => server.leaf.as_ref(),
            Self::Unreachable | Self::NoTls => None,
        }
    }
}

/// Whether a server does not trust a next root: it refuses the client of that root, and accepts the client of the current one.
#[must_use]
pub fn distrusts(server: &ObservedServer, root: &str) -> bool {
    let is_refused =
        |next: &NextRootOutcome| next.root == root && matches!(next.outcome, ClientOutcome::Refused(_));
    server.mesh == ClientOutcome::Accepted && server.next.as_ref().is_some_and(is_refused)
}

/// Whether a server blocks the switch to a root: it does not trust the root, or accepts the current one and was not probed
/// with the next one yet.
#[must_use]
pub fn blocks_switch(server: &ObservedServer, root: &str) -> bool {
    let is_probed = server.next.as_ref().is_some_and(|next| next.root == root);
    distrusts(server, root) || (server.mesh == ClientOutcome::Accepted && !is_probed)
}

/// Whether a later observation neither confirms nor refutes an earlier one, because one of its sessions broke or stalled.
#[must_use]
pub fn leaves_undecided(later: &ObservedServer, earlier: &ObservedServer) -> bool {
    let is_unclear = |next: &NextRootOutcome| next.outcome == ClientOutcome::Unclear;
    let was_distrusted = |next: &NextRootOutcome| distrusts(earlier, &next.root);
    later.mesh == ClientOutcome::Unclear
        || (later.next.as_ref().is_some_and(is_unclear) && earlier.next.as_ref().is_some_and(was_distrusted))
}
