//! Rules of the schemas that say in words what is wrong, where, and what would be right. A `pattern` refuses with its
//! bare expression; each has one of these beside it. The patterns stay for editors and linters, which know no CEL.
//!
//! A rule about the items of a list is attached to the item, so that the API server's answer names it (`spec.dnsNames[3]`).

use kube::core::Rule;
use schemars::Schema;
use serde_json::{Value, json};

use super::duration;
use super::patterns;

const A_LABEL: &str =
    "lower-case letters, digits and '-', the first and the last no '-', at most 63 characters";
const A_SUBDOMAIN: &str =
    "lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit";

/// Puts rules on the items of a list.
pub fn each(rules: Vec<Rule>) -> impl FnMut(&mut Schema) {
    let rules: Value = rules.into_iter().map(|rule| json!(rule)).collect();
    move |list| {
        if let Some(items) = list.get_mut("items").and_then(Value::as_object_mut) {
            items.insert("x-kubernetes-validations".into(), rules.clone());
        }
    }
}

/// A field that holds a DNS label.
pub fn dns_label(field: &str) -> Rule {
    text(patterns::DNS_LABEL, &format!("{field} must be a DNS label: {A_LABEL}"))
}

/// An item that is a DNS label.
pub fn is_dns_label() -> Rule {
    text(patterns::DNS_LABEL, &format!("must be a DNS label: {A_LABEL}"))
}

/// A field that holds the name of an object.
pub fn dns_subdomain(field: &str) -> Rule {
    text(patterns::DNS_SUBDOMAIN, &format!("{field} must be the name of an object: {A_SUBDOMAIN}"))
}

/// A field that holds a DNS name.
pub fn dns_name(field: &str) -> Rule {
    let words = format!("{field} must be a DNS name: {A_SUBDOMAIN}, at most 63 characters long");
    text(patterns::DNS_NAME, &words)
}

/// An item that is a DNS name or a wildcard.
pub fn is_dns_pattern() -> Rule {
    let words = format!(
        "must be a DNS name: {A_SUBDOMAIN}, at most 63 characters long; '*' only as the whole first part"
    );
    text(patterns::DNS_PATTERN, &words)
}

/// An item that clients do not take for an IPv4 address.
pub fn is_no_address() -> Rule {
    Rule::new(format!("!self.matches('{}')", patterns::NUMERIC_END))
        .message("must not end in a number: that is an address, which belongs into spec.ipAddresses")
}

/// An item that is no wildcard of a whole top-level domain.
pub fn is_narrow_wildcard() -> Rule {
    Rule::new("!self.startsWith('*.') || self.matches('[.].+[.]')").message(
        "must have two labels or more after '*.': clients accept no wildcard of a whole top-level domain",
    )
}

/// An item that is an IP address.
pub fn is_address() -> Rule {
    Rule::new("isIP(self)").message("must be an IPv4 or IPv6 address, such as 10.0.0.7 or fd00::7")
}

/// An item that is an IP address as RFC 5952 writes it: two spellings of one address would be two items.
pub fn is_canonical_address() -> Rule {
    Rule::new("!isIP(self) || ip.isCanonical(self)")
        .message("must be in canonical form (RFC 5952): fd00::7, not FD00:0::7")
}

/// An item that is a range of addresses.
pub fn is_range() -> Rule {
    Rule::new("isCIDR(self)").message("must be an address range, such as 10.0.0.0/24 or fd00::/64")
}

/// An item that is a range without bits beside its prefix, written as RFC 5952 asks.
pub fn is_canonical_range() -> Rule {
    Rule::new("!isCIDR(self) || string(cidr(self).masked()) == self")
        .message("must be in canonical form, without bits behind the prefix: 10.0.0.0/24, not 10.0.0.7/24; fd00::/64, not FD00::/64")
}

/// A field that holds a SPIFFE trust domain.
pub fn trust_domain(field: &str) -> Rule {
    let words = format!(
        "{field} must be lower-case letters, digits, '-' and '_', in parts with one '.' between them, such as prod.example.com"
    );
    text(patterns::TRUST_DOMAIN, &words)
}

/// The spec of an authority: two clusters under one CA must not have the same identities. What was so before may stay: a
/// rule here would otherwise refuse every change of such an authority.
pub fn own_trust_domain() -> Rule {
    let is_shared =
        |spec: &str| format!("has({spec}.root.provided) && {spec}.trustDomain == 'cluster.local'");
    let law = format!("!({}) || oldSelf.optMap(old, {}).orValue(false)", is_shared("self"), is_shared("old"));
    Rule::new(law).optional_old_self(true).message(
        "spec.trustDomain must be one of your own with spec.root.provided, such as prod.example.com: every cluster can have cluster.local, and two with the same CA would have the same identities. It is immutable; create another MtlsAuthority with it",
    )
}

/// A field that holds a fingerprint.
pub fn fingerprint() -> Rule {
    text(
        patterns::FINGERPRINT,
        "must be a SHA-256 fingerprint: 64 hexadecimal digits, or as openssl x509 -fingerprint -sha256 prints it, with ':' between all pairs",
    )
}

/// A field that holds labels or annotations, by the word for them: their keys.
pub fn keys(field: &str, what: &str) -> Rule {
    let words = format!(
        "{field} must have valid Kubernetes {what} keys: [prefix/]name, with names of letters, digits, '-', '_' and '.', at most 63 characters"
    );
    Rule::new(patterns::all_are_qualified_names()).message(words.as_str())
}

/// A field that holds labels or annotations: none of those that the operator itself writes.
pub fn unreserved_keys(field: &str) -> Rule {
    let words = format!(
        "{field} must not have keys below mtls-operator.dev/, nor app.kubernetes.io/managed-by: the operator writes them itself"
    );
    let law = "self.all(key, !key.startsWith('mtls-operator.dev/') && key != 'app.kubernetes.io/managed-by')";
    Rule::new(law).message(words.as_str())
}

/// A field that holds labels: their values.
pub fn label_values(field: &str) -> Rule {
    let words = format!(
        "{field} must have valid Kubernetes label values: letters, digits, '-', '_' and '.', the first and the last a letter or digit"
    );
    Rule::new(format!("self.all(key, self[key].matches('{}'))", patterns::LABEL_VALUE))
        .message(words.as_str())
}

/// A field that holds a duration.
pub fn duration(field: &str) -> Rule {
    let words = format!(
        "{field} must be a duration of whole numbers with units h, m, s or ms, such as 24h, 1h30m or 90s; a day is 24h"
    );
    text(duration::PATTERN, &words)
}

/// A duration that is not shorter than this. What cannot be read has a rule of its own.
pub fn at_least(field: &str, least: &str) -> Rule {
    let law = format!("!{} || duration(self) >= duration('{least}')", is_duration("self"));
    Rule::new(law).message(format!("{field} must be at least {least}").as_str())
}

/// What holds of durations that can be read: what cannot be read has a rule of its own. The sentence is the caller's. In
/// CEL, `||` holds if either side does, though the other fails: a law may begin with `!has(…) ||`.
pub fn of_durations(durations: &[&str], law: &str) -> Rule {
    let are_durations = format!("[{}].all(text, {})", durations.join(", "), is_duration("text"));
    Rule::new(format!("!{are_durations} || {law}"))
}

fn is_duration(variable: &str) -> String {
    format!("{variable}.matches(r'{}')", duration::PATTERN)
}

fn text(pattern: &str, words: &str) -> Rule {
    Rule::new(format!("self.matches(r'{pattern}')")).message(words)
}
