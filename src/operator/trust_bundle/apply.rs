//! One errand for a trust bundle: create it, bring it up to date or remove it, and remember what the API server answers.
//! A write creates if absent, or names what was seen.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Preconditions;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::objects::{BundleObject, ClusterTrustBundle};
use super::store::{ObservedBundle, PublishFailure};
use super::targets::{Change, bundle, still};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::freshness::ensure_fresh;
use crate::plan::trust_bundle::decide::{BundlePlan, Conflict, Target};

/// Runs an errand. What keeps it from its end is remembered, and it is tried again with backoff.
pub async fn deliver(context: &Context, errand: &Change) {
    let result = match errand.place {
        Target::ConfigMap { .. } => attempt::<ConfigMap>(context, errand).await,
        Target::Cluster { .. } => attempt::<ClusterTrustBundle>(context, errand).await,
    };
    let Err(error) = result else { return };
    if let Error::NotLeader { .. } = error {
        return;
    }
    context.metrics.failed(&error);
    tracing::warn!(place = %errand.place, %error, "a trust bundle is not as it should be, will try again");
    stuck(context, errand, PublishFailure::Failed(error.to_string()));
}

async fn attempt<K>(context: &Context, errand: &Change) -> Result<(), Error>
where
    K: BundleObject + Clone + Serialize + DeserializeOwned,
{
    // Others of its batch went before it: another text may be in force by now, or none be wanted here any more.
    let Some(errand) = &still(context, errand) else { return Ok(()) };
    if let (BundlePlan::Create | BundlePlan::Update, Ok(root)) = (&errand.plan, &errand.service.signer) {
        // An old view would take a root out of a bundle that others already need.
        ensure_fresh(context, root, &errand.service.terms).await?;
    }
    let seen = context.bundles.lock().seen(&errand.place).cloned();
    let written = match (&errand.plan, seen) {
        (BundlePlan::Create, _) => create::<K>(context, errand).await,
        (BundlePlan::Update, Some(seen)) => update::<K>(context, errand, &seen).await,
        (BundlePlan::Remove, Some(seen)) => remove::<K>(context, errand, &seen).await,
        (BundlePlan::Refuse(_), _) => return look::<K>(context, errand).await,
        // It has changed since the plan was made: so will the plan.
        (BundlePlan::Keep | BundlePlan::Update | BundlePlan::Remove, _) => Ok(()),
    };
    match written {
        Err(Error::Stale { .. }) => look::<K>(context, errand).await,
        written => written,
    }
}

async fn create<K>(context: &Context, errand: &Change) -> Result<(), Error>
where
    K: BundleObject + Serialize + DeserializeOwned,
{
    let Ok(root) = &errand.service.signer else { return Ok(()) };
    let object = K::new_at(&errand.place, &bundle(&errand.service, root));
    let within = errand.service.terms.timing().write_timeout;
    let created: K = context.requests.create(&object, within).await?;
    remember(context, errand, &created, None);
    Ok(())
}

async fn update<K>(context: &Context, errand: &Change, seen: &ObservedBundle) -> Result<(), Error>
where
    K: BundleObject + DeserializeOwned,
{
    let Ok(root) = &errand.service.signer else { return Ok(()) };
    let patch = K::patch(&bundle(&errand.service, root), &seen.version);
    let (namespace, name) = (errand.place.namespace(), errand.place.name());
    let within = errand.service.terms.timing().write_timeout;
    let written: K = context.requests.patch(namespace, name, patch, within).await?;
    remember(context, errand, &written, None);
    Ok(())
}

async fn remove<K: BundleObject>(
    context: &Context,
    errand: &Change,
    seen: &ObservedBundle,
) -> Result<(), Error> {
    let is = Preconditions { uid: Some(seen.uid.clone()), resource_version: Some(seen.version.clone()) };
    let (namespace, name) = (errand.place.namespace(), errand.place.name());
    let within = errand.service.terms.timing().write_timeout;
    context.requests.delete::<K>(namespace, name, is, within).await?;
    context.bundles.change(|ledger| ledger.lost(&errand.place));
    Ok(())
}

/// Sees what lies at a place: what the watch does not show, because it lacks our label, or does not show yet.
async fn look<K>(context: &Context, errand: &Change) -> Result<(), Error>
where
    K: BundleObject + DeserializeOwned,
{
    let (namespace, name) = (errand.place.namespace(), errand.place.name());
    let asked_at = context.bundles.lock().revision();
    match context.requests.get::<K>(namespace, name).await? {
        Some(found) => remember(context, errand, &found, Some(asked_at)),
        None if matches!(errand.plan, BundlePlan::Refuse(_)) => {
            context.bundles.change(|ledger| ledger.forgive(&errand.place));
        }
        None => {
            context.bundles.change(|ledger| ledger.lost(&errand.place));
            return Err(Error::Stale { what: errand.place.to_string() });
        }
    }
    Ok(())
}

/// Remembers what an answer shows. Where nothing was told since the question, that is the latest, whatever its version.
fn remember<K: BundleObject>(context: &Context, errand: &Change, found: &K, asked_at: Option<u64>) {
    match found.seen() {
        Some(seen) => context.bundles.change(|ledger| {
            if asked_at == Some(ledger.revision()) {
                ledger.saw(&errand.place, seen, true);
            } else {
                ledger.answered(&errand.place, seen);
            }
            ledger.forgive(&errand.place);
        }),
        None => stuck(context, errand, PublishFailure::Conflict(Conflict::Foreign)),
    }
}

fn stuck(context: &Context, errand: &Change, trouble: PublishFailure) {
    context.bundles.change(|ledger| {
        if matches!(trouble, PublishFailure::Conflict(Conflict::Foreign)) {
            ledger.lost(&errand.place);
        }
        ledger.stuck(&errand.place, trouble, errand.text(), context.millis());
    });
}
