//! Laws of the names an identity may have: outside its own zone a namespace gets none without a grant. Here: how a test
//! asks and what it reads from the answer.

mod default_spec;
mod grants;
mod limits;
mod own_zone;
mod subject;

use mtls_operator::api::MtlsAuthority;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::policy::{Entitlement, authorize};
use mtls_operator::plan::identity::ready::Refusal;
use mtls_operator::plan::identity::spec::IdentitySpec;
use serde_json::{Value, json};

use super::fixture::{asked, pairs};

fn terms_of(spec: Value) -> AuthoritySpec {
    let authority: MtlsAuthority = serde_json::from_value(json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority", "metadata": {"name": "mesh"}, "spec": spec,
    }))
    .unwrap();
    AuthoritySpec::parse(&authority).unwrap()
}

fn granting(dns_names: &[&str], ranges: &[&str]) -> AuthoritySpec {
    terms_of(
        json!({"grants": [{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": dns_names, "cidrs": ranges}]}),
    )
}

fn judged(asked: &IdentitySpec, terms: &AuthoritySpec) -> Result<Entitlement, Refusal> {
    authorize(asked, terms, &pairs(&[("team", "red")]))
}

fn names(namespace: &str, dns_names: &[&str]) -> IdentitySpec {
    let dns_names = dns_names.iter().map(ToString::to_string).collect();
    IdentitySpec { namespace: namespace.into(), dns_names, ..asked("web") }
}

fn addresses(addresses: &[&str]) -> IdentitySpec {
    IdentitySpec {
        ip_addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        ..asked("web")
    }
}

fn is_permitted(asked: &IdentitySpec, terms: &AuthoritySpec) -> bool {
    match judged(asked, terms) {
        Ok(_) => true,
        Err(Refusal::NotPermitted(_)) => false,
        Err(other) => panic!("refused for another reason: {other:?}"),
    }
}

fn refused(asked: &IdentitySpec, terms: &AuthoritySpec) -> String {
    match judged(asked, terms) {
        Err(Refusal::NotPermitted(message)) => message,
        other => panic!("not refused as not permitted: {other:?}"),
    }
}

fn invalid(asked: &IdentitySpec, terms: &AuthoritySpec) -> String {
    match judged(asked, terms) {
        Err(Refusal::Invalid(message)) => message,
        other => panic!("not refused as invalid: {other:?}"),
    }
}
