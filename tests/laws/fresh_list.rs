//! Laws of a fresh list that is taken page by page: it says the same as if all of it were held, and keeps only what is behind or
//! newer than the index.

use mtls_operator::operator::authority::rotation::blockers::BlockerQuery;
use mtls_operator::operator::authority::rotation::exclusions::Exclusions;
use mtls_operator::operator::authority::rotation::fresh_list::FreshList;
use mtls_operator::operator::index::metadata::LeafMetadata;
use mtls_operator::operator::scheduler::Scheduler;

use super::fixture::NOW;
use super::requeue::{announced, issued};
use super::scheduler::{at, secret, settled, version};

/// The Secret of an identity, which has the announced root.
fn current(name: &str, version: &str) -> LeafMetadata {
    LeafMetadata::from(&secret(name, version))
}

/// The same without that root.
fn lacking(name: &str, version: &str) -> LeafMetadata {
    let mut secret = current(name, version);
    secret.annotations.trust = Some("t0".into());
    secret
}

/// Who is behind by a list of these Secrets, which is of these versions in these scopes; `change` happens after it was made.
fn behind(
    board: &mut Scheduler,
    list: &[LeafMetadata],
    versions: &[(Option<&str>, Option<&str>)],
    change: impl FnOnce(&mut Scheduler),
) -> Vec<String> {
    let (issuer, exclusions) = (announced(), Exclusions::default());
    let mut fresh = FreshList::new(&issuer, NOW.as_second());
    for (scope, version) in versions {
        fresh.is_of(scope.map(str::to_owned), *version);
    }
    for page in list.chunks(2) {
        assert_eq!(fresh.fold(board, page.to_vec()), []);
    }
    change(board);
    let query = BlockerQuery::new("mesh", &issuer, &exclusions, NOW.as_second());
    query.find(board, |id, entry| fresh.sighting(board.index(), id, entry)).names
}

const NONE: [&str; 0] = [];

#[test]
fn what_the_list_shows_counts_and_not_what_the_index_remembers() {
    let list = [current("web", "7")];
    assert_eq!(behind(&mut settled(), &list, &[(None, Some("9"))], |_| {}), NONE);
    let list = [lacking("web", "7")];
    assert_eq!(behind(&mut settled(), &list, &[(None, Some("9"))], |_| {}), ["orders/web"]);
}

#[test]
fn a_secret_that_the_list_does_not_name_is_gone_unless_it_was_written_after_the_list_was_made() {
    let unlisted = |scope, version| behind(&mut settled(), &[], &[(scope, version)], |_| {});
    assert_eq!(unlisted(None, Some("6")), NONE, "the index knows what was written in version 7");
    assert_eq!(unlisted(Some("orders"), Some("6")), NONE);
    assert_eq!(unlisted(None, Some("7")), ["orders/web"]);
    assert_eq!(unlisted(Some("bank"), Some("6")), ["orders/web"], "the list of another namespace");
    assert_eq!(unlisted(None, None), ["orders/web"], "a list of an unknown version");
}

#[test]
fn an_identity_that_is_issued_while_the_list_is_made_holds_nothing_up() {
    let list = [current("web", "7")];
    let issue = |board: &mut Scheduler| {
        board.apply_secret(&secret("db", "12"), false, at(0));
        board.apply_identity(&version(issued("db"), "13"), false, at(0));
    };
    assert_eq!(behind(&mut settled(), &list, &[(None, Some("9"))], issue), NONE);
}

#[test]
fn an_identity_that_takes_the_place_of_another_is_not_taken_for_it() {
    let replace = |board: &mut Scheduler| {
        board.remove_identity("orders", "web", at(0));
        board.apply_identity(&version(issued("db"), "13"), false, at(0));
    };
    let list = [current("web", "7")];
    assert_eq!(behind(&mut settled(), &list, &[(None, Some("9"))], replace), ["orders/db"]);
}

#[test]
fn an_identity_that_is_told_of_after_its_secret_was_listed_is_not_behind() {
    let list = [current("web", "7"), current("db", "8"), current("cache", "8")];
    let tell = |board: &mut Scheduler| board.apply_identity(&version(issued("db"), "9"), false, at(0));
    assert_eq!(behind(&mut settled(), &list, &[(None, Some("9"))], tell), NONE);
}

#[test]
fn of_secrets_that_are_as_the_index_remembers_them_none_is_kept() {
    let (board, issuer) = (settled(), announced());
    let mut fresh = FreshList::new(&issuer, NOW.as_second());
    let _ = fresh.fold(&board, (0..1000).map(|_| current("web", "7")));
    assert_eq!((fresh.kept(), fresh.newer_than_index(&board)), (0, 0));
    let _ = fresh.fold(&board, [current("web", "8"), current("unknown", "1")]);
    assert_eq!((fresh.kept(), fresh.newer_than_index(&board)), (2, 2));
    let mut copies = (0..1000).map(|number| lacking(&format!("copy-{number}"), "1")).collect::<Vec<_>>();
    let mut fresh = FreshList::new(&issuer, NOW.as_second());
    let mut told = settled();
    for copy in &mut copies {
        copy.annotations.identity_uid = Some("uid-web".into());
        told.apply_secret(copy.clone(), false, at(0));
    }
    let _ = fresh.fold(&told, copies);
    assert_eq!(fresh.kept(), 0, "the identity has another Secret, and the index knows the copies");
}
