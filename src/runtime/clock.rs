//! The only place where clocks are read. The wall clock may be a test's; the monotonic clock is tokio's.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Time, as an input.
#[derive(Clone)]
pub struct Clock {
    wall: Wall,
    start: Instant,
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
        Self { wall: Wall::System, start: monotonic_now() }
    }

    /// A wall clock that starts then and can be moved. The monotonic clock stays the machine's.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let hand =
            ManualClock(Arc::new(Manual { set: Mutex::new((start, monotonic_now())), moved: Notify::new() }));
        (Self { wall: Wall::Manual(hand.clone()), start: monotonic_now() }, hand)
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.wall {
            Wall::System => system_now(),
            Wall::Manual(hand) => hand.now(),
        }
    }

    /// Time since this clock was made, by the monotonic clock. It stands still while the machine is suspended.
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
            // Listens before it looks, or a move in between would be slept through.
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

    /// Ends when a manual clock is moved after this call.
    fn moved(&self) -> impl Future<Output = ()> {
        let moved = match &self.wall {
            Wall::System => None,
            Wall::Manual(hand) => Some(hand.0.moved.notified()),
        };
        async {
            match moved {
                Some(moved) => moved.await,
                None => std::future::pending().await,
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
}
