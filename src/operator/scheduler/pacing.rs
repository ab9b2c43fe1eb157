//! Concurrency of each priority: `New` is unlimited; `Due` as renewals need; `Background` as the answers of the API server allow,
//! and none begins beside `New`.
//!
//! An API server that is busy with a mass of renewals, or of `Background` work, would answer `New` late, although that was
//! requested first.

use std::ops::Range;

use super::background::{Background, Beside};
use super::demand::Demand;
use super::requeue::Priority;
use super::share::PARTS;
use super::workers::{MAX_HOLD, hangs};
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

/// The pacing. By the wall clock; one that is set back delays nothing.
#[derive(Debug, Default)]
pub struct Pacing {
    /// Renewals that may be in work at once where no more are needed. `None`: no limit on any priority.
    renewals: Option<usize>,
    in_work: Vec<InWork>,
    /// How long a renewal takes: a mean in which the latest ones count most.
    renewal_takes: Option<Millis>,
    background: Background,
    /// From the end of the last `Background` work on.
    rest: Range<Millis>,
}

#[derive(Clone, Copy, Debug)]
struct InWork {
    id: IdentityId,
    priority: Priority,
    began: Millis,
    beside: Beside,
}

/// A renewal changes the mean by one part in so many.
const SMOOTHING: Millis = 8;

impl Pacing {
    /// A pacing by which so many renewals may be in work at once, and more where they would end too late.
    #[must_use]
    pub fn of(renewals: usize) -> Self {
        Self { renewals: Some(renewals.max(1)), ..Self::default() }
    }

    /// Work on an identity begins.
    pub fn begin(&mut self, id: IdentityId, priority: Priority, now: Millis) {
        self.in_work.push(InWork { id, priority, began: now, beside: self.beside() });
        if priority == Priority::Background {
            let count = self.begun(priority, now).count();
            self.background.in_work(count);
        }
    }

    fn beside(&self) -> Beside {
        if self.in_work.is_empty() {
            Beside::Nothing
        } else if self.in_work.iter().all(|work| work.priority == Priority::Background) {
            Beside::Background
        } else {
            Beside::Others
        }
    }

    /// How long the API server took for this identity says how busy it is.
    pub fn answered(&mut self, id: IdentityId, now: Millis) {
        let Some(work) = self.in_work.iter().find(|work| work.id == id) else { return };
        let took = now.saturating_sub(work.began).max(0);
        match work.priority {
            Priority::New => self.background.new_answered(took, work.beside),
            Priority::Due => {}
            Priority::Background => self.background.answered(took),
        }
    }

    /// The API server asks for fewer requests.
    pub fn throttled(&mut self) {
        self.background.halve();
    }

    /// Work on an identity has ended.
    pub fn end(&mut self, id: IdentityId, now: Millis) {
        let Some(at) = self.in_work.iter().position(|work| work.id == id) else { return };
        let InWork { priority, began, .. } = self.in_work.swap_remove(at);
        if priority == Priority::Background && !hangs(began, now) {
            self.rest = now..if self.background.rests() { now + (now - began) } else { now };
        }
        if priority == Priority::Due {
            let took = now.saturating_sub(began).max(0);
            let mean = self.renewal_takes.unwrap_or(took);
            self.renewal_takes = Some(mean + (took - mean) / SMOOTHING);
        }
    }

    /// How long a renewal takes, by those that have ended.
    #[must_use]
    pub fn renewal_takes(&self) -> Millis {
        self.renewal_takes.unwrap_or_default()
    }

    /// How many may be in work at once where nothing says how many workers there are.
    #[must_use]
    pub fn most(&self) -> usize {
        self.renewals.map_or(1, |renewals| renewals.saturating_mul(PARTS))
    }

    /// How many renewals may be in work at once while these wait, if that is limited.
    #[must_use]
    pub fn renewals(&self, demand: &Demand, now: Millis) -> Option<usize> {
        let needed = demand.workers(self.renewal_takes(), now);
        Some(self.renewals?.max(needed))
    }

    /// When one more of this priority may begin by time alone, while these renewals wait. `None`: now.
    #[must_use]
    pub fn waits_until(&self, priority: Priority, demand: &Demand, now: Millis) -> Option<Millis> {
        let renewals = self.renewals(demand, now)?;
        match priority {
            Priority::New => None,
            Priority::Due => self.room(priority, renewals, now),
            Priority::Background => {
                let at_once = self.background.at_once(demand.most / 2);
                self.room(priority, at_once, now).max(self.rested(now))
            }
        }
    }

    /// When one more may begin beside those of its priority.
    fn room(&self, priority: Priority, at_once: usize, now: Millis) -> Option<Millis> {
        let begun = self.begun(priority, now);
        (begun.clone().count() >= at_once).then(|| begun.min()).flatten().map(|first| first + MAX_HOLD)
    }

    /// When `Background` work has rested, and yielded to new identities.
    fn rested(&self, now: Millis) -> Option<Millis> {
        let yields = self.begun(Priority::New, now).next().is_some();
        let rest = self.rest.start..if yields { self.rest.start + MAX_HOLD } else { self.rest.end };
        rest.contains(&now).then_some(rest.end)
    }

    /// When work of a priority began, but for what takes too long.
    fn begun(&self, priority: Priority, now: Millis) -> impl Iterator<Item = Millis> + Clone {
        let same = self.in_work.iter().filter(move |work| work.priority == priority);
        same.map(|work| work.began).filter(move |began| !hangs(*began, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = 1_780_000_000_000;
    const REST: Demand = Demand { waiting: 0, end: None, most: 8 };

    fn id(n: u32) -> IdentityId {
        IdentityId::new(n)
    }

    /// A pacing of two renewals, with work of this priority that began at the start.
    fn with(priority: Priority, count: u32) -> Pacing {
        let mut pacing = Pacing::of(2);
        (0..count).for_each(|n| pacing.begin(id(n), priority, START));
        pacing
    }

    #[test]
    fn a_new_identity_waits_for_no_other() {
        for priority in Priority::ALL {
            assert_eq!(with(priority, 9).waits_until(Priority::New, &REST, START), None);
        }
    }

    #[test]
    fn as_many_renewals_as_agreed_are_in_work_at_once() {
        assert_eq!(with(Priority::Due, 1).waits_until(Priority::Due, &REST, START), None);
        let mut pacing = with(Priority::Due, 2);
        assert!(pacing.waits_until(Priority::Due, &REST, START + 7).is_some());
        pacing.end(id(1), START + 8);
        assert_eq!(pacing.waits_until(Priority::Due, &REST, START + 8), None, "a renewal leaves no rest");
    }

    #[test]
    fn more_renewals_are_in_work_at_once_where_they_would_end_too_late() {
        let mut pacing = with(Priority::Due, 1);
        pacing.end(id(0), START + 500);
        let left = |seconds| Demand { waiting: 100, end: Some(START / 1000 + seconds), most: 8 };
        let renewals = |demand| pacing.renewals(&demand, START).unwrap();
        // They take 50 s of one worker, and are to be done in half of the time that is left.
        assert_eq!([1000, 50, 40, 31, 30, -5].map(|seconds| renewals(left(seconds))), [2, 2, 3, 4, 8, 8]);
    }

    #[test]
    fn what_can_wait_is_done_alone_and_rests_as_long_as_it_worked() {
        let mut pacing = with(Priority::Background, 1);
        assert!(pacing.waits_until(Priority::Background, &REST, START + 19).is_some());
        pacing.end(id(0), START + 20);
        assert_eq!(pacing.waits_until(Priority::Background, &REST, START + 20), Some(START + 40));
        assert_eq!(pacing.waits_until(Priority::Background, &REST, START + 39), Some(START + 40));
        assert_eq!(pacing.waits_until(Priority::Background, &REST, START + 40), None);
        assert_eq!(pacing.waits_until(Priority::Due, &REST, START + 20), None, "others do not rest");
    }

    #[test]
    fn what_can_wait_yields_to_a_new_identity_for_a_second_at_most() {
        let mut pacing = with(Priority::Background, 1);
        pacing.end(id(0), START + 20);
        pacing.begin(id(1), Priority::New, START + 39);
        assert_eq!(pacing.waits_until(Priority::Background, &REST, START + 40), Some(START + 20 + MAX_HOLD));
        pacing.begin(id(2), Priority::New, START + MAX_HOLD);
        assert_eq!(
            pacing.waits_until(Priority::Background, &REST, START + 20 + MAX_HOLD),
            None,
            "there is always a new identity"
        );
        pacing.end(id(1), START + 50);
        pacing.end(id(2), START + 50);
        assert_eq!(pacing.waits_until(Priority::Background, &REST, START + 50), None);
    }

    #[test]
    fn what_is_not_answered_for_a_second_delays_no_other() {
        for (priority, count) in [(Priority::Due, 2), (Priority::Background, 1)] {
            let mut pacing = with(priority, count);
            assert_eq!(pacing.waits_until(priority, &REST, START), Some(START + MAX_HOLD));
            assert_eq!(pacing.waits_until(priority, &REST, START + MAX_HOLD), None);
            pacing.end(id(0), START + 30 * MAX_HOLD);
            assert_eq!(
                pacing.waits_until(priority, &REST, START + 30 * MAX_HOLD),
                None,
                "nor when it ends at last"
            );
        }
    }

    #[test]
    fn a_clock_that_is_set_back_delays_no_identity() {
        let mut pacing = with(Priority::Background, 1);
        assert_eq!(pacing.waits_until(Priority::Background, &REST, START - 1), None);
        pacing.end(id(0), START + 20);
        assert_eq!(pacing.waits_until(Priority::Background, &REST, START + 19), None);
    }
}
