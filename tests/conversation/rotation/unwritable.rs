//! An identity whose Secret cannot be written: the rotation waits for it until it is excluded by name or the switch is
//! forced.

use jiff::{SignedDuration, Timestamp};
use mtls_operator::operator::authority::rotating::rotating_message;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use serde_json::json;
use test_support::in_memory::harness::{AUTHORITIES, NOW};
use test_support::in_memory::rotation_run::RotationRun;

use super::block_writes;

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_written_holds_the_switch_up_until_it_is_forced_and_no_longer() {
    let spec = json!({
        "root": { "ttl": "20m" }, "leaf": { "ttl": "2m", "maxTTL": "2m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    let mut mesh = RotationRun::of(&["a", "b"], spec).await;
    mesh.harness.apply("stuck", &json!({"paused": false}));
    mesh.tick(1).await;
    block_writes(&mesh, "stuck");
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let began = mesh.harness.manual_clock.now();
    for _ in 0..60 {
        mesh.tick(1).await;
        mesh.check(true);
    }
    assert_eq!(mesh.phase(), "Announced", "it is waited for");
    // Its leaf expires meanwhile; the other identities go on.
    mesh.forgive_expiry();
    for _ in 0..200 {
        mesh.tick(10).await;
        mesh.check(true);
        if mesh.phase() == "Draining" {
            break;
        }
    }
    let waited = mesh.harness.manual_clock.now().duration_since(began);
    assert_eq!(mesh.phase(), "Draining");
    // The middle of what was left of the former root comes before its last leaves: 20 min, less 2 min and 10 s.
    assert!((1000..=1090).contains(&waited.as_secs()), "{waited}");
    stuck_is_led_until(&mut mesh, NOW + SignedDuration::from_mins(20)).await;
    for _ in 0..60 {
        mesh.tick(1).await;
    }
    assert_eq!(
        mesh.phase(),
        "Stable",
        "it still lacks the next root, and the former root retires all the same"
    );
}

/// Until the former root ends, a consumer that trusts it alone accepts leaves of the next one; and no longer.
async fn stuck_is_led_until(mesh: &mut RotationRun, end: Timestamp) {
    let left = end.duration_since(mesh.harness.manual_clock.now()).as_secs();
    assert!(left > 100, "{left} s are left of the former root");
    for _ in 0..left {
        mesh.tick(1).await;
        mesh.check(true);
        // No expiry is forgiven here: the cross-certificate leads from the former root to the leaf of the next one.
        assert_eq!(mesh.accepts("stuck", "a"), Ok(()), "at {}", mesh.harness.manual_clock.now());
    }
    mesh.tick(1).await;
    assert_ne!(mesh.accepts("stuck", "a"), Ok(()), "no path is valid beyond the end of the former root");
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_excluded_by_name_is_not_waited_for() {
    let mut mesh = RotationRun::of(&["a", "stuck"], RotationRun::swift()).await;
    block_writes(&mesh, "stuck");
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    for _ in 0..15 {
        mesh.tick(1).await;
    }
    assert_eq!(mesh.phase(), "Announced");
    mesh.annotate("rotation-exclude", "elsewhere/x, orders/stuck");
    for _ in 0..15 {
        mesh.tick(1).await;
    }
    assert_eq!(mesh.phase(), "Draining");
}

/// What the condition `Rotating` says of an exclusion.
async fn told_of_exclusion(mesh: &RotationRun) -> String {
    let spec = AuthoritySpec::parse(&mesh.harness.authority()).unwrap();
    rotating_message(&mesh.harness.root_outcome().await.0, &spec)
}

/// An annotation in Git would be put back for ever if the operator removed it.
#[tokio::test(start_paused = true)]
async fn an_exclusion_counts_for_one_rotation_and_is_never_removed() {
    let mut mesh = RotationRun::of(&["a", "stuck"], RotationRun::swift()).await;
    mesh.annotate("rotation-exclude", "orders/stuck, orders/stcuk");
    mesh.ask("1");
    for phase in ["Announced", "Draining"] {
        mesh.until(phase, 60, 1).await;
    }
    let told = told_of_exclusion(&mesh).await;
    assert!(told.ends_with("names what does not exist: orders/stcuk"), "{told}");
    mesh.until("Stable", 180, 1).await;
    let authority = mesh.harness.server.get(AUTHORITIES, "", "mesh").unwrap();
    let kept = &authority["metadata"]["annotations"]["mtls-operator.dev/rotation-exclude"];
    assert_eq!(kept, "orders/stuck, orders/stcuk");
    block_writes(&mesh, "stuck");
    // Its leaf may expire meanwhile, which is not checked here.
    mesh.forgive_expiry();
    mesh.reload();
    mesh.ask("2");
    mesh.until("Announced", 10, 1).await;
    for _ in 0..15 {
        mesh.tick(1).await;
    }
    assert_eq!(mesh.phase(), "Announced", "the value has served the rotation before");
    let told = told_of_exclusion(&mesh).await;
    assert!(told.ends_with("was used by an earlier rotation; change it to exclude again"), "{told}");
    mesh.annotate("rotation-exclude", "orders/stuck");
    mesh.until("Draining", 15, 1).await;
}
