//! Whole rotations: at every second any two consumers can shake hands, also when the operator is killed at any of its writes.

use serde_json::json;
use test_support::in_memory::harness::issued;
use test_support::in_memory::rotation_run::RotationRun;

use super::block_writes;

#[tokio::test(start_paused = true)]
async fn any_two_consumers_can_shake_hands_at_every_second_of_two_rotations() {
    let mut mesh = RotationRun::of(&["a", "b", "c"], RotationRun::swift()).await;
    for request in ["1", "2"] {
        let before = mesh.note("a", "authority-key-id");
        mesh.ask(request);
        mesh.until("Announced", 30, 1).await;
        mesh.until("Draining", 60, 1).await;
        assert_ne!(mesh.note("a", "authority-key-id"), before, "prompt: the next root signs at once");
        mesh.until("Stable", 180, 1).await;
        // A consumer that never reloads can follow one rotation.
        mesh.reload();
    }
    for name in ["a", "b", "c"] {
        assert_eq!(mesh.harness.ready(name), issued());
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "Expired")]
async fn a_consumer_that_is_not_renewed_in_time_is_noticed_though_it_could_shake_hands_before() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    mesh.check(true);
    block_writes(&mesh, "a");
    mesh.tick(61).await;
    mesh.check(true);
}

/// A rotation in which the operator is killed at one write; returns how many writes there were.
async fn rotation_with_crash(crash: Option<(usize, bool)>) -> usize {
    let mut spec = RotationRun::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    let mut mesh = RotationRun::of(&["a", "b"], spec).await;
    let before = mesh.harness.server.writes();
    if let Some((at, is_carried_out)) = crash {
        mesh.harness.server.crash_at(before + at, is_carried_out);
    }
    mesh.ask("1");
    for phase in ["Announced", "Draining", "Stable"] {
        mesh.until(phase, 300, 1).await;
    }
    let writes = mesh.harness.server.writes() - before;
    // Serial numbers decide when renewals are due, so that one run has a write more than another.
    let is_reached = crash.is_some_and(|(at, _)| at <= writes);
    assert_eq!(mesh.crashes, usize::from(is_reached), "{crash:?}");
    for name in ["a", "b"] {
        assert_eq!(mesh.harness.ready(name), issued(), "{crash:?}");
    }
    let roots = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let left: Vec<&String> = roots["data"].as_object().unwrap().keys().collect();
    assert_eq!(left, ["ca.crt", "cross.crt", "evidence.key", "tls.crt", "tls.key"], "{crash:?}");
    writes
}

#[tokio::test(start_paused = true)]
async fn a_rotation_ends_alike_whichever_write_the_operator_is_killed_at() {
    let writes = rotation_with_crash(None).await;
    assert!(writes >= 12, "{writes} writes");
    let mut tried = 0;
    for at in 1..=writes {
        for is_carried_out in [false, true] {
            rotation_with_crash(Some((at, is_carried_out))).await;
            tried += 1;
        }
    }
    println!("{tried} crashes in a rotation of {writes} writes");
}

#[tokio::test(start_paused = true)]
async fn with_the_defaults_a_planned_rotation_costs_no_write_beyond_the_renewals() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut mesh = RotationRun::of(&names, json!({})).await;
    mesh.harness.server.calls();
    let revisions = |mesh: &RotationRun| -> usize {
        names.iter().map(|name| mesh.note(name, "revision").parse::<usize>().unwrap()).sum()
    };
    let (writes, issued_before) = (mesh.harness.server.writes(), revisions(&mesh));
    mesh.ask("1");
    let quarter = 15 * 60;
    mesh.until("Announced", 3600, quarter).await;
    mesh.until("Draining", 3 * 86_400, quarter).await;
    mesh.until("Stable", 12 * 86_400, quarter).await;
    let trust = mesh.note("a", "trust");
    for _ in 0..(26 * 4) {
        mesh.tick(quarter).await;
        mesh.check(true);
    }
    assert_ne!(mesh.note("a", "trust"), trust, "the former root has left the bundles");
    let issued = revisions(&mesh) - issued_before;
    // Each issuance is a Secret and a status; the rotation itself is three writes of the root Secret.
    assert_eq!(mesh.harness.server.writes() - writes, 2 * issued + 3, "{issued} issuances");
}
