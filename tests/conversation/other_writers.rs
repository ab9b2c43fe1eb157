//! Other writers of a Secret: one that overwrites it again and again meets ever longer pauses and is named, one that
//! changes what is written on its way in is told of, and a single change is healed at once.

use jiff::SignedDuration;
use serde_json::{Value, json};
use test_support::in_memory::harness::{A_WHILE, Harness, SECRETS, issued};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const OVERWRITTEN: &str = "SecretOverwritten";

/// A harness on which `web` and `other` are issued.
async fn harness() -> Harness {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.apply("other", &json!({}));
    harness.settle().await;
    harness
}

fn revision(harness: &Harness, name: &str) -> i64 {
    harness.identity(name).status.unwrap().revision.unwrap()
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
async fn pass(harness: &mut Harness, seconds: u32) -> Vec<String> {
    let mut asked = Vec::new();
    for _ in 0..seconds {
        harness.advance(SECOND);
        harness.watch();
        harness.work().await;
        asked.extend(harness.asked());
    }
    asked
}

fn count(calls: &[String], line: &str) -> usize {
    calls.iter().filter(|call| call.starts_with(line)).count()
}

/// The Events that say so.
fn told(harness: &Harness) -> usize {
    harness.told.iter().filter(|body| body.contains(OVERWRITTEN)).count()
}

#[tokio::test(start_paused = true)]
async fn whoever_overwrites_a_secret_again_and_again_meets_a_growing_pause_and_is_named() {
    let mut harness = harness().await;
    harness.server.oppose(overwrite);
    harness.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    let calls = pass(&mut harness, 600).await;
    let issuances = revision(&harness, "web") - 1;
    assert!((5..=11).contains(&issuances), "{issuances} issuances in ten minutes");
    let writes = count(&calls, "PATCH status orders/web");
    assert!(writes <= 25, "{writes} writes of the status in ten minutes");
    assert_eq!(harness.ready("web"), ("False".into(), "Issuing".into()), "what lies there is not as asked");
    let message = harness.message("web");
    assert!(
        message.contains("cert-manager-certificates") && message.contains("orders/web-mtls"),
        "{message}"
    );
    assert_eq!(told(&harness), 1, "one Event");
    let told = harness.told.iter().find(|body| body.contains(OVERWRITTEN)).unwrap();
    assert!(told.contains("cert-manager-certificates") && told.contains("Warning"), "{told}");
    assert_eq!(
        (harness.ready("other"), revision(&harness, "other")),
        (issued(), 1),
        "nobody else is concerned"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_put_right_for_good_within_the_pause_after_its_other_writer_has_stopped() {
    let mut harness = harness().await;
    harness.server.oppose(overwrite);
    harness.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    pass(&mut harness, 600).await;
    harness.server.appease();
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
    assert!(!harness.message("web").contains("cert-manager"), "{}", harness.message("web"));
    harness.advance(A_WHILE);
    harness.server.delete(SECRETS, "orders", "web-mtls");
    harness.settle().await;
    assert!(harness.secret("web-mtls").is_some(), "what has ended long ago delays nothing");
}

#[tokio::test(start_paused = true)]
async fn whoever_strips_labels_again_and_again_meets_a_growing_pause_and_the_leaf_stays_ready() {
    let mut harness = harness().await;
    harness.server.oppose(strip);
    harness.server.edit(SECRETS, "orders", "web-mtls", strip);
    let calls = pass(&mut harness, 600).await;
    let writes = count(&calls, "PATCH secrets orders/web-mtls");
    assert!((5..=11).contains(&writes), "{writes} writes in ten minutes");
    assert_eq!((harness.ready("web"), revision(&harness, "web")), (issued(), 1));
    assert!(harness.message("web").contains("cert-manager-certificates"), "{}", harness.message("web"));
    assert_eq!(told(&harness), 1, "one Event");
    harness.server.appease();
    harness.advance(A_WHILE);
    harness.settle().await;
    let secret = harness.secret("web-mtls").unwrap();
    assert_eq!(secret["metadata"]["labels"]["mtls-operator.dev/authority"], "mesh");
}

#[tokio::test(start_paused = true)]
async fn whoever_deletes_a_secret_again_and_again_meets_a_growing_pause() {
    let mut harness = harness().await;
    let mut calls = Vec::new();
    for _ in 0..600 {
        if harness.secret("web-mtls").is_some() {
            harness.server.delete(SECRETS, "orders", "web-mtls");
        }
        calls.extend(pass(&mut harness, 1).await);
    }
    let made = count(&calls, "POST secrets orders/web-mtls");
    assert!((5..=11).contains(&made), "{made} Secrets in ten minutes");
    assert!(harness.message("web").contains("audit log"), "{}", harness.message("web"));
    assert_eq!(told(&harness), 1, "one Event");
}

#[tokio::test(start_paused = true)]
async fn a_few_repairs_of_one_secret_are_made_at_once() {
    let mut harness = harness().await;
    for nth in 1..=3 {
        harness.server.edit(SECRETS, "orders", "web-mtls", overwrite);
        harness.settle().await;
        assert_eq!((harness.ready("web"), revision(&harness, "web")), (issued(), nth + 1));
    }
    assert_eq!(told(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn an_old_pair_that_is_put_back_again_and_again_meets_a_growing_pause_once_it_has_expired() {
    let mut harness = harness().await;
    let old = harness.secret("web-mtls").unwrap();
    let restore = move |secret: &mut Value| {
        secret["data"] = old["data"].clone();
        secret["metadata"]["annotations"] = old["metadata"]["annotations"].clone();
    };
    harness.advance(SignedDuration::from_hours(25));
    harness.look_at_authority().await.unwrap();
    harness.server.oppose(restore);
    let calls = pass(&mut harness, 600).await;
    let issuances = count(&calls, "PATCH secrets orders/web-mtls");
    assert!((5..=11).contains(&issuances), "{issuances} issuances in ten minutes");
    assert_eq!(harness.ready("web"), ("False".into(), "Expired".into()));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_asks_for_a_renewal_ends_the_pause() {
    let mut harness = harness().await;
    harness.server.oppose(overwrite);
    harness.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    pass(&mut harness, 600).await;
    harness.server.appease();
    harness.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["metadata"]["annotations"] = json!({"mtls-operator.dev/renew": "now"});
    });
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}

/// An admission policy that gives each Secret this label.
fn label(key: &'static str, value: &'static str) -> impl Fn(&mut Value) + Send + 'static {
    move |secret| secret["metadata"]["labels"][key] = json!(value)
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_an_admission_policy_hides_from_the_watch_is_told_of_and_looked_at_by_name() {
    let mut harness = Harness::set().await;
    harness.server.admit(label("app.kubernetes.io/managed-by", "platform"));
    harness.apply("web", &json!({}));
    let calls = harness.settle().await;
    assert_eq!((count(&calls, "POST secrets"), count(&calls, "PATCH secrets")), (1, 0), "{calls:#?}");
    let message = harness.message("web");
    assert_eq!(harness.ready("web"), issued());
    assert!(
        message.contains("label app.kubernetes.io/managed-by of Secret orders/web-mtls was changed"),
        "{message}"
    );
    let calls = pass(&mut harness, 1200).await;
    assert!(calls.iter().all(|call| call == "GET metadata orders/web-mtls"), "{calls:#?}");
    assert!((5..=20).contains(&calls.len()), "{} looks in twenty minutes", calls.len());
    assert_eq!(harness.message("web"), message);
    harness.server.delete(SECRETS, "orders", "web-mtls");
    pass(&mut harness, 300).await;
    assert!(harness.secret("web-mtls").is_some(), "its deletion is noticed");
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_hidden_secret_is_renewed_and_costs_a_new_process_no_write() {
    let mut harness = Harness::set().await;
    harness.server.admit(label("app.kubernetes.io/managed-by", "platform"));
    harness.apply("web", &json!({}));
    harness.settle().await;
    let mut harness = harness.restarted().await;
    harness.asked();
    assert_eq!(harness.settle().await, ["GET metadata orders/web-mtls"]);
    harness.advance(SignedDuration::from_hours(17));
    harness.look_at_authority().await.unwrap();
    harness.settle().await;
    assert_eq!((harness.ready("web"), revision(&harness, "web")), (issued(), 2));
}

#[tokio::test(start_paused = true)]
async fn a_label_of_the_spec_that_an_admission_policy_changes_is_told_of_and_written_once() {
    let mut harness = Harness::set().await;
    harness.server.admit(label("team", "platform"));
    harness.apply("web", &json!({"secret": {"labels": {"team": "orders"}}}));
    let calls = harness.settle().await;
    assert_eq!((count(&calls, "POST secrets"), count(&calls, "PATCH secrets")), (1, 0), "{calls:#?}");
    let message = harness.message("web");
    assert!(message.contains("label team of Secret orders/web-mtls was changed on the way"), "{message}");
    harness.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["grants"] =
            json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["example.com"]}]);
    });
    harness.look_at_authority().await.unwrap();
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.message("web"), message, "a look that reads nothing forgets nothing");
    harness.server.admit(|_| {});
    harness.advance(SignedDuration::from_hours(17));
    harness.look_at_authority().await.unwrap();
    harness.settle().await;
    assert_eq!(revision(&harness, "web"), 2);
    assert!(!harness.message("web").contains("team"), "{}", harness.message("web"));
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
        let mut harness = Harness::set().await;
        harness.server.admit(move |secret| {
            let annotations = secret["metadata"]["annotations"].as_object_mut().unwrap();
            annotations.remove(&format!("mtls-operator.dev/{key}"));
        });
        harness.apply("web", &json!({}));
        harness.settle().await;
        let calls = pass(&mut harness, 600).await;
        assert!(calls.iter().all(|call| call.starts_with("GET")), "{key}: {calls:#?}");
        assert!(calls.len() <= 15, "{key}: {} looks in ten minutes", calls.len());
        assert_eq!((harness.ready("web"), revision(&harness, "web")), (issued(), 1), "{key}");
    }
}

/// `docs/runbooks.md`, "Take over a Secret of another tool".
#[tokio::test(start_paused = true)]
async fn a_secret_of_another_tool_is_taken_over_in_one_write_once_people_say_whose_it_is() {
    let mut harness = Harness::set().await;
    harness.server.put(
        SECRETS,
        &json!({
            "metadata": {
                "name": "shop-tls", "namespace": "orders",
                "annotations": {"cert-manager.io/issuer-name": "company"}, "labels": {"team": "orders"},
            },
            "type": "kubernetes.io/tls", "data": {"tls.crt": "b3RoZXI=", "tls.key": "b3RoZXI=", "keystore.jks": "eA=="},
        }),
    );
    harness.apply("web", &json!({"secret": {"name": "shop-tls"}}));
    pass(&mut harness, 300).await;
    assert_eq!(harness.ready("web"), ("False".into(), "SecretConflict".into()));
    let uid = harness.identity("web").metadata.uid.unwrap();
    harness.server.edit(SECRETS, "orders", "shop-tls", |secret| {
        secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = json!(uid);
        let labels = &mut secret["metadata"]["labels"];
        labels["app.kubernetes.io/managed-by"] = json!("mtls-operator");
        labels["mtls-operator.dev/identity"] = json!("web");
        labels["mtls-operator.dev/authority"] = json!("mesh");
    });
    let calls = harness.settle().await;
    assert_eq!((count(&calls, "PATCH secrets"), count(&calls, "POST secrets")), (1, 0), "{calls:#?}");
    assert_eq!(harness.ready("web"), issued());
    let secret = harness.secret("shop-tls").unwrap();
    assert_eq!(
        (&secret["data"]["keystore.jks"], &secret["metadata"]["labels"]["team"]),
        (&json!("eA=="), &json!("orders"))
    );
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], json!(uid));
}
