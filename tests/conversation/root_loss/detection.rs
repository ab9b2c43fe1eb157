//! A root is made once: only where nothing shows that there was another, and a lost one is not made again.

use mtls_operator::operator::issuers::Unready;
use serde_json::json;
use test_support::in_memory::api_server::{ApiServer, Fault};
use test_support::in_memory::harness::{AUTHORITIES, Harness, NOW, issued};

use crate::authority_controller::ROOT;

#[tokio::test(start_paused = true)]
async fn a_root_is_made_only_after_a_fresh_look_for_traces_of_another() {
    let server = ApiServer::default();
    let harness = Harness::bare(server.clone(), NOW);
    server.put(
        AUTHORITIES,
        &mtls_operator::api::MtlsAuthority::new("mesh", mtls_operator::api::MtlsAuthoritySpec::default()),
    );
    harness.reconcile_authority().await.unwrap();
    let root = format!("GET secrets mtls-system/{ROOT}");
    let made = format!("POST secrets mtls-system/{ROOT}");
    assert_eq!(server.asked(), [root.as_str(), "LIST secrets", &made, &root]);
}

#[tokio::test(start_paused = true)]
async fn a_root_whose_first_answer_was_lost_is_found_and_used() {
    let server = ApiServer::default();
    let mut harness = Harness::bare(server.clone(), NOW);
    server.put(
        AUTHORITIES,
        &mtls_operator::api::MtlsAuthority::new("mesh", mtls_operator::api::MtlsAuthoritySpec::default()),
    );
    server.next("POST secrets", Fault::AnswerLost);
    assert!(harness.reconcile_authority().await.is_err());
    let made = server.get("secrets", "mtls-system", ROOT);
    harness.reconcile_authority().await.unwrap();
    assert_eq!(server.get("secrets", "mtls-system", ROOT), made);
    harness.apply("web", &json!({}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_lost_root_is_not_made_again() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.server.delete("secrets", "mtls-system", ROOT);
    for harness in [&harness, &harness.restarted().await] {
        harness.reconcile_authority().await.unwrap();
        let service = harness.context.issuers.get("mesh").unwrap();
        let Err(Unready::Down(why)) = &service.signer else { panic!("it still signs") };
        assert!(why.0.starts_with("RootLost: "), "{}", why.0);
        assert_eq!(harness.server.get("secrets", "mtls-system", ROOT), None);
    }
}

#[tokio::test(start_paused = true)]
async fn no_root_is_made_where_a_leaf_belongs_to_an_identity_that_the_index_was_not_told_of() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.server.delete("secrets", "mtls-system", ROOT);
    let harness = Harness::bare(harness.server.clone(), harness.manual_clock.now());
    harness.reconcile_authority().await.unwrap();
    assert_eq!(harness.server.get("secrets", "mtls-system", ROOT), None);
    harness.server.delete("mtlsidentities", "orders", "web");
    harness.reconcile_authority().await.unwrap();
    assert_ne!(harness.server.get("secrets", "mtls-system", ROOT), None, "the leaf belongs to no identity");
}
