//! Patterns of names in a spec: what Kubernetes, SPIFFE and clients of TLS accept, and nothing else. The
//! schemas refuse the rest, so that no object can ask for what cannot be done. An object may be older than its schema, or come from
//! a cluster with another one, so the operator asks the predicates beside them, which say the same.

/// A DNS label (RFC 1123): name of a service, or of an object that becomes a label value.
pub const DNS_LABEL: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
/// A DNS subdomain (RFC 1123): name of a Secret or service account.
pub const DNS_SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A DNS name, whose labels have at most 63 characters (RFC 1035 §2.3.4).
pub const DNS_NAME: &str = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$";
/// A DNS name, or a wildcard for one label below it (RFC 9525 §6.3).
pub const DNS_PATTERN: &str =
    r"^(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$";
/// A SPIFFE trust domain (SPIFFE-ID §2.1), without the empty labels that Go's verifier cannot read.
pub const TRUST_DOMAIN: &str = r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$";
/// The end of a name that clients take for an IPv4 address (WHATWG URL §3.5, "ends in a number").
pub const NUMERIC_END: &str = "(^|[.])([0-9]+|0x[0-9a-f]*)$";

/// SHA-256 of a certificate: 64 hexadecimal digits, or as `openssl x509 -fingerprint -sha256` prints it.
pub const FINGERPRINT: &str = "^([0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31})$";

/// Value of a label.
pub const LABEL_VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";

/// Key of a label or annotation: `[prefix/]name`, the prefix a DNS subdomain.
pub const QUALIFIED_NAME: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
/// Longest prefix, in characters.
const MAX_PREFIX: usize = 253;

/// The CEL expression that all keys of a map are valid keys of labels or annotations.
#[must_use]
pub fn all_are_qualified_names() -> String {
    format!("self.all(key, key.matches('{QUALIFIED_NAME}') && key.indexOf('/') <= {MAX_PREFIX})")
}

/// Longest name of an object, and longest DNS name, in characters.
pub const MAX_NAME: usize = 253;
/// Longest DNS label, in characters.
const MAX_LABEL: usize = 63;

/// [`DNS_LABEL`].
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= MAX_LABEL && is_label(text)
}

/// [`DNS_SUBDOMAIN`].
#[must_use]
pub fn is_dns_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

/// [`DNS_NAME`].
#[must_use]
pub fn is_dns_name(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

/// [`DNS_PATTERN`].
#[must_use]
pub fn is_dns_pattern(text: &str) -> bool {
    is_dns_name(text.strip_prefix("*.").unwrap_or(text))
}

/// Whether a name is no wildcard of a whole top-level domain.
#[must_use]
pub fn is_narrow(pattern: &str) -> bool {
    pattern.strip_prefix("*.").is_none_or(|zone| zone.contains('.'))
}

/// A label of whatever length.
fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let has_ends = !text.is_empty() && !text.starts_with('-') && !text.ends_with('-');
    has_ends && text.bytes().all(is_inner)
}

/// Whether a name ends in what clients take for the last part of an IPv4 address: none accepts it as a DNS name.
#[must_use]
pub fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex =
        last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_decimal || is_hex
}
