//! Concurrency of each priority: `New` is unlimited; `Due` at most N; `Background` one at a time, then idle for as long as the last
//! one took, and not beside `New`.
//!
//! An API server that is busy with a mass of `Background` work would answer `New` late, although that was requested first.

use std::ops::Range;

use super::requeue::Priority;
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

/// `Background` work is held for no longer than this, and work that takes longer holds no other: identities must not wait for
/// what the API server does not answer. Longer than a request takes on a busy API server.
const MAX_HOLD: Millis = 1000;

/// The pacing. By the wall clock; one that is set back delays nothing.
#[derive(Debug, Default)]
pub struct Pacing {
    /// Renewals that may be in work at once. `None`: no limit on any priority.
    renewals: Option<usize>,
    in_work: Vec<(IdentityId, Priority, Millis)>,
    rest: Range<Millis>,
}

impl Pacing {
    /// A pacing by which so many renewals may be in work at once.
    #[must_use]
    pub fn of(renewals: usize) -> Self {
        Self { renewals: Some(renewals.max(1)), ..Self::default() }
    }

    /// Work on an identity begins.
    pub fn begin(&mut self, id: IdentityId, priority: Priority, now: Millis) {
        self.in_work.push((id, priority, now));
    }

    /// Work on an identity has ended.
    pub fn end(&mut self, id: IdentityId, now: Millis) {
        let Some(at) = self.in_work.iter().position(|(in_work, ..)| *in_work == id) else { return };
        let (_, priority, began) = self.in_work.swap_remove(at);
        if priority == Priority::Background && counts(began, now) {
            self.rest = now..now + (now - began);
        }
    }

    /// When one more of this priority may begin by time alone. `None`: now.
    #[must_use]
    pub fn waits_until(&self, priority: Priority, now: Millis) -> Option<Millis> {
        let renewals = self.renewals?;
        match priority {
            Priority::New => None,
            Priority::Due => self.room(priority, renewals, now),
            Priority::Background => self.room(priority, 1, now).max(self.rested(now)),
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
        let same = self.in_work.iter().filter(move |(_, of, _)| *of == priority);
        same.map(|(.., began)| *began).filter(move |began| counts(*began, now))
    }
}

fn counts(began: Millis, now: Millis) -> bool {
    (began..began + MAX_HOLD).contains(&now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = 1_780_000_000_000;

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
            assert_eq!(with(priority, 9).waits_until(Priority::New, START), None);
        }
    }

    #[test]
    fn as_many_renewals_as_agreed_are_in_work_at_once() {
        assert_eq!(with(Priority::Due, 1).waits_until(Priority::Due, START), None);
        let mut pacing = with(Priority::Due, 2);
        assert!(pacing.waits_until(Priority::Due, START + 7).is_some());
        pacing.end(id(1), START + 8);
        assert_eq!(pacing.waits_until(Priority::Due, START + 8), None, "a renewal leaves no rest");
    }

    #[test]
    fn what_can_wait_is_done_alone_and_rests_as_long_as_it_worked() {
        let mut pacing = with(Priority::Background, 1);
        assert!(pacing.waits_until(Priority::Background, START + 19).is_some());
        pacing.end(id(0), START + 20);
        assert_eq!(pacing.waits_until(Priority::Background, START + 20), Some(START + 40));
        assert_eq!(pacing.waits_until(Priority::Background, START + 39), Some(START + 40));
        assert_eq!(pacing.waits_until(Priority::Background, START + 40), None);
        assert_eq!(pacing.waits_until(Priority::Due, START + 20), None, "others do not rest");
    }

    #[test]
    fn what_can_wait_yields_to_a_new_identity_for_a_second_at_most() {
        let mut pacing = with(Priority::Background, 1);
        pacing.end(id(0), START + 20);
        pacing.begin(id(1), Priority::New, START + 39);
        assert_eq!(pacing.waits_until(Priority::Background, START + 40), Some(START + 20 + MAX_HOLD));
        pacing.begin(id(2), Priority::New, START + MAX_HOLD);
        assert_eq!(
            pacing.waits_until(Priority::Background, START + 20 + MAX_HOLD),
            None,
            "there is always a new identity"
        );
        pacing.end(id(1), START + 50);
        pacing.end(id(2), START + 50);
        assert_eq!(pacing.waits_until(Priority::Background, START + 50), None);
    }

    #[test]
    fn what_is_not_answered_for_a_second_delays_no_other() {
        for (priority, count) in [(Priority::Due, 2), (Priority::Background, 1)] {
            let mut pacing = with(priority, count);
            assert_eq!(pacing.waits_until(priority, START), Some(START + MAX_HOLD));
            assert_eq!(pacing.waits_until(priority, START + MAX_HOLD), None);
            pacing.end(id(0), START + 30 * MAX_HOLD);
            assert_eq!(pacing.waits_until(priority, START + 30 * MAX_HOLD), None, "nor when it ends at last");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_delays_no_identity() {
        let mut pacing = with(Priority::Background, 1);
        assert_eq!(pacing.waits_until(Priority::Background, START - 1), None);
        pacing.end(id(0), START + 20);
        assert_eq!(pacing.waits_until(Priority::Background, START + 19), None);
    }
}
