//! The identities of one class: those whose last attempt did not fail before those whose last attempt failed.
//!
//! What has failed before is kept waiting by what has not, and never for ever.

use super::share::Share;
use super::turns::Turns;
use crate::operator::index::digest::Digest;

/// Of eight turns, so many are for what has failed before, while the rest waits, too.
const FAILED: usize = 1;

/// One class.
#[derive(Debug, Default)]
pub struct Class {
    fresh: Turns,
    failed: Turns,
    /// Turns of what has failed.
    share: Share,
}

impl Class {
    /// What has failed before, or what has not.
    #[must_use]
    pub const fn turns(&self, has_failed: bool) -> &Turns {
        if has_failed { &self.failed } else { &self.fresh }
    }

    /// The same, to change.
    pub const fn turns_mut(&mut self, has_failed: bool) -> &mut Turns {
        if has_failed { &mut self.failed } else { &mut self.fresh }
    }

    /// Identities that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.fresh.len() + self.failed.len()
    }

    /// The smallest urgency of all.
    #[must_use]
    pub fn most_urgent(&self) -> Option<i64> {
        self.fresh.most_urgent().into_iter().chain(self.failed.most_urgent()).min()
    }

    /// The namespace that has the next turn, of those that may have one, and whether it is one of what has failed.
    #[must_use]
    pub fn next(&self, allows_failed: bool, may: impl Fn(Digest) -> bool) -> Option<(bool, Digest)> {
        let order = if self.share.is_of_second(FAILED) { [true, false] } else { [false, true] };
        let allowed = order.into_iter().filter(|has_failed| !has_failed || allows_failed);
        allowed.into_iter().find_map(|has_failed| Some((has_failed, self.turns(has_failed).next(&may)?)))
    }

    /// Counts a turn, before it is taken.
    pub fn count_turn(&mut self, has_failed: bool) {
        if !self.fresh.is_empty() && !self.failed.is_empty() {
            self.share.had_turn(FAILED, has_failed);
        }
    }
}
