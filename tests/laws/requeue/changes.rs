//! One change of what the index holds at a time: each has its own time of the next reconcile.

use jiff::Timestamp;
use mtls_operator::api::names::annotation;
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::index::recorded_status::RecordedStatus;
use mtls_operator::operator::scheduler::requeue::Requeue;
use mtls_operator::plan::identity::policy::Permission;
use mtls_operator::plan::identity::profile::IdentitySpecHash;
use mtls_operator::plan::identity::ready::ReadyReason;

use super::{END, Indexed, LATER, NEW, RENEWAL, secret};
use crate::fixture::{DAY, NOW, asked};

#[test]
fn a_settled_identity_is_not_reconciled_before_its_renewal() {
    assert_eq!(Indexed::settled().next_reconcile(), Requeue::At(RENEWAL));
}

#[test]
fn each_change_of_a_settled_index_has_its_own_requeue() {
    type Row = (&'static str, fn(&mut Indexed), Requeue);
    let other = |indexed: &mut Indexed| indexed.entry.spec = Some(IdentitySpecHash::of(&asked("other")));
    let rows: [Row; 22] = [
        ("new spec", |m| m.entry.is_current = false, NEW),
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
        ("judged again", |m| m.permission = None, LATER),
        ("no more allowed", |m| m.permission = Some(Permission::Refused), LATER),
        ("authority gone", |m| m.authority = None, Requeue::At(RENEWAL)),
        ("no signer", |m| m.authority.as_mut().unwrap().signer = None, Requeue::At(RENEWAL)),
        ("other signer", |m| m.signer().key_id = digest("a2"), Requeue::At(RENEWAL)),
        (
            "ends with signer",
            |m| m.signer().window.not_after = Timestamp::from_second(END).unwrap(),
            Requeue::At(END + 1),
        ),
        ("paused", |m| m.entry.is_paused = true, Requeue::At(END + 1)),
        ("conflict", |m| m.stands(ReadyReason::SecretConflict), LATER),
        ("no leaf yet", |m| m.stands(ReadyReason::Issuing), NEW),
        ("no leaf yet, judged again", |m| (m.stands(ReadyReason::Issuing), m.permission = None).1, NEW),
    ];
    for (name, change, expected) in rows {
        assert_eq!(Indexed::changed(change).next_reconcile(), expected, "{name}");
    }
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
