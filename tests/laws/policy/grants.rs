//! Grants: the names, addresses and namespaces that each of them covers, and how a refusal names what is missing.

use mtls_operator::plan::identity::ready::Refusal;
use mtls_operator::plan::identity::spec::IdentitySpec;
use serde_json::json;

use super::{addresses, granting, is_permitted, judged, names, refused, terms_of};
use crate::fixture::{asked, terms};

#[test]
fn the_name_of_the_api_server_is_given_by_grant_only() {
    let service = |namespace: &str, services: &[&str]| {
        let services = services.iter().map(ToString::to_string).collect();
        IdentitySpec { namespace: namespace.into(), services, ..asked("web") }
    };
    assert_eq!(
        refused(&service("default", &["web", "kubernetes"]), &terms()),
        "spec.services kubernetes.default, kubernetes.default.svc, kubernetes.default.svc.cluster.local need a grant (spec.grants[].dnsNames) in MtlsAuthority mesh for namespace default"
    );
    for name in [
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "*.default.svc",
        "*.default.svc.cluster.local",
    ] {
        assert!(!is_permitted(&names("default", &[name]), &terms()), "{name} is free");
        assert!(
            is_permitted(&names("default", &[name]), &granting(&[name], &[])),
            "{name} cannot be granted"
        );
    }
    let all = ["kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
    assert!(is_permitted(&service("default", &["kubernetes"]), &granting(&all, &[])));
    assert!(!is_permitted(&service("default", &["kubernetes"]), &granting(&all[1..], &[])));
    assert!(is_permitted(&service("default", &["web"]), &terms()));
    assert!(is_permitted(&service("orders", &["kubernetes"]), &terms()));
    assert!(is_permitted(
        &names("default", &["x.kubernetes.default.svc", "*.kubernetes.default.svc"]),
        &terms()
    ));
}

#[test]
fn a_two_label_name_needs_a_grant_even_in_the_own_namespace() {
    assert!(!is_permitted(&names("orders", &["api.orders"]), &terms()));
    assert!(is_permitted(&names("orders", &["api.orders"]), &granting(&["api.orders"], &[])));
}

#[test]
fn an_exact_grant_is_for_that_name_alone() {
    let terms = granting(&["orders.example.com"], &[]);
    assert!(is_permitted(&names("orders", &["orders.example.com"]), &terms));
    for name in ["example.com", "a.orders.example.com", "*.example.com", "xorders.example.com"] {
        assert!(!is_permitted(&names("orders", &[name]), &terms), "{name}");
    }
}

#[test]
fn a_wildcard_grant_stands_for_one_label() {
    let terms = granting(&["*.example.com"], &[]);
    for name in ["a.example.com", "*.example.com"] {
        assert!(is_permitted(&names("orders", &[name]), &terms), "{name}");
    }
    for name in
        ["example.com", "a.b.example.com", "*.b.example.com", "aexample.com", "a.example.com.evil.org"]
    {
        assert!(!is_permitted(&names("orders", &[name]), &terms), "{name}");
    }
}

#[test]
fn an_address_needs_a_grant_of_a_range_that_holds_it() {
    let terms = granting(&[], &["10.1.0.0/16", "192.0.2.7/32", "fd00:1::/32"]);
    for address in ["10.1.0.0", "10.1.255.255", "192.0.2.7", "fd00:1::", "fd00:1:ffff::1"] {
        assert!(is_permitted(&addresses(&[address]), &terms), "{address}");
    }
    for address in
        ["10.0.255.255", "10.2.0.0", "192.0.2.8", "fd00:2::1", "::1", "127.0.0.1", "::ffff:10.1.0.1"]
    {
        assert!(!is_permitted(&addresses(&[address]), &terms), "{address}");
    }
    assert!(!is_permitted(&addresses(&["10.1.0.1"]), &self::terms()), "nothing is granted by default");
}

#[test]
fn one_name_without_a_grant_refuses_the_whole_and_is_named() {
    let terms = granting(&["a.example.com"], &["10.0.0.0/8"]);
    let asked = IdentitySpec {
        ip_addresses: vec!["10.0.0.1".parse().unwrap()],
        ..names("orders", &["a.example.com", "b.example.com"])
    };
    let Err(Refusal::NotPermitted(message)) = judged(&asked, &terms) else { panic!("permitted") };
    assert!(message.starts_with("spec.dnsNames b.example.com needs a grant"), "{message}");
    let allowed = "; a.example.com is allowed by grant edge; 10.0.0.1 is allowed by grant edge";
    assert!(message.ends_with(allowed), "{message}");
    assert!(message.contains("spec.grants[].dnsNames") && message.contains("namespace orders"), "{message}");
}

#[test]
fn all_that_lacks_a_grant_is_named_in_one_message() {
    let asked = |dns_names: &[&str]| IdentitySpec {
        ip_addresses: vec!["10.0.0.1".parse().unwrap()],
        ..names("orders", dns_names)
    };
    let told = |asked: &IdentitySpec| match judged(asked, &terms()) {
        Err(Refusal::NotPermitted(message)) => message,
        other => panic!("permitted: {other:?}"),
    };
    assert_eq!(
        told(&asked(&["a.example", "b.example"])),
        "spec.dnsNames a.example, b.example need a grant (spec.grants[].dnsNames) and \
         spec.ipAddresses 10.0.0.1 needs a grant (spec.grants[].cidrs) in MtlsAuthority mesh for namespace orders"
    );
    assert!(told(&asked(&[])).starts_with("spec.ipAddresses 10.0.0.1 needs a grant"));
}

#[test]
fn a_grant_is_for_the_namespaces_it_selects() {
    let grant = |team: &str| {
        let namespaces = json!({"matchLabels": {"team": team}});
        terms_of(
            json!({"grants": [{ "name": "edge", "namespaces": namespaces, "dnsNames": ["example.com"], "cidrs": ["10.0.0.0/8"]}]}),
        )
    };
    let asked =
        IdentitySpec { ip_addresses: vec!["10.0.0.1".parse().unwrap()], ..names("orders", &["example.com"]) };
    assert!(is_permitted(&asked, &grant("red")));
    assert!(!is_permitted(&asked, &grant("blue")));
}

#[test]
fn a_grant_for_other_namespaces_permits_nothing() {
    let terms = terms_of(json!({"grants": [
        {"name": "blue", "namespaces": {"matchLabels": {"team": "blue"}}, "dnsNames": ["example.com"]},
        {"name": "red", "namespaces": {"matchLabels": {"team": "red"}}, "dnsNames": ["example.org"]},
    ]}));
    assert!(!is_permitted(&names("orders", &["example.com"]), &terms));
    assert!(is_permitted(&names("orders", &["example.org"]), &terms));
}
