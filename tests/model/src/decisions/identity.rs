//! What an identity needs, and which Secrets lag behind a root.

use jiff::Timestamp;
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::issuer::{IssuerEntry, RetiringEntry, lags};
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::index::time::Second;
use mtls_operator::pki::Validity;
use mtls_operator::plan::identity::decide::{Plan, decide};
use mtls_operator::plan::identity::world::{
    Authorization, Before, LeafDefect, NotReady, OwnedSecret, SecretState, StoredLeaf, World,
};

use super::Decisions;
use crate::ca::Ca;
use crate::facts::{self, key_id, trust};
use crate::mutation::Mutation;
use crate::pki::{Pki, RootId, Roots};
use crate::state::{Leaf, Secret};
use crate::time::{Ticks, at, span, ticks};

/// What an identity needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A new leaf.
    Leaf,
    /// The bundle in force.
    Bundle,
}

/// What the need of an identity depends on: root Secret, certificates, its Secret, whether it is paused, and the time.
pub(super) type NeedKey = (Option<Ca>, Pki, Option<Secret>, bool, Ticks);

impl Decisions {
    /// What an identity needs of a replica with this view of the root and this clock, and whether it is `Ready`. Without
    /// a view no replica signs.
    #[must_use]
    pub fn need(
        &self,
        ca: Option<&Ca>,
        pki: &Pki,
        secret: Option<Secret>,
        is_paused: bool,
        now: Ticks,
    ) -> (Need, bool) {
        self.needs.recall(&(ca.copied(), *pki, secret, is_paused, now), || {
            let not_ready = || NotReady("it does not sign".into());
            let held = |secret: Secret| self.held(secret, pki, ca.map_or(secret.bundle, Ca::trust));
            let world = World {
                spec: &self.asked[usize::from(is_paused)],
                authorization: Some(Authorization {
                    entitlement: Ok(self.entitlement.clone()),
                    retained: None,
                    profile: self.profile,
                }),
                signer: ca.map(|ca| facts::signer(ca, pki)).ok_or_else(not_ready),
                secret: secret.map_or(SecretState::Absent, held),
                before: Before { was_issued: true, ..Before::default() },
                stalls_at: Timestamp::MAX,
            };
            let decision = decide(&world, at(now));
            let need = match decision.plan {
                Plan::Keep => Need::Nothing,
                Plan::Issue { .. } => Need::Leaf,
                Plan::Refresh { .. } => Need::Bundle,
            };
            (need, decision.ready.ready)
        })
    }

    /// A Secret whose leaf was verified against a bundle, at a moment when it was valid.
    fn held(&self, secret: Secret, pki: &Pki, bundle: Roots) -> SecretState {
        let leaf = &secret.leaf;
        let is_trusted = leaf.end < 0 || pki.accept(bundle, leaf.chain);
        SecretState::Held(OwnedSecret {
            version: "1".into(),
            carries_uid: true,
            leaf: is_trusted.then(|| held_leaf(*leaf)).ok_or(LeafDefect::Untrusted),
            profile: Some(self.profile),
            matches_profile: true,
            trust: Some(trust(secret.bundle)),
            metadata_is_current: true,
            renew_request: None,
        })
    }

    /// When a leaf ends that a replica with this clock signs.
    #[must_use]
    pub fn leaf_end(pki: &Pki, signer: RootId, lifetime: Ticks, now: Ticks) -> Ticks {
        ticks(Validity::leaf(at(now), span(lifetime), facts::window(pki, signer)).not_after)
    }

    /// Whether a Secret is behind a root.
    #[must_use]
    pub fn is_behind(&self, ca: &Ca, pki: &Pki, secret: Secret, now: Ticks) -> bool {
        self.behind.recall(&(*ca, *pki, secret, now), || {
            let is_ageless = self.mutations.has(Mutation::ExpiredLeavesBlock);
            let seen = SecretEntry {
                namespace: "orders".into(),
                name: "web".into(),
                uid: digest("secret"),
                version: 1,
                identity_uid: Some(digest("uid")),
                profile: Some(self.profile),
                trust: Some(digest(&trust(secret.bundle))),
                key_id: Some(digest(&key_id(secret.leaf.chain.signer))),
                not_after: Second::new(at(secret.leaf.end).as_second()).filter(|_| !is_ageless),
                issued_at: Second::new(at(secret.leaf.issued).as_second()),
                answers_renew_request: false,
            };
            let mut signer = IssuerEntry::from(&facts::signer(ca, pki));
            if is_ageless {
                let ageless = |former: &RetiringEntry| RetiringEntry { until: Timestamp::MAX, ..*former };
                signer.rotation.retiring = signer.rotation.retiring.iter().map(ageless).collect();
            }
            signer.rotation.is_announced |= self.mutations.has(Mutation::MissingTrustBlocks);
            lags(&seen, &signer, at(now).as_second())
        })
    }
}

fn held_leaf(leaf: Leaf) -> StoredLeaf {
    StoredLeaf {
        serial: "1".into(),
        window: Validity { not_before: at(leaf.issued), not_after: at(leaf.end) },
        key_id: key_id(leaf.chain.signer),
        issued_at: at(leaf.issued),
    }
}
