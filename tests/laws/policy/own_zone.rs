//! Names without a grant: those of the own namespace's services, and no other.

use mtls_operator::pki::LeafProfile;
use mtls_operator::plan::identity::policy::Entitlement;
use mtls_operator::plan::identity::spec::IdentitySpec;
use serde_json::json;

use super::{is_permitted, judged, names, terms_of};
use crate::fixture::{DAY, asked, terms};
use crate::names::issue;

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
fn a_leaf_with_a_name_that_is_omitted_now_is_as_asked_and_one_with_another_name_is_not() {
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
