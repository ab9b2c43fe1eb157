//! The expressions by which the schemas judge names, and the predicates by which the operator does, say the same.

use std::sync::LazyLock;

use mtls_operator::api::duration;
use mtls_operator::api::patterns;
use mtls_operator::pki::TrustDomain;
use proptest::prelude::*;
use regex::Regex;
use test_support::properties;

type Predicate = fn(&str) -> bool;

/// An expression, and its predicate.
type Form = (&'static str, Predicate);

const FORMS: [Form; 7] = [
    (patterns::DNS_LABEL, patterns::is_dns_label),
    (patterns::DNS_SUBDOMAIN, patterns::is_dns_subdomain),
    (patterns::DNS_NAME, patterns::is_dns_name),
    (patterns::DNS_PATTERN, patterns::is_dns_pattern),
    (patterns::NUMERIC_END, patterns::ends_in_number),
    (patterns::TRUST_DOMAIN, |text| text.parse::<TrustDomain>().is_ok()),
    (duration::PATTERN, |text| duration::parse(text).is_some()),
];

static COMPILED: LazyLock<Vec<(Regex, Predicate)>> = LazyLock::new(|| {
    FORMS.map(|(expression, predicate)| (Regex::new(expression).unwrap(), predicate)).into()
});

/// Names, and what is nearly one. Of numbers only those in lower case: the other expressions let no other letter pass, and the
/// predicate is also asked about host names that people write.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-a-z0-9._*/]{0,12}",
        "([*][.])?[a-z0-9-]{0,3}([.][a-z0-9-]{1,3}){0,4}",
        "[a-z0-9-]{60,66}([.][a-z0-9-]{60,66})?",
        "([a-z]{1,3}[.])?(0x)?[0-9a-f]{0,4}[.]?",
        "([0-9]{1,6}(h|m|s|ms|d)){0,5}",
        "[g-zA-Z_.]{0,8}(\\PC|[\n\r\t \u{e9}])?",
    ]
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 4096))]
    #[test]
    fn schema_and_operator_judge_every_name_alike(text in text()) {
        for (expression, predicate) in &*COMPILED {
            prop_assert_eq!(expression.is_match(&text), predicate(&text), "{:?} by {}", text, expression);
        }
    }
}
