//! Whether the API server serves ClusterTrustBundles and lets the operator list them, and their watch.
//!
//! An installation without them works as before, unless an authority asks for one.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::Resource;

use super::informer::TrustBundleHandler;
use super::objects::ClusterTrustBundle;
use super::shared::TrustBundles;
use super::store::{Availability, ListScope};
use crate::api::names::label;
use crate::operator::client::connection::Connection;
use crate::operator::client::watch::Watch;
use crate::operator::error::Error;
use crate::runtime::readiness::Readiness;

/// How often it is asked again while they are not available and an authority asks for one.
pub(super) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Watches them without end, as soon as they are available.
pub async fn watch_cluster_bundles(bundles: TrustBundles, connection: Connection) {
    loop {
        let availability = availability(&bundles).await;
        bundles.store.change(|store| store.set_availability(availability.clone()));
        if availability == Availability::Open {
            break;
        }
        bundles.context.clock.sleep(ASK_AGAIN_AFTER).await;
        bundles.store.until_cluster_is_asked().await;
    }
    let watch = Watch::<ClusterTrustBundle>::all(&connection).labelled(label::selector());
    let watch = watch.counted(&bundles.context.metrics.watches);
    let handler = TrustBundleHandler::new(&bundles, ListScope::Cluster);
    watch.run(bundles.context.clock, handler, Readiness::new().handle("ClusterTrustBundles")).await;
}

/// Whether they are available now.
pub async fn availability(bundles: &TrustBundles) -> Availability {
    match try_access(bundles).await {
        Ok(true) => Availability::Open,
        Ok(false) => Availability::NotServed,
        Err(error) => Availability::Denied(error.to_string()),
    }
}

async fn try_access(bundles: &TrustBundles) -> Result<bool, Error> {
    let (group, version) = (ClusterTrustBundle::group(&()), ClusterTrustBundle::version(&()));
    let served: Option<APIResourceList> =
        bundles.context.client.served(&format!("{group}/{version}")).await?;
    let kinds = served.map(|list| list.resources).unwrap_or_default();
    if !kinds.iter().any(|kind| kind.name == ClusterTrustBundle::plural(&())) {
        return Ok(false);
    }
    bundles.context.client.list::<ClusterTrustBundle>(None, &label::selector()).next().await.map(|_| true)
}
