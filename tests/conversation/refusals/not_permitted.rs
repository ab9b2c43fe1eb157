//! Names, lifetimes and authorities that an identity may not have: no Secret is made.

use mtls_operator::api::MtlsAuthoritySpec;
use mtls_operator::api::authority::{ProvidedSpec, RootSpec};
use mtls_operator::api::word::Word;
use rcgen::{GeneralSubtree, NameConstraints};
use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{A_WHILE, Harness, NOW, issued};

use super::{STATUS_WRITES, assert_stalls_after_a_minute, grant_example_com, refused};

#[tokio::test(start_paused = true)]
async fn a_name_without_a_grant_is_refused_without_a_secret() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"dnsNames": ["example.com"]}));
    harness.watch();
    assert_eq!(harness.calls().await, STATUS_WRITES[..1]);
    assert_eq!(harness.ready("web"), refused("NotPermitted"));
    assert_stalls_after_a_minute(&mut harness).await;
    harness.advance(A_WHILE);
    assert_eq!(harness.settle().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_later_lets_the_identity_have_its_leaf() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"dnsNames": ["example.com"]}));
    harness.settle().await;
    grant_example_com(&mut harness).await;
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_above_the_limit_is_refused() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"ttl": "1000h"}));
    harness.watch();
    assert_eq!(harness.calls().await, STATUS_WRITES[..1]);
    assert_eq!(harness.ready("web"), refused("Invalid"));
    assert_stalls_after_a_minute(&mut harness).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_authority_is_read_before_the_refusal_is_reported() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"authorityRef": { "name": "other" }}));
    harness.watch();
    assert_eq!(harness.calls().await, ["GET mtlsauthorities other", STATUS_WRITES[0]]);
    assert_eq!(harness.ready("web"), refused("AuthorityNotReady"));
    harness.advance(A_WHILE);
    assert_eq!(harness.settle().await, [""; 0]);
}

/// A CA that may sign for `x.test` only, as an organisation might hand it out.
fn constrained_ca() -> Value {
    let ca = Ca::root_with("constrained", NOW, |params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("x.test".into())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    });
    ca.secret("corporate-ca", "mesh", &ca.pem())
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_provided_ca_must_not_sign_is_reported_on_the_identity_that_asks_for_it() {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.server.put("secrets", &constrained_ca());
    let root = RootSpec {
        provided: Some(ProvidedSpec {
            secret_name: "corporate-ca".into(),
            cross_certificates: Word::default(),
        }),
        ..RootSpec::default()
    };
    let mut harness =
        harness.with_authority(MtlsAuthoritySpec { root, ..MtlsAuthoritySpec::default() }).await;
    harness.apply("web", &json!({}));
    harness.apply("client", &json!({"services": []}));
    harness.settle().await;
    assert_eq!(harness.ready("client"), issued());
    assert_eq!(harness.ready("web"), refused("Invalid"));
    assert!(harness.message("web").contains("name constraints"), "{}", harness.message("web"));
    assert_eq!(harness.secret("web-mtls"), None);
    harness.advance(A_WHILE);
    let told = harness.settle().await;
    assert_eq!(told.iter().filter(|call| !call.starts_with("GET")).collect::<Vec<_>>(), STATUS_WRITES);
    harness.advance(A_WHILE);
    harness.watch();
    let outcomes = harness.work().await;
    assert!(
        !outcomes.is_empty() && outcomes.iter().all(Result::is_ok),
        "a refusal is not an error: {outcomes:?}"
    );
    let later = harness.settle().await;
    assert!(later.iter().all(|call| call.starts_with("GET")), "it is reported once: {later:#?}");
    harness.apply("web", &json!({"services": []}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}
