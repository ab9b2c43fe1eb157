//! The first authority. A chart cannot hold a custom resource of a definition that it installs itself, so the leader
//! makes one where there is none of any name. One that people deleted comes back only at a restart with none left.

use std::collections::BTreeMap;
use std::time::Duration;

use super::context::Context;
use super::error::Error;
use super::requests::WRITE_TIMEOUT;
use super::run::DefaultAuthority;
use crate::api::names::annotation;
use crate::api::{MtlsAuthority, MtlsAuthoritySpec};
use crate::runtime::leader::Leadership;

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
            Ok(true) => return tracing::info!(authority = default.name, "created the first authority"),
            Ok(false) | Err(Error::Stale { .. }) => return,
            Err(error) => tracing::warn!(%error, "the first authority is not created yet, will try again"),
        }
        context.clock.sleep(RETRY_AFTER).await;
    }
}

async fn create_if_none(context: &Context, default: &DefaultAuthority) -> Result<bool, Error> {
    if !context.requests.list_authorities().await?.is_empty() {
        return Ok(false);
    }
    let spec = MtlsAuthoritySpec {
        trust_domain: default.trust_domain.clone(),
        cluster_domain: default.cluster_domain.clone(),
        ..MtlsAuthoritySpec::default()
    };
    let mut authority = MtlsAuthority::new(&default.name, spec);
    let claim = (annotation::OPERATOR_NAMESPACE.to_owned(), context.namespace.to_string());
    authority.metadata.annotations = Some(BTreeMap::from([claim]));
    context.requests.create(&authority, WRITE_TIMEOUT).await.map(|_| true)
}
