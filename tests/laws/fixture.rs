//! A settled world for the laws: one identity of one authority, its leaf valid, as asked and not due.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec, MtlsIdentity, MtlsIdentitySpec};
use mtls_operator::pki::Validity;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::policy::authorize;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::identity::world::{
    Authorization, Before, NotReady, OwnedSecret, Rollout, SecretState, Signer, StoredLeaf, World,
};
use mtls_operator::plan::selector::Labels;

/// Noon of a day in 2026; nothing here looks at a clock.
pub const NOW: Timestamp = Timestamp::constant(1_780_000_000, 0);
pub const MINUTE: SignedDuration = SignedDuration::from_mins(1);
pub const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A world that owns what it is made of.
#[derive(Clone)]
pub struct Case {
    pub asked: IdentitySpec,
    pub terms: Option<Authorization>,
    pub signer: Result<Signer, NotReady>,
    pub secret: SecretState,
    pub before: Before,
    pub stalls_at: Timestamp,
}

impl Case {
    pub fn settled() -> Self {
        let asked = asked("web");
        let terms = allowed(&asked);
        let profile = terms.profile;
        Self {
            asked,
            terms: Some(terms),
            signer: Ok(signer()),
            secret: SecretState::Held(held(profile)),
            before: Before { was_issued: true, was_permitted: true, was_stalled: false },
            stalls_at: NOW,
        }
    }

    pub fn changed(change: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self::settled();
        change(&mut case);
        case
    }

    pub fn world(&self) -> World<'_> {
        World {
            spec: &self.asked,
            authorization: self.terms.clone(),
            signer: self.signer.clone(),
            secret: self.secret.clone(),
            before: self.before,
            stalls_at: self.stalls_at,
        }
    }

    pub fn held(&mut self) -> &mut OwnedSecret {
        match &mut self.secret {
            SecretState::Held(held) => held,
            other => panic!("no Secret is held: {other:?}"),
        }
    }

    pub fn leaf(&mut self) -> &mut StoredLeaf {
        self.held().leaf.as_mut().unwrap()
    }
}

pub fn identity(name: &str) -> MtlsIdentity {
    let mut identity = MtlsIdentity::new(name, MtlsIdentitySpec::default());
    identity.metadata.namespace = Some("orders".into());
    identity.metadata.uid = Some(format!("uid-{name}"));
    identity.metadata.generation = Some(1);
    identity.metadata.resource_version = Some("1".into());
    identity
}

pub fn asked(name: &str) -> IdentitySpec {
    IdentitySpec::parse(&identity(name)).unwrap()
}

pub fn authority() -> MtlsAuthority {
    MtlsAuthority::new("mesh", MtlsAuthoritySpec::default())
}

pub fn terms() -> AuthoritySpec {
    AuthoritySpec::parse(&authority()).unwrap()
}

pub fn allowed(asked: &IdentitySpec) -> Authorization {
    let terms = terms();
    Authorization {
        entitlement: authorize(asked, &terms, &Labels::new()),
        retained: None,
        profile: ProfileHash::of(IdentitySpecHash::of(asked), AuthoritySpecHash::of(&terms)),
    }
}

pub fn signer() -> Signer {
    let window = Validity { not_before: NOW - DAY, not_after: NOW + DAY * 365 };
    Signer { key_id: "a1".into(), window, trust: "t1".into(), rotation: Rollout::default(), halted: None }
}

pub fn held(profile: ProfileHash) -> OwnedSecret {
    OwnedSecret {
        version: "7".into(),
        carries_uid: true,
        leaf: Ok(leaf()),
        profile: Some(profile),
        matches_profile: true,
        trust: Some("t1".into()),
        metadata_is_current: true,
        renew_request: None,
    }
}

pub fn leaf() -> StoredLeaf {
    StoredLeaf {
        serial: "5e".into(),
        window: Validity { not_before: NOW - MINUTE * 5, not_after: NOW + DAY },
        key_id: "a1".into(),
        issued_at: NOW,
    }
}

pub fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
