//! The calls of a publication, and its part in a rotation, with the test's clock: published bundles are waited for like
//! Secrets, and nothing is asked where all is as it should be.

use jiff::SignedDuration;
use mtls_operator::operator::authority::rotation::gate;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::index::time::Second;
use mtls_operator::operator::trust_bundle::cluster_trust_bundles::access;
use mtls_operator::operator::trust_bundle::store::Availability;
use serde_json::{Value, json};

use super::mesh::Mesh;
use super::server::{ApiServer, Mishap};
use super::stage::{AUTHORITIES, CLUSTER_BUNDLES, CONFIG_MAPS, NAMESPACE, NOW, Stage};

const NAME: &str = "mesh-trust-bundle";
const CLUSTER: &str = "mtls-operator.dev:mesh:bundle";

/// The authority whose rotation is swift, publishing into every namespace.
fn publishing() -> Value {
    let mut spec = Mesh::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    spec
}

/// The same, publishing for the cluster.
fn for_the_cluster() -> Value {
    json!({ "trustBundle": { "clusterTrustBundle": true }, "rotation": { "propagation": "10m", "spreadOver": "0s" } })
}

async fn stage(spec: Value) -> Stage {
    let stage = Stage::bare(ApiServer::default(), NOW);
    stage.with_authority(serde_json::from_value(spec).unwrap()).await
}

async fn published() -> Stage {
    let mut stage = stage(publishing()).await;
    assert_eq!(stage.distributed().await, [format!("POST configmaps {NAMESPACE}/{NAME}")]);
    stage
}

fn bundle(stage: &Stage) -> Value {
    stage.server.get(CONFIG_MAPS, NAMESPACE, NAME).unwrap()
}

fn roots(text: &Value) -> usize {
    text.as_str().unwrap().matches("BEGIN CERTIFICATE").count()
}

fn edit(stage: &Stage, change: impl FnOnce(&mut Value)) {
    stage.server.edit(CONFIG_MAPS, NAMESPACE, NAME, change);
}

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn what_is_published_costs_nothing_more_nor_does_a_restart() {
    let mut stage = published().await;
    assert_eq!(stage.distributed().await, NOTHING);
    let mut restarted = stage.restarted().await;
    restarted.asked();
    assert_eq!(restarted.distributed().await, NOTHING);
}

#[tokio::test]
async fn before_everything_is_listed_nothing_is_taken_for_missing() {
    let stage = published().await;
    let mut restarted = Stage::bare(stage.server.clone(), stage.hand.now());
    restarted.look_at_authority().await.unwrap();
    restarted.asked();
    restarted.distribute().await;
    assert_eq!(restarted.asked(), NOTHING);
}

/// What the API server says of the group of ClusterTrustBundles.
fn serve(stage: &Stage, kinds: &[&str]) {
    let kind = |name: &&str| json!({ "name": name, "singularName": "", "namespaced": false, "kind": name, "verbs": [] });
    let resources: Vec<Value> = kinds.iter().map(kind).collect();
    let list = json!({ "metadata": { "name": "v1" }, "groupVersion": "certificates.k8s.io/v1", "resources": resources });
    stage.server.put("certificates.k8s.io", &list);
}

#[tokio::test]
async fn whether_cluster_trust_bundles_can_be_had_is_asked_before_they_are_watched() {
    let stage = stage(json!({})).await;
    assert_eq!(access(&stage.context).await, Availability::NotServed, "not even the version");
    serve(&stage, &["certificatesigningrequests"]);
    assert_eq!(access(&stage.context).await, Availability::NotServed, "not the kind");
    serve(&stage, &["certificatesigningrequests", CLUSTER_BUNDLES]);
    assert_eq!(access(&stage.context).await, Availability::Open);
    stage.server.next(&format!("LIST {CLUSTER_BUNDLES}"), Mishap::Broken);
    let denied = access(&stage.context).await;
    assert!(matches!(&denied, Availability::Denied(why) if why.contains("InternalError")), "{denied:?}");
}

#[tokio::test]
async fn each_edit_by_hand_costs_what_undoes_it() {
    let mut stage = published().await;
    let before = bundle(&stage);
    let patch = format!("PATCH configmaps {NAMESPACE}/{NAME}");
    let post = format!("POST configmaps {NAMESPACE}/{NAME}");
    let get = format!("GET configmaps {NAMESPACE}/{NAME}");
    edit(&stage, |found| found["data"]["ca.crt"] = json!("nothing"));
    assert_eq!(stage.distributed().await, [&*patch]);
    edit(&stage, |found| found["metadata"]["annotations"]["mtls-operator.dev/trust"] = json!("00"));
    assert_eq!(stage.distributed().await, [&*patch]);
    edit(&stage, |found| found["metadata"]["labels"] = json!({}));
    assert_eq!(stage.distributed().await, [&*post, &*get, &*patch]);
    stage.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert_eq!(stage.distributed().await, [&*post]);
    for part in ["data", "immutable"] {
        assert_eq!(bundle(&stage)[part], before[part]);
    }
    for part in ["labels", "annotations"] {
        assert_eq!(bundle(&stage)["metadata"][part], before["metadata"][part]);
    }
    edit(&stage, |found| (found["immutable"], found["data"]["ca.crt"]) = (json!(true), json!("nothing")));
    let delete = format!("DELETE configmaps {NAMESPACE}/{NAME}");
    assert_eq!(stage.distributed().await, [&*delete, &*post]);
}

#[tokio::test]
async fn what_somebody_else_made_is_looked_at_now_and_then_and_never_written() {
    let mut stage = stage(publishing()).await;
    let theirs =
        json!({ "metadata": { "namespace": NAMESPACE, "name": NAME }, "data": { "ca.crt": "theirs" } });
    stage.server.put(CONFIG_MAPS, &theirs);
    let before = bundle(&stage);
    let (post, get) =
        (format!("POST configmaps {NAMESPACE}/{NAME}"), format!("GET configmaps {NAMESPACE}/{NAME}"));
    assert_eq!(stage.distributed().await, [&*post, &*get]);
    assert_eq!(stage.distributed().await, NOTHING);
    for _ in 0..3 {
        stage.advance(SignedDuration::from_mins(5));
        assert_eq!(stage.distributed().await, [&*get]);
    }
    assert_eq!(bundle(&stage), before);
    stage.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    stage.advance(SignedDuration::from_mins(5));
    let root = "GET metadata mtls-system/mtls-authority-mesh".to_owned();
    assert_eq!(stage.distributed().await, [&*get, &*root, &*post], "its view of the root is old");
}

#[tokio::test]
async fn what_nobody_asks_for_any_more_is_removed_and_only_what_is_ours() {
    let mut stage = published().await;
    let theirs = json!({
        "metadata": { "namespace": NAMESPACE, "name": "theirs", "labels": bundle(&stage)["metadata"]["labels"] },
        "data": { "ca.crt": "theirs" },
    });
    stage.server.put(CONFIG_MAPS, &theirs);
    stage.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    stage.look_at_authority().await.unwrap();
    stage.asked();
    assert_eq!(stage.distributed().await, [format!("DELETE configmaps {NAMESPACE}/{NAME}")]);
    assert_eq!(stage.server.all(CONFIG_MAPS).len(), 1);
}

#[tokio::test]
async fn nothing_is_asked_of_a_namespace_that_is_being_deleted_or_is_not_known_yet() {
    let mut stage = published().await;
    let is_terminating = |stage: &Stage, is_so| {
        let namespace = NamespaceEntry { is_terminating: is_so, ..NamespaceEntry::default() };
        stage.context.board.change(|board| board.apply_namespace(NAMESPACE, namespace, 0));
    };
    is_terminating(&stage, true);
    let before = bundle(&stage);
    stage.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert_eq!(stage.distributed().await, NOTHING, "nothing can be put there");
    stage.server.put(CONFIG_MAPS, &before);
    stage.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    stage.look_at_authority().await.unwrap();
    stage.asked();
    assert_eq!(stage.distributed().await, NOTHING, "it goes with its namespace");
    stage.context.board.change(|board| board.remove_namespace(NAMESPACE));
    assert_eq!(stage.distributed().await, NOTHING, "whether it is selected, nobody knows");
    is_terminating(&stage, false);
    assert_eq!(stage.distributed().await, [format!("DELETE configmaps {NAMESPACE}/{NAME}")]);
}

#[tokio::test]
async fn a_write_that_came_too_late_is_tried_on_what_there_is_now() {
    let mut stage = published().await;
    edit(&stage, |found| found["data"]["ca.crt"] = json!("nothing"));
    let (patch, get) =
        (format!("PATCH configmaps {NAMESPACE}/{NAME}"), format!("GET configmaps {NAMESPACE}/{NAME}"));
    stage.server.next(&patch, Mishap::Overtaken);
    assert_eq!(stage.distributed().await, [&*patch, &*get, &*patch]);
    edit(&stage, |found| found["data"]["ca.crt"] = json!("nothing"));
    stage.server.next(&patch, Mishap::Broken);
    assert_eq!(stage.distributed().await, [&*patch]);
    assert_eq!(stage.distributed().await, NOTHING, "it waits for its turn");
    stage.advance(SignedDuration::from_secs(1));
    assert_eq!(stage.distributed().await, [&*patch]);
}

#[tokio::test]
async fn a_replica_that_does_not_lead_writes_no_bundle() {
    let mut stage = stage(publishing()).await;
    stage.depose();
    stage.watch();
    for errand in mtls_operator::operator::trust_bundle::targets::agenda(&stage.context).errands {
        mtls_operator::operator::trust_bundle::apply::deliver(&stage.context, &errand).await;
    }
    assert_eq!(stage.asked(), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn clients_without_an_identity_verify_everybody_at_every_second_of_a_rotation() {
    let mut mesh = Mesh::of(&["a", "b"], publishing()).await;
    assert_eq!(roots(&bundle(&mesh.stage)["data"]["ca.crt"]), 1);
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    assert_eq!(roots(&bundle(&mesh.stage)["data"]["ca.crt"]), 2);
    mesh.until("Draining", 60, 1).await;
    assert_eq!(roots(&bundle(&mesh.stage)["data"]["ca.crt"]), 2);
    mesh.until("Stable", 180, 1).await;
    mesh.tick(1).await;
    assert_eq!(roots(&bundle(&mesh.stage)["data"]["ca.crt"]), 1);
}

/// So many seconds pass in `Announced`.
async fn waits(mesh: &mut Mesh, seconds: usize) {
    for _ in 0..seconds {
        mesh.tick(1).await;
        assert_eq!(mesh.phase(), "Announced");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_cannot_be_written_is_waited_for_unless_it_is_excluded_by_name() {
    let mut mesh = Mesh::of(&["a"], publishing()).await;
    for _ in 0..1000 {
        mesh.stage.server.next(&format!("PATCH configmaps {NAMESPACE}/{NAME}"), Mishap::Broken);
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
    let mut mesh = Mesh::of(&["a"], publishing()).await;
    let before = bundle(&mesh.stage)["data"].clone();
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    waits(&mut mesh, 9).await;
    edit(&mesh.stage, |found| found["data"] = before);
    // It is undone before anybody looks at the rotation, and known all the same.
    mesh.stage.watch();
    mesh.stage.distribute().await;
    waits(&mut mesh, 10).await;
    mesh.until("Draining", 5, 1).await;
}

#[tokio::test(start_paused = true)]
async fn new_namespaces_do_not_hold_a_rotation_up_and_old_ones_that_are_selected_late_do() {
    let mut mesh = Mesh::of(&["a"], publishing()).await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let add = |mesh: &Mesh, name: &str, made: i64| {
        let now = mesh.stage.context.millis();
        mesh.stage.context.board.change(|board| {
            let created = Second::new(made);
            board.apply_namespace(name, NamespaceEntry { created, ..NamespaceEntry::default() }, now);
        });
    };
    waits(&mut mesh, 8).await;
    add(&mesh, "new", mesh.stage.hand.now().as_second());
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
    let mut mesh = Mesh::of(&["a"], publishing()).await;
    let before = bundle(&mesh.stage)["data"].clone();
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let terms = mesh.stage.context.authorities.get("mesh").unwrap().terms.clone();
    let confirms = async |stage: &Stage| {
        let root = stage.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
        let secret = serde_json::from_value(root).unwrap();
        let loaded = mtls_operator::operator::authority::root::load::load(
            Some(&secret),
            &terms,
            "roots",
            stage.hand.now(),
        );
        gate::confirm(&stage.context, &terms, &loaded).await.unwrap().is_ok()
    };
    assert!(confirms(&mesh.stage).await);
    edit(&mesh.stage, |found| found["data"] = before);
    assert!(!confirms(&mesh.stage).await, "the ledger has not heard of it");
    mesh.stage.watch();
    mesh.stage.distribute().await;
    assert!(confirms(&mesh.stage).await);
    edit(&mesh.stage, |found| found["metadata"]["annotations"]["example.com/touched"] = json!("yes"));
    assert!(!confirms(&mesh.stage).await, "what it was in between is not told yet");
    mesh.stage.watch();
    assert!(confirms(&mesh.stage).await);
    mesh.stage.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert!(!confirms(&mesh.stage).await, "what was there may still be in use");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_trust_bundle_is_waited_for_ten_minutes_and_removed_when_it_is_switched_off() {
    let mut mesh = Mesh::of(&["a"], json!({})).await;
    mesh.stage.context.bundles.change(|ledger| ledger.set_access(Availability::Open));
    mesh.stage.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"] = for_the_cluster());
    mesh.tick(1).await;
    let found = |mesh: &Mesh| mesh.stage.server.get(CLUSTER_BUNDLES, "", CLUSTER);
    assert_eq!(found(&mesh).unwrap()["spec"]["signerName"], "mtls-operator.dev/mesh");
    let before = found(&mesh).unwrap()["spec"].clone();
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    assert_eq!(roots(&found(&mesh).unwrap()["spec"]["trustBundle"]), 2);
    waits(&mut mesh, 590).await;
    mesh.stage.server.edit(CLUSTER_BUNDLES, "", CLUSTER, |found| found["spec"] = before);
    waits(&mut mesh, 590).await;
    mesh.until("Draining", 30, 1).await;
    mesh.stage.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    mesh.tick(1).await;
    assert_eq!(found(&mesh), None);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_holds_nobody_up_and_one_that_cannot_be_seen_does() {
    for (access, ends) in
        [(Availability::NotServed, "Draining"), (Availability::Denied("no".into()), "Announced")]
    {
        let mut mesh = Mesh::of(&["a"], json!({})).await;
        mesh.stage.context.bundles.change(|ledger| ledger.set_access(access.clone()));
        mesh.stage.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"] = for_the_cluster());
        mesh.ask("1");
        mesh.until("Announced", 30, 1).await;
        for _ in 0..61 {
            mesh.tick(10).await;
        }
        assert_eq!(mesh.phase(), ends, "{access:?}");
        assert_eq!(mesh.stage.server.get(CLUSTER_BUNDLES, "", CLUSTER), None);
    }
}
