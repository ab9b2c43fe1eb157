//! Answers and watch events that arrive out of order: what was deleted does not come back, what a list shows is believed.

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use mtls_operator::api::authority::MtlsAuthorityStatus;
use mtls_operator::api::decoded::Decoded;
use mtls_operator::operator::authority::record::patch_status;
use mtls_operator::operator::client::api_object::MetadataOf;
use mtls_operator::operator::client::watch::EventHandler as _;
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::informers::{AuthorityHandler, IdentityHandler, LeafSecretHandler};
use mtls_operator::operator::trust_bundle::apply::apply;
use mtls_operator::operator::trust_bundle::config_maps::ConfigMapMetadata;
use mtls_operator::operator::trust_bundle::informer::TrustBundleHandler;
use mtls_operator::operator::trust_bundle::store::ListScope;
use mtls_operator::plan::trust_bundle::decide::TargetState;
use serde::de::DeserializeOwned;
use serde_json::json;
use test_support::in_memory::harness::{AUTHORITIES, CONFIG_MAPS, Harness, IDENTITIES, NAMESPACE, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

use crate::authority_controller::{authority, controller, run_a_minute};
use crate::publication::{NAME, bundle_target, change, publishing};

/// The metadata of a Secret, as this version.
pub fn metadata(harness: &Harness, name: &str, version: Option<&str>) -> PartialObjectMeta<Secret> {
    let mut metadata = harness.secret(name).unwrap()["metadata"].clone();
    if let Some(version) = version {
        metadata["resourceVersion"] = json!(version);
    }
    serde_json::from_value(json!({ "metadata": metadata })).unwrap()
}

/// An object of the API server in version 1000, as a watch event of its deletion shows it.
fn last<K: DeserializeOwned>(harness: &Harness, (kind, namespace, name): (&str, &str, &str)) -> K {
    let mut object = harness.server.get(kind, namespace, name).unwrap();
    object["metadata"]["resourceVersion"] = json!("1000");
    serde_json::from_value(object).unwrap()
}

#[tokio::test(start_paused = true)]
async fn answers_to_writes_that_come_after_the_deletion_bring_nothing_back() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let scheduler = &harness.context.scheduler;
    scheduler.change(|scheduler| scheduler.delete_secret(&metadata(&harness, "web-mtls", Some("1000")), 0));
    harness.server.delete(SECRETS, NAMESPACE, "web-mtls");
    harness.work().await;
    assert!(harness.secret("web-mtls").is_some(), "it is created again");
    assert_eq!(
        scheduler.lock().secret_version(NAMESPACE, "web-mtls"),
        None,
        "and deleted again, in version 1000"
    );
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_published_bundle_brings_none_back_and_what_was_asked_for_is_believed() {
    let (mesh, change) = change().await;
    let bundles = &mesh.harness.consumers.bundles.store;
    bundles.change(|bundles| bundles.delete(&change.target, "1000", 0));
    apply(&mesh.harness.consumers.bundles, &change).await;
    assert!(mesh.harness.server.get(CONFIG_MAPS, NAMESPACE, NAME).is_some());
    assert_eq!(bundles.lock().found(&change.target), TargetState::Nothing);
    // A restored backup counts its versions from an earlier one.
    apply(&mesh.harness.consumers.bundles, &change).await;
    assert!(matches!(bundles.lock().found(&change.target), TargetState::Ours(_)));
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_its_controller_does_not_find_is_forgotten() {
    let harness = Harness::set().await;
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    let mut edited = authority(&harness);
    edited.metadata.generation = Some(7);
    harness.server.delete(AUTHORITIES, "", "mesh");
    harness.context.authorities.lock().apply(edited);
    run_a_minute(&mut controller).await;
    assert!(
        harness.context.authorities.lock().get("mesh").is_none()
            && harness.context.issuers.get("mesh").is_none()
    );
    let name = digest("mesh");
    assert!(harness.context.scheduler.lock().policy().authority(name).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_the_watches_tell_of_deletions_holds_against_late_answers() {
    let harness = RotationRun::of(&["a"], publishing()).await.harness;
    let (context, scheduler) = (&harness.context, &harness.context.scheduler);
    LeafSecretHandler::new(context.clone(), None)
        .delete(MetadataOf::new((&metadata(&harness, "a-mtls", Some("1000"))).into()));
    scheduler
        .change(|scheduler| scheduler.apply_secret_answer(&metadata(&harness, "a-mtls", Some("999")), 0));
    assert_eq!(scheduler.lock().secret_version(NAMESPACE, "a-mtls"), None);
    IdentityHandler::new(context.clone(), harness.consumers.probes.clone(), None)
        .delete(last(&harness, (IDENTITIES, NAMESPACE, "a")));
    let mut late = harness.identity("a");
    late.metadata.resource_version = Some("999".into());
    scheduler.change(|scheduler| scheduler.apply_identity_answer(&late, 0));
    assert_eq!(scheduler.lock().identity_version(NAMESPACE, "a"), None);
    let known = authority(&harness);
    AuthorityHandler::new(context.clone()).delete(last(&harness, (AUTHORITIES, "", "mesh")));
    let status = MtlsAuthorityStatus { observed_generation: Some(7), ..MtlsAuthorityStatus::default() };
    patch_status(context, &known, status.clone()).await.unwrap();
    assert!(context.authorities.lock().get("mesh").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_bundle_counts_as_it_was_when_it_was_deleted() {
    let harness = RotationRun::of(&["a"], publishing()).await.harness;
    let target = bundle_target(&harness);
    let seen = harness.consumers.bundles.store.lock().seen(&target).cloned().unwrap();
    harness.consumers.bundles.store.change(|bundles| bundles.take_drifted(std::slice::from_ref(&target)));
    let changed: ConfigMapMetadata = last(&harness, (CONFIG_MAPS, NAMESPACE, NAME));
    let mut handler = TrustBundleHandler::new(&harness.consumers.bundles, ListScope::ConfigMaps(None));
    handler.apply(changed.clone(), false);
    handler.delete(changed);
    harness.consumers.bundles.store.change(|bundles| {
        assert!(bundles.take_drifted(std::slice::from_ref(&target)));
        bundles.apply_response(&target, seen);
        assert_eq!(bundles.found(&target), TargetState::Nothing);
    });
}

#[tokio::test(start_paused = true)]
async fn a_list_of_identities_is_believed_for_probes_whatever_its_version() {
    let harness = Harness::set().await;
    let probes = json!([{ "name": "tls", "serviceName": "web", "targetPort": 8443 }]);
    harness.apply("web", &json!({ "probes": probes }));
    let mut identities =
        IdentityHandler::new(harness.context.clone(), harness.consumers.probes.clone(), None);
    let restored = harness.identity("web");
    identities.apply(last(&harness, (IDENTITIES, NAMESPACE, "web")), false);
    let known = || {
        let memory = harness.consumers.probes.lock();
        Some(memory.identities.values().next().unwrap().object.version.to_string())
    };
    assert_eq!(known().as_deref(), Some("1000"));
    identities.apply(Decoded(restored.clone()), true);
    assert_eq!(known(), restored.metadata.resource_version);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_a_list_does_not_name_is_not_probed_any_more() {
    let harness = Harness::set().await;
    let probes = json!([{ "name": "tls", "serviceName": "web", "targetPort": 8443 }]);
    harness.apply("web", &json!({ "probes": probes }));
    harness.apply("api", &json!({ "probes": probes }));
    let mut identities = IdentityHandler::new(
        harness.context.clone(),
        harness.consumers.probes.clone(),
        Some(NAMESPACE.into()),
    );
    for name in ["web", "api"] {
        identities.apply(last(&harness, (IDENTITIES, NAMESPACE, name)), false);
    }
    let mut elsewhere = IdentityHandler::new(
        harness.context.clone(),
        harness.consumers.probes.clone(),
        Some("elsewhere".into()),
    );
    elsewhere.init();
    elsewhere.init_done();
    let known = || {
        harness.consumers.probes.lock().names(None).into_iter().map(|found| found.name).collect::<Vec<_>>()
    };
    assert_eq!(known(), ["api", "web"], "the list of another namespace says nothing about them");
    identities.init();
    identities.apply(last(&harness, (IDENTITIES, NAMESPACE, "api")), true);
    identities.init_done();
    assert_eq!(known(), ["api"]);
}

#[tokio::test(start_paused = true)]
async fn an_authority_created_again_during_a_reconcile_has_its_signer_again() {
    let harness = Harness::set().await;
    let spec = harness.context.issuers.get("mesh").unwrap().spec.clone();
    harness.context.scheduler.change(|scheduler| {
        scheduler.remove_authority("mesh", 0);
        scheduler.apply_authority(&spec, 0);
    });
    harness.reconcile_authority().await.unwrap();
    let authority = digest("mesh");
    assert!(harness.context.scheduler.lock().policy().signer(authority).is_some());
}
