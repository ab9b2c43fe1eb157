//! The floor between reconciles that people cause: by another value of the annotation `renew`, or another spec, again and again.
//!
//! It delays neither the first of an identity nor one that was begun before, and is asked only where time alone asks for nothing.

use std::collections::HashMap;

use crate::operator::index::IdentityId;
use crate::operator::index::digest::Digest;
use crate::operator::index::time::Millis;

/// Of one identity so many follow each other at once: people try things out, and take them back.
const AT_ONCE: i64 = 5;
/// Afterwards one in this time.
const EVERY: Millis = 60_000;
/// Of all identities of a namespace, but for the first of each, so many follow each other at once: what was rolled out is rolled
/// back.
const NAMESPACE_AT_ONCE: i64 = 100;
/// Afterwards one in this time: a tenth of what an API server takes.
const NAMESPACE_EVERY: Millis = 100;
/// Of the identities of a namespace that wait, so many are told of at once.
const TOLD_AT_ONCE: i64 = 10;
/// Afterwards one in this time: to tell costs a request itself.
const TOLD_EVERY: Millis = 10_000;

/// What people ask for: a generation of the spec, and a value of `renew`.
pub type Request = (i64, Option<Digest>);

/// A bucket that is filled by each request and leaks at its rate; full, it is waited for. Eight bytes: when it is empty.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket(Millis);

impl Bucket {
    /// What is in it, as time. A clock that was set back fills none further than its brim.
    fn level(self, at_once: i64, every: Millis, now: Millis) -> Millis {
        self.0.saturating_sub(now).clamp(0, at_once.saturating_mul(every))
    }

    /// When it has room, if not now.
    fn until(self, at_once: i64, every: Millis, now: Millis) -> Option<Millis> {
        let over = self.level(at_once, every, now) - (at_once - 1).saturating_mul(every);
        (over > 0).then(|| now.saturating_add(over))
    }

    fn fill(&mut self, at_once: i64, every: Millis, now: Millis) {
        self.0 = now.saturating_add(self.level(at_once, every, now)).saturating_add(every);
    }
}

/// What was asked of an identity lately.
#[derive(Clone, Copy, Debug)]
struct Asked {
    bucket: Bucket,
    last: Request,
    /// Whether it was told that one waits, since none did.
    is_told: bool,
}

/// The floor of all identities. Only those that people have changed lately are remembered.
#[derive(Debug, Default)]
pub struct Floor {
    identities: HashMap<IdentityId, Asked>,
    namespaces: HashMap<Digest, Bucket>,
    /// What was told of each namespace lately.
    told: HashMap<Digest, Bucket>,
    /// Those that are empty are forgotten when there are so many.
    prune_at: usize,
}

impl Floor {
    /// Until when a request waits, if it does.
    #[must_use]
    pub fn until(&self, id: IdentityId, namespace: Digest, request: Request, now: Millis) -> Option<Millis> {
        let asked = self.identities.get(&id).filter(|asked| asked.last != request)?;
        if asked.bucket.level(AT_ONCE, EVERY, now) == 0 {
            return None;
        }
        let of_namespace = self.namespaces.get(&namespace);
        let of_namespace = of_namespace.and_then(|one| one.until(NAMESPACE_AT_ONCE, NAMESPACE_EVERY, now));
        asked.bucket.until(AT_ONCE, EVERY, now).max(of_namespace)
    }

    /// A request is reconciled. One that is tried again counts once.
    pub fn begin(&mut self, id: IdentityId, namespace: Digest, request: Request, now: Millis) {
        self.prune(now);
        let new = Asked { bucket: Bucket::default(), last: (i64::MIN, None), is_told: false };
        let asked = self.identities.entry(id).or_insert(new);
        if asked.last == request {
            return;
        }
        if asked.bucket.level(AT_ONCE, EVERY, now) > 0 {
            self.namespaces.entry(namespace).or_default().fill(NAMESPACE_AT_ONCE, NAMESPACE_EVERY, now);
        } else {
            asked.is_told = false;
        }
        asked.bucket.fill(AT_ONCE, EVERY, now);
        asked.last = request;
    }

    /// Whether people are to be told that a request of theirs waits: once for each identity, as long as it is asked again and
    /// again.
    pub fn tell(&mut self, id: IdentityId, namespace: Digest, now: Millis) -> bool {
        let Some(asked) = self.identities.get_mut(&id).filter(|asked| !asked.is_told) else { return false };
        let told = self.told.entry(namespace).or_default();
        if told.until(TOLD_AT_ONCE, TOLD_EVERY, now).is_some() {
            return false;
        }
        told.fill(TOLD_AT_ONCE, TOLD_EVERY, now);
        asked.is_told = true;
        true
    }

    /// An identity is gone.
    pub fn remove(&mut self, id: IdentityId) {
        self.identities.remove(&id);
    }

    fn prune(&mut self, now: Millis) {
        if self.identities.len() >= self.prune_at {
            self.identities.retain(|_, asked| asked.bucket.0 > now);
            self.namespaces.retain(|_, bucket| bucket.0 > now);
            self.told.retain(|_, bucket| bucket.0 > now);
            self.prune_at = (2 * self.identities.len()).max(64);
            self.identities.shrink_to(self.prune_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = 1_780_000_000_000;

    fn namespace(n: u64) -> Digest {
        Digest::new(n).unwrap()
    }

    /// How many requests of an identity are begun in so many minutes, where there is always another one.
    fn begun(floor: &mut Floor, id: IdentityId, minutes: i64) -> Vec<Millis> {
        let mut begun = Vec::new();
        for now in (0..minutes * 60).map(|second| START + second * 1000) {
            let request = (now, None);
            if floor.until(id, namespace(1), request, now).is_none() {
                floor.begin(id, namespace(1), request, now);
                begun.push(now - START);
            }
        }
        begun
    }

    #[test]
    fn five_follow_each_other_at_once_and_then_one_a_minute() {
        let begun = begun(&mut Floor::default(), IdentityId::new(1), 10);
        assert_eq!(begun[..6], [0, 1000, 2000, 3000, 4000, 60_000]);
        assert_eq!(begun.len(), 14, "{begun:?}");
    }

    #[test]
    fn the_first_of_an_identity_waits_for_nothing_however_many_there_are_in_its_namespace() {
        let mut floor = Floor::default();
        for n in 0..10_000 {
            assert_eq!(floor.until(IdentityId::new(n), namespace(1), (1, None), START), None);
            floor.begin(IdentityId::new(n), namespace(1), (1, None), START);
        }
        let second = (0..10_000).filter(|n| {
            let may = floor.until(IdentityId::new(*n), namespace(1), (2, None), START).is_none();
            if may {
                floor.begin(IdentityId::new(*n), namespace(1), (2, None), START);
            }
            may
        });
        assert_eq!(second.count(), 100);
        assert_eq!(
            floor.until(IdentityId::new(9000), namespace(1), (2, None), START + 100),
            None,
            "ten a second"
        );
        assert_eq!(
            floor.until(IdentityId::new(9000), namespace(2), (2, None), START),
            None,
            "another namespace"
        );
    }

    #[test]
    fn what_was_begun_is_tried_again_at_once() {
        let mut floor = Floor::default();
        for _ in 0..100 {
            assert_eq!(floor.until(IdentityId::new(1), namespace(1), (1, None), START), None);
            floor.begin(IdentityId::new(1), namespace(1), (1, None), START);
        }
        assert_eq!(floor.until(IdentityId::new(1), namespace(1), (2, None), START), None);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up_for_longer_than_the_floor() {
        let mut floor = Floor::default();
        begun(&mut floor, IdentityId::new(1), 10);
        let before = START - 3_600_000;
        let until = floor.until(IdentityId::new(1), namespace(1), (1, None), before).unwrap();
        assert!(until <= before + EVERY, "{until}");
    }

    #[test]
    fn of_an_identity_it_is_told_once_and_again_after_it_was_quiet() {
        let (mut floor, id) = (Floor::default(), IdentityId::new(1));
        begun(&mut floor, id, 10);
        let now = START + 600_000;
        assert_eq!(
            [floor.tell(id, namespace(1), now), floor.tell(id, namespace(1), now + 1000)],
            [true, false]
        );
        floor.begin(id, namespace(1), (-1, None), now + 60_000);
        assert!(!floor.tell(id, namespace(1), now + 60_000));
        floor.begin(id, namespace(1), (-2, None), now + 3_600_000);
        assert!(floor.tell(id, namespace(1), now + 3_600_000));
    }

    #[test]
    fn of_a_namespace_ten_are_told_of_at_once_and_then_one_in_ten_seconds() {
        let mut floor = Floor::default();
        (0..100).for_each(|n| floor.begin(IdentityId::new(n), namespace(1), (1, None), START));
        let mut told = |now| (0..100).filter(|n| floor.tell(IdentityId::new(*n), namespace(1), now)).count();
        assert_eq!([START, START + 9999, START + 10_000].map(&mut told), [10, 0, 1]);
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut floor = Floor::default();
        (0..10_000)
            .for_each(|n| floor.begin(IdentityId::new(n), namespace(u64::from(n) + 1), (1, None), START));
        let later = START + EVERY + 1;
        (0..20_000).for_each(|n| floor.begin(IdentityId::new(n + 10_000), namespace(1), (1, None), later));
        assert!(floor.identities.len() <= 20_064, "{}", floor.identities.len());
    }
}
