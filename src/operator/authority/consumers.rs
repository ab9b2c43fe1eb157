//! Where the roots of authorities are distributed to besides leaf Secrets: published trust bundles, and endpoints that are probed.

use crate::operator::context::Context;
use crate::operator::probe::store::SharedProbeState;
use crate::operator::trust_bundle::shared::TrustBundles;

/// What is known of the consumers of roots. A rotation waits for them.
#[derive(Clone)]
pub struct Consumers {
    /// Published trust bundles.
    pub bundles: TrustBundles,
    /// Endpoints that are probed.
    pub probes: SharedProbeState,
}

impl Consumers {
    /// What all controllers share.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.bundles.context
    }
}
