//! The fresh list before a switch: it confirms that no Secret or bundle is behind, or names what is.

use mtls_operator::operator::authority::root::load::load;
use mtls_operator::operator::authority::rotation::blockers::Blockers;
use mtls_operator::operator::authority::rotation::gate::{Confirmation, RotationGate};
use serde_json::{Value, json};
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{CONFIG_MAPS, Harness, IDENTITIES, NAMESPACE, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

use crate::authority_controller::ROOT;
use crate::late_answers::metadata;
use crate::publication::{NAME, bundle, bundle_target, edit, publishing};
use crate::rotation::mesh_in;

/// What a fresh list shows of a rotation; `None` where it confirms that nothing is behind.
async fn confirm(harness: &Harness) -> Option<Blockers> {
    let root = harness.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    let secret = serde_json::from_value(root).unwrap();
    let spec = harness.context.issuers.get("mesh").unwrap().spec.clone();
    let loaded = load(Some(&secret), &spec, "roots", harness.manual_clock.now());
    match RotationGate::now(&harness.consumers, &spec, &loaded).confirm().await.unwrap() {
        Confirmation::Confirmed => None,
        Confirmation::Blocked(blockers) => Some(blockers),
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
        mesh.harness.context.scheduler.change(|scheduler| scheduler.apply_secret(&seen, false, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_read_once_however_many_secrets_of_the_list_claim_to_belong_to_it() {
    let mut mesh = mesh_in("Announced", &["a"], RotationRun::swift()).await;
    let names: Vec<String> = (0..50).map(|number| format!("forged-{number}")).collect();
    claim(&mesh, &names, "forged", &json!("uid"));
    mesh.harness.asked();
    assert_eq!(confirm(&mesh.harness).await, None);
    let get = format!("GET mtlsidentities {NAMESPACE}/forged");
    assert_eq!(mesh.harness.asked(), ["LIST secrets", get.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn many_identities_of_a_namespace_that_are_only_claimed_cost_one_list_and_those_that_exist_count() {
    let mut mesh = mesh_in("Announced", &["a"], RotationRun::swift()).await;
    for number in 0..50 {
        claim(&mesh, &[format!("forged-{number}")], &format!("forged-{number}"), &json!("uid"));
    }
    mesh.harness.asked();
    assert_eq!(confirm(&mesh.harness).await, None);
    assert_eq!(mesh.harness.asked(), ["LIST secrets", "LIST mtlsidentities"]);
    mesh.harness.apply("new", &json!({}));
    let uid = mesh.harness.server.get(IDENTITIES, NAMESPACE, "new").unwrap()["metadata"]["uid"].clone();
    claim(&mesh, &["new-mtls".into()], "new", &uid);
    mesh.harness.asked();
    assert_eq!(confirm(&mesh.harness).await.unwrap().names, ["orders/new"], "the index does not know it yet");
    let get = format!("GET mtlsidentities {NAMESPACE}/new");
    assert_eq!(mesh.harness.asked(), ["LIST secrets", "LIST mtlsidentities", get.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_this_version_cannot_read_is_waited_for_by_its_name() {
    let mesh = mesh_in("Announced", &["a"], RotationRun::swift()).await;
    mesh.harness.apply("new", &json!({}));
    let uid = mesh.harness.server.get(IDENTITIES, NAMESPACE, "new").unwrap()["metadata"]["uid"].clone();
    claim(&mesh, &["elsewhere".into()], "new", &uid);
    assert_eq!(confirm(&mesh.harness).await, None, "the identity has another Secret");
    mesh.harness.server.next(&format!("GET mtlsidentities {NAMESPACE}/new"), Fault::AnswerCut);
    assert_eq!(confirm(&mesh.harness).await.unwrap().names, ["orders/new"]);
    mesh.harness.server.edit(IDENTITIES, NAMESPACE, "new", |new| new["spec"]["paused"] = json!("perhaps"));
    assert_eq!(confirm(&mesh.harness).await.unwrap().names, ["orders/new"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_deleted_while_the_list_was_made_hides_nothing() {
    let mesh = mesh_in("Announced", &["a"], publishing()).await;
    let mut other = mesh.harness.secret("a-mtls").unwrap();
    (other["metadata"]["name"], other["metadata"]["uid"]) = (json!("other"), Value::Null);
    mesh.harness.server.put(SECRETS, &other);
    let why = confirm(&mesh.harness).await.unwrap().unconfirmed.unwrap();
    assert!(why.contains("1 Secrets or trust bundles that the watch has not delivered yet"), "{why}");
    let deleted = metadata(&mesh.harness, "other", Some("1000"));
    mesh.harness.context.scheduler.change(|scheduler| scheduler.delete_secret(&deleted, 0));
    let target = bundle_target(&mesh.harness);
    mesh.harness.consumers.bundles.store.change(|bundles| bundles.delete(&target, "1000", 0));
    assert_eq!(confirm(&mesh.harness).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_was_read_without_the_announced_root_is_known_to_have_been_so() {
    let mesh = mesh_in("Announced", &["a"], RotationRun::swift()).await;
    let scheduler = &mesh.harness.context.scheduler;
    mesh.harness.server.edit(SECRETS, NAMESPACE, "a-mtls", |secret| secret["data"]["ca.crt"] = json!("eA=="));
    let seen = metadata(&mesh.harness, "a-mtls", None);
    scheduler.change(|scheduler| scheduler.apply_secret(&seen, false, mesh.harness.context.millis()));
    scheduler.change(|scheduler| scheduler.take_lagging("mesh", &[]));
    mesh.harness.work().await;
    assert_ne!(mesh.harness.secret("a-mtls").unwrap()["data"]["ca.crt"], "eA==", "it is repaired");
    assert!(
        scheduler.change(|scheduler| scheduler.take_lagging("mesh", &[])),
        "its annotations did not show it"
    );
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
            harness.manual_clock.now(),
        );
        let confirmation = RotationGate::now(&harness.consumers, &spec, &loaded).confirm().await;
        matches!(confirmation.unwrap(), Confirmation::Confirmed)
    };
    assert!(confirms(&mesh.harness).await);
    edit(&mesh.harness, |found| found["data"] = before);
    assert!(!confirms(&mesh.harness).await, "the watch has not shown the edit yet");
    mesh.harness.watch();
    mesh.harness.publish().await;
    assert!(confirms(&mesh.harness).await);
    edit(&mesh.harness, |found| found["metadata"]["annotations"]["example.com/touched"] = json!("yes"));
    assert!(!confirms(&mesh.harness).await, "the watch has not shown what it was in between");
    mesh.harness.watch();
    assert!(!confirms(&mesh.harness).await, "and it is not read yet");
    mesh.harness.publish().await;
    assert!(confirms(&mesh.harness).await);
    mesh.harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    assert!(!confirms(&mesh.harness).await, "what was there may still be in use");
}
