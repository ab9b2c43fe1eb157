//! Creates the first authority: a chart cannot hold a custom resource of a definition that it installs itself.
//!
//! The leader creates it once, and only where no authority of any name exists: one that was deleted comes back only at a restart
//! with none left.

use std::time::Duration;

use kube::Resource as _;
use serde_json::json;

use crate::api::MtlsAuthority;
use crate::api::names::{DEFAULT_AUTHORITY, annotation};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::runtime::leader::Leadership;

/// The domains of the authority to create where there is none at all.
#[derive(Clone, Debug)]
pub struct DefaultAuthority {
    /// Its trust domain.
    pub trust_domain: String,
    /// Its cluster domain.
    pub cluster_domain: String,
}

const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Creates the authority, once this replica leads, if there is none. Tries until the definition is served.
pub async fn create_default_authority(
    context: Context,
    mut leadership: Leadership,
    default: DefaultAuthority,
) {
    loop {
        leadership.until_leader().await;
        match create_if_none(&context, &default).await {
            Ok(true) => return tracing::info!(authority = DEFAULT_AUTHORITY, "created the first authority"),
            Ok(false) | Err(Error::Stale { .. }) => return,
            Err(error) => tracing::warn!(%error, "the first authority is not created yet, will try again"),
        }
        context.clock.sleep(RETRY_AFTER).await;
    }
}

async fn create_if_none(context: &Context, default: &DefaultAuthority) -> Result<bool, Error> {
    if context.client.has_authorities().await? {
        return Ok(false);
    }
    // Applied, not created: this field manager owns the two domains only, and another may own the rest.
    let fields = json!({
        "apiVersion": MtlsAuthority::api_version(&()),
        "kind": MtlsAuthority::kind(&()),
        "metadata": {
            "name": DEFAULT_AUTHORITY,
            "annotations": { (annotation::OPERATOR_NAMESPACE): &*context.namespace },
        },
        "spec": { "trustDomain": default.trust_domain, "clusterDomain": default.cluster_domain },
    });
    context.client.apply_authority(DEFAULT_AUTHORITY, &fields).await.map(|()| true)
}
