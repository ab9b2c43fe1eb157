//! The subject of a leaf: its length, and that it is no host name of another service.

use mtls_operator::pki::CommonName;
use mtls_operator::plan::identity::spec::IdentitySpec;
use serde_json::json;

use super::{invalid, is_permitted, refused, terms_of};
use crate::fixture::{asked, terms};

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
