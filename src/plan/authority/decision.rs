//! What is to be done to a root Secret, and what the conditions of its authority say until it is done.

use super::ca_state::CaState;
use super::reason::AuthorityReason;
use super::transition::Transition;
use crate::api::conditions::Ready;
use crate::pki::abbreviated;

/// What to do to the root Secret. Each write names the version that was observed: the act has it with the content that the
/// plan was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootPlan {
    /// Nothing.
    Keep,
    /// Generate a root and store it, if there is still no root Secret.
    Generate,
    /// Store a copy of the provided CA, if there is still no root Secret.
    Copy,
    /// Store a key of status proofs beside the roots, which stay as they are.
    AddEvidenceKey,
    /// Replace a lost root; it stays trusted until its last leaf has expired.
    Recover,
    /// Change the roots.
    Change(Transition),
}

impl RootPlan {
    /// Whether another root signs or is trusted, or a root with other limits.
    #[must_use]
    pub const fn changes_roots(&self) -> bool {
        !matches!(self, Self::Keep | Self::AddEvidenceKey)
    }

    /// The word for log lines.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Keep => "Keep",
            Self::Generate => "Generate",
            Self::Copy => "Copy",
            Self::AddEvidenceKey => "AddEvidenceKey",
            Self::Recover => "Recover",
            Self::Change(transition) => transition.as_str(),
        }
    }
}

/// A plan, and what the conditions of the authority say until it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootDecision {
    /// What to do.
    pub plan: RootPlan,
    /// Whether it may sign with what the root Secret holds.
    pub signs: bool,
    /// Why.
    pub reason: AuthorityReason,
    /// Whether the user must act.
    pub stalled: bool,
    /// A sentence.
    pub message: String,
    /// What the user must do though the authority signs, in sentences.
    pub warning: Option<String>,
}

impl RootDecision {
    /// Whether nothing is signed for the time being, whatever the root Secret holds.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.reason == AuthorityReason::ClockSkewed
    }

    /// What the conditions say of it.
    #[must_use]
    pub fn ready(&self) -> Ready<AuthorityReason> {
        Ready {
            ready: self.signs && !self.is_halted(),
            stalled: self.stalled,
            reason: self.reason,
            message: self
                .warning
                .as_ref()
                .map_or_else(|| self.message.clone(), |warning| format!("{}. {warning}", self.message)),
        }
    }

    /// The decision where the plan is not carried out, because its result could not be read.
    #[must_use]
    pub fn refused(self, secret_name: &str, why: &str) -> Self {
        let goes_on = if self.signs { ". Signing goes on with the root in force" } else { "" };
        let message = format!(
            "{} of Secret {secret_name} was not written, because the operator could not read the result: {why}{goes_on}",
            self.plan.as_str()
        );
        Self { plan: RootPlan::Keep, reason: AuthorityReason::RootInvalid, stalled: true, message, ..self }
    }

    pub(super) fn stalled(reason: AuthorityReason, message: String) -> Self {
        Self { plan: RootPlan::Keep, signs: false, reason, stalled: true, message, warning: None }
    }

    pub(super) fn signing(plan: RootPlan, root: &CaState) -> Self {
        let message =
            format!("signs with root {} until {}", abbreviated(&root.fingerprint), root.window.not_after);
        Self { plan, signs: true, reason: AuthorityReason::Ready, stalled: false, message, warning: None }
    }

    pub(super) fn making(plan: RootPlan) -> Self {
        let message = "the root is being made".to_owned();
        Self { plan, signs: false, reason: AuthorityReason::Ready, stalled: false, message, warning: None }
    }
}
