//! How much of what can wait is in work at once: as much as makes neither its own answers nor those of new identities slow.
//!
//! At the least one at a time, which rests as long as it worked: it always goes on.

use super::adaptive_limit::AdaptiveLimit;
use crate::operator::index::time::Millis;

/// So many at once where the API server has room.
const MOST: usize = 16;
/// Answers may take so much longer than where one at a time rests after each, in percent.
const TOLERANCE: Millis = 130;
/// A new identity may take so many times as long as the mean of those that are in work alone.
const TIMES_ALONE: Millis = 2;
/// Or longer than the mean by so many times the mean deviation from it, where that is more: some take long in any case.
const DEVIATIONS: Millis = 4;
/// One new identity changes the means by one part in so many.
const SMOOTHING: Millis = 8;

/// What was in work when a new identity began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// Only what can wait.
    Background,
    /// Others.
    Others,
}

/// What can wait.
#[derive(Debug)]
pub struct Background {
    /// None at once: one, with rests.
    limit: AdaptiveLimit,
    new_alone: Option<Alone>,
}

/// How long a new identity takes that is in work alone, and the deviation from that: means in which the latest ones count most.
#[derive(Clone, Copy, Debug)]
struct Alone {
    takes: Millis,
    deviates: Millis,
}

impl Alone {
    const fn new(took: Millis) -> Self {
        Self { takes: took, deviates: 0 }
    }

    const fn and(self, took: Millis) -> Self {
        let off = took - self.takes;
        let deviates = self.deviates + (off.abs() - self.deviates) / SMOOTHING;
        Self { takes: self.takes + off / SMOOTHING, deviates }
    }

    fn tolerates(self, took: Millis) -> bool {
        took <= (TIMES_ALONE * self.takes).max(self.takes + DEVIATIONS * self.deviates)
    }
}

impl Default for Background {
    fn default() -> Self {
        Self { limit: AdaptiveLimit::new(0..=MOST, TOLERANCE), new_alone: None }
    }
}

impl Background {
    /// How many may be in work at once, where no more than these are to spare.
    #[must_use]
    pub fn at_once(&self, to_spare: usize) -> usize {
        self.limit.get().min(to_spare).max(1)
    }

    /// Whether one rests as long as it worked.
    #[must_use]
    pub const fn rests(&self) -> bool {
        self.limit.get() == 0
    }

    /// So many are in work.
    pub fn in_work(&mut self, count: usize) {
        self.limit.in_work(count);
    }

    /// One took so long.
    pub fn answered(&mut self, took: Millis) {
        self.limit.answered(took);
    }

    /// A new identity took so long.
    pub fn new_answered(&mut self, took: Millis, beside: Beside) {
        match (beside, self.new_alone) {
            (Beside::Nothing, alone) => {
                self.new_alone = Some(alone.map_or(Alone::new(took), |alone| alone.and(took)));
            }
            (Beside::Background, Some(alone)) if !alone.tolerates(took) => self.limit.halve(),
            (Beside::Background | Beside::Others, _) => {}
        }
    }

    /// The API server asks for fewer requests.
    pub fn halve(&mut self) {
        self.limit.halve();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many as ever at once, since answers take no longer.
    fn at_full_speed() -> Background {
        let mut background = Background::default();
        for _ in 0..1000 {
            background.in_work(MOST);
            background.answered(20);
        }
        assert_eq!(background.at_once(MOST), MOST);
        background
    }

    #[test]
    fn a_new_identity_that_takes_more_than_twice_as_long_as_alone_halves_what_can_wait() {
        let mut background = at_full_speed();
        background.new_answered(20, Beside::Nothing);
        for (took, beside) in [(40, Beside::Background), (400, Beside::Others), (20, Beside::Nothing)] {
            background.new_answered(took, beside);
            assert_eq!(background.at_once(MOST), MOST, "{took} ms beside {beside:?}");
        }
        background.new_answered(41, Beside::Background);
        assert_eq!(background.at_once(MOST), MOST / 2);
    }

    #[test]
    fn where_new_identities_take_long_now_and_then_in_any_case_one_that_does_halves_nothing() {
        let mut background = at_full_speed();
        let alone = [20, 20, 60, 20, 20, 20, 100, 20].into_iter().cycle().take(80);
        alone.for_each(|took| background.new_answered(took, Beside::Nothing));
        background.new_answered(70, Beside::Background);
        assert_eq!(background.at_once(MOST), MOST);
        background.new_answered(300, Beside::Background);
        assert_eq!(background.at_once(MOST), MOST / 2);
    }

    #[test]
    fn at_the_least_one_at_a_time_rests_as_long_as_it_worked() {
        let mut background = at_full_speed();
        (0..5).for_each(|_| background.halve());
        assert_eq!((background.at_once(MOST), background.rests()), (1, true));
    }

    #[test]
    fn no_more_are_in_work_than_are_to_spare() {
        assert_eq!([0, 1, 4, 64].map(|to_spare| at_full_speed().at_once(to_spare)), [1, 1, 4, MOST]);
    }
}
