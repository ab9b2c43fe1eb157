//! Counts that only grow, and extremes that only get worse: the last line says everything that the ones before it said.

use serde::{Deserialize, Serialize};

use crate::state::State;

/// How an attempt ended.
#[derive(Debug)]
pub enum Attempt {
    /// Both sides accept each other; this is what the other holds.
    Granted(State),
    /// There was no answer: that says nothing about certificates.
    Unreachable,
    /// One side refused the other.
    Refused(String),
}

/// The results of all attempts to reach one peer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// All attempts.
    pub attempted: u64,
    /// Handshakes in which both sides accepted each other.
    pub granted: u64,
    /// Not reached yet: its Service may have no endpoint so far.
    pub unreachable: u64,
    /// Not reached any more, although it once was.
    pub lost: u64,
    /// One side refused the other.
    pub refused: u64,
    /// Why, the last time.
    pub last_refusal: Option<String>,
    /// When both sides accepted each other for the first time, in milliseconds since 1970.
    pub first_granted: Option<u64>,
    /// Fewest roots that both sides had in common.
    pub smallest_overlap: Option<usize>,
    /// Fewest seconds that were left until the first of both leaves would end.
    pub smallest_margin: Option<i64>,
    /// The leaf that the peer served last.
    pub serial: Option<String>,
    /// Its signer.
    pub signer: Option<String>,
}

impl Counters {
    /// Counts an attempt that ended `now`, in milliseconds since 1970.
    pub(crate) fn count(&mut self, mine: &State, attempt: Attempt, now: u64) {
        self.attempted += 1;
        match attempt {
            Attempt::Granted(theirs) => self.grant(mine, theirs, now),
            Attempt::Unreachable if self.first_granted.is_none() => self.unreachable += 1,
            Attempt::Unreachable => self.lost += 1,
            Attempt::Refused(why) => {
                self.refused += 1;
                self.last_refusal = Some(why);
            }
        }
    }

    fn grant(&mut self, mine: &State, theirs: State, now: u64) {
        self.granted += 1;
        self.first_granted.get_or_insert(now);
        let margin = mine.margin(&theirs, i64::try_from(now / 1000).unwrap_or(i64::MAX));
        smallest(&mut self.smallest_overlap, mine.overlap(&theirs));
        smallest(&mut self.smallest_margin, margin);
        self.serial = Some(theirs.leaf.serial);
        self.signer = Some(theirs.leaf.signer);
    }
}

fn smallest<T: Ord + Copy>(so_far: &mut Option<T>, seen: T) {
    *so_far = Some(so_far.map_or(seen, |so_far| so_far.min(seen)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::state;

    #[test]
    fn a_bad_moment_is_not_forgotten() {
        let mut tally = Counters::default();
        let mine = state(&["1", "2"], 100);
        tally.count(&mine, Attempt::Unreachable, 9_000);
        for (theirs, now) in [(state(&["1", "2"], 90), 10_000), (state(&["2", "3"], 90), 80_000)] {
            tally.count(&mine, Attempt::Granted(theirs), now);
        }
        tally.count(&mine, Attempt::Refused("a bad certificate".into()), 81_000);
        tally.count(&mine, Attempt::Unreachable, 82_000);
        tally.count(&mine, Attempt::Granted(state(&["1", "2"], 190)), 83_000);
        assert_eq!((tally.attempted, tally.granted, tally.refused), (6, 3, 1));
        assert_eq!((tally.unreachable, tally.lost), (1, 1));
        assert_eq!((tally.smallest_overlap, tally.smallest_margin), (Some(1), Some(10)));
        assert_eq!(tally.first_granted, Some(10_000));
    }
}
