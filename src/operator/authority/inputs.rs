//! What one reconcile of an authority works with.

use super::consumers::Consumers;
use super::outcome::Applied;
use super::rotation::quiet_period::RotationQuietPeriod;
use crate::api::MtlsAuthority;
use crate::api::authority::AuthorityRequests;
use crate::operator::context::Context;
use crate::plan::authority::spec::AuthoritySpec;

/// One reconcile of an authority: the object, parsed, and what the controller remembers of its rotation.
pub struct AuthorityReconcile<'a> {
    /// What all controllers share.
    pub context: &'a Context,
    /// What is known of the consumers of its roots.
    pub consumers: &'a Consumers,
    /// The object.
    pub authority: &'a MtlsAuthority,
    /// What its annotations ask for.
    pub requests: AuthorityRequests<'a>,
    /// Its spec.
    pub spec: &'a AuthoritySpec,
    /// For how long nothing was behind in its rotation.
    pub quiet_period: &'a mut RotationQuietPeriod,
    /// The changes of its roots that were made, in their order: they are made, however the reconcile ends.
    pub applied: &'a mut Vec<Applied>,
}

impl<'a> AuthorityReconcile<'a> {
    /// A reconcile of this object.
    #[must_use]
    pub fn new(
        consumers: &'a Consumers,
        authority: &'a MtlsAuthority,
        spec: &'a AuthoritySpec,
        quiet_period: &'a mut RotationQuietPeriod,
        applied: &'a mut Vec<Applied>,
    ) -> Self {
        let (context, requests) = (consumers.context(), authority.requests());
        Self { context, consumers, authority, requests, spec, quiet_period, applied }
    }
}
