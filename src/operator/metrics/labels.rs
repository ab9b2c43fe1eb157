//! Labels of metrics. Their values are closed sets, except the names of authorities and of their grants.

use prometheus_client::encoding::EncodeLabelSet;

use crate::api::authority::Phase;
use crate::plan::trust_bundle::published;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct IssuedLabels {
    pub(super) because: &'static str,
    pub(super) class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct GrantLabels {
    pub(super) authority: String,
    pub(super) grant: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) verb: &'static str,
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ErrorLabels {
    pub(super) kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct QueueLabels {
    pub(super) class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    pub(super) authority: String,
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AuthorityLabels {
    pub(super) authority: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PhaseLabels {
    pub(super) authority: String,
    pub(super) phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TransitionLabels {
    pub(super) authority: String,
    pub(super) transition: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BundleLabels {
    pub(super) authority: String,
    pub(super) state: &'static str,
}

impl AuthorityLabels {
    pub(super) fn of(authority: &str) -> Self {
        Self { authority: authority.to_owned() }
    }
}

impl BundleLabels {
    pub(super) fn of(authority: &str, reason: published::PublishedReason) -> Self {
        Self { authority: authority.to_owned(), state: reason.as_str() }
    }
}

impl ReasonLabels {
    pub(super) fn of(authority: &str, reason: &'static str) -> Self {
        Self { authority: authority.to_owned(), reason }
    }
}

impl PhaseLabels {
    pub(super) fn of(authority: &str, phase: Phase) -> Self {
        Self { authority: authority.to_owned(), phase: phase.as_str() }
    }
}
