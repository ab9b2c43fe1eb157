//! What is left of a lost root, once its loss is accepted by an annotation that names it: its certificate is found in a trust
//! bundle, and stays trusted until its last leaf has expired.

use jiff::Timestamp;

use super::annotations::FormerKey;
use super::former_keys::{NamedSigners, former_keys};
use super::leaf_secrets::{LeafSecret, LeafSecrets};
use super::loaded_ca::LoadedRoot;
use super::lost_certificate::Search;
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::Digest;
use crate::operator::status_proof::is_proven;
use crate::pki::{Fingerprint, KeyId, TrustBundle};
use crate::plan::authority::accepted_loss::{AcceptedLoss, accepted_loss};
use crate::plan::authority::known_signers::KnownSigners;
use crate::plan::authority::retiring_root::RetiringRoot;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::authority::world::LossAcceptance;

/// Identities that are read for the signers that their statuses name.
const MAX_READ: usize = 100;

/// What is left of a lost root.
pub struct Recovery {
    /// Its certificate, and those of other roots that were trusted beside it.
    pub anchors: TrustBundle,
    /// The same, as they stay trusted.
    pub retiring: Vec<RetiringRoot>,
    /// Other signers whose leaves may be left.
    pub former: Vec<FormerKey>,
}

/// Finds what is left of the root whose loss is accepted.
///
/// # Errors
/// [`Error`] where Secrets cannot be read.
pub async fn recover(
    context: &Context,
    authority: &MtlsAuthority,
    spec: &AuthoritySpec,
    loaded: &LoadedRoot,
    known: &KnownSigners<Digest>,
) -> Result<(LossAcceptance, Option<Recovery>), Error> {
    let lost = match accepted_loss(authority, !matches!(loaded, LoadedRoot::Absent)) {
        AcceptedLoss::Root(lost) => lost,
        AcceptedLoss::NotAsked => return Ok((LossAcceptance::NotAsked, None)),
        AcceptedLoss::NoneLost => return Ok((LossAcceptance::NoneLost, None)),
        AcceptedLoss::Refused(why) => return Ok((LossAcceptance::Refused(why), None)),
    };
    let roots = authority.status.as_ref().map_or(&[][..], |status| &status.roots);
    let (mut secrets, mut search, mut traces) =
        (LeafSecrets::of(context, spec), Search::new(lost, roots), LeafTraces::default());
    while let Some(leaves) = secrets.next().await? {
        search.look_in(context, spec, &leaves).await?;
        traces.add(&leaves);
    }
    let anchors = match search.result() {
        Ok(anchors) => anchors,
        Err(why) => return Ok((LossAcceptance::Refused(why), None)),
    };
    let recorded = recorded(context, loaded, known).await?;
    let recovery = Recovery::new(spec, anchors, traces, recorded, context.clock.now());
    Ok((LossAcceptance::Found, Some(recovery)))
}

/// What leaf Secrets say of the signers of their leaves.
#[derive(Default)]
pub struct LeafTraces {
    latest_end: Option<Timestamp>,
    signers: NamedSigners,
}

impl LeafTraces {
    fn add(&mut self, leaves: &[LeafSecret]) {
        self.latest_end = leaves.iter().filter_map(|leaf| leaf.not_after).chain(self.latest_end).max();
        self.signers.extend(leaves.iter().filter_map(LeafSecret::named));
    }
}

impl Recovery {
    /// What stays trusted of these anchors, and which other signers may have leaves left. Users of a namespace can have written
    /// the annotations of leaf Secrets.
    #[must_use]
    pub fn new(
        spec: &AuthoritySpec,
        anchors: TrustBundle,
        traces: LeafTraces,
        recorded: Vec<KeyId>,
        now: Timestamp,
    ) -> Self {
        // Trust lasts only for leaves that may be asked for now.
        let until = last_leaf_end(spec, now, now);
        let retiring: Vec<RetiringRoot> =
            anchors.fingerprints().filter_map(|found| retiring(&anchors, found, until)).collect();
        // To know a signer grants no trust: the annotations are believed up to the end of the last root that is left.
        let end = traces.latest_end.unwrap_or(now);
        let roots_end = retiring.iter().map(|root| root.not_after).max().unwrap_or(now);
        let believed = last_leaf_end(spec, end, now).min(roots_end.max(until));
        // Those that stay trusted are among them: a leaf of one may outlive the trust in it, and is then no new evidence.
        let former = former_keys(recorded, traces.signers, &[], believed);
        Self { anchors, retiring, former }
    }
}

fn retiring(anchors: &TrustBundle, fingerprint: Fingerprint, until: Timestamp) -> Option<RetiringRoot> {
    let (key_id, window) = anchors.describe(&fingerprint)?;
    let others = anchors.fingerprints().filter(|other| *other != fingerprint).map(|other| other.to_string());
    Some(RetiringRoot {
        fingerprint: fingerprint.to_string(),
        key_id: key_id.to_string(),
        chain: vec![fingerprint.to_string()],
        anchors: vec![fingerprint.to_string()],
        not_before: window.not_before,
        not_after: window.not_after,
        until: until.min(window.not_after),
        // What it has certified is lost with the Secret that held it: any of those that were trusted beside it.
        certified: Some(others.collect()),
        distrusted: None,
    })
}

/// The signers that statuses name: none of them is evidence of a loss any more. Where an evidence key is left, only proven
/// statuses count.
async fn recorded(
    context: &Context,
    loaded: &LoadedRoot,
    known: &KnownSigners<Digest>,
) -> Result<Vec<KeyId>, Error> {
    let (key, now) = (loaded.held().and_then(|ca| ca.evidence_key.as_ref()), context.clock.now());
    let mut key_ids = Vec::new();
    for claimant in known.claimants.iter().take(MAX_READ) {
        let (namespace, name) = (&claimant.namespace, &claimant.name);
        let identity = context.client.read::<MtlsIdentity>(Some(namespace), name).await?;
        let credible = identity.filter(|identity| key.is_none_or(|key| is_proven(identity, key, now)));
        let key_id = credible.and_then(|identity| identity.status?.authority_key_id);
        key_ids.extend(key_id.and_then(|text| text.parse().ok()));
    }
    Ok(key_ids)
}

/// The last moment at which a leaf of the lost root can be valid: it may have signed more than what is listed.
fn last_leaf_end(spec: &AuthoritySpec, seen: Timestamp, now: Timestamp) -> Timestamp {
    let unseen = now.checked_add(spec.max_leaf_ttl).unwrap_or(Timestamp::MAX);
    spec.timing().skewed(seen.max(unseen))
}
