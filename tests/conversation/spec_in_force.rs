//! A change of an authority's spec is in force though lists and writes of its rotation or its status fail.

use std::time::Duration;

use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::operator::authority::rotating::rotating_message;
use mtls_operator::operator::issuers::Unready;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use serde_json::{Value, json};
use test_support::in_memory::api_server::{ApiServer, Fault};
use test_support::in_memory::harness::{AUTHORITIES, Harness, NOW};
use test_support::in_memory::rotation_run::RotationRun;

use crate::authority_controller::{ROOT, authority, controller, run_a_minute};
use crate::rotation::mesh_in;

fn granting() -> Value {
    let mut spec = RotationRun::swift();
    spec["grants"] =
        json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["api.example.com"] }]);
    spec
}

fn revoke(harness: &Harness) {
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| authority["spec"]["grants"] = json!([]));
}

/// From now on these calls fail.
fn breaks(harness: &Harness, line: &str) {
    for _ in 0..1000 {
        harness.server.next(line, Fault::Broken);
    }
}

/// The progress of the rotation, as the condition `Rotating` says it.
async fn told(harness: &Harness) -> String {
    let spec = AuthoritySpec::parse(&authority(harness)).unwrap();
    rotating_message(&harness.root_outcome().await.0, &spec)
}

fn grants(harness: &Harness) -> usize {
    harness.context.issuers.get("mesh").unwrap().spec.grants.len()
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_keeps_no_change_of_the_spec_from_being_in_force_and_is_seldom_made() {
    let mut mesh = mesh_in("Draining", &["a"], granting()).await;
    breaks(&mesh.harness, "LIST secrets");
    for _ in 0..120 {
        mesh.tick(1).await;
    }
    assert_eq!((mesh.phase().as_str(), grants(&mesh.harness)), ("Draining", 1));
    revoke(&mesh.harness);
    let mut lists = 0;
    for _ in 0..40 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let _ = mesh.harness.reconcile_authority().await;
        lists += mesh.harness.server.asked().iter().filter(|line| *line == "LIST secrets").count();
    }
    assert_eq!((mesh.phase().as_str(), grants(&mesh.harness)), ("Draining", 0));
    assert!((3..=5).contains(&lists), "{lists} lists in four times propagation");
    let told = told(&mesh.harness).await;
    let why = "It does not continue yet: it cannot be confirmed that nothing is behind: list Secrets";
    assert!(told.contains(why) && told.contains("InternalError"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_roots_that_fails_keeps_no_change_of_the_spec_from_being_in_force() {
    let mesh = RotationRun::of(&["a"], granting()).await;
    breaks(&mesh.harness, &format!("PATCH secrets mtls-system/{ROOT}"));
    mesh.ask("1");
    revoke(&mesh.harness);
    assert!(mesh.harness.reconcile_authority().await.is_err(), "it is tried again");
    assert_eq!((mesh.phase().as_str(), grants(&mesh.harness)), ("Stable", 0));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_written_holds_up_a_signer_that_it_does_not_name_and_nothing_else() {
    let harness = Harness::bare(ApiServer::default(), NOW);
    let spec: MtlsAuthoritySpec = serde_json::from_value(granting()).unwrap();
    harness.server.put(AUTHORITIES, &MtlsAuthority::new("mesh", spec));
    harness.context.authorities.lock().apply(authority(&harness));
    for _ in 0..5 {
        harness.server.next("PATCH status mesh", Fault::Broken);
    }
    let mut controller = controller(&harness);
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut controller).await.is_err());
    let service = harness.context.issuers.get("mesh").unwrap();
    assert!(matches!(service.signer, Err(Unready::Pending)), "it has signed nothing yet");
    run_a_minute(&mut controller).await;
    assert!(harness.context.issuers.get("mesh").unwrap().signer.is_ok());
    breaks(&harness, "PATCH status mesh");
    revoke(&harness);
    harness.context.authorities.lock().apply(authority(&harness));
    run_a_minute(&mut controller).await;
    assert_eq!(grants(&harness), 0);
}
