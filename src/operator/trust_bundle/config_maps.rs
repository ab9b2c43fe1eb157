//! Whether the operator may see ConfigMaps, and their watch, by their metadata alone.
//!
//! They are watched while an authority publishes to ConfigMaps, and while one is left to be removed.

use k8s_openapi::api::core::v1::ConfigMap;

use super::cluster_trust_bundles::ASK_AGAIN_AFTER;
use super::informer::TrustBundleHandler;
use super::shared::TrustBundles;
use super::store::ListScope;
use super::unread::observed;
use crate::api::names::label;
use crate::operator::client::api_object::MetadataOf;
use crate::operator::client::connection::Connection;
use crate::operator::client::pages::Pages;
use crate::operator::client::watch::Watch;
use crate::operator::error::Error;
use crate::operator::index::metadata::BundleMetadata;
use crate::runtime::readiness::Readiness;

/// A ConfigMap as it is watched.
pub type ConfigMapMetadata = MetadataOf<ConfigMap, BundleMetadata>;

/// Watches those of a namespace, or of all, whenever they are asked for.
pub async fn watch_config_maps(bundles: TrustBundles, connection: Connection, namespace: Option<String>) {
    let scope = ListScope::ConfigMaps(namespace.clone());
    if is_one_left(&bundles, namespace.as_deref()).await {
        bundles.store.change(|store| store.set_config_maps(scope.clone(), Ok(())));
        bundles.store.ask_for_config_maps(true);
    }
    loop {
        bundles.store.until_config_maps(true).await;
        tokio::select! {
            () = watch(&bundles, &connection, namespace.as_deref()) => {}
            () = bundles.store.until_config_maps(false) => {}
        }
        bundles.store.change(|store| store.close_config_maps(&scope));
    }
}

/// Watches without end, as soon as they can be listed.
async fn watch(bundles: &TrustBundles, connection: &Connection, namespace: Option<&str>) {
    let scope = ListScope::ConfigMaps(namespace.map(str::to_owned));
    loop {
        let access = access(bundles, namespace).await;
        let is_open = access.is_ok();
        bundles.store.change(|store| store.set_config_maps(scope.clone(), access));
        if is_open {
            break;
        }
        bundles.context.clock.sleep(ASK_AGAIN_AFTER).await;
    }
    let watch = Watch::<ConfigMapMetadata>::within(connection, namespace).labelled(label::selector());
    let watch = watch.counted(&bundles.context.metrics.watches);
    let handler = TrustBundleHandler::new(bundles, scope);
    watch.run(bundles.context.clock.clone(), handler, Readiness::new().handle("ConfigMaps")).await;
}

/// Whether they can be listed now; else why not.
///
/// # Errors
/// A sentence where they cannot.
pub async fn access(bundles: &TrustBundles, namespace: Option<&str>) -> Result<(), String> {
    match list(bundles, namespace).next().await {
        Err(error) if is_refusal(&error) => Err(error.to_string()),
        // The watch tells of what goes wrong, and tries again.
        _ => Ok(()),
    }
}

/// Whether one of this operator's is left from an earlier process.
async fn is_one_left(bundles: &TrustBundles, namespace: Option<&str>) -> bool {
    let mut pages = list(bundles, namespace);
    while let Ok(Some(page)) = pages.next().await {
        if page.items.iter().any(|object| observed(&object.metadata).is_some()) {
            return true;
        }
    }
    false
}

fn list(bundles: &TrustBundles, namespace: Option<&str>) -> Pages<ConfigMapMetadata> {
    bundles.context.client.list(namespace, &label::selector())
}

fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Api { source, .. } if matches!(&**source, kube::Error::Api(status) if status.is_forbidden()))
}
