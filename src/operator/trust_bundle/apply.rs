//! Applies one change of a published trust bundle: creates, updates or deletes an object, and notes the response in the store.
//!
//! A write creates if absent, or names the version that was observed.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Preconditions;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::objects::{BundleObject, ClusterTrustBundle};
use super::shared::TrustBundles;
use super::store::{ObservedBundle, PublishFailure};
use super::targets::{Change, bundle, still};
use crate::operator::error::Error;
use crate::operator::freshness::ensure_fresh;
use crate::plan::trust_bundle::decide::{BundlePlan, Conflict, Target};

/// Applies a change. A failure is noted in the store and retried with backoff.
pub async fn apply(bundles: &TrustBundles, change: &Change) {
    let result = match change.target {
        Target::ConfigMap { .. } => attempt::<ConfigMap>(bundles, change).await,
        Target::Cluster { .. } => attempt::<ClusterTrustBundle>(bundles, change).await,
    };
    let Err(error) = result else { return };
    if let Error::NotLeader { .. } = error {
        return;
    }
    bundles.context.metrics.failed(&error);
    tracing::warn!(target = %change.target, %error, "a trust bundle could not be applied, will retry");
    record_failure(bundles, change, PublishFailure::Failed(error.to_string()));
}

async fn attempt<K>(bundles: &TrustBundles, change: &Change) -> Result<(), Error>
where
    K: BundleObject + Clone + Serialize + DeserializeOwned,
{
    // The changes of one comparison are applied one after the other: by now another text may be current, or none desired here.
    let Some(change) = &still(bundles, change) else { return Ok(()) };
    if let (BundlePlan::Create | BundlePlan::Update, Ok(root)) = (&change.plan, &change.issuer.signer) {
        // With an outdated root Secret a root would be removed from a bundle that peers already need.
        ensure_fresh(&bundles.context, root, &change.issuer.spec).await?;
    }
    let seen = bundles.store.lock().seen(&change.target).cloned();
    let written = match (&change.plan, seen) {
        (BundlePlan::Create, _) => create::<K>(bundles, change).await,
        (BundlePlan::Update, Some(seen)) => update::<K>(bundles, change, &seen).await,
        (BundlePlan::Remove, Some(seen)) => remove::<K>(bundles, change, &seen).await,
        (BundlePlan::Refuse(_) | BundlePlan::Read, _) => return read::<K>(bundles, change).await,
        // The bundle has changed since the comparison: the next one decides.
        (BundlePlan::Keep | BundlePlan::Update | BundlePlan::Remove, _) => Ok(()),
    };
    match written {
        Err(Error::Stale { .. }) => read::<K>(bundles, change).await,
        written => written,
    }
}

async fn create<K>(bundles: &TrustBundles, change: &Change) -> Result<(), Error>
where
    K: BundleObject + Serialize + DeserializeOwned,
{
    let Ok(root) = &change.issuer.signer else { return Ok(()) };
    let object = K::new_at(&change.target, &bundle(&change.issuer, root));
    let within = change.issuer.spec.timing().write_timeout;
    let created: K = bundles.context.client.create(&object, within).await?;
    remember(bundles, change, &created, None);
    Ok(())
}

async fn update<K>(bundles: &TrustBundles, change: &Change, seen: &ObservedBundle) -> Result<(), Error>
where
    K: BundleObject + DeserializeOwned,
{
    let Ok(root) = &change.issuer.signer else { return Ok(()) };
    let patch = K::patch(&bundle(&change.issuer, root), &seen.version);
    let (namespace, name) = (change.target.namespace(), change.target.name());
    let within = change.issuer.spec.timing().write_timeout;
    let written: K = bundles.context.client.patch(namespace, name, patch, within).await?;
    remember(bundles, change, &written, None);
    Ok(())
}

async fn remove<K: BundleObject>(
    bundles: &TrustBundles,
    change: &Change,
    seen: &ObservedBundle,
) -> Result<(), Error> {
    let is = Preconditions { uid: Some(seen.uid.clone()), resource_version: Some(seen.version.clone()) };
    let (namespace, name) = (change.target.namespace(), change.target.name());
    let within = change.issuer.spec.timing().write_timeout;
    bundles.context.client.delete::<K>(namespace, name, is, within).await?;
    bundles.store.change(|store| store.remove(&change.target));
    Ok(())
}

/// Reads the object at a target: the watch shows no content of a ConfigMap, and nothing of one without the label.
async fn read<K>(bundles: &TrustBundles, change: &Change) -> Result<(), Error>
where
    K: BundleObject + DeserializeOwned,
{
    let (namespace, name) = (change.target.namespace(), change.target.name());
    let requested_at = bundles.store.lock().revision();
    match bundles.context.client.get::<K>(namespace, name).await? {
        Some(found) => remember(bundles, change, &found, Some(requested_at)),
        None if matches!(change.plan, BundlePlan::Refuse(_)) => {
            bundles.store.change(|store| store.clear_failure(&change.target));
        }
        None if change.plan == BundlePlan::Read => {
            bundles.store.change(|store| store.remove(&change.target));
        }
        None => {
            bundles.store.change(|store| store.remove(&change.target));
            return Err(Error::Stale { what: change.target.to_string() });
        }
    }
    Ok(())
}

/// Notes what a response shows. If the store was not changed since the request, the response is newer, whatever its version.
fn remember<K: BundleObject>(bundles: &TrustBundles, change: &Change, found: &K, requested_at: Option<u64>) {
    match found.observed() {
        Some(seen) => bundles.store.change(|store| {
            if requested_at == Some(store.revision()) {
                store.apply(&change.target, seen, true);
            } else {
                store.apply_response(&change.target, seen);
            }
            store.clear_failure(&change.target);
        }),
        None => record_failure(bundles, change, PublishFailure::Conflict(Conflict::Foreign)),
    }
}

fn record_failure(bundles: &TrustBundles, change: &Change, failure: PublishFailure) {
    bundles.store.change(|store| {
        if matches!(failure, PublishFailure::Conflict(Conflict::Foreign)) {
            store.remove(&change.target);
        }
        store.record_failure(&change.target, failure, change.text, bundles.context.millis());
    });
}
