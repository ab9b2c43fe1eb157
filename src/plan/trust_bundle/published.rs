//! Whether a trust bundle lies wherever its authority asks for: one word and one sentence, from which condition, Event and
//! metric are rendered.

use super::decide::{Conflict, Target};

/// Reason of the condition `Published`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublishedReason {
    /// It lies wherever it shall.
    Published,
    /// It is being written.
    Publishing,
    /// Somebody else's object is in the way.
    Conflict,
    /// It cannot be written.
    Failed,
    /// The API server has no such kind.
    NotServed,
}

impl PublishedReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::Published, Self::Publishing, Self::Conflict, Self::Failed, Self::NotServed];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "Published",
            Self::Publishing => "Publishing",
            Self::Conflict => "Conflict",
            Self::Failed => "Failed",
            Self::NotServed => "NotServed",
        }
    }

    /// Whether it stays so until a person does something.
    #[must_use]
    pub const fn needs_a_person(self) -> bool {
        matches!(self, Self::Conflict | Self::Failed | Self::NotServed)
    }
}

/// How a bundle stands at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetStatus {
    /// It is there.
    Published,
    /// It is not there yet, or not as it should be.
    Publishing,
    /// Somebody is in the way.
    Conflict(Conflict),
    /// It cannot be written: a sentence.
    Failed(String),
    /// The API server has no such kind.
    NotServed,
}

impl TargetStatus {
    /// The word.
    #[must_use]
    pub const fn reason(&self) -> PublishedReason {
        match self {
            Self::Published => PublishedReason::Published,
            Self::Publishing => PublishedReason::Publishing,
            Self::Conflict(_) => PublishedReason::Conflict,
            Self::Failed(_) => PublishedReason::Failed,
            Self::NotServed => PublishedReason::NotServed,
        }
    }

    fn sentence(&self, place: &Target) -> String {
        match self {
            Self::Published => format!("{place} is published"),
            Self::Publishing => format!("{place} is being written"),
            Self::Conflict(Conflict::Foreign) => {
                format!("{place} was not made by mtls-operator; delete it{}", or_rename(place))
            }
            Self::Conflict(Conflict::Authority(owner)) => {
                format!("{place} belongs to MtlsAuthority {owner}; name another ConfigMap in spec.trustBundle")
            }
            Self::Failed(why) => format!("{place} could not be written{}: {why}", unless_allowed(place)),
            Self::NotServed => {
                "the API server does not serve ClusterTrustBundles in certificates.k8s.io/v1 (Kubernetes 1.37 does); set spec.trustBundle.clusterTrustBundle to false, or have them served".into()
            }
        }
    }
}

fn unless_allowed(place: &Target) -> &'static str {
    match place {
        Target::ConfigMap { .. } => "",
        Target::Cluster { .. } => " (that needs the chart's value trustBundles.clusterTrustBundles=true)",
    }
}

fn or_rename(place: &Target) -> &'static str {
    match place {
        Target::ConfigMap { .. } => ", or choose another spec.trustBundle.configMapName",
        Target::Cluster { .. } => "",
    }
}

/// The reason and the sentence for all places together: the worst, and one example of it.
#[must_use]
pub fn verdict(places: &[(Target, TargetStatus)]) -> (PublishedReason, String) {
    let worst =
        places.iter().map(|(_, standing)| standing.reason()).max().unwrap_or(PublishedReason::Published);
    if worst == PublishedReason::Published {
        return (worst, "the trust bundle lies wherever spec.trustBundle says".into());
    }
    let mut such: Vec<_> = places.iter().filter(|(_, standing)| standing.reason() == worst).collect();
    such.sort_unstable_by_key(|(place, _)| place);
    let first = such.first().map(|(place, standing)| standing.sentence(place)).unwrap_or_default();
    match such.len().saturating_sub(1) {
        0 => (worst, first),
        others => (worst, format!("{first}; and so in {others} more")),
    }
}
