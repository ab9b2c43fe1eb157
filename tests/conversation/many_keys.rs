//! Keys that take long are made by as many threads as were asked for, and by no more, in the order of the orders.

use std::sync::Arc;
use std::time::Duration;

use mtls_operator::operator::identity::key_generator::KeyGenerator;
use mtls_operator::operator::identity::key_orders::KeyOrder;
use mtls_operator::operator::index::IdentityId;
use mtls_operator::operator::scheduler::place::Place;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::pki::KeyAlgorithm;
use parking_lot::Mutex;
use test_support::in_memory::harness::PATIENCE;
use tokio::time::{sleep, timeout};

/// The orders of a key generator of so many threads, in the order in which their keys were there. The first ones take longest.
async fn made(threads: usize, algorithms: &[KeyAlgorithm]) -> Vec<usize> {
    let called: Arc<Mutex<Vec<usize>>> = Arc::default();
    let calls = called.clone();
    let on_ready = move |id: IdentityId| {
        calls.lock().push(id.slot());
        true
    };
    let generator = KeyGenerator::start(threads, |_| true, on_ready);
    for (slot, algorithm) in (0..).zip(algorithms) {
        let place =
            Place { priority: Priority::New, has_failed: false, urgency: i64::from(slot), namespace: 1 };
        generator.request(KeyOrder { id: IdentityId::new(slot), algorithm: *algorithm, place });
    }
    let all = async {
        while called.lock().len() < algorithms.len() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, all).await.unwrap();
    called.lock().clone()
}

#[tokio::test]
async fn no_more_keys_are_made_at_once_than_there_are_threads_for_them() {
    let (slow, swift) = (KeyAlgorithm::Rsa4096, KeyAlgorithm::EcdsaP256);
    for threads in [1, 2] {
        let algorithms = [vec![slow; threads], vec![swift; 4]].concat();
        let order = made(threads, &algorithms).await;
        for (place, slot) in order.iter().enumerate() {
            // Its making began when all but so many of those before it were there.
            assert!(place + threads > *slot, "with {threads} threads: {order:?}");
        }
    }
}
