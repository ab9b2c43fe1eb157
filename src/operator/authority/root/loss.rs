//! Gathers evidence that a root is lost (I11); `plan::authority::evidence` judges it.
//!
//! What costs reads is asked only where nothing else shows a loss.

use std::pin::pin;

use futures::{StreamExt as _, TryStreamExt as _, future::ready, stream};

use super::loaded_ca::{LoadedCa, LoadedRoot};
use super::ownership_claim::{claims, true_claim};
use crate::api::MtlsIdentity;
use crate::operator::authority::named_identities::worth_reading;
use crate::operator::client::AT_ONCE;
use crate::operator::client::scoped_pages::ScopedPage;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::status_proof::is_proven;
use crate::pki::EvidenceKey;
use crate::plan::authority::evidence::{Evidence, Explained, LeafClaim, Traces};
use crate::plan::authority::known_signers::{Claimant, KnownSigners};
use crate::plan::authority::spec::AuthoritySpec;

/// What shows that a root existed, if the root Secret does not explain it.
///
/// # Errors
/// [`Error`] where something has to be read and cannot be.
pub async fn evidence(
    context: &Context,
    spec: &AuthoritySpec,
    place: &str,
    loaded: &LoadedRoot,
    known: &KnownSigners<Digest>,
) -> Result<Option<Evidence>, Error> {
    let (place, explained) = (format!("Secret {place}"), explained(loaded));
    let traces = Traces::of(known);
    if let Some(evidence) = traces.evidence(&place, &explained) {
        return Ok(Some(evidence));
    }
    let traces = match loaded {
        LoadedRoot::Absent => Traces { leaf_secret: leaf_secret(context, spec).await?, ..traces },
        LoadedRoot::Sound(ca) | LoadedRoot::Expired(ca) => {
            let unsettled = traces.unsettled(&explained);
            Traces { proven: first_proven(context, spec, ca, unsettled).await?, ..traces }
        }
        LoadedRoot::NotOurs(_) | LoadedRoot::OtherTrustDomain(_) | LoadedRoot::Invalid(_) => return Ok(None),
    };
    Ok(traces.evidence(&place, &explained))
}

fn explained(loaded: &LoadedRoot) -> Explained<Digest> {
    match loaded {
        LoadedRoot::Absent => Explained::Nothing,
        LoadedRoot::NotOurs(_) | LoadedRoot::OtherTrustDomain(_) | LoadedRoot::Invalid(_) => {
            Explained::Unknown
        }
        LoadedRoot::Sound(ca) | LoadedRoot::Expired(ca) => Explained::Held {
            signers: ca.signers().iter().map(|key_id| digest(key_id)).collect(),
            evidence_key_id: ca.evidence_key.as_ref().map(EvidenceKey::id),
            lost_evidence_key_id: ca.lost_evidence_key.clone(),
        },
    }
}

/// The first of these identities whose status still says what it said before the root Secret was read, and proves it.
async fn first_proven<'a>(
    context: &Context,
    spec: &AuthoritySpec,
    ca: &LoadedCa,
    claimants: impl Iterator<Item = &'a Claimant<Digest>>,
) -> Result<Option<&'a Claimant<Digest>>, Error> {
    let Some(key) = &ca.evidence_key else { return Ok(None) };
    for claimant in claimants {
        if is_true(context, spec, claimant, key).await? {
            return Ok(Some(claimant));
        }
    }
    Ok(None)
}

async fn is_true(
    context: &Context,
    spec: &AuthoritySpec,
    claimant: &Claimant<Digest>,
    key: &EvidenceKey,
) -> Result<bool, Error> {
    let Claimant { namespace, name, key_id, .. } = claimant;
    let Some(identity) = context.client.read::<MtlsIdentity>(Some(namespace), name).await? else {
        return Ok(false);
    };
    let named = identity.status.as_ref().and_then(|status| status.authority_key_id.as_deref());
    let is_same = named.map(digest) == Some(*key_id) && identity.spec.authority_ref.name == spec.name;
    Ok(is_same && is_proven(&identity, key, context.clock.now()))
}

/// A leaf Secret of an identity of this authority. The list is fresh, and an index that lags is not relied on: it must not make
/// a second root.
async fn leaf_secret(context: &Context, spec: &AuthoritySpec) -> Result<Option<LeafClaim>, Error> {
    let mut list = context.leaf_secrets(&spec.name);
    while let Some(ScopedPage { page, .. }) = list.next().await? {
        let mut claims = claims(page.items.into_iter().map(|secret| secret.metadata));
        let read = worth_reading(context, claims.keys().cloned()).await?;
        claims.retain(|identity, _| read.contains(identity));
        let checked =
            stream::iter(claims).map(|(owner, claims)| true_claim(context, &spec.name, owner, claims));
        let true_claims = checked.buffered(AT_ONCE).try_filter_map(|found| ready(Ok(found)));
        if let Some(found) = pin!(true_claims).try_next().await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
