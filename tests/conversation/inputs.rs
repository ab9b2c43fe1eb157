//! What becomes of the Secret in which people provide a CA, and what they are told of it.

use std::time::Duration;

use jiff::SignedDuration;
use mtls_operator::api::conditions::{READY, find};
use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{AUTHORITIES, Harness, NOW, SECRETS, issued};
use test_support::in_memory::rotation_run::RotationRun;

use super::metrics::{keep, keeper};
use super::provided::{OWN, certifying, input, mesh_of, provide, root_for, swift_and_provided};
use super::rotating_condition::{authority, rotating};

const ROOT: &str = "mtls-authority-mesh";

/// Status, reason and message of the authority's `Ready`.
fn ready(harness: &Harness) -> (String, String, String) {
    let conditions = authority(harness).status.unwrap().conditions;
    let found = find(&conditions, READY).unwrap().clone();
    (found.status, found.reason, found.message)
}

/// Asserts how the authority stands and what it says.
fn assert_stands(harness: &Harness, status: &str, reason: &str, says: &str) {
    let found = ready(harness);
    assert_eq!((&*found.0, &*found.1), (status, reason), "{}", found.2);
    assert!(found.2.contains(says), "{}", found.2);
}

/// People change the Secret with their CA, which its watch tells.
fn change(harness: &Harness, change: impl FnOnce(&mut Value)) {
    harness.server.edit(SECRETS, "mtls-system", OWN, change);
    harness.context.authorities.lock().apply_secret(OWN);
}

/// People put this into the Secret with their CA, which its watch tells.
fn put(harness: &Harness, input: &Value) {
    harness.server.put(SECRETS, input);
    harness.context.authorities.lock().apply_secret(OWN);
}

fn consent(input: &mut Value, to: Option<&str>) {
    let to = to.map(|to| ("mtls-operator.dev/provides-for".to_owned(), json!(to)));
    input["metadata"]["annotations"] = Value::Object(to.into_iter().collect());
}

/// An operator with an authority that signs with this.
async fn harness_over(input: &Value) -> Harness {
    let server = ApiServer::default();
    server.put(SECRETS, input);
    Harness::bare(server, NOW).with_authority(serde_json::from_value(swift_and_provided()).unwrap()).await
}

fn root(harness: &Harness) -> Option<Value> {
    harness.server.get(SECRETS, "mtls-system", ROOT)
}

fn events(harness: &Harness, reason: &str) -> usize {
    harness.server.all("events").iter().filter(|event| event["reason"] == reason).count()
}

#[tokio::test(start_paused = true)]
async fn no_authority_gets_a_ca_that_was_not_meant_for_it() {
    let one = Ca::root("one", NOW);
    for named in [None, Some("other")] {
        let mut input = input(&one, &one.pem());
        consent(&mut input, named);
        let harness = harness_over(&input).await;
        let mut keeper = keeper(&harness);
        keep(&mut keeper).await;
        assert_stands(&harness, "False", "ProvidedInvalid", "kubectl -n mtls-system annotate secret own-ca");
        assert_eq!(root(&harness), None, "nothing is copied");
        change(&harness, |input| consent(input, Some("other, mesh")));
        keep(&mut keeper).await;
        assert_stands(&harness, "True", "Ready", "signs with root");
    }
}

#[tokio::test(start_paused = true)]
async fn the_root_of_an_authority_is_never_the_input_of_another_one() {
    let one = Ca::root("one", NOW);
    let mut input = input(&one, &one.pem());
    input["type"] = json!("mtls-operator.dev/root");
    let harness = harness_over(&input).await;
    let mut keeper = keeper(&harness);
    keep(&mut keeper).await;
    assert_stands(&harness, "False", "ProvidedInvalid", "mtls-operator.dev/root");
    assert_eq!(root(&harness), None, "nothing is copied");
}

/// As an operator leaves it that knew no such annotation.
#[tokio::test(start_paused = true)]
async fn a_copy_in_force_is_consent_until_the_ca_is_changed() {
    let (one, two) = (Ca::root("one", NOW), Ca::root("two", NOW));
    let both = format!("{}{}", one.pem(), two.pem());
    for changed in [input(&two, &two.pem()), input(&one, &both)] {
        let harness = harness_over(&input(&one, &one.pem())).await;
        let mut keeper = keeper(&harness);
        change(&harness, |input| consent(input, None));
        keep(&mut keeper).await;
        assert_stands(&harness, "True", "Ready", "signs with root");
        let copy = root(&harness);
        let mut changed = changed;
        consent(&mut changed, None);
        put(&harness, &changed);
        keep(&mut keeper).await;
        assert_stands(
            &harness,
            "True",
            "ProvidedInvalid",
            "provides-for=mesh). Signing goes on with the copy",
        );
        assert_eq!(root(&harness), copy, "nothing is taken");
        change(&harness, |input| consent(input, Some("mesh")));
        keep(&mut keeper).await;
        assert_stands(&harness, "True", "Ready", "signs with root");
        assert_ne!(root(&harness), copy);
    }
}

/// What lies in a root Secret as the next root has been taken with consent, too.
#[tokio::test(start_paused = true)]
async fn an_announced_copy_is_consent_as_well() {
    let (one, two) = (Ca::root("one", NOW), Ca::root("two", NOW));
    let mut harness = harness_over(&input(&one, &one.pem())).await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    put(&harness, &input(&two, &two.pem()));
    let mut keeper = keeper(&harness);
    keep(&mut keeper).await;
    assert_eq!(rotating(&harness).1, "Announced", "the identity is behind");
    change(&harness, |input| consent(input, None));
    keep(&mut keeper).await;
    assert_stands(&harness, "True", "Ready", "signs with root");
}

#[tokio::test(start_paused = true)]
async fn what_kubectl_create_secret_tls_makes_gets_a_sentence_with_the_command_that_it_needs() {
    let one = Ca::root("one", NOW);
    let below = one.intermediate("one-1");
    let chained = |mut input: Value, chain: &str| {
        input["data"]["tls.crt"] = json!(k8s_openapi::ByteString(chain.as_bytes().to_vec()));
        input["data"].as_object_mut().unwrap().remove("ca.crt");
        input
    };
    let rows = [
        (chained(input(&one, ""), &one.pem()), "jq '.data[\"ca.crt\"] = .data[\"tls.crt\"]'"),
        (chained(input(&below, ""), &below.pem()), "the root above \"CN=one, O=Example\""),
        (
            chained(input(&below, ""), &format!("{}{}", below.pem(), one.pem())),
            "the last certificate of tls.crt is a root",
        ),
    ];
    for (input, advice) in rows {
        let harness = harness_over(&input).await;
        let mut keeper = keeper(&harness);
        keep(&mut keeper).await;
        assert_stands(&harness, "False", "ProvidedInvalid", advice);
        assert_stands(&harness, "False", "ProvidedInvalid", "kubectl create secret tls makes none");
    }
}

/// What the condition `Rotating` says at the end of each look, until the rotation has ended.
async fn said_until_stable(mesh: &mut RotationRun) -> Vec<String> {
    let mut said = Vec::new();
    for _ in 0..40 {
        mesh.tick(5).await;
        let mut keeper = keeper(&mesh.harness);
        mesh.harness.context.authorities.lock().apply(authority(&mesh.harness));
        let _ = tokio::time::timeout(Duration::from_millis(100), &mut keeper).await;
        let (_, phase, message) = rotating(&mesh.harness);
        if phase == "Stable" {
            return said;
        }
        said.push(format!("{phase}: {message}"));
    }
    panic!("the rotation does not end: {said:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_anchor_that_is_added_during_a_rotation_follows_at_its_end_and_that_is_told() {
    for phase in ["Announced", "Draining"] {
        let (one, two, partner) = (Ca::root("one", NOW), Ca::root("two", NOW), Ca::root("partner", NOW));
        let mut mesh = mesh_of(&one, &one, certifying()).await;
        provide(&two, &two, &mesh.harness.server);
        mesh.until(phase, 90, 1).await;
        mesh.harness.server.put(SECRETS, &input(&two, &format!("{}{}", two.pem(), partner.pem())));
        let said = said_until_stable(&mut mesh).await;
        let told =
            "The anchors in ca.crt of the Secret that spec.root.provided.secretName names have changed";
        assert!(!said.is_empty() && said.iter().all(|said| said.contains(told)), "{said:#?}");
        mesh.tick(5).await;
        mesh.tick(5).await;
        assert!(mesh.text("a", "ca.crt").contains(partner.pem().trim()), "it follows");
        assert_eq!(mesh.phase(), "Stable", "without another rotation");
    }
}

#[tokio::test(start_paused = true)]
async fn another_ca_or_none_during_draining_follows_at_its_end_and_that_is_told() {
    let rows =
        [(Some(Ca::root("three", NOW)), "Another CA is in"), (None, "spec.root.provided is no longer set")];
    for (other, told) in rows {
        let (one, two) = (Ca::root("one", NOW), Ca::root("two", NOW));
        let mut mesh = mesh_of(&one, &one, certifying()).await;
        provide(&two, &two, &mesh.harness.server);
        mesh.until("Draining", 90, 1).await;
        match &other {
            Some(three) => provide(three, three, &mesh.harness.server),
            None => mesh.harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
                authority["spec"]["root"]["provided"] = Value::Null;
            }),
        }
        mesh.tick(1).await;
        let mut keeper = keeper(&mesh.harness);
        mesh.harness.context.authorities.lock().apply(authority(&mesh.harness));
        let _ = tokio::time::timeout(Duration::from_millis(100), &mut keeper).await;
        assert!(rotating(&mesh.harness).2.contains(told), "{:?}", rotating(&mesh.harness));
        mesh.until("Announced", 180, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_provided_ca_that_ends_soon_is_told_once_and_before_certificates_are_cut_short() {
    let ttl = SignedDuration::from_mins(10);
    let one = root_for("one", ttl);
    let harness = harness_over(&input(&one, &one.pem())).await;
    let mut first = keeper(&harness);
    keep(&mut first).await;
    assert!(!ready(&harness).2.contains("ends at"), "{:?}", ready(&harness));
    // Twice the sum of `leaf.maxTTL` and `rotation.propagation` before the end, without any change.
    tokio::time::advance(Duration::from_secs(600 - 140 - 130)).await;
    keep(&mut first).await;
    assert_eq!((ready(&harness).2.contains("ends at"), events(&harness, "EndsSoon")), (false, 0));
    keep(&mut first).await;
    let cut = format!("From {} on", NOW + ttl - SignedDuration::from_mins(1));
    assert_stands(&harness, "True", "Ready", &cut);
    assert_eq!(events(&harness, "EndsSoon"), 1);
    let mut second = keeper(&harness);
    harness.context.authorities.lock().apply(authority(&harness));
    keep(&mut second).await;
    assert_eq!(events(&harness, "EndsSoon"), 1, "a restart tells nothing twice");
    let two = Ca::root("two", NOW);
    put(&harness, &input(&two, &two.pem()));
    keep(&mut second).await;
    assert!(!ready(&harness).2.contains("ends at"), "{:?}", ready(&harness));
}

#[tokio::test(start_paused = true)]
async fn an_identity_whose_certificate_ends_with_its_ca_says_so() {
    let ttl = SignedDuration::from_mins(10);
    let one = root_for("one", ttl);
    let mut mesh = mesh_of(&one, &one, certifying()).await;
    assert!(!mesh.harness.message("a").contains("The CA that signed it ends then"));
    while mesh.harness.hand.now() < NOW + ttl - SignedDuration::from_secs(20) {
        mesh.tick(5).await;
    }
    assert_eq!(mesh.harness.ready("a"), issued());
    let message = mesh.harness.message("a");
    assert!(message.contains(&format!("until {}", NOW + ttl)), "{message}");
    assert!(message.contains("The CA that signed it ends then, too"), "{message}");
}
