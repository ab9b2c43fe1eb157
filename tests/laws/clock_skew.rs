//! Laws of the comparison of clocks: signing stops when no API server agrees, and goes on with the first that does.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::runtime::skew::{Answer, ClockProblem, Difference, Reading, Skew};
use proptest::prelude::*;
use test_support::properties;

use super::fixture::NOW;

/// Two clocks, and what answers have told of the other.
struct Clocks {
    skew: Skew,
    monotonic: Duration,
    /// The wall clock is this far ahead of the right time.
    ahead: SignedDuration,
}

fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

impl Clocks {
    fn ahead(by: i64) -> Self {
        Self { skew: Skew::default(), monotonic: Duration::from_secs(7), ahead: seconds(by) }
    }

    fn right(&self) -> Timestamp {
        NOW + SignedDuration::try_from(self.monotonic).unwrap()
    }

    fn reading(&self) -> Reading {
        Reading { monotonic: self.monotonic, wall: self.right() + self.ahead }
    }

    /// An API server answers at once, whose clock is this far ahead of the right time.
    fn observe_server_time(&mut self, ahead: i64) {
        let (sent, received, date) = (self.monotonic, self.monotonic, self.right() + seconds(ahead));
        self.skew.observe_server_time(&Answer { sent, received, date });
    }

    fn pass(&mut self, span: Duration) {
        self.monotonic += span;
    }

    fn agrees(&mut self) -> bool {
        let now = self.reading();
        self.skew.problem(now).is_none()
    }
}

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn before_the_first_answer_the_difference_is_unknown_and_an_answer_decides() {
    let mut clocks = Clocks::ahead(0);
    let now = clocks.reading();
    assert_eq!(
        (clocks.skew.problem(now), clocks.skew.seconds(now)),
        (Some(ClockProblem::NoServerTime), None)
    );
    assert_eq!(clocks.skew.time(now), now.wall);
    clocks.observe_server_time(0);
    assert!(clocks.agrees());
}

#[test]
fn clocks_agree_up_to_two_minutes_to_either_side() {
    for (ahead, agrees) in
        [(0, true), (118, true), (-118, true), (121, false), (-121, false), (28_800, false)]
    {
        let mut clocks = Clocks::ahead(ahead);
        clocks.observe_server_time(0);
        assert_eq!(clocks.agrees(), agrees, "{ahead}");
    }
}

#[test]
fn one_bad_api_server_of_several_stops_nothing() {
    let mut clocks = Clocks::ahead(0);
    for _ in 0..100 {
        clocks.observe_server_time(28_800);
        clocks.observe_server_time(0);
        for _ in 0..50 {
            clocks.observe_server_time(28_800);
            clocks.pass(Duration::from_secs(1));
            assert!(clocks.agrees());
        }
    }
}

#[test]
fn a_minute_of_answers_that_all_differ_is_a_difference_and_the_first_that_agrees_ends_it() {
    let mut clocks = Clocks::ahead(0);
    clocks.observe_server_time(0);
    clocks.pass(Duration::from_millis(59_999));
    clocks.observe_server_time(3_600);
    assert!(clocks.agrees(), "one that agreed is of the last minute");
    clocks.pass(Duration::from_millis(1));
    assert!(!clocks.agrees());
    clocks.observe_server_time(0);
    assert!(clocks.agrees());
}

#[test]
fn without_answers_nothing_changes() {
    for (api_server, agrees) in [(0, true), (3_600, false)] {
        let mut clocks = Clocks::ahead(0);
        clocks.observe_server_time(api_server);
        for _ in 0..100 {
            clocks.pass(MINUTE * 60);
            assert_eq!(clocks.agrees(), agrees, "{api_server}");
        }
    }
}

#[test]
fn a_step_of_the_clock_shows_before_the_next_answer_and_time_goes_on_by_the_api_server() {
    let mut clocks = Clocks::ahead(0);
    clocks.observe_server_time(0);
    for step in [28_800, -28_800, 2 * 365 * 86_400] {
        clocks.ahead = seconds(step);
        assert!(!clocks.agrees(), "{step}");
        let off = clocks.skew.time(clocks.reading()).duration_since(clocks.right());
        assert!(off.abs() <= seconds(2), "{step}: {off}");
        clocks.ahead = seconds(0);
        assert!(clocks.agrees(), "back from {step}");
    }
}

#[test]
fn what_is_said_of_a_difference_stays_the_same_until_it_is_another() {
    let mut clocks = Clocks::ahead(28_800);
    clocks.observe_server_time(0);
    let told = |clocks: &mut Clocks| {
        let now = clocks.reading();
        clocks.skew.problem(now).unwrap()
    };
    let first = told(&mut clocks);
    let ClockProblem::Differs(Difference { own, api_server }) = first else { panic!("{first}") };
    assert!((own.duration_since(api_server) - seconds(28_800)).abs() <= seconds(2));
    let sentence = first.to_string();
    for time in [own, api_server] {
        let second = Timestamp::from_second(time.as_second()).unwrap().to_string();
        assert!(sentence.contains(&second), "{sentence}");
    }
    clocks.pass(MINUTE * 7);
    clocks.observe_server_time(0);
    assert_eq!(told(&mut clocks), first);
    clocks.ahead = seconds(-28_800);
    assert_ne!(told(&mut clocks), first);
}

#[test]
fn an_answer_that_took_long_proves_no_more_than_its_round_trip() {
    let mut clocks = Clocks::ahead(100);
    let (sent, date) = (clocks.monotonic, clocks.right());
    clocks.pass(MINUTE / 2);
    let received = clocks.monotonic;
    clocks.skew.observe_server_time(&Answer { sent, received, date });
    assert!(!clocks.agrees(), "it may have been 130 s");
    clocks.observe_server_time(0);
    assert!(clocks.agrees());
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 256))]

    #[test]
    fn a_clock_is_believed_where_an_api_server_of_the_last_minute_agrees_and_only_there(
        ahead in -400_i64..400,
        answers in prop::collection::vec((-400_i64..400, 0_u64..30_000, 0_u64..40_000), 1..40),
    ) {
        let mut clocks = Clocks::ahead(ahead);
        let mut heard = Vec::new();
        for (server, trip, pause) in answers {
            let (sent, date) = (clocks.monotonic, clocks.right() + seconds(server));
            clocks.pass(Duration::from_millis(trip));
            let received = clocks.monotonic;
            clocks.skew.observe_server_time(&Answer { sent, received, date });
            heard.push((received, server, i64::try_from(trip).unwrap() / 1000 + 1));
            clocks.pass(Duration::from_millis(pause));
        }
        let latest = heard.last().unwrap().0;
        let counts = |at: Duration| at == latest || clocks.monotonic.checked_sub(at).unwrap() < MINUTE;
        let counted: Vec<_> = heard.iter().filter(|(at, ..)| counts(*at)).collect();
        // Whole seconds cost up to three of the two minutes.
        let surely = counted.iter().any(|(_, server, trip)| (ahead - server).abs() + trip <= 117);
        let possibly = counted.iter().any(|(_, server, _)| (ahead - server).abs() <= 120);
        let agrees = clocks.agrees();
        prop_assert!(!surely || agrees);
        prop_assert!(!agrees || possibly);
    }
}
