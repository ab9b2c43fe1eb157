//! Laws of the board: it forgets what is gone, believes the newest, backs off and wakes.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::PartialObjectMeta;
use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::namespaced_name::NamespacedName;
use mtls_operator::operator::authority::rotation::fresh_list::{FreshList, OwnershipClaim};
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::issuer::IssuerEntry;
use mtls_operator::operator::index::metadata::LeafMetadata;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::pacing::Pacing;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::operator::scheduler::{ReconcileRequest, Scheduler};
use mtls_operator::plan::identity::world::OwnedSecret;
use mtls_operator::plan::selector::Selection;
use serde_json::json;

use super::fixture::{HOUR, NOW, held, identity, pairs, terms};
use super::requeue::{issued, issuer_entry, secret as seen};

pub fn at(minutes: i64) -> Millis {
    (NOW + HOUR / 60 * i32::try_from(minutes).unwrap()).as_millisecond()
}

/// A board that knows namespace and authority, and no identity yet.
pub fn ready() -> Scheduler {
    let mut board = Scheduler::default();
    for namespace in ["orders", "bank"] {
        board.apply_namespace(namespace, NamespaceEntry::default(), at(0));
    }
    board.apply_authority(&Arc::new(terms()), at(0));
    board.apply_issuer("mesh", Some(issuer_entry()), at(0));
    board
}

pub fn secret(name: &str, version: &str) -> PartialObjectMeta<Secret> {
    let profile = seen(name).profile.unwrap().to_string();
    serde_json::from_value(json!({"metadata": {
        "name": format!("{name}-mtls"), "namespace": "orders", "uid": "secret-uid", "resourceVersion": version,
        "labels": {"mtls-operator.dev/identity": name},
        "annotations": {
            "mtls-operator.dev/identity-uid": format!("uid-{name}"), "mtls-operator.dev/trust": "t1",
            "mtls-operator.dev/profile": profile, "mtls-operator.dev/issued-at": NOW.to_string(),
        },
    }}))
    .unwrap()
}

/// A board on which `web` is settled.
pub fn settled() -> Scheduler {
    let mut board = ready();
    board.apply_secret(&secret("web", "7"), true, at(0));
    board.apply_identity(&issued("web"), true, at(0));
    board
}

fn within(namespace: &str, mut identity: MtlsIdentity) -> MtlsIdentity {
    identity.metadata.namespace = Some(namespace.into());
    identity
}

pub fn version(mut identity: MtlsIdentity, version: &str) -> MtlsIdentity {
    identity.metadata.resource_version = Some(version.into());
    identity
}

/// The names of those whose turn it is.
pub fn turns(board: &mut Scheduler, now: Millis) -> Vec<String> {
    board.sweep(now);
    std::iter::from_fn(|| board.next(now)).map(|job| job.name).collect()
}

fn take(board: &mut Scheduler, now: Millis) -> ReconcileRequest {
    board.sweep(now);
    board.next(now).unwrap()
}

pub fn has(board: &Scheduler, namespace: &str, name: &str) -> bool {
    board.index().find(namespace, name).is_some()
}

/// `web`, told that its Secret is another's.
fn in_conflict() -> MtlsIdentity {
    let mut identity = issued("web");
    let status = identity.status.as_mut().unwrap();
    status.conditions[0].reason = "SecretConflict".into();
    status.conditions[0].status = "False".into();
    status.secret = None;
    identity
}

#[test]
fn a_settled_identity_has_no_turn_however_often_it_is_seen() {
    let mut board = settled();
    for _ in 0..3 {
        board.apply_identity(&issued("web"), false, at(1));
        board.apply_secret(&secret("web", "7"), false, at(1));
        board.apply_namespace("orders", NamespaceEntry::default(), at(1));
        board.apply_authority(&Arc::new(terms()), at(1));
        board.apply_issuer("mesh", Some(issuer_entry()), at(1));
    }
    assert_eq!(turns(&mut board, at(2)), [""; 0]);
    assert_eq!(board.earliest(at(2)), Some(1_780_050_000_000), "its renewal");
}

#[test]
fn the_announced_renewal_comes_by_time_alone() {
    let mut board = settled();
    assert_eq!(turns(&mut board, 1_780_049_999_999), [""; 0]);
    assert_eq!(turns(&mut board, 1_780_050_000_000), ["web"]);
}

#[test]
fn a_list_makes_the_board_forget_what_it_does_not_name() {
    let mut board = ready();
    for name in ["web", "gone"] {
        board.apply_identity(&identity(name), false, at(0));
    }
    let list = board.start_list();
    board.apply_identity(&identity("web"), true, at(1));
    board.apply_identity(&identity("born"), false, at(1));
    board.finish_identity_list(None, list, at(1));
    assert_eq!(["web", "gone", "born"].map(|name| has(&board, "orders", name)), [true, false, true]);
    assert_eq!(turns(&mut board, at(1)).len(), 2);
}

#[test]
fn lists_of_two_scopes_that_overlap_forget_only_what_each_has_missed() {
    let mut board = ready();
    for namespace in ["orders", "bank"] {
        for name in ["stays", "gone"] {
            board.apply_identity(&within(namespace, identity(name)), false, at(0));
        }
    }
    let orders = board.start_list();
    board.apply_identity(&within("orders", identity("stays")), true, at(1));
    let bank = board.start_list();
    board.apply_identity(&within("bank", identity("stays")), true, at(1));
    board.finish_identity_list(Some("orders"), orders, at(1));
    let known = |board: &Scheduler| {
        [("orders", "stays"), ("orders", "gone"), ("bank", "stays"), ("bank", "gone")]
            .map(|(ns, n)| has(board, ns, n))
    };
    assert_eq!(known(&board), [true, false, true, true]);
    board.finish_identity_list(Some("bank"), bank, at(1));
    assert_eq!(known(&board), [true, false, true, false]);
}

#[test]
fn a_secret_that_a_list_does_not_name_is_missed_by_whoever_wants_it() {
    let mut board = settled();
    let list = board.start_list();
    board.finish_secret_list(Some("bank"), list, at(1));
    assert_eq!(turns(&mut board, at(1)), [""; 0], "it is another scope's");
    board.finish_secret_list(Some("orders"), list, at(1));
    assert_eq!(turns(&mut board, at(1)), ["web"]);
}

#[test]
fn late_news_of_an_older_version_is_no_news() {
    let mut board = settled();
    board.apply_identity(&version(issued("web"), "9"), false, at(1));
    let mut old = version(issued("web"), "8");
    old.metadata.generation = Some(2);
    board.apply_identity(&old, false, at(1));
    board.apply_secret(&secret("web", "6"), false, at(1));
    assert_eq!(turns(&mut board, at(1)), [""; 0]);
    board.apply_secret(&secret("web", "8"), false, at(1));
    assert_eq!(turns(&mut board, at(1)), ["web"]);
}

#[test]
fn a_list_with_another_version_hides_what_was_in_between() {
    let mut board = settled();
    board.take_lagging("mesh", &[]);
    board.apply_secret(&secret("web", "7"), true, at(1));
    board.apply_secret(&secret("web", "8"), false, at(1));
    assert!(!board.take_lagging("mesh", &[]));
    board.apply_secret(&secret("web", "9"), true, at(1));
    assert!(board.take_lagging("mesh", &[]), "it may have been behind since");
    assert!(!board.take_lagging("mesh", &[]), "said once");
}

#[test]
fn a_list_that_shows_nothing_newer_than_the_index_hides_nothing() {
    let mut board = settled();
    board.apply_secret_answer(&secret("web", "9"), at(1));
    board.take_lagging("mesh", &[]);
    board.apply_secret(&secret("web", "8"), true, at(1));
    assert!(!board.take_lagging("mesh", &[]), "our own write came while the pages did");
    board.apply_secret(&secret("web", "9"), false, at(2));
    board.apply_secret(&secret("web", "9"), true, at(3));
    assert!(!board.take_lagging("mesh", &[]));
}

/// A board whose authority announces a root that the Secret of `web` has.
fn announced() -> Scheduler {
    let mut board = settled();
    board.apply_issuer("mesh", Some(super::requeue::announced()), at(0));
    board.take_lagging("mesh", &[]);
    board
}

/// The Secret of `web` without the announced root.
fn lacking(version: &str) -> PartialObjectMeta<Secret> {
    let mut secret = secret("web", version);
    secret.metadata.annotations.as_mut().unwrap().insert("mtls-operator.dev/trust".into(), "t0".into());
    secret
}

#[test]
fn a_secret_that_was_behind_is_known_also_if_it_is_told_after_what_undid_it() {
    let mut board = announced();
    board.apply_secret_answer(&secret("web", "9"), at(1));
    assert!(!board.take_lagging("mesh", &[]));
    board.apply_secret(&lacking("8"), false, at(1));
    assert!(board.take_lagging("mesh", &[]));
    board.delete_secret(&lacking("10"), at(1));
    assert!(board.take_lagging("mesh", &[]), "it was so when it was deleted");
}

#[test]
fn a_secret_that_was_read_behind_is_known_whatever_it_says_of_itself() {
    let mut board = announced();
    let profile = seen("web").profile.unwrap();
    board.note_read_secret(&secret("web", "8"), &held(profile), at(1));
    assert!(!board.take_lagging("mesh", &[]));
    board.note_read_secret(&secret("web", "8"), &OwnedSecret { trust: None, ..held(profile) }, at(1));
    assert!(board.take_lagging("mesh", &[]));
}

/// How many Secrets of a fresh list with this one are newer than the index, and the claims of those that are behind.
fn listed(board: &Scheduler, secret: &PartialObjectMeta<Secret>) -> (usize, Vec<OwnershipClaim>) {
    let announced = IssuerEntry { trust: digest("t2"), ..super::requeue::announced() };
    let mut list = FreshList::new(&announced, NOW.as_second());
    let claims = list.fold(board, [LeafMetadata::from(secret)]);
    (list.newer_than_index(board), claims)
}

#[test]
fn a_list_is_ahead_of_the_index_by_what_the_index_was_not_told() {
    let board = settled();
    let newer = |name, version| listed(&board, &secret(name, version)).0;
    assert_eq!([newer("web", "6"), newer("web", "7")], [0, 0]);
    assert_eq!([newer("web", "8"), newer("other", "1")], [1, 1]);
}

#[test]
fn of_a_secret_that_was_deleted_while_the_list_was_made_all_was_told() {
    let mut board = settled();
    board.delete_secret(&secret("web", "9"), at(1));
    let newer = |version| listed(&board, &secret("web", version)).0;
    assert_eq!([newer("7"), newer("8"), newer("10")], [0, 0, 1], "the last one was made anew");
}

#[test]
fn a_secret_that_is_behind_is_asked_about_where_its_identity_is_not_known() {
    let claims = |board: &Scheduler, secret: PartialObjectMeta<Secret>| {
        let claims = listed(board, &secret).1;
        claims.into_iter().map(|claim| (claim.identity.to_string(), claim.secret)).collect::<Vec<_>>()
    };
    assert_eq!(claims(&settled(), secret("web", "7")), [], "the survey counts it");
    let mut copy = secret("web", "7");
    copy.metadata.name = Some("web-mtls-backup".into());
    assert_eq!(claims(&settled(), copy.clone()), [], "web has another Secret");
    assert_eq!(claims(&ready(), copy), [("orders/web".to_owned(), "web-mtls-backup".to_owned())]);
    let mut nobodys = secret("web", "7");
    nobodys.metadata.labels = None;
    assert_eq!(claims(&ready(), nobodys), []);
}

#[test]
fn a_claim_holds_for_the_secret_that_the_identity_wants_and_for_no_copy_of_it() {
    let claim = |secret: &str, uid: &str| OwnershipClaim {
        secret: secret.into(),
        identity: NamespacedName::new("orders", "web"),
        uid: uid.into(),
    };
    let web = identity("web");
    assert!(claim("web-mtls", "uid-web").is_true(&web));
    assert!(!claim("web-mtls-backup", "uid-web").is_true(&web));
    assert!(!claim("web-mtls", "uid-former").is_true(&web));
    let mut going = web;
    going.metadata.deletion_timestamp = Some(Time(NOW));
    assert!(!claim("web-mtls", "uid-web").is_true(&going));
}

#[test]
fn a_list_and_another_uid_are_believed_whatever_their_version() {
    let mut board = settled();
    board.apply_identity(&version(issued("web"), "9"), false, at(1));
    let mut restored = version(issued("web"), "3");
    restored.metadata.generation = Some(2);
    board.apply_identity(&restored, true, at(1));
    assert_eq!(
        turns(&mut board, at(1)),
        ["web"],
        "a restored backup counts its versions from an earlier one"
    );
    let mut board = settled();
    let mut recreated = version(identity("web"), "0");
    recreated.metadata.uid = Some("another".into());
    board.apply_identity(&recreated, false, at(1));
    assert_eq!(turns(&mut board, at(1)), ["web"]);
}

#[test]
fn a_conflict_backs_off_and_wakes_when_the_secret_goes() {
    let mut board = ready();
    board.apply_secret(&secret("other", "7"), true, at(0));
    let mut rival = in_conflict();
    rival.spec.secret.name = Some("other-mtls".into());
    board.apply_identity(&rival, false, at(0));
    let mut looks = 0;
    for second in 0..3600 {
        let now = at(0) + second * 1000;
        board.sweep(now);
        while let Some(job) = board.next(now) {
            looks += 1;
            board.done(job.id, false, now);
        }
    }
    assert!((15..=30).contains(&looks), "{looks} looks in an hour");
    let now = at(60);
    assert_eq!(turns(&mut board, now), [""; 0]);
    board.remove_secret("orders", "other-mtls", now);
    assert_eq!(turns(&mut board, now), ["web"]);
}

#[test]
fn a_conflict_wakes_when_the_owner_of_the_secret_goes() {
    let mut board = ready();
    board.apply_secret(&secret("owner", "7"), true, at(0));
    board.apply_identity(&issued("owner"), true, at(0));
    let mut rival = in_conflict();
    rival.spec.secret.name = Some("owner-mtls".into());
    board.apply_identity(&rival, false, at(0));
    let job = take(&mut board, at(0));
    board.done(job.id, false, at(0));
    assert_eq!(turns(&mut board, at(0)), [""; 0]);
    board.remove_identity("orders", "owner", at(0));
    assert_eq!(turns(&mut board, at(0)), ["web"]);
}

#[test]
fn what_fails_comes_again_later_and_a_new_spec_comes_at_once() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.done(job.id, true, at(0));
    assert_eq!(turns(&mut board, at(0)), [""; 0]);
    assert_eq!(board.backoff().len(), 1);
    let job = take(&mut board, at(0) + 500);
    board.done(job.id, true, at(0) + 500);
    let mut edited = version(identity("web"), "2");
    edited.metadata.generation = Some(2);
    board.apply_identity(&edited, false, at(0) + 500);
    assert_eq!(turns(&mut board, at(0) + 500), ["web"]);
}

#[test]
fn a_clock_that_is_set_back_holds_nobody_back() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(480));
    let job = take(&mut board, at(480));
    board.done(job.id, true, at(480));
    assert_eq!(turns(&mut board, at(480)), [""; 0]);
    assert_eq!(turns(&mut board, at(0)), ["web"]);
}

#[test]
fn a_clock_that_is_set_back_shows_whose_leaf_is_not_valid_yet() {
    let mut board = settled();
    assert_eq!(turns(&mut board, at(0)), [""; 0]);
    assert_eq!(turns(&mut board, at(-4)), [""; 0], "less than it is dated back");
    assert_eq!(turns(&mut board, at(-6)), ["web"]);
}

#[test]
fn what_settles_forgets_its_failures() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.done(job.id, true, at(0));
    let job = take(&mut board, at(1));
    board.apply_secret(&secret("web", "7"), false, at(1));
    board.apply_identity(&version(issued("web"), "2"), false, at(1));
    board.done(job.id, false, at(1));
    assert_eq!((board.backoff().len(), turns(&mut board, at(2))), (0, Vec::new()));
}

#[test]
fn nobody_is_looked_at_twice_at_once() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.apply_identity(&version(identity("web"), "2"), false, at(0));
    assert_eq!(turns(&mut board, at(0)), [""; 0]);
    board.done(job.id, false, at(0));
    assert_eq!(turns(&mut board, at(0)), ["web"], "it changed during the look");
}

#[test]
fn whoever_waits_for_a_key_has_no_turn_until_it_is_there() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.suspend(job.id);
    board.done(job.id, false, at(0));
    assert_eq!(turns(&mut board, at(60)), [""; 0]);
    assert!(board.resume(job.id, at(60)));
    assert_eq!(turns(&mut board, at(60)), ["web"]);
    assert!(!board.resume(job.id, at(60)), "called twice");
}

#[test]
fn a_key_that_comes_during_the_look_that_ordered_it_is_not_missed() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.suspend(job.id);
    assert!(board.resume(job.id, at(0)));
    board.done(job.id, false, at(0));
    assert_eq!(turns(&mut board, at(0)), ["web"]);
}

#[test]
fn nobody_waits_for_the_key_of_an_identity_that_is_gone() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.suspend(job.id);
    board.remove_identity("orders", "web", at(0));
    board.done(job.id, false, at(0));
    assert!(!board.resume(job.id, at(0)));
}

#[test]
fn an_identity_waits_until_its_namespace_is_known() {
    let mut board = Scheduler::default();
    board.apply_authority(&Arc::new(terms()), at(0));
    board.apply_identity(&identity("web"), false, at(0));
    assert_eq!(turns(&mut board, at(0)), [""; 0]);
    board.apply_namespace("orders", NamespaceEntry::default(), at(0));
    assert_eq!(turns(&mut board, at(0)), ["web"]);
}

#[test]
fn nothing_is_made_in_a_namespace_that_is_going_away() {
    let mut board = ready();
    board.apply_namespace(
        "orders",
        NamespaceEntry { is_terminating: true, ..NamespaceEntry::default() },
        at(0),
    );
    board.apply_identity(&identity("web"), false, at(0));
    assert_eq!(turns(&mut board, at(0)), [""; 0]);
    board.apply_namespace("orders", NamespaceEntry::default(), at(0));
    assert_eq!(turns(&mut board, at(0)), ["web"], "deleted and made anew under the same name");
}

#[test]
fn labels_of_a_namespace_that_change_a_verdict_wake_those_who_live_there() {
    let mut serving = terms();
    let selector = serde_json::from_value(json!({"matchLabels": {"team": "red"}})).unwrap();
    serving.namespaces = Selection::parse(&selector, "spec.namespaces", &mut serving.unread);
    let mut board = settled();
    board.apply_authority(&Arc::new(serving), at(1));
    assert_eq!(turns(&mut board, at(1)), ["web"], "it is not permitted any more");
    let mut board = settled();
    board.apply_namespace("orders", NamespaceEntry::new(pairs(&[("team", "red")])), at(1));
    assert_eq!(turns(&mut board, at(1)), [""; 0], "nothing that concerns it has changed");
}

#[test]
fn what_another_operator_serves_is_left_alone() {
    let mut board = settled();
    board.yield_authority("mesh", at(1));
    board.remove_secret("orders", "web-mtls", at(1));
    assert_eq!(turns(&mut board, at(1000)), [""; 0]);
    board.apply_authority(&Arc::new(terms()), at(1001));
    assert_eq!(turns(&mut board, at(1001)), ["web"]);
}

#[test]
fn a_signer_that_comes_back_ends_every_backoff() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    for second in [0, 1, 3, 6, 12, 25] {
        let now = at(0) + second * 1000;
        let job = take(&mut board, now);
        board.done(job.id, true, now);
    }
    let now = at(0) + 26_000;
    board.apply_issuer("mesh", Some(issuer_entry()), now);
    assert_eq!(turns(&mut board, now), [""; 0], "it never was away");
    board.apply_issuer("mesh", None, now);
    board.apply_issuer("mesh", Some(issuer_entry()), now);
    assert_eq!(turns(&mut board, now), ["web"]);
}

#[test]
fn what_was_tried_in_vain_before_other_terms_are_in_force_is_tried_again() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    for second in [0, 1, 3, 6] {
        let now = at(0) + second * 1000;
        let job = take(&mut board, now);
        board.done(job.id, true, now);
    }
    assert_eq!(turns(&mut board, at(0) + 7000), [""; 0]);
    board.retry_authority("mesh", at(0) + 7000);
    assert_eq!(turns(&mut board, at(0) + 7000), ["web"]);
}

#[test]
fn new_identities_come_before_due_ones_and_those_before_the_rest() {
    let mut board = settled();
    board.apply_secret(&secret("late", "7"), true, at(0));
    let mut late = issued("late");
    late.status.as_mut().unwrap().conditions[0].reason = "SecretConflict".into();
    let now = 1_780_050_000_000;
    board.apply_identity(&late, false, now);
    board.apply_identity(&identity("new"), false, now);
    assert_eq!(turns(&mut board, now), ["new", "web", "late"]);
}

#[test]
fn a_mass_that_can_wait_takes_half_of_the_time_and_wakes_the_workers_itself() {
    let mut board = ready();
    board.set_pacing(Pacing::of(4));
    let mass: Vec<String> = (0..100).map(|n| format!("late-{n}")).collect();
    for name in &mass {
        let mut late = issued(name);
        late.status.as_mut().unwrap().conditions[0].reason = "SecretConflict".into();
        board.apply_identity(&late, false, at(0));
    }
    let (mut now, mut busy) = (at(0), 0);
    for _ in &mass {
        let job = take(&mut board, now);
        assert_eq!(turns(&mut board, now + 3), [""; 0], "one at a time");
        board.apply_identity(&identity(&format!("new-{busy}")), false, now + 4);
        let newcomer = take(&mut board, now + 4);
        assert_eq!(newcomer.priority, Priority::New);
        board.remove_identity("orders", &newcomer.name, now + 5);
        board.done(newcomer.id, false, now + 5);
        board.done(job.id, false, now + 10);
        busy += 10;
        assert_eq!(turns(&mut board, now + 19), [""; 0], "it rests");
        now = board.earliest(now + 10).unwrap();
    }
    assert_eq!(now - at(0), 2 * busy);
}

#[test]
fn renewals_are_few_at_once_and_what_hangs_holds_no_other_up() {
    let mut board = ready();
    board.set_pacing(Pacing::of(4));
    for n in 0..10 {
        let name = format!("due-{n}");
        board.apply_secret(&secret(&name, "7"), true, at(0));
        board.apply_identity(&issued(&name), true, at(0));
    }
    let due = 1_780_050_000_000;
    let hanging = turns(&mut board, due).len();
    assert_eq!((hanging, board.earliest(due + 1)), (4, Some(due + 1000)));
    assert_eq!(turns(&mut board, due + 999).len(), 0);
    assert_eq!(turns(&mut board, due + 1000).len(), 4);
}

#[test]
fn a_forgotten_place_that_is_used_again_owes_nothing_to_its_former_tenant() {
    let mut board = ready();
    board.apply_identity(&identity("old"), false, at(0));
    let job = take(&mut board, at(0));
    board.remove_identity("orders", "old", at(0));
    board.apply_identity(&identity("new"), false, at(0));
    board.done(job.id, true, at(0));
    assert_eq!(turns(&mut board, at(1)), ["new"]);
}
