//! The calls of a publication, and its part in a rotation, with the test's clock: published bundles are waited for like
//! Secrets, and nothing is asked where all is as it should be.

use jiff::SignedDuration;
use mtls_operator::operator::authority::rotation::gate::{Confirmation, RotationGate};
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::index::time::Second;
use mtls_operator::operator::trust_bundle::cluster_trust_bundles::availability;
use mtls_operator::operator::trust_bundle::store::Availability;
use serde_json::{Value, json};
use test_support::in_memory::api_server::{ApiServer, Fault};
use test_support::in_memory::harness::{AUTHORITIES, CLUSTER_BUNDLES, CONFIG_MAPS, Harness, NAMESPACE, NOW};
use test_support::in_memory::rotation_run::RotationRun;

const NAME: &str = "mesh-trust-bundle";
const CLUSTER: &str = "mtls-operator.dev:mesh:bundle";

/// The authority whose rotation is swift, publishing into every namespace.
fn publishing() -> Value {
    let mut spec = RotationRun::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    spec
}

/// The same, publishing for the cluster.
fn for_the_cluster() -> Value {
    json!({ "trustBundle": { "clusterTrustBundle": true }, "rotation": { "propagation": "10m", "spreadOver": "0s" } })
}

async fn harness(spec: Value) -> Harness {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.with_authority(serde_json::from_value(spec).unwrap()).await
}

async fn published() -> Harness {
    let mut harness = harness(publishing()).await;
    assert_eq!(harness.distributed().await, [format!("POST configmaps {NAMESPACE}/{NAME}")]);
    harness
}

fn bundle(harness: &Harness) -> Value {
    harness.server.get(CONFIG_MAPS, NAMESPACE, NAME).unwrap()
}

fn roots(text: &Value) -> usize {
    text.as_str().unwrap().matches("BEGIN CERTIFICATE").count()
}

fn edit(harness: &Harness, change: impl FnOnce(&mut Value)) {
    harness.server.edit(CONFIG_MAPS, NAMESPACE, NAME, change);
}

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn what_is_published_costs_nothing_more_and_a_restart_one_read() {
    let mut harness = published().await;
    assert_eq!(harness.distributed().await, NOTHING);
    let mut restarted = harness.restarted().await;
    restarted.asked();
    let get = format!("GET configmaps {NAMESPACE}/{NAME}");
    assert_eq!(restarted.distributed().await, [&*get], "the watch shows no content");
    assert_eq!(restarted.distributed().await, NOTHING);
}

#[tokio::test]
async fn before_everything_is_listed_nothing_is_taken_for_missing() {
    let harness = published().await;
    let mut restarted = Harness::bare(harness.server.clone(), harness.hand.now());
    restarted.look_at_authority().await.unwrap();
    restarted.asked();
    restarted.distribute().await;
    assert_eq!(restarted.asked(), NOTHING);
}

/// What the API server says of the group of ClusterTrustBundles.
fn serve(harness: &Harness, kinds: &[&str]) {
    let kind = |name: &&str| json!({ "name": name, "singularName": "", "namespaced": false, "kind": name, "verbs": [] });
    let resources: Vec<Value> = kinds.iter().map(kind).collect();
    let list = json!({ "metadata": { "name": "v1" }, "groupVersion": "certificates.k8s.io/v1", "resources": resources });
    harness.server.put("certificates.k8s.io", &list);
}

#[tokio::test]
async fn whether_cluster_trust_bundles_can_be_had_is_asked_before_they_are_watched() {
    let harness = harness(json!({})).await;
    assert_eq!(
        availability(&harness.consumers.bundles).await,
        Availability::NotServed,
        "not even the version"
    );
    serve(&harness, &["certificatesigningrequests"]);
    assert_eq!(availability(&harness.consumers.bundles).await, Availability::NotServed, "not the kind");
    serve(&harness, &["certificatesigningrequests", CLUSTER_BUNDLES]);
    assert_eq!(availability(&harness.consumers.bundles).await, Availability::Open);
    harness.server.next(&format!("LIST {CLUSTER_BUNDLES}"), Fault::Broken);
    let denied = availability(&harness.consumers.bundles).await;
    assert!(matches!(&denied, Availability::Denied(why) if why.contains("InternalError")), "{denied:?}");
}

#[tokio::test]
async fn each_edit_by_hand_costs_what_undoes_it() {
    let mut harness = published().await;
    let before = bundle(&harness);
    let patch = format!("PATCH configmaps {NAMESPACE}/{NAME}");
    let post = format!("POST configmaps {NAMESPACE}/{NAME}");
    let get = format!("GET configmaps {NAMESPACE}/{NAME}");
    edit(&harness, |found| found["data"]["ca.crt"] = json!("nothing"));
    assert_eq!(harness.distributed().await, [&*get, &*patch]);
    edit(&harness, |found| found["metadata"]["annotations"]["mtls-operator.dev/trust"] = json!("00"));
    assert_eq!(harness.distributed().await, [&*get, &*patch]);
    edit(&harness, |found| found["metadata"]["labels"] = json!({}));
    assert_eq!(harness.distributed().await, [&*post, &*get, &*patch]);
    harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert_eq!(harness.distributed().await, [&*post]);
    for part in ["data", "immutable"] {
        assert_eq!(bundle(&harness)[part], before[part]);
    }
    for part in ["labels", "annotations"] {
        assert_eq!(bundle(&harness)["metadata"][part], before["metadata"][part]);
    }
    edit(&harness, |found| (found["immutable"], found["data"]["ca.crt"]) = (json!(true), json!("nothing")));
    let delete = format!("DELETE configmaps {NAMESPACE}/{NAME}");
    assert_eq!(harness.distributed().await, [&*get, &*delete, &*post]);
}

#[tokio::test]
async fn what_somebody_else_made_is_looked_at_now_and_then_and_never_written() {
    let mut harness = harness(publishing()).await;
    let theirs =
        json!({ "metadata": { "namespace": NAMESPACE, "name": NAME }, "data": { "ca.crt": "theirs" } });
    harness.server.put(CONFIG_MAPS, &theirs);
    let before = bundle(&harness);
    let (post, get) =
        (format!("POST configmaps {NAMESPACE}/{NAME}"), format!("GET configmaps {NAMESPACE}/{NAME}"));
    assert_eq!(harness.distributed().await, [&*post, &*get]);
    assert_eq!(harness.distributed().await, NOTHING);
    for _ in 0..3 {
        harness.advance(SignedDuration::from_mins(5));
        assert_eq!(harness.distributed().await, [&*get]);
    }
    assert_eq!(bundle(&harness), before);
    harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    harness.advance(SignedDuration::from_mins(5));
    let root = "GET metadata mtls-system/mtls-authority-mesh".to_owned();
    assert_eq!(harness.distributed().await, [&*get, &*root, &*post], "its view of the root is old");
}

#[tokio::test]
async fn what_nobody_asks_for_any_more_is_removed_and_only_what_is_ours() {
    let mut harness = published().await;
    let theirs = json!({
        "metadata": { "namespace": NAMESPACE, "name": "theirs", "labels": bundle(&harness)["metadata"]["labels"] },
        "data": { "ca.crt": "theirs" },
    });
    harness.server.put(CONFIG_MAPS, &theirs);
    harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    harness.look_at_authority().await.unwrap();
    harness.asked();
    assert_eq!(harness.distributed().await, [format!("DELETE configmaps {NAMESPACE}/{NAME}")]);
    assert_eq!(harness.server.all(CONFIG_MAPS).len(), 1);
}

#[tokio::test]
async fn nothing_is_asked_of_a_namespace_that_is_being_deleted_or_is_not_known_yet() {
    let mut harness = published().await;
    let is_terminating = |harness: &Harness, is_so| {
        let namespace = NamespaceEntry { is_terminating: is_so, ..NamespaceEntry::default() };
        harness.context.scheduler.change(|board| board.apply_namespace(NAMESPACE, namespace, 0));
    };
    is_terminating(&harness, true);
    let before = bundle(&harness);
    harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert_eq!(harness.distributed().await, NOTHING, "nothing can be put there");
    harness.server.put(CONFIG_MAPS, &before);
    harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    harness.look_at_authority().await.unwrap();
    harness.asked();
    assert_eq!(harness.distributed().await, NOTHING, "it goes with its namespace");
    harness.context.scheduler.change(|board| board.remove_namespace(NAMESPACE));
    assert_eq!(harness.distributed().await, NOTHING, "whether it is selected, nobody knows");
    is_terminating(&harness, false);
    assert_eq!(harness.distributed().await, [format!("DELETE configmaps {NAMESPACE}/{NAME}")]);
}

#[tokio::test]
async fn a_write_that_came_too_late_is_tried_on_what_there_is_now() {
    let mut harness = published().await;
    edit(&harness, |found| found["data"]["ca.crt"] = json!("nothing"));
    let (patch, get) =
        (format!("PATCH configmaps {NAMESPACE}/{NAME}"), format!("GET configmaps {NAMESPACE}/{NAME}"));
    harness.server.next(&patch, Fault::Overtaken);
    assert_eq!(harness.distributed().await, [&*get, &*patch, &*get, &*patch]);
    edit(&harness, |found| found["data"]["ca.crt"] = json!("nothing"));
    harness.server.next(&patch, Fault::Broken);
    assert_eq!(harness.distributed().await, [&*get, &*patch]);
    assert_eq!(harness.distributed().await, NOTHING, "it waits for its turn");
    harness.advance(SignedDuration::from_secs(1));
    assert_eq!(harness.distributed().await, [&*patch]);
}

#[tokio::test]
async fn a_replica_that_does_not_lead_writes_no_bundle() {
    let mut harness = harness(publishing()).await;
    harness.depose();
    harness.watch();
    for change in
        mtls_operator::operator::trust_bundle::targets::pending_changes(&harness.consumers.bundles).due
    {
        mtls_operator::operator::trust_bundle::apply::apply(&harness.consumers.bundles, &change).await;
    }
    assert_eq!(harness.asked(), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn clients_without_an_identity_verify_everybody_at_every_second_of_a_rotation() {
    let mut mesh = RotationRun::of(&["a", "b"], publishing()).await;
    assert_eq!(roots(&bundle(&mesh.harness)["data"]["ca.crt"]), 1);
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    assert_eq!(roots(&bundle(&mesh.harness)["data"]["ca.crt"]), 2);
    mesh.until("Draining", 60, 1).await;
    assert_eq!(roots(&bundle(&mesh.harness)["data"]["ca.crt"]), 2);
    mesh.until("Stable", 180, 1).await;
    mesh.tick(1).await;
    assert_eq!(roots(&bundle(&mesh.harness)["data"]["ca.crt"]), 1);
}

/// So many seconds pass in `Announced`.
async fn waits(mesh: &mut RotationRun, seconds: usize) {
    for _ in 0..seconds {
        mesh.tick(1).await;
        assert_eq!(mesh.phase(), "Announced");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_cannot_be_written_is_waited_for_unless_it_is_excluded_by_name() {
    let mut mesh = RotationRun::of(&["a"], publishing()).await;
    for _ in 0..1000 {
        mesh.harness.server.next(&format!("PATCH configmaps {NAMESPACE}/{NAME}"), Fault::Broken);
    }
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    waits(&mut mesh, 30).await;
    mesh.annotate("rotation-exclude", &format!("configmap/{NAMESPACE}/{NAME}"));
    mesh.until("Draining", 15, 1).await;
    mesh.annotate("rotation-exclude", "");
    mesh.until("Stable", 180, 1).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_root_out_of_a_bundle_starts_the_wait_anew() {
    let mut mesh = RotationRun::of(&["a"], publishing()).await;
    let before = bundle(&mesh.harness)["data"].clone();
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    waits(&mut mesh, 9).await;
    edit(&mesh.harness, |found| found["data"] = before);
    // It is undone before anybody looks at the rotation, and known all the same.
    mesh.harness.watch();
    mesh.harness.distribute().await;
    waits(&mut mesh, 10).await;
    mesh.until("Draining", 5, 1).await;
}

#[tokio::test(start_paused = true)]
async fn new_namespaces_do_not_hold_a_rotation_up_and_old_ones_that_are_selected_late_do() {
    let mut mesh = RotationRun::of(&["a"], publishing()).await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let add = |mesh: &RotationRun, name: &str, made: i64| {
        let now = mesh.harness.context.millis();
        mesh.harness.context.scheduler.change(|board| {
            let created = Second::new(made);
            board.apply_namespace(name, NamespaceEntry { created, ..NamespaceEntry::default() }, now);
        });
    };
    waits(&mut mesh, 8).await;
    add(&mesh, "new", mesh.harness.hand.now().as_second());
    mesh.until("Draining", 5, 1).await;
    mesh.until("Stable", 180, 1).await;
    mesh.reload();
    mesh.ask("2");
    mesh.until("Announced", 30, 1).await;
    waits(&mut mesh, 8).await;
    add(&mesh, "old", NOW.as_second());
    waits(&mut mesh, 9).await;
    mesh.until("Draining", 5, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_fresh_list_decides_where_the_watch_lags() {
    let mut mesh = RotationRun::of(&["a"], publishing()).await;
    let before = bundle(&mesh.harness)["data"].clone();
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let spec = mesh.harness.context.issuers.get("mesh").unwrap().spec.clone();
    let confirms = async |harness: &Harness| {
        let root = harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
        let secret = serde_json::from_value(root).unwrap();
        let loaded = mtls_operator::operator::authority::root::load::load(
            Some(&secret),
            &spec,
            "roots",
            harness.hand.now(),
        );
        let confirmation = RotationGate::now(&harness.consumers, &spec, &loaded).confirm().await;
        matches!(confirmation.unwrap(), Confirmation::Confirmed)
    };
    assert!(confirms(&mesh.harness).await);
    edit(&mesh.harness, |found| found["data"] = before);
    assert!(!confirms(&mesh.harness).await, "the ledger has not heard of it");
    mesh.harness.watch();
    mesh.harness.distribute().await;
    assert!(confirms(&mesh.harness).await);
    edit(&mesh.harness, |found| found["metadata"]["annotations"]["example.com/touched"] = json!("yes"));
    assert!(!confirms(&mesh.harness).await, "what it was in between is not told yet");
    mesh.harness.watch();
    assert!(!confirms(&mesh.harness).await, "and not read yet");
    mesh.harness.distribute().await;
    assert!(confirms(&mesh.harness).await);
    mesh.harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert!(!confirms(&mesh.harness).await, "what was there may still be in use");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_trust_bundle_is_waited_for_ten_minutes_and_removed_when_it_is_switched_off() {
    let mut mesh = RotationRun::of(&["a"], json!({})).await;
    mesh.harness.consumers.bundles.store.change(|ledger| ledger.set_availability(Availability::Open));
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"] = for_the_cluster());
    mesh.tick(1).await;
    let found = |mesh: &RotationRun| mesh.harness.server.get(CLUSTER_BUNDLES, "", CLUSTER);
    assert_eq!(found(&mesh).unwrap()["spec"]["signerName"], "mtls-operator.dev/mesh");
    let before = found(&mesh).unwrap()["spec"].clone();
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    assert_eq!(roots(&found(&mesh).unwrap()["spec"]["trustBundle"]), 2);
    waits(&mut mesh, 590).await;
    mesh.harness.server.edit(CLUSTER_BUNDLES, "", CLUSTER, |found| found["spec"] = before);
    waits(&mut mesh, 590).await;
    mesh.until("Draining", 30, 1).await;
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    mesh.tick(1).await;
    assert_eq!(found(&mesh), None);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_holds_nobody_up_and_one_that_cannot_be_seen_does() {
    for (access, ends) in
        [(Availability::NotServed, "Draining"), (Availability::Denied("no".into()), "Announced")]
    {
        let mut mesh = RotationRun::of(&["a"], json!({})).await;
        mesh.harness.consumers.bundles.store.change(|ledger| ledger.set_availability(access.clone()));
        mesh.harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"] = for_the_cluster());
        mesh.ask("1");
        mesh.until("Announced", 30, 1).await;
        for _ in 0..61 {
            mesh.tick(10).await;
        }
        assert_eq!(mesh.phase(), ends, "{access:?}");
        assert_eq!(mesh.harness.server.get(CLUSTER_BUNDLES, "", CLUSTER), None);
    }
}
