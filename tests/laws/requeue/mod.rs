//! Laws of the time of the next reconcile: a settled identity needs none, and each single change has its own answer. Here: what
//! the index holds of a settled identity.

mod changes;
mod times;
mod waiting;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use mtls_operator::api::identity::SecretReference;
use mtls_operator::api::{MtlsIdentity, MtlsIdentityStatus};
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::identity::{IdentityEntry, ParsedIdentity};
use mtls_operator::operator::index::issuer::{AuthorityEntry, IssuerEntry};
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::index::time::Second;
use mtls_operator::operator::scheduler::requeue::{Priority, Requeue, next_reconcile};
use mtls_operator::operator::scheduler::requeue_inputs::RequeueInputs;
use mtls_operator::plan::identity::policy::Permission;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::identity::signer::{Rollout, Signer};

use super::fixture::{HOUR, NOW, asked, identity, signer, terms};

/// An identity, its Secret and its authority as the index holds them.
pub struct Indexed {
    pub entry: IdentityEntry,
    secret: Option<SecretEntry>,
    authority: Option<AuthorityEntry>,
    pub permission: Option<Permission>,
    stalls_at: i64,
    now: i64,
}

impl Indexed {
    pub fn settled() -> Self {
        Self {
            entry: ParsedIdentity::from(&issued("web")).entry,
            secret: Some(secret("web")),
            authority: Some(mark()),
            permission: Some(Permission::Granted),
            stalls_at: NOW.as_second(),
            now: (NOW + HOUR).as_second(),
        }
    }

    fn changed(change: impl FnOnce(&mut Self)) -> Self {
        let mut indexed = Self::settled();
        change(&mut indexed);
        indexed
    }

    pub fn next_reconcile(&self) -> Requeue {
        let authority = self.authority.as_ref();
        let around = RequeueInputs {
            secret: self.secret.as_ref(),
            authority,
            permission: self.permission,
            stalls_at: self.stalls_at,
            now: self.now,
        };
        next_reconcile(&self.entry, around)
    }

    fn secret(&mut self) -> &mut SecretEntry {
        self.secret.as_mut().unwrap()
    }

    fn signer(&mut self) -> &mut IssuerEntry {
        self.authority.as_mut().unwrap().signer.as_mut().unwrap()
    }

    /// Status says this, and speaks of no leaf.
    pub fn stands(&mut self, reason: ReadyReason) {
        self.entry.recorded.reason = Some(reason);
        self.entry.recorded.is_ready = false;
    }
}

/// The end of the leaf, and the announced second of its renewal.
pub const END: i64 = 1_780_086_400;
pub const RENEWAL: i64 = 1_780_050_000;

/// An identity whose status is Ready with version 7 of its Secret.
pub fn issued(name: &str) -> MtlsIdentity {
    let mut identity = identity(name);
    let time = |second| Some(Time(Timestamp::from_second(second).unwrap()));
    identity.status = Some(MtlsIdentityStatus {
        observed_generation: Some(1),
        conditions: vec![Condition {
            type_: "Ready".into(),
            status: "True".into(),
            reason: "Issued".into(),
            message: String::new(),
            observed_generation: Some(1),
            last_transition_time: Time(NOW),
        }],
        secret: Some(SecretReference { name: format!("{name}-mtls"), resource_version: "7".into() }),
        serial: Some("5e".into()),
        not_before: time(NOW.as_second() - 300),
        not_after: time(END),
        renewal_time: time(RENEWAL),
        authority_key_id: Some("a1".into()),
        revision: Some(1),
        ..MtlsIdentityStatus::default()
    });
    identity
}

/// Its Secret, in version 7.
pub fn secret(name: &str) -> SecretEntry {
    SecretEntry {
        namespace: "orders".into(),
        name: format!("{name}-mtls").into(),
        uid: digest("secret-uid"),
        version: 7,
        identity_uid: Some(digest(&format!("uid-{name}"))),
        profile: Some(ProfileHash::of(IdentitySpecHash::of(&asked(name)), AuthoritySpecHash::of(&terms()))),
        trust: Some(digest("t1")),
        key_id: Some(digest("a1")),
        not_after: Second::new(END),
        issued_at: Second::new(NOW.as_second()),
        answers_renew_request: false,
    }
}

fn mark() -> AuthorityEntry {
    AuthorityEntry { epoch: 1, profile: AuthoritySpecHash::of(&terms()), signer: Some(issuer_entry()) }
}

pub fn issuer_entry() -> IssuerEntry {
    let known = ["a0", "a1", "a2"].map(str::to_owned).into();
    IssuerEntry::from(&Signer { rotation: Rollout { known, ..Rollout::default() }, ..signer() })
}

/// The same, with its root announced.
pub fn announced() -> IssuerEntry {
    let mut entry = issuer_entry();
    entry.rotation.is_announced = true;
    entry
}

const NEW: Requeue = Requeue::Now(Priority::New);
const DUE: Requeue = Requeue::Now(Priority::Due);
const LATER: Requeue = Requeue::Now(Priority::Background);
