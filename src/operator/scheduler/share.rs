//! Shares of turns: how the turns of two are mixed while both wait.
//!
//! Neither waits longer than its share says, however much the other has waiting.

/// Turns are shared in eighths.
pub const PARTS: usize = 8;

/// Turns of a second beside a first. What the second is owed is counted in eighths of a turn.
#[derive(Debug, Default)]
pub struct Share {
    owed: usize,
}

impl Share {
    /// Whether the second has this turn, where it has so many eighths of them.
    #[must_use]
    pub const fn is_of_second(&self, eighths: usize) -> bool {
        self.owed + eighths >= PARTS
    }

    /// While both waited one of them had a turn. What is owed never comes to more than one turn.
    pub fn had_turn(&mut self, eighths: usize, was_second: bool) {
        let owed = self.owed + eighths;
        self.owed = if was_second { owed.saturating_sub(PARTS) } else { owed.min(PARTS) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(eighths: usize, turns: usize) -> Vec<bool> {
        let mut share = Share::default();
        let turn = |_| {
            let is_second = share.is_of_second(eighths);
            share.had_turn(eighths, is_second);
            is_second
        };
        (0..turns).map(turn).collect()
    }

    #[test]
    fn of_eight_turns_the_second_has_its_share_evenly_spread() {
        for eighths in 1..PARTS {
            let turns = seconds(eighths, 80);
            for window in turns.windows(PARTS) {
                assert_eq!(window.iter().filter(|turn| **turn).count(), eighths);
            }
        }
        assert_eq!(seconds(1, 9), [false, false, false, false, false, false, false, true, false]);
        assert_eq!(seconds(4, 4), [false, true, false, true]);
    }

    #[test]
    fn what_could_not_be_had_is_not_saved_up() {
        let mut share = Share::default();
        (0..100).for_each(|_| share.had_turn(1, false));
        assert!(share.is_of_second(1));
        share.had_turn(1, true);
        assert!(!share.is_of_second(1));
    }
}
