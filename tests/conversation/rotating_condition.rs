//! The condition `Rotating`: what people have asked for and what becomes of it, and `Unknown` where the phase is not known;
//! written once.

use jiff::SignedDuration;
use k8s_openapi::ByteString;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::pki::Authority;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use serde_json::{Value, json};
use test_support::in_memory::api_server::{ApiServer, Fault};
use test_support::in_memory::harness::{AUTHORITIES, Harness, NOW, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

use crate::authority_controller::{
    ROOT, authority, controller, lose_root, rotating, run_a_minute, scrape, served,
};

pub const OWN: &str = "own-ca";

/// Status and reason of `Rotating`, and whether its message has this in it.
fn says(harness: &Harness, part: &str) -> (String, String, bool) {
    let (status, reason, message) = rotating(harness);
    (status, reason, message.contains(part))
}

fn row(status: &str, reason: &str, says: bool) -> (String, String, bool) {
    (status.into(), reason.into(), says)
}

/// People annotate the authority, which its watch shows.
fn annotate(harness: &Harness, key: &str, value: &str) {
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"][format!("mtls-operator.dev/{key}")] = json!(value);
    });
    harness.context.authorities.lock().apply(authority(harness));
}

/// Asserts that another reconcile of the authority writes nothing.
async fn assert_quiet(harness: &Harness, controller: impl Future<Output = ()>) {
    let writes = harness.server.writes();
    harness.context.authorities.lock().apply_secret(ROOT);
    run_a_minute(controller).await;
    assert_eq!(harness.server.writes(), writes, "{:?}", rotating(harness));
}

/// The Secret of a CA that people have made.
pub fn provide(harness: &Harness) {
    let terms = AuthoritySpec::parse(&MtlsAuthority::new("own", MtlsAuthoritySpec::default())).unwrap();
    let ca = Authority::generate("own", terms.root_algorithm, SignedDuration::from_hours(8760), NOW).unwrap();
    let [chain, key, anchors] = [ca.chain, ca.key.to_vec(), ca.anchors].map(ByteString);
    let data = json!({ "tls.crt": chain, "tls.key": key, "ca.crt": anchors });
    let consent = json!({ "mtls-operator.dev/provides-for": "mesh" });
    let meta = json!({ "namespace": "mtls-system", "name": OWN, "annotations": consent });
    harness.server.put(SECRETS, &json!({ "metadata": meta, "type": "kubernetes.io/tls", "data": data }));
    harness.context.authorities.lock().apply_secret(OWN);
}

#[tokio::test(start_paused = true)]
async fn a_request_to_rotate_a_provided_ca_is_answered_with_what_to_do_until_it_is_done() {
    let harness = Harness::bare(ApiServer::default(), NOW);
    provide(&harness);
    let spec = json!({ "root": { "provided": { "secretName": OWN } } });
    let harness = harness.with_authority(serde_json::from_value(spec).unwrap()).await;
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    let advice = "put a CA with another root into the Secret that spec.root.provided.secretName names";
    assert_eq!(says(&harness, advice), row("False", "Stable", false));
    annotate(&harness, "rotate", "1");
    run_a_minute(&mut controller).await;
    assert_eq!(says(&harness, advice), row("False", "Stable", true), "{:?}", rotating(&harness));
    assert_quiet(&harness, &mut controller).await;
    provide(&harness);
    run_a_minute(&mut controller).await;
    assert_eq!(says(&harness, "rotate asks"), row("True", "Announced", false), "{:?}", rotating(&harness));
    assert_eq!(authority(&harness).status.unwrap().last_handled_rotate(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_rotation_during_another_is_answered_with_when_it_begins() {
    let harness = served().await;
    let mut controller = controller(&harness);
    annotate(&harness, "rotate", "1");
    run_a_minute(&mut controller).await;
    let later = "rotate asks for another rotation, which begins when this one has ended";
    assert_eq!(says(&harness, later), row("True", "Announced", false));
    annotate(&harness, "rotate", "2");
    run_a_minute(&mut controller).await;
    assert_eq!(says(&harness, later), row("True", "Announced", true), "{:?}", rotating(&harness));
    assert!(rotating(&harness).2.ends_with("Behind: 1 (orders/web)"), "{:?}", rotating(&harness));
    assert_quiet(&harness, &mut controller).await;
    annotate(&harness, "rotate", "1");
    run_a_minute(&mut controller).await;
    assert_eq!(says(&harness, later), row("True", "Announced", false), "{:?}", rotating(&harness));
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_was_asked_for_during_another_begins_when_that_has_ended() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    mesh.ask("2");
    for phase in ["Draining", "Announced"] {
        mesh.until(phase, 180, 1).await;
    }
    let root = mesh.harness.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    assert_eq!(root["metadata"]["annotations"]["mtls-operator.dev/rotate-request"], "2");
}

/// The lines of a scrape about the rotation.
fn of_rotation(harness: &Harness) -> Vec<String> {
    let mut figures = scrape(harness);
    figures.retain(|line| line.contains("rotation_phase{") || line.contains("rotation_waiting{"));
    figures
}

/// What status keeps of a root that is lost.
fn evidence(harness: &Harness) -> Value {
    let status = serde_json::to_value(authority(harness).status).unwrap();
    let of_roots = |root: &Value| json!([root["role"], root["fingerprint"]]);
    let roots: Vec<Value> = status["roots"].as_array().unwrap().iter().map(of_roots).collect();
    let rotation = &status["rotation"];
    json!([rotation["phase"], rotation["phaseTime"], rotation["lastHandledRotate"], roots])
}

#[tokio::test(start_paused = true)]
async fn while_the_root_is_lost_the_condition_does_not_say_that_it_is_stable() {
    let harness = served().await;
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    assert_eq!(says(&harness, "one root signs"), row("False", "Stable", true));
    let known = evidence(&harness);
    let root = lose_root(&harness);
    run_a_minute(&mut controller).await;
    assert_eq!(says(&harness, "it is unknown"), row("Unknown", "RootLost", true), "{:?}", rotating(&harness));
    assert_eq!(evidence(&harness), known, "what was seen last is kept as evidence");
    assert_quiet(&harness, &mut controller).await;
    harness.server.put(SECRETS, &root);
    harness.context.authorities.lock().apply_secret(ROOT);
    run_a_minute(&mut controller).await;
    assert_eq!(says(&harness, "one root signs"), row("False", "Stable", true));
}

#[tokio::test(start_paused = true)]
async fn a_root_that_is_not_ours_says_nothing_of_our_rotation() {
    for (ours, strange) in [("Announced", "Stable"), ("Stable", "Draining")] {
        let harness = served().await;
        let mut controller = controller(&harness);
        run_a_minute(&mut controller).await;
        if ours == "Announced" {
            annotate(&harness, "rotate", "1");
            run_a_minute(&mut controller).await;
            annotate(&harness, "rotation-exclude", "orders/missing");
            run_a_minute(&mut controller).await;
        }
        let known = evidence(&harness);
        assert_eq!(known[0], ours);
        let is_told = of_rotation(&harness).iter().any(|line| line.contains(&format!("phase=\"{ours}\"")));
        assert!(is_told, "{:?}", of_rotation(&harness));
        let mut other = Harness::set().await.server.get(SECRETS, "mtls-system", ROOT).unwrap();
        other["metadata"]["annotations"]["mtls-operator.dev/phase"] = json!(strange);
        harness.server.put(SECRETS, &other);
        harness.context.authorities.lock().apply_secret(ROOT);
        run_a_minute(&mut controller).await;
        assert_eq!(
            says(&harness, "it is unknown"),
            row("Unknown", "RootLost", true),
            "{:?}",
            rotating(&harness)
        );
        assert_eq!(evidence(&harness), known, "the Secret holds the root of another mesh");
        assert_eq!(
            authority(&harness).status.unwrap().rotation.unwrap().waiting_for,
            [],
            "nothing is waited for"
        );
        assert_eq!(of_rotation(&harness), [""; 0]);
        assert_quiet(&harness, &mut controller).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_roots_is_reported_once_though_the_reconcile_that_made_it_failed() {
    let read = format!("GET secrets mtls-system/{ROOT}");
    let faults: [&[(&str, Fault)]; 2] =
        [&[("PATCH status mesh", Fault::Overtaken)], &[(&read, Fault::None), (&read, Fault::Broken)]];
    for faults in faults {
        let harness = served().await;
        let mut controller = controller(&harness);
        run_a_minute(&mut controller).await;
        harness.server.calls();
        for (line, fault) in faults {
            harness.server.next(line, *fault);
        }
        annotate(&harness, "rotate", "1");
        run_a_minute(&mut controller).await;
        let events = harness.server.calls().into_iter().filter(|call| call.line.starts_with("POST events"));
        let told: Vec<String> = events.map(|call| call.body["reason"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told, ["Announce"], "{faults:?}");
    }
}

/// Condition types in the order in which status has them.
fn types(harness: &Harness) -> Vec<String> {
    authority(harness).status.unwrap().conditions.into_iter().map(|condition| condition.type_).collect()
}

#[tokio::test(start_paused = true)]
async fn conditions_that_two_controllers_write_keep_one_order_while_no_root_signs_in_a_rotation() {
    let spec = json!({
        "root": { "provided": { "secretName": OWN } }, "trustBundle": { "namespaces": { "from": "All" } },
        "leaf": { "ttl": "1m", "maxTTL": "1m" }, "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    let harness = Harness::bare(ApiServer::default(), NOW);
    provide(&harness);
    let harness = harness.with_authority(serde_json::from_value(spec).unwrap()).await;
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    provide(&harness);
    for _ in 0..2 {
        run_a_minute(&mut controller).await;
        harness.watch();
        harness.publish().await;
    }
    let status = authority(&harness).status.unwrap();
    assert_eq!(status.rotation.unwrap().phase.as_deref(), Some("Draining"));
    harness.server.delete(SECRETS, "mtls-system", OWN);
    harness.context.authorities.lock().apply_secret(OWN);
    let signer = harness.context.issuers.get("mesh").unwrap();
    let signer = signer.signer.as_ref().unwrap().authority.fingerprint().to_string();
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["spec"]["distrustedRoots"] = json!([{ "fingerprint": signer }]);
    });
    harness.context.authorities.lock().apply(authority(&harness));
    run_a_minute(&mut controller).await;
    assert_eq!(types(&harness), ["Ready", "Stalled", "Rotating", "Published"]);
    let writes = harness.server.writes();
    run_a_minute(&mut controller).await;
    assert_eq!(harness.server.writes(), writes, "{:?}", types(&harness));
}
