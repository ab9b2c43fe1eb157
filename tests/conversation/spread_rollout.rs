//! A rotation spread over a day, between two renewals: each Secret follows each step once, in its own second, and
//! nothing is written before; another bundle costs no new key.

use jiff::Timestamp;
use mtls_operator::plan::spread::{RolloutWindow, slot};
use serde_json::json;
use test_support::in_memory::harness::{NAMESPACE, SECRETS, issued};
use test_support::in_memory::rotation_run::RotationRun;

const NAMES: [&str; 4] = ["a", "b", "c", "still"];
const QUARTER: i64 = 15 * 60;

/// The step that has begun, as the root Secret says it.
fn step(mesh: &RotationRun) -> RolloutWindow {
    let root = mesh.harness.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
    let moment = |key: &str| -> Timestamp {
        root["metadata"]["annotations"][format!("mtls-operator.dev/{key}")].as_str().unwrap().parse().unwrap()
    };
    RolloutWindow { began: moment("since"), ends: moment("spread-until") }
}

/// The identities that follow the step, each with the second of its slot, in order: none of them is renewed in the step.
fn slots(mesh: &RotationRun) -> Vec<(i64, &'static str)> {
    let step = step(mesh);
    assert_eq!(step.ends.duration_since(step.began).as_hours(), 24);
    let slot = |name: &'static str| {
        let identity = mesh.harness.identity(name);
        let renewal = identity.status.unwrap().renewal_time.map(|time| time.0);
        assert!(renewal.is_none_or(|renewal| renewal > step.ends), "{name} is renewed in the step");
        (step.due_at(slot(&identity.metadata.uid.unwrap()), None), name)
    };
    let mut slots: Vec<_> = NAMES.into_iter().map(slot).collect();
    slots.sort_unstable();
    let seconds: Vec<i64> = slots.iter().map(|(second, _)| *second).collect();
    let gaps = seconds.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.min().unwrap() > 60 && seconds[0] > step.began.as_second() + 60, "{seconds:?}");
    slots
}

/// What a Secret holds of a leaf: its key, the serial number in its annotations and status, and its signer.
fn leaf(mesh: &RotationRun, name: &str) -> (String, String, String, String) {
    let secret = mesh.harness.secret(&format!("{name}-mtls")).unwrap();
    let key = secret["data"]["tls.key"].as_str().unwrap().to_owned();
    let told = mesh.harness.identity(name).status.unwrap().serial.unwrap();
    (key, mesh.harness.serial(name), told, mesh.note(name, "authority-key-id"))
}

/// The Secret of an identity, and the status that names its new version: each written once.
fn once(name: &str) -> Vec<String> {
    vec![format!("PATCH secrets {NAMESPACE}/{name}-mtls"), format!("PATCH status {NAMESPACE}/{name}")]
}

/// Goes on until this second, in which nothing is written.
async fn rest_until(mesh: &mut RotationRun, second: i64) {
    while mesh.harness.manual_clock.now().as_second() < second {
        let left = second - mesh.harness.manual_clock.now().as_second();
        mesh.tick(u64::try_from(left.min(QUARTER)).unwrap()).await;
        mesh.check(true);
        let now = mesh.harness.manual_clock.now();
        assert_eq!(mesh.written, [""; 0], "at {now}, between two slots");
    }
}

/// Every Secret gets the bundle in force, in its slot and no other second, and keeps its leaf.
async fn trust_follows(mesh: &mut RotationRun) {
    for (second, name) in slots(mesh) {
        rest_until(mesh, second - 1).await;
        let (trust, before) = (mesh.note(name, "trust"), leaf(mesh, name));
        mesh.tick(1).await;
        mesh.check(true);
        assert_eq!(mesh.written, once(name), "in the slot of {name}");
        assert_ne!(mesh.note(name, "trust"), trust, "{name} holds the other bundle");
        assert_eq!(leaf(mesh, name), before, "{name} keeps key and serial number");
    }
}

/// Every identity that is not paused gets another leaf, in its slot and no other second.
async fn leaves_follow(mesh: &mut RotationRun) {
    for (second, name) in slots(mesh) {
        rest_until(mesh, second - 1).await;
        let (trust, before) = (mesh.note(name, "trust"), leaf(mesh, name));
        mesh.tick(1).await;
        mesh.check(true);
        assert_eq!(mesh.note(name, "trust"), trust, "the bundle stays as it is");
        let after = leaf(mesh, name);
        if name == "still" {
            assert_eq!((&mesh.written[..], after), (&[][..], before), "it keeps its leaf");
        } else {
            assert_eq!(mesh.written, once(name), "in the slot of {name}");
            assert!(after.0 != before.0 && after.1 != before.1 && after.3 != before.3, "{name}: {after:?}");
            assert_eq!((&after.1, mesh.harness.ready(name)), (&after.2, issued()));
        }
    }
}

async fn pause(mesh: &mut RotationRun, is_paused: bool) {
    mesh.harness.apply("still", &json!({ "paused": is_paused }));
    mesh.tick(1).await;
}

#[tokio::test(start_paused = true)]
async fn spread_over_a_day_each_secret_follows_each_step_once_and_in_its_own_second() {
    let spec = json!({
        "leaf": { "ttl": "168h", "maxTTL": "168h" },
        "rotation": { "propagation": "10s", "spreadOver": "24h" },
    });
    let mut mesh = RotationRun::of(&NAMES, spec).await;
    pause(&mut mesh, true).await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    trust_follows(&mut mesh).await;
    mesh.until("Draining", 15, 1).await;
    leaves_follow(&mut mesh).await;
    // A paused identity would hold the former root until its leaf has expired. The leaf that it gets now outlives the next
    // step.
    let later = step(&mesh).ends.as_second() + 6 * 3600;
    rest_until(&mut mesh, later).await;
    pause(&mut mesh, false).await;
    assert_eq!(mesh.written, once("still"), "its slot has passed");
    pause(&mut mesh, true).await;
    mesh.until("Stable", 8 * 86_400, QUARTER.unsigned_abs()).await;
    trust_follows(&mut mesh).await;
    let ends = step(&mesh).ends.as_second();
    rest_until(&mut mesh, ends).await;
}
