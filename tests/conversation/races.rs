//! News and answers that cross: what was deleted stays so, what people change is in force whatever else fails, and a list
//! that confirms nothing is not made all the time.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use mtls_operator::api::authority::MtlsAuthorityStatus;
use mtls_operator::api::decoded::Decoded;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::operator::authority::record::patch_status;
use mtls_operator::operator::authority::root::load::load;
use mtls_operator::operator::authority::rotating::rotating_message;
use mtls_operator::operator::authority::rotation::blockers::Blockers;
use mtls_operator::operator::authority::rotation::gate::{Confirmation, RotationGate};
use mtls_operator::operator::client::api_object::MetadataOf;
use mtls_operator::operator::client::watch::EventHandler as _;
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::informers::{AuthorityHandler, IdentityHandler, LeafSecretHandler};
use mtls_operator::operator::issuers::Unready;
use mtls_operator::operator::trust_bundle::apply::apply;
use mtls_operator::operator::trust_bundle::config_maps::ConfigMapMetadata;
use mtls_operator::operator::trust_bundle::informer::TrustBundleHandler;
use mtls_operator::operator::trust_bundle::store::{ListScope, PublishFailure};
use mtls_operator::operator::trust_bundle::targets::{Change, pending_changes, sites};
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::trust_bundle::decide::{Target, TargetState};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use test_support::in_memory::api_server::{ApiServer, Fault};
use test_support::in_memory::harness::{
    AUTHORITIES, CONFIG_MAPS, Harness, IDENTITIES, NAMESPACE, NOW, SECRETS,
};
use test_support::in_memory::rotation_run::RotationRun;

use super::metrics::{keep, keeper};

const BUNDLE: &str = "mesh-trust-bundle";
const ROOT: &str = "mtls-authority-mesh";

fn publishing() -> Value {
    let mut spec = RotationRun::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    spec
}

/// A mesh in this phase.
async fn mesh_in(phase: &str, spec: Value) -> RotationRun {
    let mut mesh = RotationRun::of(&["a"], spec).await;
    mesh.ask("1");
    for next in ["Announced", "Draining"] {
        mesh.until(next, 60, 1).await;
        if next == phase {
            break;
        }
    }
    mesh
}

/// The metadata of a Secret, as this version.
fn metadata(harness: &Harness, name: &str, version: Option<&str>) -> PartialObjectMeta<Secret> {
    let mut metadata = harness.secret(name).unwrap()["metadata"].clone();
    if let Some(version) = version {
        metadata["resourceVersion"] = json!(version);
    }
    serde_json::from_value(json!({ "metadata": metadata })).unwrap()
}

#[tokio::test(start_paused = true)]
async fn answers_to_writes_that_come_after_the_deletion_bring_nothing_back() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let board = &harness.context.scheduler;
    board.change(|board| board.delete_secret(&metadata(&harness, "web-mtls", Some("1000")), 0));
    harness.server.delete(SECRETS, NAMESPACE, "web-mtls");
    harness.work().await;
    assert!(harness.secret("web-mtls").is_some(), "it is made anew");
    assert_eq!(
        board.lock().secret_version(NAMESPACE, "web-mtls"),
        None,
        "and deleted again, in version 1000"
    );
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_published_bundle_brings_none_back_and_what_was_asked_for_is_believed() {
    let (mesh, change) = change().await;
    let ledger = &mesh.harness.consumers.bundles.store;
    ledger.change(|ledger| ledger.delete(&change.target, "1000", 0));
    apply(&mesh.harness.consumers.bundles, &change).await;
    assert!(mesh.harness.server.get(CONFIG_MAPS, NAMESPACE, BUNDLE).is_some());
    assert_eq!(ledger.lock().found(&change.target), TargetState::Nothing);
    // A restored backup counts its versions from an earlier one.
    apply(&mesh.harness.consumers.bundles, &change).await;
    assert!(matches!(ledger.lock().found(&change.target), TargetState::Ours(_)));
}

fn authority(harness: &Harness) -> MtlsAuthority {
    serde_json::from_value(harness.server.get(AUTHORITIES, "", "mesh").unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_its_keeper_does_not_find_is_gone() {
    let harness = Harness::set().await;
    let mut keeper = keeper(&harness);
    keep(&mut keeper).await;
    let mut edited = authority(&harness);
    edited.metadata.generation = Some(7);
    harness.server.delete(AUTHORITIES, "", "mesh");
    harness.context.authorities.lock().apply(edited);
    keep(&mut keeper).await;
    assert!(
        harness.context.authorities.lock().get("mesh").is_none()
            && harness.context.issuers.get("mesh").is_none()
    );
    let name = digest("mesh");
    assert!(harness.context.scheduler.lock().policy().authority(name).is_none());
}

/// An object of the API server in version 1000, as a watch tells of its deletion.
fn last<K: DeserializeOwned>(harness: &Harness, (kind, namespace, name): (&str, &str, &str)) -> K {
    let mut object = harness.server.get(kind, namespace, name).unwrap();
    object["metadata"]["resourceVersion"] = json!("1000");
    serde_json::from_value(object).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_the_watches_tell_of_deletions_holds_against_late_answers() {
    let harness = RotationRun::of(&["a"], publishing()).await.harness;
    let (context, board) = (&harness.context, &harness.context.scheduler);
    LeafSecretHandler::new(context.clone(), None)
        .delete(MetadataOf::new((&metadata(&harness, "a-mtls", Some("1000"))).into()));
    board.change(|board| board.apply_secret_answer(&metadata(&harness, "a-mtls", Some("999")), 0));
    assert_eq!(board.lock().secret_version(NAMESPACE, "a-mtls"), None);
    IdentityHandler::new(context.clone(), harness.consumers.probes.clone(), None)
        .delete(last(&harness, (IDENTITIES, NAMESPACE, "a")));
    let mut late = harness.identity("a");
    late.metadata.resource_version = Some("999".into());
    board.change(|board| board.apply_identity_answer(&late, 0));
    assert_eq!(board.lock().identity_version(NAMESPACE, "a"), None);
    let known = authority(&harness);
    AuthorityHandler::new(context.clone()).delete(last(&harness, (AUTHORITIES, "", "mesh")));
    let status = MtlsAuthorityStatus { observed_generation: Some(7), ..MtlsAuthorityStatus::default() };
    patch_status(context, &known, status.clone()).await.unwrap();
    assert!(context.authorities.lock().get("mesh").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_bundle_counts_as_it_was_when_it_was_deleted() {
    let harness = RotationRun::of(&["a"], publishing()).await.harness;
    let place = the_place(&harness);
    let seen = harness.consumers.bundles.store.lock().seen(&place).cloned().unwrap();
    harness.consumers.bundles.store.change(|ledger| ledger.take_drifted(std::slice::from_ref(&place)));
    let changed: ConfigMapMetadata = last(&harness, (CONFIG_MAPS, NAMESPACE, BUNDLE));
    let mut handler = TrustBundleHandler::new(&harness.consumers.bundles, ListScope::ConfigMaps(None));
    handler.apply(changed.clone(), false);
    handler.delete(changed);
    harness.consumers.bundles.store.change(|ledger| {
        assert!(ledger.take_drifted(std::slice::from_ref(&place)));
        ledger.apply_response(&place, seen);
        assert_eq!(ledger.found(&place), TargetState::Nothing);
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
        memory.identities.values().next().unwrap().identity.metadata.resource_version.clone()
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
async fn an_authority_made_anew_during_a_look_has_its_signer_again() {
    let harness = Harness::set().await;
    let spec = harness.context.issuers.get("mesh").unwrap().spec.clone();
    harness.context.scheduler.change(|board| {
        board.remove_authority("mesh", 0);
        board.apply_authority(&spec, 0);
    });
    harness.look_at_authority().await.unwrap();
    let authority = digest("mesh");
    assert!(harness.context.scheduler.lock().policy().signer(authority).is_some());
}

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

/// How the rotation gets on, as the condition `Rotating` says it.
async fn told(harness: &Harness) -> String {
    let spec = AuthoritySpec::parse(&authority(harness)).unwrap();
    rotating_message(&harness.root_outcome().await.0, &spec)
}

fn grants(harness: &Harness) -> usize {
    harness.context.issuers.get("mesh").unwrap().spec.grants.len()
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_keeps_no_change_of_the_spec_from_being_in_force_and_is_seldom_made() {
    let mut mesh = mesh_in("Draining", granting()).await;
    breaks(&mesh.harness, "LIST secrets");
    for _ in 0..120 {
        mesh.tick(1).await;
    }
    assert_eq!((mesh.phase().as_str(), grants(&mesh.harness)), ("Draining", 1));
    revoke(&mesh.harness);
    let mut lists = 0;
    for _ in 0..40 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let _ = mesh.harness.look_at_authority().await;
        lists += mesh.harness.server.asked().iter().filter(|line| *line == "LIST secrets").count();
    }
    assert_eq!((mesh.phase().as_str(), grants(&mesh.harness)), ("Draining", 0));
    assert!((3..=5).contains(&lists), "{lists} lists in four times propagation");
    let told = told(&mesh.harness).await;
    let why = "It does not go on yet: it cannot be confirmed that nothing is behind: list Secrets";
    assert!(told.contains(why) && told.contains("InternalError"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_roots_that_fails_keeps_no_change_of_the_spec_from_being_in_force() {
    let mesh = RotationRun::of(&["a"], granting()).await;
    breaks(&mesh.harness, &format!("PATCH secrets mtls-system/{ROOT}"));
    mesh.ask("1");
    revoke(&mesh.harness);
    assert!(mesh.harness.look_at_authority().await.is_err(), "it is tried again");
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
    let mut keeper = keeper(&harness);
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut keeper).await.is_err());
    let service = harness.context.issuers.get("mesh").unwrap();
    assert!(matches!(service.signer, Err(Unready::Pending)), "it has signed nothing yet");
    keep(&mut keeper).await;
    assert!(harness.context.issuers.get("mesh").unwrap().signer.is_ok());
    breaks(&harness, "PATCH status mesh");
    revoke(&harness);
    harness.context.authorities.lock().apply(authority(&harness));
    keep(&mut keeper).await;
    assert_eq!(grants(&harness), 0);
}

/// What a fresh list shows of a rotation; `None` where it confirms that nothing is behind.
async fn confirm(harness: &Harness) -> Option<Blockers> {
    let root = harness.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    let secret = serde_json::from_value(root).unwrap();
    let spec = harness.context.issuers.get("mesh").unwrap().spec.clone();
    let loaded = load(Some(&secret), &spec, "roots", harness.hand.now());
    match RotationGate::now(&harness.consumers, &spec, &loaded).confirm().await.unwrap() {
        Confirmation::Confirmed => None,
        Confirmation::HeldUp(blockers) => Some(blockers),
    }
}

/// Secrets of these names that lack the announced root, all of them said to be of one identity.
fn claim(mesh: &RotationRun, names: &[String], identity: &str, uid: &Value) {
    for name in names {
        let mut made = mesh.harness.secret("a-mtls").unwrap();
        let meta = &mut made["metadata"];
        meta["name"] = json!(name);
        meta["uid"] = Value::Null;
        meta["labels"]["mtls-operator.dev/identity"] = json!(identity);
        meta["annotations"]["mtls-operator.dev/identity-uid"] = uid.clone();
        meta["annotations"]["mtls-operator.dev/trust"] = json!("other");
        mesh.harness.server.put(SECRETS, &made);
        let seen = metadata(&mesh.harness, name, None);
        mesh.harness.context.scheduler.change(|board| board.apply_secret(&seen, false, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_asked_for_once_however_many_secrets_claim_to_be_its_own() {
    let mut mesh = mesh_in("Announced", RotationRun::swift()).await;
    let names: Vec<String> = (0..50).map(|number| format!("forged-{number}")).collect();
    claim(&mesh, &names, "forged", &json!("uid"));
    mesh.harness.asked();
    assert_eq!(confirm(&mesh.harness).await, None);
    let get = format!("GET mtlsidentities {NAMESPACE}/forged");
    assert_eq!(mesh.harness.asked(), ["LIST secrets", get.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_this_version_cannot_read_is_waited_for_by_its_name() {
    let mesh = mesh_in("Announced", RotationRun::swift()).await;
    mesh.harness.apply("new", &json!({}));
    let uid = mesh.harness.server.get(IDENTITIES, NAMESPACE, "new").unwrap()["metadata"]["uid"].clone();
    claim(&mesh, &["elsewhere".into()], "new", &uid);
    assert_eq!(confirm(&mesh.harness).await, None, "it wants another Secret");
    mesh.harness.server.next(&format!("GET mtlsidentities {NAMESPACE}/new"), Fault::AnswerCut);
    assert_eq!(confirm(&mesh.harness).await.unwrap().names, ["orders/new"]);
    mesh.harness.server.edit(IDENTITIES, NAMESPACE, "new", |new| new["spec"]["paused"] = json!("perhaps"));
    assert_eq!(confirm(&mesh.harness).await.unwrap().names, ["orders/new"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_the_list_was_made_is_told_to_its_end() {
    let mesh = mesh_in("Announced", publishing()).await;
    let mut other = mesh.harness.secret("a-mtls").unwrap();
    (other["metadata"]["name"], other["metadata"]["uid"]) = (json!("other"), Value::Null);
    mesh.harness.server.put(SECRETS, &other);
    let why = confirm(&mesh.harness).await.unwrap().unconfirmed.unwrap();
    assert!(why.contains("1 Secrets or trust bundles that no watch has told of yet"), "{why}");
    let deleted = metadata(&mesh.harness, "other", Some("1000"));
    mesh.harness.context.scheduler.change(|board| board.delete_secret(&deleted, 0));
    let place = the_place(&mesh.harness);
    mesh.harness.consumers.bundles.store.change(|ledger| ledger.delete(&place, "1000", 0));
    assert_eq!(confirm(&mesh.harness).await, None);
}

/// The place of the bundle in the namespace.
fn the_place(harness: &Harness) -> Target {
    let spec = harness.context.issuers.get("mesh").unwrap().spec.clone();
    sites(&harness.consumers.bundles, &spec).remove(0).target
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_was_read_without_the_announced_root_is_known_to_have_been_so() {
    let mesh = mesh_in("Announced", RotationRun::swift()).await;
    let board = &mesh.harness.context.scheduler;
    mesh.harness.server.edit(SECRETS, NAMESPACE, "a-mtls", |secret| secret["data"]["ca.crt"] = json!("eA=="));
    let seen = metadata(&mesh.harness, "a-mtls", None);
    board.change(|board| board.apply_secret(&seen, false, mesh.harness.context.millis()));
    board.change(|board| board.take_lagging("mesh", &[]));
    mesh.harness.work().await;
    assert_ne!(mesh.harness.secret("a-mtls").unwrap()["data"]["ca.crt"], "eA==", "it is put right");
    assert!(board.change(|board| board.take_lagging("mesh", &[])), "its annotations said nothing of it");
}

/// A harness whose bundle is to be published, and the change for it.
async fn change() -> (RotationRun, Change) {
    let mesh = RotationRun::of(&["a"], publishing()).await;
    mesh.harness.server.delete(CONFIG_MAPS, NAMESPACE, BUNDLE);
    mesh.harness.watch();
    let change = pending_changes(&mesh.harness.consumers.bundles).due.remove(0);
    mesh.harness.server.calls();
    (mesh, change)
}

#[tokio::test(start_paused = true)]
async fn an_errand_that_waited_brings_what_is_in_force_when_it_is_run() {
    let (mesh, change) = change().await;
    mesh.ask("1");
    mesh.harness.look_at_authority().await.unwrap();
    assert_eq!(mesh.phase(), "Announced");
    apply(&mesh.harness.consumers.bundles, &change).await;
    let text = mesh.harness.server.get(CONFIG_MAPS, NAMESPACE, BUNDLE).unwrap()["data"]["ca.crt"].clone();
    assert_eq!(text.as_str().unwrap().matches("BEGIN CERTIFICATE").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_errand_that_nothing_asks_for_any_more_is_not_run() {
    let (mut mesh, change) = change().await;
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    mesh.harness.look_at_authority().await.unwrap();
    mesh.harness.asked();
    apply(&mesh.harness.consumers.bundles, &change).await;
    assert_eq!(mesh.harness.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_an_old_view_of_the_root_publishes_no_bundle() {
    let (mut mesh, change) = change().await;
    mesh.harness.server.edit(SECRETS, "mtls-system", ROOT, |root| {
        root["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    });
    tokio::time::advance(Duration::from_secs(4)).await;
    apply(&mesh.harness.consumers.bundles, &change).await;
    assert_eq!(mesh.harness.asked(), [format!("GET metadata mtls-system/{ROOT}")]);
    let place = change.target.clone();
    assert!(matches!(
        mesh.harness.consumers.bundles.store.lock().failure(&place),
        Some(PublishFailure::Failed(_))
    ));
    mesh.harness.look_at_authority().await.unwrap();
    mesh.harness.advance(SignedDuration::from_secs(1));
    assert!(mesh.harness.distributed().await.contains(&format!("POST configmaps {NAMESPACE}/{BUNDLE}")));
}

#[tokio::test(start_paused = true)]
async fn of_places_that_no_bundle_is_wanted_at_nothing_is_remembered() {
    let mesh = RotationRun::of(&["a"], publishing()).await;
    let theirs = json!({ "data": { "ca.crt": "theirs" } });
    let mut made = mesh.harness.server.get(CONFIG_MAPS, NAMESPACE, BUNDLE).unwrap();
    made["data"] = theirs["data"].clone();
    for number in 0..20 {
        made["metadata"]["name"] = json!(format!("stray-{number}"));
        made["metadata"]["uid"] = Value::Null;
        mesh.harness.server.put(CONFIG_MAPS, &made);
    }
    mesh.harness.watch();
    mesh.harness.distribute().await;
    assert_eq!(mesh.harness.consumers.bundles.store.lock().noted(), 0);
}
