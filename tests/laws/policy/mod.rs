//! Laws of who may have which name: outside its own zone a namespace gets nothing without a grant.

use mtls_operator::api::MtlsAuthority;
use mtls_operator::operator::index::identity::ParsedIdentity;
use mtls_operator::pki::{CommonName, KeyAlgorithm, LeafProfile};
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::policy::{Entitlement, Permission, authorize, permission_of_default};
use mtls_operator::plan::identity::ready::Refusal;
use mtls_operator::plan::identity::spec::IdentitySpec;
use serde_json::{Value, json};

use super::fixture::{DAY, HOUR, MINUTE, asked, pairs, terms};
use super::names::issue;

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

#[test]
fn an_empty_spec_gets_its_own_service_and_its_own_spiffe_id() {
    let entitlement = judged(&asked("web"), &terms()).unwrap();
    assert_eq!(entitlement.profile.spiffe_id.as_str(), "spiffe://cluster.local/ns/orders/sa/web");
    assert_eq!(
        entitlement.profile.dns_names,
        ["web.orders", "web.orders.svc", "web.orders.svc.cluster.local"]
    );
    assert!(entitlement.profile.ip_addresses.is_empty());
    assert_eq!(entitlement.ttl, DAY);
}

#[test]
fn the_bare_service_name_is_never_given() {
    for services in [&["web"][..], &["web", "api"], &[]] {
        let asked =
            IdentitySpec { services: services.iter().map(ToString::to_string).collect(), ..asked("web") };
        let names = judged(&asked, &terms()).unwrap().profile.dns_names;
        assert_eq!(names.len(), services.len() * 3);
        assert!(names.iter().all(|name| name.contains('.')), "{names:?}");
    }
}

#[test]
fn a_namespace_called_like_a_domain_or_a_number_gets_no_two_label_name() {
    let reserved = [
        "internal",
        "local",
        "corp",
        "home",
        "mail",
        "lan",
        "intranet",
        "private",
        "localhost",
        "test",
        "alt",
        "example",
        "invalid",
        "onion",
        "arpa",
    ];
    let public = ["com", "dev", "app", "org", "de", "io", "zip", "ck", "np", "42", "0x1f"];
    for namespace in public.into_iter().chain(reserved) {
        let names = judged(&IdentitySpec { namespace: namespace.into(), ..asked("web") }, &terms())
            .unwrap()
            .profile
            .dns_names;
        assert_eq!(names, [format!("web.{namespace}.svc"), format!("web.{namespace}.svc.cluster.local")]);
    }
    // By the list's default rule every single label would be a suffix.
    for namespace in ["orders", "team-a", "default", "kube-system", "locals", "my-home"] {
        let names = judged(&IdentitySpec { namespace: namespace.into(), ..asked("web") }, &terms())
            .unwrap()
            .profile
            .dns_names;
        assert_eq!(names[0], format!("web.{namespace}"));
    }
}

/// Before an upgrade a leaf got the name; it stays as it is until it is renewed.
#[test]
fn a_leaf_with_a_name_that_is_withheld_now_is_as_asked_and_one_with_another_name_is_not() {
    let entitled = |namespace: &str, services: &[&str]| {
        let services = services.iter().map(ToString::to_string).collect();
        judged(&IdentitySpec { namespace: namespace.into(), services, ..asked("web") }, &terms()).unwrap()
    };
    let leaf = |entitlement: &Entitlement, more: &[&str]| {
        let names = more.iter().map(ToString::to_string).chain(entitlement.profile.dns_names.iter().cloned());
        issue(&LeafProfile { dns_names: names.collect(), ..entitlement.profile.clone() }).leaf
    };
    let home = entitled("home", &["web", "api"]);
    assert!(home.is_met_by(&leaf(&home, &[])));
    assert!(home.is_met_by(&leaf(&home, &["web.home", "api.home"])));
    for other in [&["web.home"][..], &["web.home", "api.home", "x.home"], &["x.home"]] {
        assert!(!home.is_met_by(&leaf(&home, other)), "{other:?}");
    }
    let orders = entitled("orders", &["web"]);
    let short = Entitlement {
        profile: LeafProfile { dns_names: vec![], ..orders.profile.clone() },
        ..orders.clone()
    };
    assert!(!orders.is_met_by(&leaf(&short, &["web.orders.svc", "web.orders.svc.cluster.local"])));
}

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

fn with_subject(namespace: &str, service_account: &str) -> IdentitySpec {
    IdentitySpec {
        namespace: namespace.into(),
        service_account: service_account.into(),
        common_name: CommonName::ServiceAccount,
        ..asked("web")
    }
}

#[test]
fn a_subject_has_64_characters_at_most() {
    let longest = "a".repeat(64 - ".orders".len());
    assert!(is_permitted(&with_subject("orders", &longest), &terms()));
    let longer = with_subject("orders", &format!("{longest}a"));
    let told = invalid(&longer, &terms());
    assert!(told.contains("CN=") && told.contains("65 characters"), "{told}");
    let domain = |length: usize| terms_of(json!({"trustDomain": "d".repeat(length)}));
    assert!(is_permitted(&with_subject("orders", "web"), &domain(64)));
    let told = invalid(&with_subject("orders", "web"), &domain(65));
    assert!(told.contains("O=ddd") && told.contains("65 characters"), "{told}");
    assert!(is_permitted(&asked("web"), &domain(65)), "without a subject its length is no matter");
}

#[test]
fn a_subject_is_no_host_name_of_others() {
    let refused_in = ["com", "ck", "internal", "local", "42"].map(|namespace| (namespace, "web"));
    let taken = [("default", "kubernetes"), ("svc", "web.orders"), ("svc", "kubernetes.default")];
    for (namespace, account) in refused_in.into_iter().chain(taken) {
        let told = refused(&with_subject(namespace, account), &terms());
        assert!(
            told.contains("spec.subject.commonName") && told.contains(&format!("{account}.{namespace}")),
            "{told}"
        );
        let without = IdentitySpec { common_name: CommonName::None, ..with_subject(namespace, account) };
        assert!(is_permitted(&without, &terms()));
    }
    for (namespace, account) in [("orders", "web"), ("orders", "a.b"), ("svc", "web"), ("default", "web")] {
        assert!(is_permitted(&with_subject(namespace, account), &terms()), "{account}.{namespace}");
    }
    let own_domain = terms_of(json!({"clusterDomain": "prod"}));
    assert!(!is_permitted(&with_subject("prod", "web.orders.svc"), &own_domain));
}

#[test]
fn the_own_zone_is_free_and_nothing_else_is() {
    let free = [
        "x.orders.svc",
        "x.y.orders.svc",
        "*.orders.svc",
        "x.orders.svc.cluster.local",
        "x.y.orders.svc.cluster.local",
        "*.web.orders.svc.cluster.local",
    ];
    for name in free {
        assert!(is_permitted(&names("orders", &[name]), &terms()), "{name} is refused");
    }
    let foreign = [
        "orders.svc",
        "orders.svc.cluster.local",
        "x.orders",
        "x.bank.svc",
        "x.bank.svc.cluster.local",
        "xorders.svc",
        "x.bankorders.svc",
        "x.orders.svc.example.com",
        "x.orders.svc.cluster.local.example.com",
        "example.com",
        "localhost",
        "web",
        "*",
        "*.svc",
        "*.cluster.local",
        "x.orders.svc.cluster.localx",
        ".orders.svc",
        "kubernetes.default.svc",
    ];
    for name in foreign {
        assert!(!is_permitted(&names("orders", &[name]), &terms()), "{name} is free");
    }
}

#[test]
fn no_namespace_gets_a_name_in_the_zone_of_another() {
    for (mine, other) in [
        ("orders", "workorders"),
        ("workorders", "orders"),
        ("a", "b"),
        ("svc", "orders"),
        ("local", "orders"),
    ] {
        for name in
            [format!("x.{other}.svc"), format!("x.{other}.svc.cluster.local"), format!("*.{other}.svc")]
        {
            assert!(!is_permitted(&names(mine, &[&name]), &terms()), "{mine} gets {name}");
        }
    }
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
fn whatever_lacks_a_grant_is_told_at_once() {
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
fn half_a_grant_each_is_no_grant() {
    let terms = terms_of(json!({"grants": [
        {"name": "blue", "namespaces": {"matchLabels": {"team": "blue"}}, "dnsNames": ["example.com"]},
        {"name": "red", "namespaces": {"matchLabels": {"team": "red"}}, "dnsNames": ["example.org"]},
    ]}));
    assert!(!is_permitted(&names("orders", &["example.com"]), &terms));
    assert!(is_permitted(&names("orders", &["example.org"]), &terms));
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

#[test]
fn every_plain_identity_of_a_namespace_is_judged_alike() {
    let refusing = [
        terms_of(json!({"namespaces": {"matchLabels": {"team": "blue"}}})),
        terms_of(json!({"leaf": {"ttl": "10m"}, "rotation": {"propagation": "5m"}})),
        terms_of(json!({"leaf": {"algorithms": ["ED25519"]}})),
    ];
    let permitting = [terms(), terms_of(json!({"namespaces": {"matchLabels": {"team": "red"}}}))];
    let cases =
        refusing.iter().map(|terms| (terms, false)).chain(permitting.iter().map(|terms| (terms, true)));
    for (terms, is_permitted) in cases {
        for (namespace, name) in [("orders", "web"), ("com", "a"), ("kube-system", "x-1"), ("7", "0")] {
            let asked = IdentitySpec { namespace: namespace.into(), ..asked(name) };
            assert_eq!(judged(&asked, terms).is_ok(), is_permitted, "{namespace}/{name}");
            let permission = permission_of_default(terms, namespace, &pairs(&[("team", "red")]));
            assert_eq!(permission == Permission::Granted, is_permitted);
        }
    }
}

/// The operator remembers of an identity that it asks for nothing in particular, and judges it by its namespace alone.
#[test]
fn an_identity_that_its_own_name_or_its_subject_could_refuse_is_not_plain() {
    let is_default_spec = |namespace: &str, name: &str, spec: Value| {
        let identity = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity", "spec": spec,
            "metadata": { "namespace": namespace, "name": name, "uid": "u" },
        });
        ParsedIdentity::from(&serde_json::from_value(identity).unwrap()).entry.is_default_spec
    };
    assert!(is_default_spec("default", "web", json!({})));
    assert!(is_default_spec("default", "kubernetes", json!({ "services": [] })));
    assert!(!is_default_spec("default", "kubernetes", json!({})));
    assert!(!is_default_spec("default", "web", json!({ "services": ["kubernetes"] })));
    assert!(!is_default_spec("home", "web", json!({ "subject": { "commonName": "ServiceAccount" } })));
}

#[test]
fn a_name_asked_twice_is_given_once_in_the_order_of_asking() {
    let asked = IdentitySpec {
        services: vec!["web".into(), "web".into()],
        ..names("orders", &["z.orders.svc", "web.orders.svc", "a.orders.svc", "z.orders.svc"])
    };
    let names = judged(&asked, &terms()).unwrap().profile.dns_names;
    assert_eq!(
        names,
        ["web.orders", "web.orders.svc", "web.orders.svc.cluster.local", "z.orders.svc", "a.orders.svc"]
    );
}

#[test]
fn another_cluster_domain_has_another_zone() {
    let terms = terms_of(json!({"clusterDomain": "k8s.example"}));
    assert!(is_permitted(&names("orders", &["x.orders.svc.k8s.example"]), &terms));
    assert!(!is_permitted(&names("orders", &["x.orders.svc.cluster.local"]), &terms));
}
