//! Limits of an authority: namespaces, lifetime, renewal margin, algorithms.

use mtls_operator::pki::KeyAlgorithm;
use mtls_operator::plan::identity::policy::{Permission, permission_of_default};
use mtls_operator::plan::identity::ready::Refusal;
use mtls_operator::plan::identity::spec::IdentitySpec;
use serde_json::json;

use super::{invalid, is_permitted, judged, terms_of};
use crate::fixture::{HOUR, MINUTE, asked, pairs, terms};

#[test]
fn a_refusal_says_what_would_be_taken() {
    let blue = terms_of(json!({"namespaces": {"matchLabels": {"team": "blue"}}}));
    let Err(Refusal::NotPermitted(message)) = judged(&asked("web"), &blue) else { panic!("permitted") };
    assert!(message.contains("its spec.namespaces selects team=blue;"), "{message}");
    let short = IdentitySpec { ttl: Some(MINUTE * 5), ..asked("web") };
    let message = invalid(&short, &terms());
    assert!(message.contains("a third of spec.ttl is 1m40s"), "{message}");
    let advice = "ask for spec.ttl of 15m or more, or of 10m or more with spec.renewBefore 5m";
    assert!(message.ends_with(advice), "{message}");
    for (ttl, renew_before) in [(MINUTE * 15, None), (MINUTE * 10, Some(MINUTE * 5))] {
        assert!(judged(&IdentitySpec { ttl: Some(ttl), renew_before, ..asked("web") }, &terms()).is_ok());
    }
    let late = IdentitySpec { renew_before: Some(MINUTE), ..asked("web") };
    assert!(invalid(&late, &terms()).ends_with("ask for spec.renewBefore of 5m or more"));
}

#[test]
fn an_authority_serves_the_namespaces_it_selects() {
    let serving = |team: &str| terms_of(json!({"namespaces": {"matchLabels": {"team": team}}}));
    assert!(is_permitted(&asked("web"), &serving("red")));
    assert!(!is_permitted(&asked("web"), &serving("blue")));
    assert_eq!(
        permission_of_default(&serving("red"), "orders", &pairs(&[("team", "red")])),
        Permission::Granted
    );
    assert_eq!(permission_of_default(&serving("red"), "orders", &pairs(&[])), Permission::Refused);
}

#[test]
fn a_lifetime_is_limited_to_the_second() {
    let ttl = |ttl| IdentitySpec { ttl: Some(ttl), ..asked("web") };
    assert_eq!(judged(&ttl(HOUR * 168), &terms()).unwrap().ttl, HOUR * 168);
    let message = invalid(&ttl(HOUR * 168 + MINUTE / 60), &terms());
    assert!(message.contains("leaf.maxTTL 168h") && message.contains("MtlsAuthority mesh"), "{message}");
}

#[test]
fn an_algorithm_is_one_of_those_the_authority_lists() {
    let terms = terms_of(json!({"leaf": {"algorithms": ["ECDSAP384", "ED25519"]}}));
    for algorithm in KeyAlgorithm::ALL {
        let asked = IdentitySpec { algorithm, ..asked("web") };
        let is_listed = matches!(algorithm, KeyAlgorithm::EcdsaP384 | KeyAlgorithm::Ed25519);
        assert_eq!(judged(&asked, &terms).is_ok(), is_listed, "{algorithm}");
        if !is_listed {
            assert!(invalid(&asked, &terms).contains("ECDSAP384, ED25519"));
        }
    }
}

#[test]
fn a_margin_lies_between_propagation_and_half_the_lifetime() {
    let second = MINUTE / 60;
    let spec = |ttl, renew_before| IdentitySpec { ttl: Some(ttl), renew_before, ..asked("web") };
    let rows = [
        (spec(MINUTE * 15, None), true),
        (spec(MINUTE * 15 - second, None), false),
        (spec(MINUTE * 10, Some(MINUTE * 5)), true),
        (spec(MINUTE * 10 - second, Some(MINUTE * 5)), false),
        (spec(HOUR, Some(MINUTE * 5 - second)), false),
        (spec(HOUR, Some(MINUTE * 30)), true),
        (spec(HOUR, Some(MINUTE * 30 + second)), false),
    ];
    for (asked, fits) in rows {
        assert_eq!(judged(&asked, &terms()).is_ok(), fits, "{:?} {:?}", asked.ttl, asked.renew_before);
    }
}

#[test]
fn the_margin_is_judged_by_the_authoritys_lifetime_where_none_is_asked() {
    let asked = |renew_before| IdentitySpec { renew_before: Some(renew_before), ..asked("web") };
    assert!(judged(&asked(HOUR * 12), &terms()).is_ok());
    assert!(invalid(&asked(HOUR * 13), &terms()).contains("lifetime 24h"));
}
