//! Whether a trust bundle is published at all its targets: one reason and one message, from which condition, Event and metric
//! are rendered.

use super::decide::{Conflict, Target};

/// Reason of the condition `Published`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublishedReason {
    /// It is published at all targets.
    Published,
    /// It is being written.
    Publishing,
    /// Another object or authority has a target.
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

    /// The reason, as conditions and metrics have it.
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

    /// Whether a person must act.
    #[must_use]
    pub const fn needs_a_person(self) -> bool {
        matches!(self, Self::Conflict | Self::Failed | Self::NotServed)
    }
}

/// The state of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetStatus {
    /// It is there.
    Published,
    /// It is not published yet, or differs.
    Publishing,
    /// Another object or authority has the target.
    Conflict(Conflict),
    /// It cannot be written: a sentence.
    Failed(String),
    /// The operator has no right to see it: a sentence.
    Denied(String),
    /// The API server has no such kind.
    NotServed,
}

impl TargetStatus {
    /// The reason, as conditions and metrics have it.
    #[must_use]
    pub const fn reason(&self) -> PublishedReason {
        match self {
            Self::Published => PublishedReason::Published,
            Self::Publishing => PublishedReason::Publishing,
            Self::Conflict(_) => PublishedReason::Conflict,
            Self::Failed(_) | Self::Denied(_) => PublishedReason::Failed,
            Self::NotServed => PublishedReason::NotServed,
        }
    }

    fn message(&self, target: &Target) -> String {
        match self {
            Self::Published => format!("{target} is published"),
            Self::Publishing => format!("{target} is being written"),
            Self::Conflict(Conflict::Foreign) => {
                format!("{target} was not made by mtls-operator; delete it{}", or_rename(target))
            }
            Self::Conflict(Conflict::Authority(owner)) => {
                format!("{target} belongs to MtlsAuthority {owner}; name another ConfigMap in spec.trustBundle")
            }
            // A write may have been refused for many reasons. That of a ClusterTrustBundle needs a right that few installations give.
            Self::Failed(why) if target.namespace().is_some() => {
                format!("{target} could not be written: {why}")
            }
            Self::Failed(why) | Self::Denied(why) => format!("{target} could not be written ({}): {why}", needed_value(target)),
            Self::NotServed => {
                "the API server does not serve ClusterTrustBundles in certificates.k8s.io/v1 (Kubernetes 1.37 does); set spec.trustBundle.clusterTrustBundle to false, or have them served".into()
            }
        }
    }
}

fn needed_value(target: &Target) -> &'static str {
    match target {
        Target::ConfigMap { .. } => "that needs the chart's value trustBundles.configMaps=true",
        Target::Cluster { .. } => "that needs the chart's value trustBundles.clusterTrustBundles=true",
    }
}

fn or_rename(target: &Target) -> &'static str {
    match target {
        Target::ConfigMap { .. } => ", or choose another spec.trustBundle.configMapName",
        Target::Cluster { .. } => "",
    }
}

/// The reason and the message for all targets: the worst reason, with one example.
#[must_use]
pub fn verdict(targets: &[(Target, TargetStatus)]) -> (PublishedReason, String) {
    let worst = targets.iter().map(|(_, status)| status.reason()).max().unwrap_or(PublishedReason::Published);
    if worst == PublishedReason::Published {
        return (worst, "the trust bundle is published at every target of spec.trustBundle".into());
    }
    let mut such: Vec<_> = targets.iter().filter(|(_, status)| status.reason() == worst).collect();
    such.sort_unstable_by_key(|(target, _)| target);
    let first = such.first().map(|(target, status)| status.message(target)).unwrap_or_default();
    match such.len().saturating_sub(1) {
        0 => (worst, first),
        others => (worst, format!("{first}; and so in {others} more")),
    }
}
