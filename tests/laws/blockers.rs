//! Laws of what a rotation waits for: Secrets that lack the next root, and leaves of a root that is retiring.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::authority::rotation::blockers::{BlockerQuery, Blockers, SecretSighting};
use mtls_operator::operator::authority::rotation::exclusions::Exclusions;
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::issuer::{IssuerEntry, RetiringEntry, lags};
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::index::time::Second;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::plan::spread::{RolloutWindow, slot};

use super::fixture::{HOUR, NOW};
use super::requeue::{announced, issued, issuer_entry, secret};

/// The end of the last leaf that a retiring signer can have made.
const UNTIL: i64 = 1_780_600_000;

fn retiring() -> RetiringEntry {
    RetiringEntry { key_id: digest("a0"), until: Timestamp::from_second(UNTIL).unwrap() }
}

fn draining() -> IssuerEntry {
    let mut entry = issuer_entry();
    entry.rotation.retiring = vec![retiring()];
    entry
}

#[test]
fn a_secret_without_the_next_root_blocks_its_switch_and_nothing_after_it() {
    let lacking = |is_announced, trust: Option<&str>| {
        let secret = SecretEntry { trust: trust.map(digest), ..secret("web") };
        let mut signer = draining();
        signer.rotation.is_announced = is_announced;
        lags(&secret, &signer, NOW.as_second())
    };
    assert!(lacking(true, Some("t0")) && lacking(true, None) && !lacking(true, Some("t1")));
    assert!(!lacking(false, Some("t0")) && !lacking(false, None) && !lacking(false, Some("t1")));
}

#[test]
fn a_valid_leaf_of_a_retiring_root_blocks_its_removal() {
    let now = NOW.as_second();
    let retiring = draining();
    let held = |change: fn(&mut SecretEntry)| {
        let mut secret = secret("web");
        change(&mut secret);
        lags(&secret, &retiring, now)
    };
    assert!(!held(|_| ()));
    assert!(held(|secret| secret.key_id = Some(digest("a0"))));
    let held_until = |end| {
        let secret = SecretEntry { key_id: Some(digest("a0")), not_after: Second::new(end), ..secret("web") };
        lags(&secret, &retiring, now)
    };
    assert!(held_until(now) && !held_until(now - 1));
}

#[test]
fn a_leaf_blocks_no_longer_than_its_signer_can_have_made_it_whatever_its_secret_says() {
    for not_after in [None, Second::new(i64::MAX)] {
        let secret = SecretEntry { key_id: Some(digest("a0")), not_after, ..secret("web") };
        let at = |now| lags(&secret, &draining(), now);
        assert_eq!((at(UNTIL), at(UNTIL + 1)), (true, false), "{not_after:?}");
    }
}

/// The identities that are waited for where no Secret can be seen, and those that are excluded.
fn waited_for(
    identity: &MtlsIdentity,
    signer: &IssuerEntry,
    excluded: &[&str],
) -> (Vec<String>, Vec<String>) {
    let mut scheduler = Scheduler::default();
    scheduler.apply_identity(identity, true, NOW.as_millisecond());
    let found = found(&scheduler, signer, excluded);
    assert_eq!(found.behind, found.names.len());
    (found.names, found.excluded)
}

/// What is found where no Secret can be seen.
fn found(scheduler: &Scheduler, signer: &IssuerEntry, excluded: &[&str]) -> Blockers {
    let exclusions: Exclusions = excluded.iter().copied().collect();
    BlockerQuery::new("mesh", signer, &exclusions, NOW.as_second())
        .find(scheduler, |_, _| SecretSighting::Unseen)
}

#[test]
fn a_secret_that_is_gone_lacks_the_next_root_and_holds_what_status_says() {
    let announced = announced();
    let signed_by = |key_id: &str, end: Timestamp| {
        let mut identity = issued("web");
        let status = identity.status.as_mut().unwrap();
        (status.authority_key_id, status.not_after) = (Some(key_id.to_owned()), Some(Time(end)));
        identity
    };
    let behind =
        |identity: MtlsIdentity, signer: &IssuerEntry| !waited_for(&identity, signer, &[]).0.is_empty();
    assert!(behind(issued("web"), &announced));
    assert!(!behind(issued("web"), &draining()), "its leaf was of the next root");
    assert!(behind(signed_by("a0", NOW), &draining()));
    assert!(!behind(signed_by("a0", NOW - HOUR), &draining()), "its leaf has expired");
    let mut forgotten = signed_by("a0", NOW);
    forgotten.status.as_mut().unwrap().secret = None;
    assert!(!behind(forgotten.clone(), &announced) && !behind(forgotten, &draining()), "it had none");
    let mut going = signed_by("a0", NOW);
    going.metadata.deletion_timestamp = Some(Time(NOW));
    assert!(!behind(going.clone(), &announced) && !behind(going, &draining()), "nothing is done for it");
}

#[test]
fn an_excluded_identity_is_named_and_not_counted() {
    let announced = announced();
    let (web, none) = (|| vec!["orders/web".to_owned()], Vec::<String>::new);
    assert_eq!(waited_for(&issued("web"), &announced, &[]), (web(), none()));
    assert_eq!(waited_for(&issued("web"), &announced, &["orders/web"]), (none(), web()));
}

#[test]
fn of_more_than_ten_all_are_counted_and_the_first_ten_are_named() {
    let announced = announced();
    let mut scheduler = Scheduler::default();
    // As the index visits them: not in the order of their names.
    for number in (0..11).map(|number| number * 7 % 11) {
        scheduler.apply_identity(&issued(&format!("web-{number:02}")), true, NOW.as_millisecond());
    }
    let all = found(&scheduler, &announced, &[]);
    let first: Vec<String> = (0..10).map(|number| format!("orders/web-{number:02}")).collect();
    assert_eq!((all.behind, all.count(), &all.names), (11, Some(11), &first));
    let told = all.waiting_for().remove(0);
    assert_eq!((told.kind.as_str(), told.count, told.first), ("Identity", 11, first));
    let excluded: Vec<String> = (0..11).map(|number| format!("orders/web-{number:02}")).collect();
    let names: Vec<&str> = excluded.iter().map(String::as_str).collect();
    let left = found(&scheduler, &announced, &names);
    assert_eq!(
        (left.behind, left.names.len(), left.excluded),
        (0, 0, excluded),
        "identities that are left out are named"
    );
}

#[test]
fn a_secret_that_can_never_come_back_is_not_waited_for() {
    let announced = announced();
    let mut scheduler = Scheduler::default();
    scheduler.apply_identity(&issued("web"), true, NOW.as_millisecond());
    let behind = |scheduler: &Scheduler| found(scheduler, &announced, &[]).behind;
    assert_eq!(behind(&scheduler), 1);
    let ending = NamespaceEntry { is_terminating: true, ..NamespaceEntry::default() };
    scheduler.apply_namespace("orders", ending, NOW.as_millisecond());
    assert_eq!(behind(&scheduler), 0, "its namespace is being deleted");
}

#[test]
fn each_secret_follows_with_its_renewal_or_in_its_own_slot() {
    let (began, ends) = (NOW, NOW + HOUR);
    let window = RolloutWindow { began, ends };
    let (start, end) = (began.as_second(), ends.as_second());
    assert_eq!(window.due_at(65_535, Some(end)), end, "a renewal inside the window carries it");
    assert_eq!(window.due_at(0, Some(end + 1)), start);
    assert_eq!(window.due_at(32_768, None), start + 1800);
    assert!((0..=u16::MAX).step_by(997).all(|slot| (start..end).contains(&window.due_at(slot, None))));
    let slots: Vec<u16> = (0..1000).map(|number| slot(&format!("uid-{number}"))).collect();
    let early = slots.iter().filter(|slot| **slot < 32_768).count();
    assert!((400..600).contains(&early), "{early} of 1000 in the first half");
}
