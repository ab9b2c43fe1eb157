//! How often the Secret of an identity was repaired, and until when the next repair waits.
//!
//! A few are made at once; where another writer undoes each of them, the pauses grow as after failures. Only identities that were
//! repaired within ten minutes are remembered.

use std::collections::HashMap;

use super::backoff::{LAST, delay};
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

/// So many repairs follow each other without a pause: users try things out (docs: a Secret that is deleted by hand is restored
/// at once).
const AT_ONCE: u32 = 3;
/// Without a repair for so long, those before are forgotten. Longer than the longest pause.
const WINDOW: Millis = 10 * 60 * 1000;

/// The repairs of one identity.
#[derive(Clone, Copy, Debug)]
struct Series {
    count: u32,
    first: Millis,
    last: Millis,
    generation: i64,
    /// Whether a reconcile has met the pause and recorded it: until then that reconcile is due.
    is_recorded: bool,
    /// Whether an Event has reported the pause.
    is_announced: bool,
}

impl Series {
    fn new(generation: i64, now: Millis) -> Self {
        Self { count: 0, first: now, last: now, generation, is_recorded: false, is_announced: false }
    }

    fn is_recent(&self, now: Millis) -> bool {
        (self.last..self.last + WINDOW).contains(&now)
    }

    /// A clock that was set back delays nothing for longer than a pause is.
    fn until(&self, id: IdentityId, now: Millis) -> Option<Millis> {
        let until = self.last.saturating_add(delay(id, self.count));
        (self.count >= AT_ONCE && until > now && until - now <= LAST).then_some(until)
    }
}

/// A repair that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Until when.
    pub until: Millis,
    /// Repairs so far.
    pub count: u32,
    /// When the first of them was made.
    pub since: Millis,
    /// Whether this is the first pause of the series.
    pub is_first: bool,
}

/// The repairs of all identities.
#[derive(Debug, Default)]
pub struct RepairBackoff {
    series: HashMap<IdentityId, Series>,
    /// Those that are over are forgotten when there are so many.
    prune_at: usize,
}

impl RepairBackoff {
    /// The Secret of an identity was repaired.
    pub fn repaired(&mut self, id: IdentityId, generation: i64, now: Millis) {
        self.prune(now);
        let series = self.series.entry(id).or_insert_with(|| Series::new(generation, now));
        if series.generation != generation || !series.is_recent(now) {
            *series = Series::new(generation, now);
        }
        series.count = series.count.saturating_add(1);
        series.last = now;
        series.is_recorded = false;
    }

    /// Whether another repair has to wait. From now on the identity is not reconciled before then.
    pub fn pause(&mut self, id: IdentityId, generation: i64, now: Millis) -> Option<Pause> {
        let series = self.series.get_mut(&id).filter(|series| series.generation == generation)?;
        let until = series.until(id, now)?;
        let is_first = !std::mem::replace(&mut series.is_announced, true);
        series.is_recorded = true;
        Some(Pause { until, count: series.count, since: series.first, is_first })
    }

    /// Until when an identity is not reconciled.
    #[must_use]
    pub fn until(&self, id: IdentityId, generation: i64, now: Millis) -> Option<Millis> {
        let is_recorded = |series: &&Series| series.is_recorded && series.generation == generation;
        self.series.get(&id).filter(is_recorded)?.until(id, now)
    }

    /// The identity is gone, or a renewal is requested.
    pub fn clear(&mut self, id: IdentityId) {
        self.series.remove(&id);
    }

    fn prune(&mut self, now: Millis) {
        if self.series.len() >= self.prune_at {
            self.series.retain(|_, series| series.is_recent(now));
            self.prune_at = (2 * self.series.len()).max(64);
            self.series.shrink_to(self.prune_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = 1_780_000_000_000;

    fn id(n: u32) -> IdentityId {
        IdentityId::new(n)
    }

    /// Repairs of an identity whose Secret is damaged again at once.
    fn fought(repairs: &mut RepairBackoff, minutes: i64) -> Vec<Millis> {
        let mut made = Vec::new();
        for now in (0..minutes * 600).map(|tenth| START + tenth * 100) {
            if repairs.until(id(1), 1, now).is_none() && repairs.pause(id(1), 1, now).is_none() {
                repairs.repaired(id(1), 1, now);
                made.push(now - START);
            }
        }
        made
    }

    #[test]
    fn three_repairs_are_made_at_once_and_about_ten_in_ten_minutes() {
        let made = fought(&mut RepairBackoff::default(), 10);
        assert_eq!(made[..3], [0, 100, 200]);
        assert!((8..=11).contains(&made.len()), "{made:?}");
        let later = fought(&mut RepairBackoff::default(), 60);
        assert!(later.last().unwrap() > &3_000_000 && later.len() <= 25, "it never gives up: {later:?}");
    }

    #[test]
    fn another_identity_and_another_generation_wait_for_nothing() {
        let mut repairs = RepairBackoff::default();
        fought(&mut repairs, 1);
        let now = START + 60_000;
        assert!(repairs.pause(id(1), 1, now).is_some());
        assert_eq!((repairs.pause(id(2), 1, now), repairs.pause(id(1), 2, now)), (None, None));
        repairs.repaired(id(1), 2, now);
        assert_eq!(repairs.pause(id(1), 2, now), None, "a new spec starts without failures");
    }

    #[test]
    fn a_series_ends_after_ten_quiet_minutes_and_a_clock_that_is_set_back_holds_nothing_up() {
        let mut repairs = RepairBackoff::default();
        fought(&mut repairs, 1);
        let now = START + 60_000;
        assert_eq!(repairs.pause(id(1), 1, now - LAST - WINDOW), None);
        let quiet = now + WINDOW;
        repairs.repaired(id(1), 1, quiet);
        assert_eq!(repairs.pause(id(1), 1, quiet), None);
    }

    #[test]
    fn only_the_first_pause_of_a_series_is_news() {
        let mut repairs = RepairBackoff::default();
        for _ in 0..3 {
            repairs.repaired(id(1), 1, START);
        }
        let pause = repairs.pause(id(1), 1, START).unwrap();
        assert!(pause.is_first && pause.count == 3 && pause.since == START);
        assert!(!repairs.pause(id(1), 1, START).unwrap().is_first);
        repairs.repaired(id(1), 1, pause.until);
        assert!(!repairs.pause(id(1), 1, pause.until).unwrap().is_first);
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut repairs = RepairBackoff::default();
        for n in 0..10_000 {
            repairs.repaired(id(n), 1, START);
        }
        for n in 0..200 {
            repairs.repaired(id(n + 20_000), 1, START + WINDOW + i64::from(n));
        }
        (0..20_000).for_each(|n| repairs.repaired(id(n + 30_000), 1, START + 3 * WINDOW));
        assert!(repairs.series.len() <= 20_064, "{}", repairs.series.len());
    }
}
