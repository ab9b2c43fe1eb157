//! Keys that are asked for and not begun yet: namespaces take turns within a class, as in the queue of reconciles.
//!
//! Renewals have half of the turns while new identities wait, too. What is not wanted any more is passed over.

use std::collections::HashMap;

use crate::operator::index::IdentityId;
use crate::operator::scheduler::place::Place;
use crate::operator::scheduler::queue::Queue;
use crate::pki::KeyAlgorithm;

/// Of eight turns so many are for renewals while new identities wait, too: a key takes so long that one turn of eight could be
/// too late.
const RENEWALS: usize = 4;

/// A key that an identity waits for.
#[derive(Clone, Copy, Debug)]
pub struct KeyOrder {
    /// The identity.
    pub id: IdentityId,
    /// The kind of key.
    pub algorithm: KeyAlgorithm,
    /// The place of the identity in the queue.
    pub place: Place,
}

/// The orders.
#[derive(Debug)]
pub struct KeyOrders {
    queue: Queue,
    /// What is asked for and not begun yet.
    algorithms: HashMap<IdentityId, KeyAlgorithm>,
}

impl Default for KeyOrders {
    fn default() -> Self {
        let mut queue = Queue::default();
        queue.set_renewals_share(RENEWALS);
        Self { queue, algorithms: HashMap::new() }
    }
}

impl KeyOrders {
    /// An identity asks for a key. It has one order at most, the latest.
    pub fn insert(&mut self, order: KeyOrder) {
        self.algorithms.insert(order.id, order.algorithm);
        self.queue.push(order.id, order.place);
    }

    /// The order whose turn it is, of those that are still wanted.
    pub fn begin(&mut self, is_wanted: impl Fn(IdentityId) -> bool) -> Option<(IdentityId, KeyAlgorithm)> {
        loop {
            // The order of turns depends on no time.
            let (id, _) = self.queue.pop(0)?;
            let algorithm = self.algorithms.remove(&id).filter(|_| is_wanted(id));
            if let Some(algorithm) = algorithm {
                return Some((id, algorithm));
            }
            self.queue.done(id, 0);
        }
    }

    /// A key is there. False if the identity has asked for one of another kind meanwhile.
    pub fn end(&mut self, id: IdentityId, algorithm: KeyAlgorithm) -> bool {
        self.queue.done(id, 0);
        let is_as_asked = self.algorithms.get(&id).is_none_or(|asked| *asked == algorithm);
        if is_as_asked {
            self.algorithms.remove(&id);
            self.queue.remove(id);
        }
        is_as_asked
    }
}
