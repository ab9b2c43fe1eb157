//! Who may begin now. Somebody new at any time; a renewal only beside a few others; what can wait alone, after a rest as
//! long as its work, and not beside somebody new. An API server that is busy with a mass of these answers whoever cannot
//! wait no sooner for being asked first.

use std::ops::Range;

use super::requeue::Priority;
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

/// Nobody holds what can wait up for longer, and work that takes longer holds nobody up: others must not wait for what
/// the API server does not answer.
const MAX_HOLD: Millis = 1000;

/// The pace. By the wall clock; one that is set back holds nobody up.
#[derive(Debug, Default)]
pub struct Pacing {
    /// Renewals that may be in work at once. `None`: nobody waits for anybody.
    renewals: Option<usize>,
    in_work: Vec<(IdentityId, Priority, Millis)>,
    rest: Range<Millis>,
}

impl Pacing {
    /// A pace at which so many renewals may be in work at once.
    #[must_use]
    pub fn of(renewals: usize) -> Self {
        Self { renewals: Some(renewals.max(1)), ..Self::default() }
    }

    /// Work on an identity begins.
    pub fn begin(&mut self, id: IdentityId, class: Priority, now: Millis) {
        self.in_work.push((id, class, now));
    }

    /// Work on an identity has ended.
    pub fn end(&mut self, id: IdentityId, now: Millis) {
        let Some(at) = self.in_work.iter().position(|(in_work, ..)| *in_work == id) else { return };
        let (_, class, began) = self.in_work.swap_remove(at);
        if class == Priority::Background && counts(began, now) {
            self.rest = now..now + (now - began);
        }
    }

    /// When one more of this class may begin by time alone. `None`: now.
    #[must_use]
    pub fn turn(&self, class: Priority, now: Millis) -> Option<Millis> {
        let renewals = self.renewals?;
        match class {
            Priority::New => None,
            Priority::Due => self.room(class, renewals, now),
            Priority::Background => self.room(class, 1, now).max(self.rested(now)),
        }
    }

    /// When one more may begin beside those of its class.
    fn room(&self, class: Priority, at_once: usize, now: Millis) -> Option<Millis> {
        let begun = self.begun(class, now);
        (begun.clone().count() >= at_once).then(|| begun.min()).flatten().map(|first| first + MAX_HOLD)
    }

    /// When what can wait has rested, and yielded to whoever is new.
    fn rested(&self, now: Millis) -> Option<Millis> {
        let yields = self.begun(Priority::New, now).next().is_some();
        let rest = self.rest.start..if yields { self.rest.start + MAX_HOLD } else { self.rest.end };
        rest.contains(&now).then_some(rest.end)
    }

    /// When work of a class began, but for what hangs.
    fn begun(&self, class: Priority, now: Millis) -> impl Iterator<Item = Millis> + Clone {
        let of_class = self.in_work.iter().filter(move |(_, of, _)| *of == class);
        of_class.map(|(.., began)| *began).filter(move |began| counts(*began, now))
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

    /// A pace of two renewals, with work of this class that began at the start.
    fn with(class: Priority, count: u32) -> Pacing {
        let mut pace = Pacing::of(2);
        (0..count).for_each(|n| pace.begin(id(n), class, START));
        pace
    }

    #[test]
    fn somebody_new_waits_for_nobody() {
        for class in Priority::ALL {
            assert_eq!(with(class, 9).turn(Priority::New, START), None);
        }
    }

    #[test]
    fn as_many_renewals_as_agreed_are_in_work_at_once() {
        assert_eq!(with(Priority::Due, 1).turn(Priority::Due, START), None);
        let mut pace = with(Priority::Due, 2);
        assert!(pace.turn(Priority::Due, START + 7).is_some());
        pace.end(id(1), START + 8);
        assert_eq!(pace.turn(Priority::Due, START + 8), None, "a renewal leaves no rest");
    }

    #[test]
    fn what_can_wait_is_done_alone_and_rests_as_long_as_it_worked() {
        let mut pace = with(Priority::Background, 1);
        assert!(pace.turn(Priority::Background, START + 19).is_some());
        pace.end(id(0), START + 20);
        assert_eq!(pace.turn(Priority::Background, START + 20), Some(START + 40));
        assert_eq!(pace.turn(Priority::Background, START + 39), Some(START + 40));
        assert_eq!(pace.turn(Priority::Background, START + 40), None);
        assert_eq!(pace.turn(Priority::Due, START + 20), None, "others do not rest");
    }

    #[test]
    fn what_can_wait_yields_to_somebody_new_for_a_second_at_most() {
        let mut pace = with(Priority::Background, 1);
        pace.end(id(0), START + 20);
        pace.begin(id(1), Priority::New, START + 39);
        assert_eq!(pace.turn(Priority::Background, START + 40), Some(START + 20 + MAX_HOLD));
        pace.begin(id(2), Priority::New, START + MAX_HOLD);
        assert_eq!(
            pace.turn(Priority::Background, START + 20 + MAX_HOLD),
            None,
            "there is always somebody new"
        );
        pace.end(id(1), START + 50);
        pace.end(id(2), START + 50);
        assert_eq!(pace.turn(Priority::Background, START + 50), None);
    }

    #[test]
    fn what_is_not_answered_for_a_second_holds_nobody_up() {
        for (class, count) in [(Priority::Due, 2), (Priority::Background, 1)] {
            let mut pace = with(class, count);
            assert_eq!(pace.turn(class, START), Some(START + MAX_HOLD));
            assert_eq!(pace.turn(class, START + MAX_HOLD), None);
            pace.end(id(0), START + 30 * MAX_HOLD);
            assert_eq!(pace.turn(class, START + 30 * MAX_HOLD), None, "nor when it ends at last");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_up() {
        let mut pace = with(Priority::Background, 1);
        assert_eq!(pace.turn(Priority::Background, START - 1), None);
        pace.end(id(0), START + 20);
        assert_eq!(pace.turn(Priority::Background, START + 19), None);
    }
}
