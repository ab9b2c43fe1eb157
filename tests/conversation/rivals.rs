//! Other writers of a Secret: one that overwrites it again and again meets ever longer pauses and is named, one that
//! changes what is written on its way in is told of, and a single change is healed at once.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::stage::{A_WHILE, SECRETS, Stage, issued};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const OVERWRITTEN: &str = "SecretOverwritten";

/// A stage on which `web` and `other` are issued.
async fn stage() -> Stage {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.apply("other", &json!({}));
    stage.settle().await;
    stage
}

fn revision(stage: &Stage, name: &str) -> i64 {
    stage.identity(name).status.unwrap().revision.unwrap()
}

/// Another controller writes its own pair.
fn overwrite(secret: &mut Value) {
    secret["data"]["tls.crt"] = json!("b3RoZXI=");
    claim(secret);
}

/// Another controller takes the label of the authority away.
fn strip(secret: &mut Value) {
    secret["metadata"]["labels"].as_object_mut().unwrap().remove("mtls-operator.dev/authority");
    claim(secret);
}

/// What the API server notes of a write.
fn claim(secret: &mut Value) {
    secret["metadata"]["managedFields"] = json!([
        {"manager": "mtls-operator", "operation": "Update", "apiVersion": "v1", "time": "2026-05-28T20:26:40Z",
         "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:ca.crt": {}}}},
        {"manager": "cert-manager-certificates", "operation": "Update", "apiVersion": "v1",
         "time": "2026-05-28T20:26:40Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:tls.crt": {}}}},
    ]);
}

/// Time passes, second by second, in which the operator does what it does. Returns every call that it made.
async fn pass(stage: &mut Stage, seconds: u32) -> Vec<String> {
    let mut asked = Vec::new();
    for _ in 0..seconds {
        stage.advance(SECOND);
        stage.watch();
        stage.work().await;
        asked.extend(stage.asked());
    }
    asked
}

fn count(calls: &[String], line: &str) -> usize {
    calls.iter().filter(|call| call.starts_with(line)).count()
}

/// The Events that say so.
fn told(stage: &Stage) -> usize {
    stage.told.iter().filter(|body| body.contains(OVERWRITTEN)).count()
}

#[tokio::test(start_paused = true)]
async fn whoever_overwrites_a_secret_again_and_again_meets_a_growing_pause_and_is_named() {
    let mut stage = stage().await;
    stage.server.oppose(overwrite);
    stage.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    let calls = pass(&mut stage, 600).await;
    let issuances = revision(&stage, "web") - 1;
    assert!((5..=11).contains(&issuances), "{issuances} issuances in ten minutes");
    let writes = count(&calls, "PATCH status orders/web");
    assert!(writes <= 25, "{writes} writes of the status in ten minutes");
    assert_eq!(stage.ready("web"), ("False".into(), "Issuing".into()), "what lies there is not as asked");
    let message = stage.message("web");
    assert!(
        message.contains("cert-manager-certificates") && message.contains("orders/web-mtls"),
        "{message}"
    );
    assert_eq!(told(&stage), 1, "one Event");
    let told = stage.told.iter().find(|body| body.contains(OVERWRITTEN)).unwrap();
    assert!(told.contains("cert-manager-certificates") && told.contains("Warning"), "{told}");
    assert_eq!((stage.ready("other"), revision(&stage, "other")), (issued(), 1), "nobody else is concerned");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_put_right_for_good_within_the_pause_after_its_other_writer_has_stopped() {
    let mut stage = stage().await;
    stage.server.oppose(overwrite);
    stage.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    pass(&mut stage, 600).await;
    stage.server.appease();
    stage.advance(A_WHILE);
    stage.settle().await;
    assert_eq!(stage.ready("web"), issued());
    assert!(!stage.message("web").contains("cert-manager"), "{}", stage.message("web"));
    stage.advance(A_WHILE);
    stage.server.delete(SECRETS, "orders", "web-mtls");
    stage.settle().await;
    assert!(stage.secret("web-mtls").is_some(), "what has ended long ago delays nothing");
}

#[tokio::test(start_paused = true)]
async fn whoever_strips_labels_again_and_again_meets_a_growing_pause_and_the_leaf_stays_ready() {
    let mut stage = stage().await;
    stage.server.oppose(strip);
    stage.server.edit(SECRETS, "orders", "web-mtls", strip);
    let calls = pass(&mut stage, 600).await;
    let writes = count(&calls, "PATCH secrets orders/web-mtls");
    assert!((5..=11).contains(&writes), "{writes} writes in ten minutes");
    assert_eq!((stage.ready("web"), revision(&stage, "web")), (issued(), 1));
    assert!(stage.message("web").contains("cert-manager-certificates"), "{}", stage.message("web"));
    assert_eq!(told(&stage), 1, "one Event");
    stage.server.appease();
    stage.advance(A_WHILE);
    stage.settle().await;
    let secret = stage.secret("web-mtls").unwrap();
    assert_eq!(secret["metadata"]["labels"]["mtls-operator.dev/authority"], "mesh");
}

#[tokio::test(start_paused = true)]
async fn whoever_deletes_a_secret_again_and_again_meets_a_growing_pause() {
    let mut stage = stage().await;
    let mut calls = Vec::new();
    for _ in 0..600 {
        if stage.secret("web-mtls").is_some() {
            stage.server.delete(SECRETS, "orders", "web-mtls");
        }
        calls.extend(pass(&mut stage, 1).await);
    }
    let made = count(&calls, "POST secrets orders/web-mtls");
    assert!((5..=11).contains(&made), "{made} Secrets in ten minutes");
    assert!(stage.message("web").contains("audit log"), "{}", stage.message("web"));
    assert_eq!(told(&stage), 1, "one Event");
}

#[tokio::test(start_paused = true)]
async fn a_few_repairs_of_one_secret_are_made_at_once() {
    let mut stage = stage().await;
    for nth in 1..=3 {
        stage.server.edit(SECRETS, "orders", "web-mtls", overwrite);
        stage.settle().await;
        assert_eq!((stage.ready("web"), revision(&stage, "web")), (issued(), nth + 1));
    }
    assert_eq!(told(&stage), 0);
}

#[tokio::test(start_paused = true)]
async fn an_old_pair_that_is_put_back_again_and_again_meets_a_growing_pause_once_it_has_expired() {
    let mut stage = stage().await;
    let old = stage.secret("web-mtls").unwrap();
    let restore = move |secret: &mut Value| {
        secret["data"] = old["data"].clone();
        secret["metadata"]["annotations"] = old["metadata"]["annotations"].clone();
    };
    stage.advance(SignedDuration::from_hours(25));
    stage.look_at_authority().await.unwrap();
    stage.server.oppose(restore);
    let calls = pass(&mut stage, 600).await;
    let issuances = count(&calls, "PATCH secrets orders/web-mtls");
    assert!((5..=11).contains(&issuances), "{issuances} issuances in ten minutes");
    assert_eq!(stage.ready("web"), ("False".into(), "Expired".into()));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_asks_for_a_renewal_ends_the_pause() {
    let mut stage = stage().await;
    stage.server.oppose(overwrite);
    stage.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    pass(&mut stage, 600).await;
    stage.server.appease();
    stage.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["metadata"]["annotations"] = json!({"mtls-operator.dev/renew": "now"});
    });
    stage.settle().await;
    assert_eq!(stage.ready("web"), issued());
}

/// An admission policy that gives each Secret this label.
fn label(key: &'static str, value: &'static str) -> impl Fn(&mut Value) + Send + 'static {
    move |secret| secret["metadata"]["labels"][key] = json!(value)
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_an_admission_policy_hides_from_the_watch_is_told_of_and_looked_at_by_name() {
    let mut stage = Stage::set().await;
    stage.server.admit(label("app.kubernetes.io/managed-by", "platform"));
    stage.apply("web", &json!({}));
    let calls = stage.settle().await;
    assert_eq!((count(&calls, "POST secrets"), count(&calls, "PATCH secrets")), (1, 0), "{calls:#?}");
    let message = stage.message("web");
    assert_eq!(stage.ready("web"), issued());
    assert!(
        message.contains("label app.kubernetes.io/managed-by of Secret orders/web-mtls was changed"),
        "{message}"
    );
    let calls = pass(&mut stage, 1200).await;
    assert!(calls.iter().all(|call| call == "GET metadata orders/web-mtls"), "{calls:#?}");
    assert!((5..=20).contains(&calls.len()), "{} looks in twenty minutes", calls.len());
    assert_eq!(stage.message("web"), message);
    stage.server.delete(SECRETS, "orders", "web-mtls");
    pass(&mut stage, 300).await;
    assert!(stage.secret("web-mtls").is_some(), "its deletion is noticed");
    assert_eq!(stage.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_hidden_secret_is_renewed_and_costs_a_new_process_no_write() {
    let mut stage = Stage::set().await;
    stage.server.admit(label("app.kubernetes.io/managed-by", "platform"));
    stage.apply("web", &json!({}));
    stage.settle().await;
    let mut stage = stage.restarted().await;
    stage.asked();
    assert_eq!(stage.settle().await, ["GET metadata orders/web-mtls"]);
    stage.advance(SignedDuration::from_hours(17));
    stage.look_at_authority().await.unwrap();
    stage.settle().await;
    assert_eq!((stage.ready("web"), revision(&stage, "web")), (issued(), 2));
}

#[tokio::test(start_paused = true)]
async fn a_label_of_the_spec_that_an_admission_policy_changes_is_told_of_and_written_once() {
    let mut stage = Stage::set().await;
    stage.server.admit(label("team", "platform"));
    stage.apply("web", &json!({"secret": {"labels": {"team": "orders"}}}));
    let calls = stage.settle().await;
    assert_eq!((count(&calls, "POST secrets"), count(&calls, "PATCH secrets")), (1, 0), "{calls:#?}");
    let message = stage.message("web");
    assert!(message.contains("label team of Secret orders/web-mtls was changed on the way"), "{message}");
    stage.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["grants"] =
            json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["example.com"]}]);
    });
    stage.look_at_authority().await.unwrap();
    stage.advance(A_WHILE);
    stage.settle().await;
    assert_eq!(stage.message("web"), message, "a look that reads nothing forgets nothing");
    stage.server.admit(|_| {});
    stage.advance(SignedDuration::from_hours(17));
    stage.look_at_authority().await.unwrap();
    stage.settle().await;
    assert_eq!(revision(&stage, "web"), 2);
    assert!(!stage.message("web").contains("team"), "{}", stage.message("web"));
}

#[tokio::test(start_paused = true)]
async fn annotations_of_ours_that_an_admission_policy_takes_away_cause_no_loop() {
    for key in [
        "trust",
        "identity-uid",
        "issued-at",
        "serial",
        "not-after",
        "authority-key-id",
        "profile",
        "revision",
    ] {
        let mut stage = Stage::set().await;
        stage.server.admit(move |secret| {
            let annotations = secret["metadata"]["annotations"].as_object_mut().unwrap();
            annotations.remove(&format!("mtls-operator.dev/{key}"));
        });
        stage.apply("web", &json!({}));
        stage.settle().await;
        let calls = pass(&mut stage, 600).await;
        assert!(calls.iter().all(|call| call.starts_with("GET")), "{key}: {calls:#?}");
        assert!(calls.len() <= 15, "{key}: {} looks in ten minutes", calls.len());
        assert_eq!((stage.ready("web"), revision(&stage, "web")), (issued(), 1), "{key}");
    }
}

/// `docs/runbooks.md`, "Take over a Secret of another tool".
#[tokio::test(start_paused = true)]
async fn a_secret_of_another_tool_is_taken_over_in_one_write_once_people_say_whose_it_is() {
    let mut stage = Stage::set().await;
    stage.server.put(
        SECRETS,
        &json!({
            "metadata": {
                "name": "shop-tls", "namespace": "orders",
                "annotations": {"cert-manager.io/issuer-name": "company"}, "labels": {"team": "orders"},
            },
            "type": "kubernetes.io/tls", "data": {"tls.crt": "b3RoZXI=", "tls.key": "b3RoZXI=", "keystore.jks": "eA=="},
        }),
    );
    stage.apply("web", &json!({"secret": {"name": "shop-tls"}}));
    pass(&mut stage, 300).await;
    assert_eq!(stage.ready("web"), ("False".into(), "SecretConflict".into()));
    let uid = stage.identity("web").metadata.uid.unwrap();
    stage.server.edit(SECRETS, "orders", "shop-tls", |secret| {
        secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = json!(uid);
        let labels = &mut secret["metadata"]["labels"];
        labels["app.kubernetes.io/managed-by"] = json!("mtls-operator");
        labels["mtls-operator.dev/identity"] = json!("web");
        labels["mtls-operator.dev/authority"] = json!("mesh");
    });
    let calls = stage.settle().await;
    assert_eq!((count(&calls, "PATCH secrets"), count(&calls, "POST secrets")), (1, 0), "{calls:#?}");
    assert_eq!(stage.ready("web"), issued());
    let secret = stage.secret("shop-tls").unwrap();
    assert_eq!(
        (&secret["data"]["keystore.jks"], &secret["metadata"]["labels"]["team"]),
        (&json!("eA=="), &json!("orders"))
    );
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], json!(uid));
}
