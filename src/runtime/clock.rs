//! The only place where clocks are read. The wall clock may be a test's; the monotonic clock is tokio's. Where the wall
//! clock differs from the API server's, time goes on by the latter, and nothing may be signed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::skew::{Answer, ClockProblem, Reading, Skew};

/// Time, as an input.
#[derive(Clone)]
pub struct Clock {
    wall: Wall,
    start: Instant,
    skew: Arc<Mutex<Skew>>,
    /// Time has jumped, because the clocks agree again, or do not any more.
    turned: Arc<Notify>,
}

#[derive(Clone)]
enum Wall {
    System,
    Manual(ManualClock),
}

/// The hand on a manual clock. It runs along with the monotonic clock and can be moved.
#[derive(Clone)]
pub struct ManualClock(Arc<Manual>);

struct Manual {
    /// What the wall clock says at a moment of the monotonic clock.
    set: Mutex<(Timestamp, Instant)>,
    moved: Notify,
}

impl Clock {
    /// The clocks of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self { wall: Wall::System, start: monotonic_now(), skew: Arc::default(), turned: Arc::default() }
    }

    /// A wall clock that starts then and can be moved. The monotonic clock stays the machine's.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let hand =
            ManualClock(Arc::new(Manual { set: Mutex::new((start, monotonic_now())), moved: Notify::new() }));
        (Self { wall: Wall::Manual(hand.clone()), ..Self::system() }, hand)
    }

    /// This moment: by the wall clock, or by the API server's where the two differ. The times in the cluster were
    /// written by the latter, and nothing that it decides while they differ is irreversible.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.reading();
        self.skew.lock().time(now)
    }

    /// Why the clock cannot be relied on, if so: nothing may be signed then.
    #[must_use]
    pub fn problem(&self) -> Option<ClockProblem> {
        let now = self.reading();
        self.skew.lock().problem(now)
    }

    /// By how many seconds the wall clock is ahead of the API server's, as far as that is certain.
    #[must_use]
    pub fn skew(&self) -> Option<i64> {
        let now = self.reading();
        self.skew.lock().seconds(now)
    }

    /// The API server has answered a request of that moment, by the monotonic clock, with this time.
    pub fn observe_server_time(&self, sent: Duration, date: Timestamp) {
        let now = self.reading();
        let mut skew = self.skew.lock();
        let before = skew.problem(now);
        skew.observe_server_time(&Answer { sent, received: now.monotonic, date });
        if skew.problem(now) != before {
            self.turned.notify_waiters();
        }
    }

    fn reading(&self) -> Reading {
        Reading { monotonic: self.monotonic(), wall: self.wall() }
    }

    /// The wall clock, whatever it shows.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        match &self.wall {
            Wall::System => system_now(),
            Wall::Manual(hand) => hand.now(),
        }
    }

    /// Time since this clock was made, by the monotonic clock. It does not advance while the machine is suspended.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        monotonic_now().duration_since(self.start)
    }

    /// Sleeps by the monotonic clock.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Sleeps until the wall clock shows `deadline`, and at most so long by the monotonic clock: that bounds how late
    /// a step of the wall clock, or a suspended machine, can make it. A manual clock that is moved is followed at once.
    pub async fn sleep_until(&self, deadline: Timestamp, at_most: Duration) {
        let give_up = self.monotonic().saturating_add(at_most);
        loop {
            // Subscribes before it reads the clock, or a move in between would be missed.
            let moved = self.moved();
            let until_deadline = Duration::try_from(deadline.duration_since(self.now())).unwrap_or_default();
            let left = until_deadline.min(give_up.saturating_sub(self.monotonic()));
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = self.sleep(left) => {}
                () = moved => {}
            }
        }
    }

    /// Ends when time jumps after this call, or a manual clock is moved.
    fn moved(&self) -> impl Future<Output = ()> {
        let turned = self.turned.notified();
        let moved = match &self.wall {
            Wall::System => None,
            Wall::Manual(hand) => Some(hand.0.moved.notified()),
        };
        async {
            let Some(moved) = moved else { return turned.await };
            tokio::select! {
                () = turned => {}
                () = moved => {}
            }
        }
    }
}

impl ManualClock {
    /// Sets the wall clock.
    pub fn set(&self, now: Timestamp) {
        *self.0.set.lock() = (now, monotonic_now());
        self.0.moved.notify_waiters();
    }

    /// Moves the wall clock, forward or back.
    pub fn advance(&self, by: SignedDuration) {
        let now = self.now();
        self.set(now.checked_add(by).unwrap_or(now));
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let (set, at) = *self.0.set.lock();
        let since =
            SignedDuration::try_from(monotonic_now().duration_since(at)).unwrap_or(SignedDuration::ZERO);
        set.checked_add(since).unwrap_or(set)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
pub(super) fn monotonic_now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_manual_clock_that_is_moved_past_the_deadline_wakes_its_sleepers() {
        let (clock, hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        let deadline = Timestamp::from_second(3600).unwrap();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(deadline, Duration::from_secs(30)).await;
                clock.monotonic()
            }
        });
        tokio::task::yield_now().await;
        hand.advance(SignedDuration::from_hours(2));
        assert!(sleeper.await.unwrap() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_wakes_when_the_wall_clock_shows_the_deadline() {
        let (clock, _hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        let deadline = Timestamp::from_second(7).unwrap();
        clock.sleep_until(deadline, Duration::from_secs(30)).await;
        assert!(clock.now() >= deadline);
        assert_eq!(clock.monotonic().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_wakes_after_the_longest_sleep_though_the_deadline_is_far() {
        let (clock, _hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        clock.sleep_until(Timestamp::MAX, Duration::from_secs(30)).await;
        assert_eq!(clock.monotonic().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_set_back_lets_a_sleeper_sleep_on_but_not_beyond_the_longest_sleep() {
        let (clock, hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Timestamp::from_second(10).unwrap(), Duration::from_secs(30)).await }
        });
        clock.sleep(Duration::from_secs(5)).await;
        hand.advance(SignedDuration::from_hours(-1));
        sleeper.await.unwrap();
        assert_eq!(clock.monotonic().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_has_passed_is_not_slept_for() {
        let (clock, _hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        clock.sleep_until(Timestamp::MIN, Duration::MAX).await;
        assert_eq!(clock.monotonic(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn moving_the_wall_clock_moves_nothing_else() {
        let (clock, hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        hand.set(Timestamp::from_second(1_000_000).unwrap());
        clock.sleep(Duration::from_secs(3)).await;
        assert_eq!(clock.monotonic().as_secs(), 3);
        assert_eq!(clock.now().as_second(), 1_000_003);
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_clocks_differ_time_goes_on_by_the_api_server_and_sleepers_follow_it() {
        let (clock, hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        let right =
            |clock: &Clock| Timestamp::UNIX_EPOCH + SignedDuration::try_from(clock.monotonic()).unwrap();
        clock.observe_server_time(clock.monotonic(), right(&clock));
        hand.advance(SignedDuration::from_hours(8));
        assert!(clock.problem().is_some());
        assert!(clock.now().as_second().abs() <= 1, "{}", clock.now());
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(Timestamp::from_second(3600).unwrap(), Duration::from_mins(1)).await;
                clock.monotonic().as_secs()
            }
        });
        clock.sleep(Duration::from_secs(7)).await;
        assert!(!sleeper.is_finished());
        // The API server's clock was the wrong one.
        clock.observe_server_time(clock.monotonic(), clock.wall());
        assert_eq!((sleeper.await.unwrap(), clock.problem()), (7, None));
    }
}
