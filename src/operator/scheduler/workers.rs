//! What is in work, and how much of the workers one namespace, or what has failed before, may use.
//!
//! While others wait no namespace has more than half of the workers, and neither has what failed before. A worker whose request
//! is not answered for a second is replaced, up to half of the most that there can be: what hangs holds others up for a second at
//! most.

use std::collections::HashMap;

use super::adaptive_limit::AdaptiveLimit;
use super::place::Place;
use crate::operator::index::IdentityId;
use crate::operator::index::digest::Digest;
use crate::operator::index::time::Millis;

/// What takes longer hangs. Longer than a reconcile takes on a busy API server.
pub const MAX_HOLD: Millis = 1000;

/// One part in so many is what a limit spares: of the workers for other namespaces, and of them all after a pause.
const PARTS: usize = 8;

/// The fewest and the most where their number follows the API server: it reads and writes for other clients, too, and each worker
/// may hold a large object.
const ADAPTIVE: std::ops::RangeInclusive<usize> = 8..=64;
/// Answers may take so much longer than with the fewest workers, in percent.
const TOLERANCE: Millis = 150;

/// How many workers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerCount {
    /// This number.
    Fixed(usize),
    /// As many as the API server answers well.
    Adaptive,
}

impl From<usize> for WorkerCount {
    fn from(count: usize) -> Self {
        Self::Fixed(count)
    }
}

impl WorkerCount {
    /// The most that can be in work at once: in place of what hangs there may be half as many more.
    #[must_use]
    pub const fn most_in_work(self) -> usize {
        match self {
            Self::Fixed(count) => count + count / 2,
            Self::Adaptive => *ADAPTIVE.end() + *ADAPTIVE.end() / 2,
        }
    }

    /// Renewals in work at once where no more are needed: enough for hundreds of renewals a second.
    #[must_use]
    pub const fn renewals(self) -> usize {
        match self {
            Self::Fixed(count) => count.div_ceil(PARTS),
            Self::Adaptive => *ADAPTIVE.start() / 2,
        }
    }
}

/// One identity in work.
#[derive(Clone, Copy, Debug)]
struct InWork {
    place: Place,
    began: Millis,
    /// The place to take afterwards, if it was queued meanwhile.
    again: Option<Place>,
}

/// How much of the workers one namespace, or what has failed, may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Half of them: others wait.
    Half,
    /// All but one in eight: others may come at any time.
    Most,
}

/// The workers. Without a number of them nothing is limited.
#[derive(Debug, Default)]
pub struct Workers {
    count: Option<usize>,
    /// What changes their number.
    adaptive: Option<AdaptiveLimit>,
    /// So many fewer work after a pause, until reconciles have ended.
    resting: usize,
    in_work: HashMap<IdentityId, InWork>,
}

impl Workers {
    /// From now on there are so many.
    pub fn set_count(&mut self, count: WorkerCount) {
        match count {
            WorkerCount::Fixed(count) => (self.count, self.adaptive) = (Some(count.max(1)), None),
            WorkerCount::Adaptive => self.adaptive = Some(AdaptiveLimit::new(ADAPTIVE, TOLERANCE)),
        }
        self.follow();
    }

    fn follow(&mut self) {
        self.count = self.adaptive.as_ref().map(AdaptiveLimit::get).or(self.count);
    }

    /// How long the API server took for this identity says how many it answers well.
    pub fn answered(&mut self, id: IdentityId, now: Millis) {
        if let (Some(limit), Some(work)) = (&mut self.adaptive, self.in_work.get(&id)) {
            limit.answered(now.saturating_sub(work.began).max(0));
            self.follow();
        }
    }

    /// Whether work on an identity takes too long.
    #[must_use]
    pub fn is_hanging(&self, id: IdentityId, now: Millis) -> bool {
        self.in_work.get(&id).is_some_and(|work| hangs(work.began, now))
    }

    /// How many there are, if that is known.
    #[must_use]
    pub const fn count(&self) -> Option<usize> {
        self.count
    }

    /// The API server has asked for a pause: a few go on after it, and one more with each reconcile that ends.
    pub fn start_slowly(&mut self) {
        self.adaptive.iter_mut().for_each(AdaptiveLimit::halve);
        self.follow();
        self.resting = self.count.map_or(0, |count| count - (count / PARTS).max(1));
    }

    /// Whether one is free.
    #[must_use]
    pub fn has_free(&self, now: Millis) -> bool {
        self.count.is_none_or(|count| {
            let replaced = self.hanging(now).min(self.most(count) / 2);
            self.in_work.len() < (count.saturating_sub(self.resting) + replaced).max(1)
        })
    }

    /// How many there can be: where they have become fewer, those that hang since before must not be all of them.
    fn most(&self, count: usize) -> usize {
        self.adaptive.as_ref().map_or(count, AdaptiveLimit::most)
    }

    /// When the next one is replaced, because its request hangs.
    #[must_use]
    pub fn next_replaced(&self, now: Millis) -> Option<Millis> {
        let ends = self.in_work.values().map(|work| work.began.saturating_add(MAX_HOLD));
        ends.filter(|end| *end > now).min()
    }

    fn hanging(&self, now: Millis) -> usize {
        self.in_work.values().filter(|work| hangs(work.began, now)).count()
    }

    /// Whether a namespace may have one more.
    #[must_use]
    pub fn allows(&self, namespace: Digest, bound: Bound) -> bool {
        let of = |work: &&InWork| work.place.namespace == namespace;
        self.is_below(bound, || self.in_work.values().filter(of).count())
    }

    /// Whether what failed before may have one more.
    #[must_use]
    pub fn allow_failed(&self, bound: Bound) -> bool {
        self.is_below(bound, || self.in_work.values().filter(|work| work.place.has_failed).count())
    }

    fn is_below(&self, bound: Bound, used: impl FnOnce() -> usize) -> bool {
        self.count.is_none_or(|count| {
            let share = match bound {
                Bound::Half => (count / 2).max(1),
                Bound::Most => count - count / PARTS,
            };
            used() < share
        })
    }

    /// Work on an identity begins.
    pub fn begin(&mut self, id: IdentityId, place: Place, now: Millis) {
        self.in_work.insert(id, InWork { place, began: now, again: None });
        let count = self.in_work.len();
        self.adaptive.iter_mut().for_each(|limit| limit.in_work(count));
    }

    /// Work on an identity has ended. The place that it takes now, if it was queued meanwhile.
    pub fn end(&mut self, id: IdentityId) -> Option<Place> {
        self.resting = self.resting.saturating_sub(1);
        self.in_work.remove(&id)?.again
    }

    /// The place that an identity in work takes afterwards: the best of those it is given.
    pub fn again(&mut self, id: IdentityId, place: Place) -> bool {
        let Some(work) = self.in_work.get_mut(&id) else { return false };
        work.again = Some(work.again.map_or(place, |before| before.min(place)));
        true
    }

    /// An identity in work is not to wait again.
    pub fn not_again(&mut self, id: IdentityId) {
        if let Some(work) = self.in_work.get_mut(&id) {
            work.again = None;
        }
    }

    /// Identities in work.
    #[must_use]
    pub fn count_in_work(&self) -> usize {
        self.in_work.len()
    }
}

/// Whether what began then takes too long. By the wall clock: one that is set back holds nothing up.
#[must_use]
pub fn hangs(began: Millis, now: Millis) -> bool {
    !(began..began.saturating_add(MAX_HOLD)).contains(&now)
}
