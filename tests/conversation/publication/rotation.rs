//! Published bundles in a rotation: waited for as Secrets are, unless they are excluded, new, or of a kind that is not
//! served.

use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::index::time::Second;
use mtls_operator::operator::trust_bundle::store::Availability;
use serde_json::{Value, json};
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{AUTHORITIES, CLUSTER_BUNDLES, NAMESPACE, NOW};
use test_support::in_memory::rotation_run::RotationRun;

use super::{NAME, bundle, edit, publishing, roots};

const CLUSTER: &str = "mtls-operator.dev:mesh:bundle";

/// The same, publishing for the cluster.
fn for_the_cluster() -> Value {
    json!({ "trustBundle": { "clusterTrustBundle": true }, "rotation": { "propagation": "10m", "spreadOver": "0s" } })
}

/// So many seconds pass, and the phase stays `Announced`.
async fn waits(mesh: &mut RotationRun, seconds: usize) {
    for _ in 0..seconds {
        mesh.tick(1).await;
        assert_eq!(mesh.phase(), "Announced");
    }
}

#[tokio::test(start_paused = true)]
async fn clients_without_an_identity_verify_every_server_at_every_second_of_a_rotation() {
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
async fn an_edit_that_takes_a_root_out_of_a_bundle_starts_the_wait_again() {
    let mut mesh = RotationRun::of(&["a"], publishing()).await;
    let before = bundle(&mesh.harness)["data"].clone();
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    waits(&mut mesh, 9).await;
    edit(&mesh.harness, |found| found["data"] = before);
    // It is undone before the authority is reconciled, and known all the same.
    mesh.harness.watch();
    mesh.harness.publish().await;
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
        mesh.harness.context.scheduler.change(|scheduler| {
            let created = Second::new(made);
            scheduler.apply_namespace(name, NamespaceEntry { created, ..NamespaceEntry::default() }, now);
        });
    };
    waits(&mut mesh, 8).await;
    add(&mesh, "new", mesh.harness.manual_clock.now().as_second());
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
async fn a_cluster_trust_bundle_is_waited_for_ten_minutes_and_removed_when_it_is_switched_off() {
    let mut mesh = RotationRun::of(&["a"], json!({})).await;
    mesh.harness.consumers.bundles.store.change(|bundles| bundles.set_availability(Availability::Open));
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
async fn a_kind_that_is_not_served_holds_no_rotation_up_and_one_that_cannot_be_seen_does() {
    for (access, ends) in
        [(Availability::NotServed, "Draining"), (Availability::Denied("no".into()), "Announced")]
    {
        let mut mesh = RotationRun::of(&["a"], json!({})).await;
        mesh.harness.consumers.bundles.store.change(|bundles| bundles.set_availability(access.clone()));
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
