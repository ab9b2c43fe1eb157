//! Rules of the schemas that say in words what is wrong, where, and what would be right. A `pattern` refuses with its
//! bare expression; each has one of these beside it. The patterns stay for editors and linters, which know no CEL.

use kube::core::Rule;

use super::{duration, form};

const A_LABEL: &str =
    "lower-case letters, digits and '-', the first and the last no '-', at most 63 characters";
const A_SUBDOMAIN: &str =
    "lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit";

/// A field that holds a DNS label.
pub fn dns_label(field: &str) -> Rule {
    text(form::DNS_LABEL, &format!("{field} must be a DNS label: {A_LABEL}"))
}

/// A field that holds a list of DNS labels.
pub fn dns_labels(field: &str) -> Rule {
    texts(form::DNS_LABEL, &format!("{field} must be DNS labels: {A_LABEL}"))
}

/// A field that holds the name of an object.
pub fn dns_subdomain(field: &str) -> Rule {
    text(form::DNS_SUBDOMAIN, &format!("{field} must be the name of an object: {A_SUBDOMAIN}"))
}

/// A field that holds a DNS name.
pub fn dns_name(field: &str) -> Rule {
    let words = format!("{field} must be a DNS name: {A_SUBDOMAIN}, at most 63 characters long");
    text(form::DNS_NAME, &words)
}

/// A field that holds a list of DNS names and wildcards.
pub fn dns_patterns(field: &str) -> Rule {
    let words = format!(
        "{field} must be DNS names: {A_SUBDOMAIN}, at most 63 characters long; '*' only as the whole first part"
    );
    texts(form::DNS_PATTERN, &words)
}

/// A field that holds a SPIFFE trust domain.
pub fn trust_domain(field: &str) -> Rule {
    let words = format!(
        "{field} must be lower-case letters, digits, '-' and '_', in parts with one '.' between them, such as prod.example.com"
    );
    text(form::TRUST_DOMAIN, &words)
}

/// A field that holds a list of fingerprints.
pub fn fingerprints(field: &str) -> Rule {
    let words = format!(
        "{field} must be SHA-256 fingerprints: 64 hexadecimal digits, or as openssl x509 -fingerprint -sha256 prints them, with ':' between all pairs"
    );
    texts(form::FINGERPRINT, &words)
}

/// A field that holds labels.
pub fn label_values(field: &str) -> Rule {
    let words = format!(
        "{field} must have valid Kubernetes label values: letters, digits, '-', '_' and '.', the first and the last a letter or digit"
    );
    Rule::new(format!("self.all(key, self[key].matches('{}'))", form::LABEL_VALUE)).message(words.as_str())
}

/// A field that holds a duration.
pub fn duration(field: &str) -> Rule {
    let words = format!("{field} must be a duration such as 24h, 1h30m or 90s; a day is 24h");
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

fn texts(pattern: &str, words: &str) -> Rule {
    Rule::new(format!("self.all(item, item.matches(r'{pattern}'))")).message(words)
}
