//! Laws of the orders of keys: namespaces take turns, renewals have theirs, and what is not wanted is not begun.

use mtls_operator::operator::identity::key_orders::{KeyOrder, KeyOrders};
use mtls_operator::operator::index::IdentityId;
use mtls_operator::operator::index::digest::Digest;
use mtls_operator::operator::scheduler::place::Place;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::pki::KeyAlgorithm;

const RSA: KeyAlgorithm = KeyAlgorithm::Rsa2048;

fn order(n: u32, priority: Priority, namespace: u64) -> KeyOrder {
    let namespace = Digest::new(namespace).unwrap();
    let place = Place { priority, has_failed: false, urgency: 1_780_000_000 + i64::from(n), namespace };
    KeyOrder { id: IdentityId::new(n), algorithm: RSA, place }
}

/// The orders in which keys are begun by one thread.
fn begun(orders: &mut KeyOrders, is_wanted: impl Fn(IdentityId) -> bool) -> Vec<usize> {
    let next = || {
        let (id, algorithm) = orders.begin(&is_wanted)?;
        assert!(orders.end(id, algorithm));
        Some(id.slot())
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn namespaces_take_turns_and_a_renewal_is_every_second_key() {
    let mut orders = KeyOrders::default();
    (0..20).for_each(|n| orders.insert(order(n, Priority::New, 1)));
    orders.insert(order(20, Priority::New, 2));
    (21..24).for_each(|n| orders.insert(order(n, Priority::Due, 3)));
    let order = begun(&mut orders, |_| true);
    assert_eq!(order[..8], [0, 21, 20, 22, 1, 23, 2, 3], "{order:?}");
}

#[test]
fn a_key_that_is_not_wanted_any_more_is_not_begun() {
    let mut orders = KeyOrders::default();
    (0..1000).for_each(|n| orders.insert(order(n, Priority::New, 1)));
    assert_eq!(begun(&mut orders, |id| id.slot() == 999), [999]);
    assert!(orders.begin(|_| true).is_none());
}

#[test]
fn an_identity_has_one_order_the_latest() {
    let mut orders = KeyOrders::default();
    orders.insert(order(1, Priority::New, 1));
    orders.insert(KeyOrder { algorithm: KeyAlgorithm::Rsa4096, ..order(1, Priority::New, 1) });
    let (id, algorithm) = orders.begin(|_| true).unwrap();
    assert_eq!(algorithm, KeyAlgorithm::Rsa4096);
    assert!(orders.begin(|_| true).is_none());
    orders.insert(order(1, Priority::New, 1));
    assert!(!orders.end(id, algorithm), "another kind was asked for meanwhile");
    assert_eq!(orders.begin(|_| true), Some((id, RSA)));
    orders.insert(order(1, Priority::New, 1));
    assert!(orders.end(id, RSA), "the same was asked for again: this key does");
    assert!(orders.begin(|_| true).is_none());
}
