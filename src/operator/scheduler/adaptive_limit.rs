//! A limit of concurrency that follows how long answers take: it grows while they take about as long as with the fewest at once,
//! and shrinks when they take longer, because then they wait for each other.
//!
//! What few hang on moves it not at all: of a window of answers the median counts. It is never without room for one.

use std::ops::RangeInclusive;

use crate::operator::index::time::Millis;

/// Answers of a window, at least; and so many for each that is in work at once, so that most of them were begun since the last
/// change.
const WINDOW: usize = 16;
const ROUNDS: usize = 2;

/// The limit.
#[derive(Clone, Debug)]
pub struct AdaptiveLimit {
    range: RangeInclusive<usize>,
    limit: usize,
    /// How long answers may take, in percent of what they take with the fewest at once.
    tolerance: Millis,
    /// How long answers take where they do not wait for each other.
    least_seen: Option<Millis>,
    /// How long the answers of this window took.
    window: Vec<Millis>,
    /// Whether half of the limit or more was in work: what nothing has tried is no reason to grow.
    was_used: bool,
}

impl AdaptiveLimit {
    /// A limit in this range, which begins with the smallest, where it learns how long answers take.
    #[must_use]
    pub fn new(range: RangeInclusive<usize>, tolerance: Millis) -> Self {
        let limit = *range.start();
        Self { range, limit, tolerance, least_seen: None, window: Vec::new(), was_used: false }
    }

    /// How many may be in work at once.
    #[must_use]
    pub const fn get(&self) -> usize {
        self.limit
    }

    /// The largest that it can be.
    #[must_use]
    pub const fn most(&self) -> usize {
        *self.range.end()
    }

    /// So many are in work.
    pub fn in_work(&mut self, count: usize) {
        self.was_used |= 2 * count >= self.limit;
    }

    /// An answer took so long.
    pub fn answered(&mut self, took: Millis) {
        self.window.push(took);
        if self.window.len() >= WINDOW.max(ROUNDS * self.limit) {
            let median = self.take_median();
            self.follow(median);
        }
    }

    /// The API server asks for fewer requests, whatever the range says: half as many, and then one more with each window.
    pub fn halve(&mut self) {
        self.begin(self.limit.div_ceil(2).min(self.limit.saturating_sub(1)).max(self.floor()));
    }

    /// None is held up for ever.
    fn floor(&self) -> usize {
        (*self.range.start()).min(1)
    }

    fn take_median(&mut self) -> Millis {
        let middle = self.window.len() / 2;
        *self.window.select_nth_unstable(middle).1
    }

    fn follow(&mut self, median: Millis) {
        // A millisecond more: that is how exact the clock is.
        let tolerated = self.learn(median).saturating_mul(self.tolerance) / 100 + 1;
        if median > tolerated {
            self.begin(self.shrunk(tolerated, median));
        } else if self.was_used {
            self.begin(self.grown());
        } else {
            self.begin(self.limit);
        }
    }

    /// How long answers take at best. With the fewest at once they take as long as the API server needs by now.
    fn learn(&mut self, median: Millis) -> Millis {
        let at_best = self.least_seen.filter(|_| self.limit > *self.range.start());
        *self.least_seen.insert(at_best.map_or(median, |least| least.min(median)))
    }

    /// As many as would be answered in the time that is tolerated; by a quarter at most, since one window is not the last.
    fn shrunk(&self, tolerated: Millis, median: Millis) -> usize {
        let limit = Millis::try_from(self.limit).unwrap_or(Millis::MAX);
        let fitting = usize::try_from(limit.saturating_mul(tolerated) / median.max(1)).unwrap_or_default();
        let gently = fitting.max(self.limit - self.limit.div_ceil(4));
        gently.min(self.limit.saturating_sub(1)).max((*self.range.start()).min(self.limit))
    }

    /// More by its square root, which is a tenth where it is large; below the range one after the other.
    fn grown(&self) -> usize {
        let step = if self.limit < *self.range.start() { 1 } else { self.limit.isqrt().max(1) };
        (self.limit + step).min(self.most())
    }

    fn begin(&mut self, limit: usize) {
        self.limit = limit;
        self.window.clear();
        self.was_used = false;
    }
}
