//! Identities whose keys take long to generate: they are told what changes meanwhile, and no key is made for what is gone.

use std::sync::Arc;

use jiff::SignedDuration;
use mtls_operator::operator::error::Error;
use mtls_operator::operator::identity::key_generator::KeyGenerator;
use mtls_operator::operator::identity::key_orders::KeyOrder;
use mtls_operator::operator::index::IdentityId;
use mtls_operator::operator::index::digest::Digest;
use mtls_operator::operator::scheduler::place::Place;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::pki::KeyAlgorithm;
use parking_lot::Mutex;
use serde_json::json;
use test_support::in_memory::harness::{Harness, PATIENCE, issued};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

/// A harness whose keys are never made.
async fn without_keys() -> Harness {
    let mut harness = Harness::set().await;
    harness.keys = KeyGenerator::start(1, |_| false, |_, _| ());
    harness
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_waits_for_an_rsa_key_and_asks_for_another_kind_is_issued_at_once() {
    let mut harness = without_keys().await;
    harness.apply("web", &json!({"privateKey": {"algorithm": "RSA4096"}}));
    harness.watch();
    assert!(matches!(harness.work().await[..], [Err(Error::KeyPending)]));
    harness.apply("web", &json!({"privateKey": {"algorithm": "ECDSAP256"}}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_ends_while_its_next_key_is_awaited_is_called_expired() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.keys = KeyGenerator::start(1, |_| false, |_, _| ());
    harness.apply("web", &json!({"privateKey": {"algorithm": "RSA4096"}}));
    harness.watch();
    assert!(matches!(harness.work().await[..], [Err(Error::KeyPending)]));
    let end = harness.identity("web").status.unwrap().not_after.unwrap().0;
    harness.manual_clock.set(end + SignedDuration::from_secs(1));
    harness.reconcile_authority().await.unwrap();
    harness.asked();
    harness.work().await;
    assert!(harness.asked().contains(&"PATCH status orders/web".to_owned()));
    assert_eq!(harness.ready("web").0, "False");
    assert_eq!(harness.work().await.len(), 0, "it has been said");
}

#[tokio::test]
async fn keys_that_were_ordered_for_what_is_gone_are_not_made() {
    let (made, mut told) = unbounded_channel();
    let gone: Arc<Mutex<Vec<IdentityId>>> = Arc::default();
    let (cancelled, last) = (gone.clone(), IdentityId::new(500));
    let on_ready = move |id, _| made.send(id).unwrap();
    let generator = KeyGenerator::start(1, move |id| !cancelled.lock().contains(&id), on_ready);
    let order = |n: u32| {
        let place = Place {
            priority: Priority::New,
            has_failed: false,
            urgency: i64::from(n),
            namespace: Digest::MIN,
        };
        KeyOrder { id: IdentityId::new(n), algorithm: KeyAlgorithm::Rsa2048, place }
    };
    // Nothing is begun before this task waits.
    gone.lock().extend((0..500).map(IdentityId::new));
    (0..=500).for_each(|n| generator.request(order(n)));
    assert_eq!(timeout(PATIENCE, told.recv()).await.unwrap(), Some(last));
}
