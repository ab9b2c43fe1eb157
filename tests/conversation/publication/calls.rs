//! The calls of a publication: none where nothing differs, one for each edit that is undone, and no write to what is not
//! ours.

use jiff::SignedDuration;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::trust_bundle::cluster_trust_bundles::availability;
use mtls_operator::operator::trust_bundle::store::Availability;
use serde_json::{Value, json};
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{AUTHORITIES, CLUSTER_BUNDLES, CONFIG_MAPS, Harness, NAMESPACE};

use super::{NAME, NOTHING, bundle, edit, harness, published, publishing};

#[tokio::test]
async fn what_is_published_costs_nothing_more_and_a_restart_one_read() {
    let mut harness = published().await;
    assert_eq!(harness.published().await, NOTHING);
    let mut restarted = harness.restarted().await;
    restarted.asked();
    let get = format!("GET configmaps {NAMESPACE}/{NAME}");
    assert_eq!(restarted.published().await, [&*get], "the watch shows no content");
    assert_eq!(restarted.published().await, NOTHING);
}

#[tokio::test]
async fn before_everything_is_listed_nothing_is_taken_for_missing() {
    let harness = published().await;
    let mut restarted = Harness::bare(harness.server.clone(), harness.manual_clock.now());
    restarted.reconcile_authority().await.unwrap();
    restarted.asked();
    restarted.publish().await;
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
    assert_eq!(harness.published().await, [&*get, &*patch]);
    edit(&harness, |found| found["metadata"]["annotations"]["mtls-operator.dev/trust"] = json!("00"));
    assert_eq!(harness.published().await, [&*get, &*patch]);
    edit(&harness, |found| found["metadata"]["labels"] = json!({}));
    assert_eq!(harness.published().await, [&*post, &*get, &*patch]);
    harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert_eq!(harness.published().await, [&*post]);
    for part in ["data", "immutable"] {
        assert_eq!(bundle(&harness)[part], before[part]);
    }
    for part in ["labels", "annotations"] {
        assert_eq!(bundle(&harness)["metadata"][part], before["metadata"][part]);
    }
    edit(&harness, |found| (found["immutable"], found["data"]["ca.crt"]) = (json!(true), json!("nothing")));
    let delete = format!("DELETE configmaps {NAMESPACE}/{NAME}");
    assert_eq!(harness.published().await, [&*get, &*delete, &*post]);
}

#[tokio::test]
async fn a_config_map_of_another_owner_is_read_every_five_minutes_and_never_written() {
    let mut harness = harness(publishing()).await;
    let theirs =
        json!({ "metadata": { "namespace": NAMESPACE, "name": NAME }, "data": { "ca.crt": "theirs" } });
    harness.server.put(CONFIG_MAPS, &theirs);
    let before = bundle(&harness);
    let (post, get) =
        (format!("POST configmaps {NAMESPACE}/{NAME}"), format!("GET configmaps {NAMESPACE}/{NAME}"));
    assert_eq!(harness.published().await, [&*post, &*get]);
    assert_eq!(harness.published().await, NOTHING);
    for _ in 0..3 {
        harness.advance(SignedDuration::from_mins(5));
        assert_eq!(harness.published().await, [&*get]);
    }
    assert_eq!(bundle(&harness), before);
    harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    harness.advance(SignedDuration::from_mins(5));
    let root = "GET metadata mtls-system/mtls-authority-mesh".to_owned();
    assert_eq!(harness.published().await, [&*get, &*root, &*post], "its view of the root is old");
}

#[tokio::test]
async fn a_bundle_that_is_no_longer_asked_for_is_removed_and_nothing_of_another_owner() {
    let mut harness = published().await;
    let theirs = json!({
        "metadata": { "namespace": NAMESPACE, "name": "theirs", "labels": bundle(&harness)["metadata"]["labels"] },
        "data": { "ca.crt": "theirs" },
    });
    harness.server.put(CONFIG_MAPS, &theirs);
    harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    harness.reconcile_authority().await.unwrap();
    harness.asked();
    assert_eq!(harness.published().await, [format!("DELETE configmaps {NAMESPACE}/{NAME}")]);
    assert_eq!(harness.server.all(CONFIG_MAPS).len(), 1);
}

#[tokio::test]
async fn nothing_is_asked_of_a_namespace_that_is_being_deleted_or_is_not_known_yet() {
    let mut harness = published().await;
    let is_terminating = |harness: &Harness, is_so| {
        let namespace = NamespaceEntry { is_terminating: is_so, ..NamespaceEntry::default() };
        harness.context.scheduler.change(|scheduler| scheduler.apply_namespace(NAMESPACE, namespace, 0));
    };
    is_terminating(&harness, true);
    let before = bundle(&harness);
    harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert_eq!(harness.published().await, NOTHING, "nothing can be put there");
    harness.server.put(CONFIG_MAPS, &before);
    harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    harness.reconcile_authority().await.unwrap();
    harness.asked();
    assert_eq!(harness.published().await, NOTHING, "it is deleted with its namespace");
    harness.context.scheduler.change(|scheduler| scheduler.remove_namespace(NAMESPACE));
    assert_eq!(harness.published().await, NOTHING, "it is unknown whether it is selected");
    is_terminating(&harness, false);
    assert_eq!(harness.published().await, [format!("DELETE configmaps {NAMESPACE}/{NAME}")]);
}

#[tokio::test]
async fn a_write_that_came_too_late_is_tried_on_what_there_is_now() {
    let mut harness = published().await;
    edit(&harness, |found| found["data"]["ca.crt"] = json!("nothing"));
    let (patch, get) =
        (format!("PATCH configmaps {NAMESPACE}/{NAME}"), format!("GET configmaps {NAMESPACE}/{NAME}"));
    harness.server.next(&patch, Fault::Overtaken);
    assert_eq!(harness.published().await, [&*get, &*patch, &*get, &*patch]);
    edit(&harness, |found| found["data"]["ca.crt"] = json!("nothing"));
    harness.server.next(&patch, Fault::Broken);
    assert_eq!(harness.published().await, [&*get, &*patch]);
    assert_eq!(harness.published().await, NOTHING, "it waits for its turn");
    harness.advance(SignedDuration::from_secs(1));
    assert_eq!(harness.published().await, [&*patch]);
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
