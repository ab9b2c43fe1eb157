//! News and answers that cross: what was deleted stays so, what people change is in force whatever else fails, and a list
//! that confirms nothing is not made all the time.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::ConfigMap;
use mtls_operator::api::authority::MtlsAuthorityStatus;
use mtls_operator::api::decoded::Decoded;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::operator::authority::reconcile::pass;
use mtls_operator::operator::authority::root::load::load;
use mtls_operator::operator::authority::rotation::blockers::Blockers;
use mtls_operator::operator::authority::rotation::gate;
use mtls_operator::operator::authority::rotation::status::progress;
use mtls_operator::operator::authority::summary::patch_status;
use mtls_operator::operator::client::watch::EventHandler as _;
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::informers::{AuthorityHandler, IdentityHandler, LeafSecretHandler};
use mtls_operator::operator::issuers::Unready;
use mtls_operator::operator::trust_bundle::apply::deliver;
use mtls_operator::operator::trust_bundle::informer::TrustBundleHandler;
use mtls_operator::operator::trust_bundle::store::{ListScope, PublishFailure};
use mtls_operator::operator::trust_bundle::targets::{Change, agenda, spots};
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::trust_bundle::decide::{Target, TargetState};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::figures::{keep, keeper};
use super::mesh::Mesh;
use super::server::{ApiServer, Mishap};
use super::stage::{AUTHORITIES, CONFIG_MAPS, IDENTITIES, NAMESPACE, NOW, SECRETS, Stage};

const BUNDLE: &str = "mesh-trust-bundle";
const ROOT: &str = "mtls-authority-mesh";

fn publishing() -> Value {
    let mut spec = Mesh::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    spec
}

/// A mesh in this phase.
async fn mesh_in(phase: &str, spec: Value) -> Mesh {
    let mut mesh = Mesh::of(&["a"], spec).await;
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
fn metadata<K: DeserializeOwned>(stage: &Stage, name: &str, version: Option<&str>) -> K {
    let mut metadata = stage.secret(name).unwrap()["metadata"].clone();
    if let Some(version) = version {
        metadata["resourceVersion"] = json!(version);
    }
    serde_json::from_value(json!({ "metadata": metadata })).unwrap()
}

#[tokio::test(start_paused = true)]
async fn answers_to_writes_that_come_after_the_deletion_bring_nothing_back() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    let board = &stage.context.board;
    board.change(|board| board.delete_secret(&metadata(&stage, "web-mtls", Some("1000")), 0));
    stage.server.delete(SECRETS, NAMESPACE, "web-mtls");
    stage.work().await;
    assert!(stage.secret("web-mtls").is_some(), "it is made anew");
    assert_eq!(
        board.lock().secret_version(NAMESPACE, "web-mtls"),
        None,
        "and deleted again, in version 1000"
    );
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_published_bundle_brings_none_back_and_what_was_asked_for_is_believed() {
    let (mesh, errand) = errand().await;
    let ledger = &mesh.stage.context.bundles;
    ledger.change(|ledger| ledger.deleted(&errand.place, "1000", 0));
    deliver(&mesh.stage.context, &errand).await;
    assert!(mesh.stage.server.get(CONFIG_MAPS, NAMESPACE, BUNDLE).is_some());
    assert_eq!(ledger.lock().found(&errand.place), TargetState::Nothing);
    // A restored backup counts its versions from an earlier one.
    deliver(&mesh.stage.context, &errand).await;
    assert!(matches!(ledger.lock().found(&errand.place), TargetState::Ours(_)));
}

fn authority(stage: &Stage) -> MtlsAuthority {
    serde_json::from_value(stage.server.get(AUTHORITIES, "", "mesh").unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_its_keeper_does_not_find_is_gone() {
    let stage = Stage::set().await;
    let mut keeper = keeper(&stage);
    keep(&mut keeper).await;
    let mut edited = authority(&stage);
    edited.metadata.generation = Some(7);
    stage.server.delete(AUTHORITIES, "", "mesh");
    stage.context.roster.lock().apply(edited);
    keep(&mut keeper).await;
    assert!(
        stage.context.roster.lock().get("mesh").is_none() && stage.context.authorities.get("mesh").is_none()
    );
    let name = digest("mesh");
    assert!(stage.context.board.lock().policy().authority(name).is_none());
}

/// An object of the API server in version 1000, as a watch tells of its deletion.
fn last<K: DeserializeOwned>(stage: &Stage, (kind, namespace, name): (&str, &str, &str)) -> K {
    let mut object = stage.server.get(kind, namespace, name).unwrap();
    object["metadata"]["resourceVersion"] = json!("1000");
    serde_json::from_value(object).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_the_watches_tell_of_deletions_holds_against_late_answers() {
    let stage = Mesh::of(&["a"], publishing()).await.stage;
    let (context, board) = (&stage.context, &stage.context.board);
    LeafSecretHandler::new(context.clone(), None).delete(metadata(&stage, "a-mtls", Some("1000")));
    board.change(|board| board.apply_secret_answer(&metadata(&stage, "a-mtls", Some("999")), 0));
    assert_eq!(board.lock().secret_version(NAMESPACE, "a-mtls"), None);
    IdentityHandler::new(context.clone(), None).delete(last(&stage, (IDENTITIES, NAMESPACE, "a")));
    let mut late = stage.identity("a");
    late.metadata.resource_version = Some("999".into());
    board.change(|board| board.apply_identity_answer(&late, 0));
    assert_eq!(board.lock().identity_version(NAMESPACE, "a"), None);
    let known = authority(&stage);
    AuthorityHandler::new(context.clone()).delete(last(&stage, (AUTHORITIES, "", "mesh")));
    let status = MtlsAuthorityStatus { observed_generation: Some(7), ..MtlsAuthorityStatus::default() };
    patch_status(context, &known, status.clone()).await.unwrap();
    assert!(context.roster.lock().get("mesh").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_bundle_counts_as_it_was_when_it_was_deleted() {
    let stage = Mesh::of(&["a"], publishing()).await.stage;
    let place = the_place(&stage);
    let seen = stage.context.bundles.lock().seen(&place).cloned().unwrap();
    stage.context.bundles.change(|ledger| ledger.take_strayed(std::slice::from_ref(&place)));
    let mut deleted: ConfigMap = last(&stage, (CONFIG_MAPS, NAMESPACE, BUNDLE));
    deleted.data.as_mut().unwrap().insert("ca.crt".into(), "theirs".into());
    TrustBundleHandler::new(&stage.context, ListScope::ConfigMaps(None)).delete(deleted);
    stage.context.bundles.change(|ledger| {
        assert!(ledger.take_strayed(std::slice::from_ref(&place)));
        ledger.answered(&place, seen);
        assert_eq!(ledger.found(&place), TargetState::Nothing);
    });
}

#[tokio::test(start_paused = true)]
async fn a_list_of_identities_is_believed_for_probes_whatever_its_version() {
    let stage = Stage::set().await;
    let probes = json!([{ "name": "tls", "serviceName": "web", "targetPort": 8443 }]);
    stage.apply("web", &json!({ "probes": probes }));
    let mut identities = IdentityHandler::new(stage.context.clone(), None);
    let restored = stage.identity("web");
    identities.apply(last(&stage, (IDENTITIES, NAMESPACE, "web")), false);
    let known = || {
        let memory = stage.context.probes.lock();
        memory.wards.values().next().unwrap().identity.metadata.resource_version.clone()
    };
    assert_eq!(known().as_deref(), Some("1000"));
    identities.apply(Decoded(restored.clone()), true);
    assert_eq!(known(), restored.metadata.resource_version);
}

#[tokio::test(start_paused = true)]
async fn an_authority_made_anew_during_a_look_has_its_signer_again() {
    let stage = Stage::set().await;
    let terms = stage.context.authorities.get("mesh").unwrap().terms.clone();
    stage.context.board.change(|board| {
        board.remove_authority("mesh", 0);
        board.apply_authority(&terms, 0);
    });
    stage.look_at_authority().await.unwrap();
    let authority = digest("mesh");
    assert!(stage.context.board.lock().policy().signer(authority).is_some());
}

fn granting() -> Value {
    let mut spec = Mesh::swift();
    spec["grants"] =
        json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["api.example.com"] }]);
    spec
}

fn revoke(stage: &Stage) {
    stage.server.edit(AUTHORITIES, "", "mesh", |authority| authority["spec"]["grants"] = json!([]));
}

/// From now on these calls fail.
fn breaks(stage: &Stage, line: &str) {
    for _ in 0..1000 {
        stage.server.next(line, Mishap::Broken);
    }
}

/// How the rotation gets on, as the condition `Rotating` says it.
async fn told(stage: &Stage) -> String {
    let authority = authority(stage);
    let terms = AuthoritySpec::parse(&authority).unwrap();
    progress(&pass(&stage.context, &authority, &terms).await.unwrap(), &terms)
}

fn grants(stage: &Stage) -> usize {
    stage.context.authorities.get("mesh").unwrap().terms.grants.len()
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_keeps_no_change_of_the_spec_from_being_in_force_and_is_seldom_made() {
    let mut mesh = mesh_in("Draining", granting()).await;
    breaks(&mesh.stage, "LIST secrets");
    for _ in 0..120 {
        mesh.tick(1).await;
    }
    assert_eq!((mesh.phase().as_str(), grants(&mesh.stage)), ("Draining", 1));
    revoke(&mesh.stage);
    let mut lists = 0;
    for _ in 0..40 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let _ = mesh.stage.look_at_authority().await;
        lists += mesh.stage.server.asked().iter().filter(|line| *line == "LIST secrets").count();
    }
    assert_eq!((mesh.phase().as_str(), grants(&mesh.stage)), ("Draining", 0));
    assert!((3..=5).contains(&lists), "{lists} lists in four times propagation");
    let told = told(&mesh.stage).await;
    let why = "It does not go on yet: it cannot be confirmed that nothing is behind: list Secrets";
    assert!(told.contains(why) && told.contains("InternalError"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_roots_that_fails_keeps_no_change_of_the_spec_from_being_in_force() {
    let mesh = Mesh::of(&["a"], granting()).await;
    breaks(&mesh.stage, &format!("PATCH secrets mtls-system/{ROOT}"));
    mesh.ask("1");
    revoke(&mesh.stage);
    assert!(mesh.stage.look_at_authority().await.is_err(), "it is tried again");
    assert_eq!((mesh.phase().as_str(), grants(&mesh.stage)), ("Stable", 0));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_written_holds_up_a_signer_that_it_does_not_name_and_nothing_else() {
    let stage = Stage::bare(ApiServer::default(), NOW);
    let spec: MtlsAuthoritySpec = serde_json::from_value(granting()).unwrap();
    stage.server.put(AUTHORITIES, &MtlsAuthority::new("mesh", spec));
    stage.context.roster.lock().apply(authority(&stage));
    for _ in 0..5 {
        stage.server.next("PATCH status mesh", Mishap::Broken);
    }
    let mut keeper = keeper(&stage);
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut keeper).await.is_err());
    let service = stage.context.authorities.get("mesh").unwrap();
    assert!(matches!(service.signer, Err(Unready::Pending)), "it has signed nothing yet");
    keep(&mut keeper).await;
    assert!(stage.context.authorities.get("mesh").unwrap().signer.is_ok());
    breaks(&stage, "PATCH status mesh");
    revoke(&stage);
    stage.context.roster.lock().apply(authority(&stage));
    keep(&mut keeper).await;
    assert_eq!(grants(&stage), 0);
}

/// What a fresh list shows of a rotation; `None` where it confirms that nothing is behind.
async fn confirm(stage: &Stage) -> Option<Blockers> {
    let root = stage.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    let secret = serde_json::from_value(root).unwrap();
    let terms = stage.context.authorities.get("mesh").unwrap().terms.clone();
    let loaded = load(Some(&secret), &terms, "roots", stage.hand.now());
    gate::confirm(&stage.context, &terms, &loaded).await.unwrap().err()
}

/// Secrets of these names that lack the announced root, all of them said to be of one identity.
fn claim(mesh: &Mesh, names: &[String], identity: &str, uid: &Value) {
    for name in names {
        let mut made = mesh.stage.secret("a-mtls").unwrap();
        let meta = &mut made["metadata"];
        meta["name"] = json!(name);
        meta["uid"] = Value::Null;
        meta["labels"]["mtls-operator.dev/identity"] = json!(identity);
        meta["annotations"]["mtls-operator.dev/identity-uid"] = uid.clone();
        meta["annotations"]["mtls-operator.dev/trust"] = json!("other");
        mesh.stage.server.put(SECRETS, &made);
        let seen = metadata(&mesh.stage, name, None);
        mesh.stage.context.board.change(|board| board.apply_secret(&seen, false, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_asked_for_once_however_many_secrets_claim_to_be_its_own() {
    let mut mesh = mesh_in("Announced", Mesh::swift()).await;
    let names: Vec<String> = (0..50).map(|number| format!("forged-{number}")).collect();
    claim(&mesh, &names, "forged", &json!("uid"));
    mesh.stage.asked();
    assert_eq!(confirm(&mesh.stage).await, None);
    let get = format!("GET mtlsidentities {NAMESPACE}/forged");
    assert_eq!(mesh.stage.asked(), ["LIST secrets", get.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_this_version_cannot_read_is_waited_for_by_its_name() {
    let mesh = mesh_in("Announced", Mesh::swift()).await;
    mesh.stage.apply("new", &json!({}));
    let uid = mesh.stage.server.get(IDENTITIES, NAMESPACE, "new").unwrap()["metadata"]["uid"].clone();
    claim(&mesh, &["elsewhere".into()], "new", &uid);
    assert_eq!(confirm(&mesh.stage).await, None, "it wants another Secret");
    mesh.stage.server.next(&format!("GET mtlsidentities {NAMESPACE}/new"), Mishap::AnswerCut);
    assert_eq!(confirm(&mesh.stage).await.unwrap().names, ["orders/new"]);
    mesh.stage.server.edit(IDENTITIES, NAMESPACE, "new", |new| new["spec"]["paused"] = json!("perhaps"));
    assert_eq!(confirm(&mesh.stage).await.unwrap().names, ["orders/new"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_the_list_was_made_is_told_to_its_end() {
    let mesh = mesh_in("Announced", publishing()).await;
    let mut other = mesh.stage.secret("a-mtls").unwrap();
    (other["metadata"]["name"], other["metadata"]["uid"]) = (json!("other"), Value::Null);
    mesh.stage.server.put(SECRETS, &other);
    let why = confirm(&mesh.stage).await.unwrap().unconfirmed.unwrap();
    assert!(why.contains("1 Secrets or trust bundles that no watch has told of yet"), "{why}");
    let deleted = metadata(&mesh.stage, "other", Some("1000"));
    mesh.stage.context.board.change(|board| board.delete_secret(&deleted, 0));
    let place = the_place(&mesh.stage);
    mesh.stage.context.bundles.change(|ledger| ledger.deleted(&place, "1000", 0));
    assert_eq!(confirm(&mesh.stage).await, None);
}

/// The place of the bundle in the namespace.
fn the_place(stage: &Stage) -> Target {
    let terms = stage.context.authorities.get("mesh").unwrap().terms.clone();
    spots(&stage.context, &terms).remove(0).place
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_was_read_without_the_announced_root_is_known_to_have_been_so() {
    let mesh = mesh_in("Announced", Mesh::swift()).await;
    let board = &mesh.stage.context.board;
    mesh.stage.server.edit(SECRETS, NAMESPACE, "a-mtls", |secret| secret["data"]["ca.crt"] = json!("eA=="));
    let seen = metadata(&mesh.stage, "a-mtls", None);
    board.change(|board| board.apply_secret(&seen, false, mesh.stage.context.millis()));
    board.change(|board| board.take_lagging("mesh", &[]));
    mesh.stage.work().await;
    assert_ne!(mesh.stage.secret("a-mtls").unwrap()["data"]["ca.crt"], "eA==", "it is put right");
    assert!(board.change(|board| board.take_lagging("mesh", &[])), "its annotations said nothing of it");
}

/// A stage whose bundle is to be published, and the errand for it.
async fn errand() -> (Mesh, Change) {
    let mesh = Mesh::of(&["a"], publishing()).await;
    mesh.stage.server.delete(CONFIG_MAPS, NAMESPACE, BUNDLE);
    mesh.stage.watch();
    let errand = agenda(&mesh.stage.context).errands.remove(0);
    mesh.stage.server.calls();
    (mesh, errand)
}

#[tokio::test(start_paused = true)]
async fn an_errand_that_waited_brings_what_is_in_force_when_it_is_run() {
    let (mesh, errand) = errand().await;
    mesh.ask("1");
    mesh.stage.look_at_authority().await.unwrap();
    assert_eq!(mesh.phase(), "Announced");
    deliver(&mesh.stage.context, &errand).await;
    let text = mesh.stage.server.get(CONFIG_MAPS, NAMESPACE, BUNDLE).unwrap()["data"]["ca.crt"].clone();
    assert_eq!(text.as_str().unwrap().matches("BEGIN CERTIFICATE").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_errand_that_nothing_asks_for_any_more_is_not_run() {
    let (mut mesh, errand) = errand().await;
    mesh.stage.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    mesh.stage.look_at_authority().await.unwrap();
    mesh.stage.asked();
    deliver(&mesh.stage.context, &errand).await;
    assert_eq!(mesh.stage.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_an_old_view_of_the_root_publishes_no_bundle() {
    let (mut mesh, errand) = errand().await;
    mesh.stage.server.edit(SECRETS, "mtls-system", ROOT, |root| {
        root["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    });
    tokio::time::advance(Duration::from_secs(4)).await;
    deliver(&mesh.stage.context, &errand).await;
    assert_eq!(mesh.stage.asked(), [format!("GET metadata mtls-system/{ROOT}")]);
    let place = errand.place.clone();
    assert!(matches!(mesh.stage.context.bundles.lock().trouble(&place), Some(PublishFailure::Failed(_))));
    mesh.stage.look_at_authority().await.unwrap();
    mesh.stage.advance(SignedDuration::from_secs(1));
    assert!(mesh.stage.distributed().await.contains(&format!("POST configmaps {NAMESPACE}/{BUNDLE}")));
}

#[tokio::test(start_paused = true)]
async fn of_places_that_no_bundle_is_wanted_at_nothing_is_remembered() {
    let mesh = Mesh::of(&["a"], publishing()).await;
    let theirs = json!({ "data": { "ca.crt": "theirs" } });
    let mut made = mesh.stage.server.get(CONFIG_MAPS, NAMESPACE, BUNDLE).unwrap();
    made["data"] = theirs["data"].clone();
    for number in 0..20 {
        made["metadata"]["name"] = json!(format!("stray-{number}"));
        made["metadata"]["uid"] = Value::Null;
        mesh.stage.server.put(CONFIG_MAPS, &made);
    }
    mesh.stage.watch();
    mesh.stage.distribute().await;
    assert_eq!(mesh.stage.context.bundles.lock().noted(), 0);
}
