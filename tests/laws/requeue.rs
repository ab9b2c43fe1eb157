//! Laws of attention: a settled identity asks for nothing, and each single change has its own answer.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use mtls_operator::api::identity::SecretReference;
use mtls_operator::api::names::annotation;
use mtls_operator::api::{MtlsIdentity, MtlsIdentityStatus};
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::identity::{IdentityEntry, ParsedIdentity, RecordedStatus};
use mtls_operator::operator::index::issuer::{AuthorityEntry, Halted, IssuerEntry};
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::index::time::Second;
use mtls_operator::operator::scheduler::requeue::{Priority, Requeue, next_reconcile};
use mtls_operator::operator::scheduler::requeue_inputs::RequeueInputs;
use mtls_operator::plan::identity::policy::Permission;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::identity::signer::{Rollout, Signer};

use super::fixture::{DAY, HOUR, NOW, asked, identity, signer, terms};

/// An identity, its Secret and its authority as the index remembers them.
pub struct Memory {
    pub entry: IdentityEntry,
    secret: Option<SecretEntry>,
    authority: Option<AuthorityEntry>,
    pub permission: Option<Permission>,
    stalls_at: i64,
    now: i64,
}

impl Memory {
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
        let mut memory = Self::settled();
        change(&mut memory);
        memory
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

/// An identity whose status says that all is well with version 7 of its Secret.
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
        identity: Some(digest(name)),
        authority: Some(digest("mesh")),
        profile: Some(ProfileHash::of(IdentitySpecHash::of(&asked(name)), AuthoritySpecHash::of(&terms()))),
        trust: Some(digest("t1")),
        key_id: Some(digest("a1")),
        not_after: Second::new(END),
        issued_at: Second::new(NOW.as_second()),
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

#[test]
fn a_settled_identity_asks_for_nothing_before_its_renewal() {
    assert_eq!(Memory::settled().next_reconcile(), Requeue::At(RENEWAL));
}

#[test]
fn each_change_of_a_settled_memory_has_its_own_attention() {
    type Row = (&'static str, fn(&mut Memory), Requeue);
    let other = |memory: &mut Memory| memory.entry.spec = Some(IdentitySpecHash::of(&asked("other")));
    let rows: [Row; 22] = [
        ("new spec", |m| m.entry.generation = 2, NEW),
        ("never seen", |m| m.entry.recorded = RecordedStatus::default(), NEW),
        ("Secret gone", |m| m.secret = None, NEW),
        ("Secret written", |m| m.secret().version = 8, NEW),
        ("renewal asked", |m| m.entry.renew_request = Some(digest("now")), NEW),
        ("status names no known signer", |m| m.entry.recorded.key_id = Some(digest("de")), LATER),
        ("status names another signer", |m| m.entry.recorded.key_id = Some(digest("a2")), LATER),
        ("signer forgotten", |m| m.signer().rotation.known = [digest("a0")].into(), LATER),
        ("other profile", other, LATER),
        ("other trust", |m| m.secret().trust = Some(digest("t0")), LATER),
        ("trust unknown", |m| m.secret().trust = None, LATER),
        ("profile unknown", |m| m.secret().profile = None, Requeue::At(RENEWAL)),
        ("judged anew", |m| m.permission = None, LATER),
        ("no more allowed", |m| m.permission = Some(Permission::Refused), LATER),
        ("authority gone", |m| m.authority = None, Requeue::At(RENEWAL)),
        ("nobody signs", |m| m.authority.as_mut().unwrap().signer = None, Requeue::At(RENEWAL)),
        ("other signer", |m| m.signer().key_id = digest("a2"), Requeue::At(RENEWAL)),
        (
            "ends with signer",
            |m| m.signer().window.not_after = Timestamp::from_second(END).unwrap(),
            Requeue::At(END + 1),
        ),
        ("paused", |m| m.entry.is_paused = true, Requeue::At(END + 1)),
        ("conflict", |m| m.stands(ReadyReason::SecretConflict), LATER),
        ("no leaf yet", |m| m.stands(ReadyReason::Issuing), NEW),
        ("no leaf yet, judged anew", |m| (m.stands(ReadyReason::Issuing), m.permission = None).1, NEW),
    ];
    for (name, change, expected) in rows {
        assert_eq!(Memory::changed(change).next_reconcile(), expected, "{name}");
    }
}

#[test]
fn renewal_and_expiry_come_in_their_second() {
    let at = |now| Memory::changed(|memory| memory.now = now).next_reconcile();
    assert_eq!(at(RENEWAL - 1), Requeue::At(RENEWAL));
    assert_eq!(at(RENEWAL), DUE);
    assert_eq!(at(END), DUE);
    assert_eq!(at(END + 1), NEW);
    let paused =
        |now| Memory::changed(|memory| (memory.now, memory.entry.is_paused) = (now, true)).next_reconcile();
    assert_eq!(paused(END), Requeue::At(END + 1));
    assert_eq!(paused(END + 1), NEW, "that a paused leaf has expired is told by time alone");
}

#[test]
fn a_renewal_that_nobody_can_sign_is_looked_at_once_and_again_when_somebody_can() {
    let mut memory = Memory::changed(|memory| memory.now = RENEWAL);
    memory.authority.as_mut().unwrap().signer = None;
    assert_eq!(memory.next_reconcile(), DUE, "status does not say so yet");
    memory.entry.recorded.renewal = None;
    assert_eq!(memory.next_reconcile(), Requeue::At(END + 1));
    memory.authority.as_mut().unwrap().signer = Some(issuer_entry());
    assert_eq!(memory.next_reconcile(), DUE);
}

#[test]
fn a_leaf_that_is_not_yet_valid_is_looked_at_once_the_clock_says_so() {
    let begin = NOW.as_second() - 300;
    for (now, attention) in [(begin, Requeue::At(RENEWAL)), (begin - 1, NEW)] {
        assert_eq!(Memory::changed(|m| m.now = now).next_reconcile(), attention);
    }
    let paused = Memory::changed(|m| (m.now, m.entry.is_paused) = (begin - 1, true));
    assert_eq!(paused.next_reconcile(), Requeue::At(END + 1), "nothing is issued");
}

#[test]
fn while_the_signer_is_halted_time_alone_asks_for_what_status_must_say_and_trust_goes_on() {
    let halted = |change: fn(&mut Memory)| {
        let mut memory = Memory::changed(|m| m.signer().halted = Some(Halted));
        change(&mut memory);
        memory.next_reconcile()
    };
    assert_eq!(halted(|_| {}), Requeue::At(RENEWAL));
    assert_eq!(halted(|m| m.now = RENEWAL), DUE, "status takes its time back");
    assert_eq!(halted(|m| (m.now, m.entry.recorded.renewal) = (RENEWAL, None)), Requeue::At(END + 1));
    assert_eq!(halted(|m| m.now = END + 1), NEW, "status says that it has expired");
    let expired = halted(|m| {
        m.now = END + 1;
        m.stands(ReadyReason::Expired);
    });
    assert_eq!(expired, Requeue::OnChange);
    assert_eq!(halted(|m| m.stands(ReadyReason::AuthorityNotReady)), Requeue::OnChange);
    assert_eq!(halted(|m| m.signer().trust = digest("t2")), LATER);
}

#[test]
fn an_expiry_that_is_recorded_waits_for_somebody_who_signs() {
    let expired = |change: fn(&mut Memory)| {
        let mut memory = Memory::changed(|memory| memory.now = END + 1);
        memory.stands(ReadyReason::Expired);
        change(&mut memory);
        memory.next_reconcile()
    };
    assert_eq!(expired(|_| {}), NEW);
    assert_eq!(expired(|m| m.entry.is_paused = true), Requeue::OnChange);
    assert_eq!(expired(|m| m.authority = None), Requeue::OnChange);
    assert_eq!(expired(|m| m.authority.as_mut().unwrap().signer = None), Requeue::OnChange);
    assert_eq!(expired(|m| m.now = END - 1), NEW, "the clock went back: the status is wrong now");
}

#[test]
fn a_renewal_request_that_was_answered_or_that_is_paused_asks_for_nothing() {
    let mut memory = Memory::changed(|memory| memory.entry.renew_request = Some(digest("now")));
    memory.entry.is_paused = true;
    assert_eq!(memory.next_reconcile(), Requeue::At(END + 1));
    memory.entry.is_paused = false;
    memory.entry.recorded.renew_request = Some(digest("now"));
    assert_eq!(memory.next_reconcile(), Requeue::At(RENEWAL));
}

#[test]
fn whoever_waits_for_an_authority_is_called_when_it_signs() {
    let mut memory = Memory::changed(|memory| memory.secret = None);
    memory.stands(ReadyReason::AuthorityNotReady);
    assert_eq!(memory.next_reconcile(), NEW);
    memory.authority.as_mut().unwrap().signer = None;
    assert_eq!(memory.next_reconcile(), LATER, "status still names a Secret that is gone");
    memory.entry.recorded.secret_version = None;
    assert_eq!(memory.next_reconcile(), Requeue::OnChange);
    memory.authority = None;
    assert_eq!(memory.next_reconcile(), Requeue::OnChange);
}

#[test]
fn whoever_is_refused_is_called_when_the_verdict_changes() {
    for reason in [ReadyReason::NotPermitted, ReadyReason::Invalid] {
        let mut memory = Memory::settled();
        memory.stands(reason);
        assert_eq!(memory.next_reconcile(), LATER, "it is permitted now");
        memory.permission = Some(Permission::Refused);
        memory.stalls_at = memory.now + 1;
        assert_eq!(memory.next_reconcile(), Requeue::At(memory.stalls_at), "a person is told a minute later");
        memory.stalls_at = memory.now;
        assert_eq!(memory.next_reconcile(), LATER);
        memory.entry.recorded.is_stalled = true;
        assert_eq!(memory.next_reconcile(), Requeue::OnChange);
        memory.secret().trust = Some(digest("t0"));
        assert_eq!(memory.next_reconcile(), LATER, "trust reaches the refused too");
        memory.secret().identity_uid = Some(digest("other"));
        assert_eq!(memory.next_reconcile(), Requeue::OnChange, "what is another's is not looked after");
        memory.secret = None;
        assert_eq!(
            memory.next_reconcile(),
            LATER,
            "status still names a Secret, and rotations wait for that"
        );
        memory.entry.recorded.secret_version = None;
        assert_eq!(memory.next_reconcile(), Requeue::OnChange);
    }
}

#[test]
fn a_paused_identity_without_its_secret_is_looked_at_until_status_says_so() {
    let mut memory = Memory::changed(|memory| (memory.secret, memory.entry.is_paused) = (None, true));
    memory.entry.recorded.reason = Some(ReadyReason::Paused);
    assert_eq!(memory.next_reconcile(), LATER);
    memory.entry.recorded.is_ready = false;
    assert_eq!(memory.next_reconcile(), LATER, "status still names a Secret, and rotations wait for that");
    memory.entry.recorded.secret_version = None;
    assert_eq!(memory.next_reconcile(), Requeue::OnChange);
}

#[test]
fn a_secret_is_remembered_by_its_annotations_and_nothing_else() {
    let meta = serde_json::json!({"metadata": {
        "name": "web-mtls", "namespace": "orders", "uid": "secret-uid", "resourceVersion": "7",
        "labels": {"mtls-operator.dev/identity": "web", "mtls-operator.dev/authority": "mesh"},
        "annotations": {
            annotation::IDENTITY_UID: "uid-web", annotation::TRUST: "t1", annotation::ISSUED_AT: NOW.to_string(),
            annotation::AUTHORITY_KEY_ID: "a1", annotation::NOT_AFTER: (NOW + DAY).to_string(),
            annotation::PROFILE: secret("web").profile.unwrap().to_string(),
        },
    }});
    let seen = SecretEntry::of(&serde_json::from_value(meta["metadata"].clone()).unwrap(), "orders".into());
    assert_eq!(format!("{seen:?}"), format!("{:?}", secret("web")));
}
