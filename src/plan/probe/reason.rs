//! The reason of the condition `Serving`: one word for condition, status and metric.
//!
//! A closed set, ordered by severity. The words are stored and queried, so they never change.

/// Reason of the condition `Serving`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServingReason {
    /// Servers present a certificate that is none of this identity.
    ServesOtherLeaf,
    /// Servers present a certificate from before the last issuance, though they had time to load the new one.
    ServesOldLeaf,
    /// What answers speaks no TLS.
    SpeaksNoTls,
    /// Clients of the current root are refused.
    DoesNotTrustRoot,
    /// Clients of the next root are refused, though servers had time to load it.
    DoesNotTrustNextRoot,
    /// Clients without a certificate of the mesh are accepted.
    AcceptsStrangers,
    /// The probe is refused for another reason than its root.
    RefusesProbe,
    /// No connection, or no handshake.
    Unreachable,
    /// The Service has no ready endpoint with this port.
    NoEndpoints,
    /// The operator does not probe.
    Disabled,
    /// Every endpoint is as expected.
    ServesAsIssued,
}

impl ServingReason {
    /// Every reason, the most urgent first.
    pub const ALL: [Self; 11] = [
        Self::ServesOtherLeaf,
        Self::ServesOldLeaf,
        Self::SpeaksNoTls,
        Self::DoesNotTrustRoot,
        Self::DoesNotTrustNextRoot,
        Self::AcceptsStrangers,
        Self::RefusesProbe,
        Self::Unreachable,
        Self::NoEndpoints,
        Self::Disabled,
        Self::ServesAsIssued,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServesOtherLeaf => "ServesOtherLeaf",
            Self::ServesOldLeaf => "ServesOldLeaf",
            Self::SpeaksNoTls => "SpeaksNoTls",
            Self::DoesNotTrustRoot => "DoesNotTrustRoot",
            Self::DoesNotTrustNextRoot => "DoesNotTrustNextRoot",
            Self::AcceptsStrangers => "AcceptsStrangers",
            Self::RefusesProbe => "RefusesProbe",
            Self::Unreachable => "Unreachable",
            Self::NoEndpoints => "NoEndpoints",
            Self::Disabled => "Disabled",
            Self::ServesAsIssued => "ServesAsIssued",
        }
    }

    /// Status of the condition: false only where something wrong was observed, unknown where not everything could be observed.
    #[must_use]
    pub const fn status(self) -> &'static str {
        match self {
            Self::ServesAsIssued => "True",
            Self::RefusesProbe | Self::Unreachable | Self::NoEndpoints | Self::Disabled => "Unknown",
            _ => "False",
        }
    }

    /// What is wrong, and what to do about it, after "… of … endpoints".
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::ServesOtherLeaf => "present a certificate that is none of this identity; mount its Secret",
            Self::ServesOldLeaf => {
                "present a certificate from before the last issuance; restart them, and let them read their files again after a change (a subPath mount never changes)"
            }
            Self::SpeaksNoTls => "speak no TLS; correct targetPort of the probe",
            Self::DoesNotTrustRoot => {
                "do not trust the root that signs (alert unknown_ca); let them load ca.crt"
            }
            Self::DoesNotTrustNextRoot => {
                "do not trust the next root (they refuse its certificates); let them load ca.crt again after a change, or restart them"
            }
            Self::AcceptsStrangers => {
                "let in clients without a certificate of this authority; make them require one, or set clientCertificates: NotChecked of the probe"
            }
            Self::RefusesProbe => {
                "refuse the probe's certificate, though not its root; what they trust cannot be seen"
            }
            Self::Unreachable => "could not be reached; look for a NetworkPolicy and at the port",
            Self::NoEndpoints | Self::Disabled | Self::ServesAsIssued => "",
        }
    }
}
