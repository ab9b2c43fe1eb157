//! A provided CA that ends soon: one Event, before certificates are cut short, and a sentence on identities whose
//! certificate is.

use std::time::Duration;

use jiff::SignedDuration;
use test_support::ca::Ca;
use test_support::in_memory::harness::{Harness, NOW, issued};

use super::{assert_stands, certifying, harness_over, input, mesh_of, put, ready, root_for};
use crate::authority_controller::{authority, controller, run_a_minute};

pub fn events(harness: &Harness, reason: &str) -> usize {
    harness.server.all("events").iter().filter(|event| event["reason"] == reason).count()
}

#[tokio::test(start_paused = true)]
async fn a_provided_ca_that_ends_soon_is_told_once_and_before_certificates_are_cut_short() {
    let ttl = SignedDuration::from_mins(10);
    let one = root_for("one", ttl);
    let harness = harness_over(&input(&one, &one.pem())).await;
    let mut first = controller(&harness);
    run_a_minute(&mut first).await;
    assert!(!ready(&harness).2.contains("ends at"), "{:?}", ready(&harness));
    // Twice the sum of `leaf.maxTTL` and `rotation.propagation` before the end, without any change.
    tokio::time::advance(Duration::from_secs(600 - 140 - 130)).await;
    run_a_minute(&mut first).await;
    assert_eq!((ready(&harness).2.contains("ends at"), events(&harness, "EndsSoon")), (false, 0));
    run_a_minute(&mut first).await;
    let cut = format!("From {} on", NOW + ttl - SignedDuration::from_mins(1));
    assert_stands(&harness, "True", "Ready", &cut);
    assert_eq!(events(&harness, "EndsSoon"), 1);
    let mut second = controller(&harness);
    harness.context.authorities.lock().apply(authority(&harness));
    run_a_minute(&mut second).await;
    assert_eq!(events(&harness, "EndsSoon"), 1, "a restart repeats no Event");
    let two = Ca::root("two", NOW);
    put(&harness, &input(&two, &two.pem()));
    run_a_minute(&mut second).await;
    assert!(!ready(&harness).2.contains("ends at"), "{:?}", ready(&harness));
}

#[tokio::test(start_paused = true)]
async fn an_identity_whose_certificate_ends_with_its_ca_says_so() {
    let ttl = SignedDuration::from_mins(10);
    let one = root_for("one", ttl);
    let mut mesh = mesh_of(&one, &one, certifying()).await;
    assert!(!mesh.harness.message("a").contains("The CA that signed it ends then"));
    while mesh.harness.manual_clock.now() < NOW + ttl - SignedDuration::from_secs(20) {
        mesh.tick(5).await;
    }
    assert_eq!(mesh.harness.ready("a"), issued());
    let message = mesh.harness.message("a");
    assert!(message.contains(&format!("until {}", NOW + ttl)), "{message}");
    assert!(message.contains("The CA that signed it ends then, too"), "{message}");
}
