//! Laws of the ledger of published bundles: late news changes nothing, and no text that strayed is forgotten before
//! somebody has asked.

use mtls_operator::operator::bundles::{Ledger, Range, Seen, Trouble};
use mtls_operator::plan::bundle::{Conflict, Found, Place, Posted};

use super::bundle::{place, posted};

fn seen(version: &str, text: u64) -> Seen {
    let posted = Posted { text: Some(text), ..posted() };
    Seen { posted, uid: "uid".into(), version: version.into() }
}

/// A ledger in which the bundle of `shop` is as it should be, and text 7 in force.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.put_in_force("mesh", 7);
    ledger.saw(&place("shop"), seen("5", 7), false);
    ledger
}

fn text(ledger: &Ledger, place: &Place) -> Option<u64> {
    match ledger.found(place) {
        Found::Ours(posted) => posted.text,
        _ => None,
    }
}

#[test]
fn news_of_an_older_version_is_no_news_unless_a_list_says_so() {
    let mut ledger = ledger();
    ledger.saw(&place("shop"), seen("4", 6), false);
    assert_eq!(text(&ledger, &place("shop")), Some(7));
    ledger.saw(&place("shop"), Seen { uid: "another".into(), ..seen("4", 6) }, false);
    assert_eq!(text(&ledger, &place("shop")), Some(6), "it was made anew");
    ledger.saw(&place("shop"), seen("3", 5), true);
    assert_eq!(text(&ledger, &place("shop")), Some(5));
}

#[test]
fn what_a_list_does_not_name_is_gone_but_for_what_came_meanwhile_or_lies_elsewhere() {
    let mut ledger = ledger();
    ledger.saw(&place("elsewhere"), seen("6", 7), false);
    let list = ledger.begin_list();
    ledger.saw(&place("new"), seen("7", 7), false);
    let here = Range::ConfigMaps(Some("shop".into()));
    ledger.end_list(here, list);
    let left = ["shop", "elsewhere", "new"].map(|name| text(&ledger, &place(name)).is_some());
    assert_eq!(left, [false, true, true]);
    assert!(ledger.is_listed(&place("shop")) && !ledger.is_listed(&place("elsewhere")));
    let list = ledger.begin_list();
    ledger.end_list(Range::Cluster, list);
    assert!(text(&ledger, &place("new")).is_some(), "a list of another kind says nothing of it");
}

#[test]
fn a_text_that_strayed_is_told_once_also_if_it_is_gone() {
    let shop = [place("shop")];
    let strays = |change: fn(&mut Ledger)| {
        let mut ledger = ledger();
        assert!(!ledger.take_strayed(&shop));
        change(&mut ledger);
        let first = ledger.take_strayed(&shop);
        assert!(!ledger.take_strayed(&shop));
        first
    };
    assert!(!strays(|ledger| ledger.saw(&place("shop"), seen("6", 7), false)), "another version of the same");
    assert!(!strays(|ledger| ledger.lost(&place("shop"))), "what is lost was as it should be");
    assert!(strays(|ledger| ledger.saw(&place("shop"), seen("6", 6), false)));
    assert!(strays(|ledger| {
        ledger.saw(&place("shop"), seen("6", 6), false);
        ledger.saw(&place("shop"), seen("7", 7), false);
    }));
    assert!(strays(|ledger| {
        ledger.saw(&place("shop"), seen("6", 6), false);
        ledger.lost(&place("shop"));
    }));
    assert!(
        strays(|ledger| {
            ledger.answered(&place("shop"), seen("7", 7));
            ledger.saw(&place("shop"), seen("6", 6), false);
        }),
        "the watch tells of it after the answer to the write that undid it"
    );
    assert!(!strays(|ledger| ledger.saw(&place("elsewhere"), seen("6", 6), false)));
    assert!(
        strays(|ledger| {
            ledger.put_in_force("mesh", 9);
            ledger.saw(&place("shop"), seen("6", 9), false);
        }),
        "the former text was replaced after another one came into force"
    );
}

#[test]
fn what_failed_is_tried_again_with_backoff_and_at_once_with_another_text_or_after_news() {
    let (mut ledger, shop) = (ledger(), place("shop"));
    let fail = |ledger: &mut Ledger| ledger.stuck(&place("shop"), Trouble::Failed("no".into()), 7, 0);
    assert_eq!(ledger.held_back(&shop, 7, 0), None);
    fail(&mut ledger);
    let first = ledger.held_back(&shop, 7, 0).unwrap();
    fail(&mut ledger);
    let second = ledger.held_back(&shop, 7, 0).unwrap();
    assert!((375..=500).contains(&first) && (750..=1000).contains(&second), "{first} {second}");
    assert_eq!(ledger.held_back(&shop, 8, 0), None);
    assert_eq!(ledger.held_back(&shop, 7, second), None, "the time has come");
    assert_eq!(ledger.held_back(&shop, 7, -8 * 3_600_000), None, "the clock was set back");
    ledger.saw(&place("shop"), seen("6", 6), false);
    assert_eq!((ledger.held_back(&shop, 7, 0), ledger.trouble(&shop)), (None, None));
}

#[test]
fn what_was_noted_of_a_place_is_forgotten_where_no_bundle_is_wanted_any_more() {
    let mut ledger = ledger();
    for name in ["shop", "gone"] {
        ledger.saw(&place(name), seen("6", 6), false);
        ledger.stuck(&place(name), Trouble::Failed("no".into()), 7, 0);
    }
    ledger.stuck(&place("foreign"), Trouble::Conflict(Conflict::Foreign), 7, 0);
    assert_eq!(ledger.noted(), 5);
    ledger.keep_to(|wanted| *wanted == place("shop"));
    assert_eq!(ledger.noted(), 3, "what cannot leave is tried again with backoff");
    assert_eq!(ledger.trouble(&place("foreign")), None);
    ledger.lost(&place("gone"));
    ledger.keep_to(|wanted| *wanted == place("shop"));
    assert!(ledger.take_strayed(&[place("shop")]) && !ledger.take_strayed(&[place("gone")]));
}

#[test]
fn somebody_elses_object_is_remembered_until_it_is_ours_or_gone() {
    let (mut ledger, red) = (ledger(), place("red"));
    ledger.stuck(&red, Trouble::Conflict(Conflict::Foreign), 7, 0);
    assert_eq!(ledger.found(&red), Found::Foreign);
    ledger.forgive(&red);
    assert_eq!(ledger.found(&red), Found::Nothing);
}
