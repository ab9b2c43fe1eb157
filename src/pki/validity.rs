//! Validity in whole seconds. The validity of a leaf never reaches outside that of its signer.

use jiff::{SignedDuration, Timestamp};
use time::OffsetDateTime;

/// How far a certificate is backdated, for peers whose clocks are behind (I14: more than twice the tolerated skew).
const BACKDATING: SignedDuration = SignedDuration::from_mins(5);

/// The validity of a certificate: both ends are included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
}

impl Validity {
    /// A leaf's window: backdated, `ttl` long from `now` on, and inside the signer's window.
    #[must_use]
    pub fn leaf(now: Timestamp, ttl: SignedDuration, signer: Self) -> Self {
        Self::root(now, ttl).within(signer)
    }

    /// A root's window: backdated, and `ttl` long from `now` on.
    #[must_use]
    pub fn root(now: Timestamp, ttl: SignedDuration) -> Self {
        let now = whole_second(now);
        Self { not_before: later(now, -BACKDATING), not_after: later(now, ttl) }
    }

    /// The intersection of the two.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
        }
    }

    /// Whether the other one is within this one and is not empty.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.not_before <= other.not_before
            && other.not_before <= other.not_after
            && other.not_after <= self.not_after
    }

    /// Whether the last second of validity has passed.
    #[must_use]
    pub fn is_expired_at(&self, now: Timestamp) -> bool {
        self.not_after.as_second() < now.as_second()
    }

    /// Whether the first second of validity is still to come.
    #[must_use]
    pub fn is_not_yet_valid_at(&self, now: Timestamp) -> bool {
        now.as_second() < self.not_before.as_second()
    }

    /// A certificate without end (9999-12-31T23:59:59Z, RFC 5280 §4.1.2.5) ends with the last timestamp, a day before:
    /// what it signs stays inside. `None` for a first second that no timestamp can hold.
    pub(super) fn of(validity: &x509_parser::certificate::Validity) -> Option<Self> {
        let second = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        let last = whole_second(Timestamp::MAX);
        let not_after = second(validity.not_after).map_or(last, |not_after| not_after.min(last));
        Some(Self { not_before: second(validity.not_before)?, not_after })
    }
}

/// The same second as rcgen wants it. Both types reach from before year 0 to 9999, so nothing is lost.
pub(super) fn to_offset(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The moment without its fraction of a second: certificates, annotations and statuses hold none.
#[must_use]
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    let latest = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    whole_second(time.checked_add(by).unwrap_or(latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const DAY: SignedDuration = SignedDuration::from_hours(24);
    const WIDE: Validity = Validity { not_before: Timestamp::MIN, not_after: Timestamp::MAX };

    #[test]
    fn a_leaf_is_backdated_by_five_minutes_and_lasts_ttl_from_now() {
        let window = Validity::leaf(at(1_000_000), DAY, WIDE);
        assert_eq!(window, Validity { not_before: at(999_700), not_after: at(1_086_400) });
    }

    #[test]
    fn fractions_of_a_second_are_dropped() {
        let now = Timestamp::new(1_000_000, 999_999_999).unwrap();
        assert_eq!(Validity::root(now, DAY), Validity::root(at(1_000_000), DAY));
    }

    #[test]
    fn a_leaf_stays_inside_its_signer_at_each_boundary() {
        let exact = Validity::root(at(1_000_000), DAY);
        for (start, end) in [(0, 0), (-1, 1), (1, 0), (0, -1), (1, -1)] {
            let shift = |time: Timestamp, by| at(time.as_second() + by);
            let signer = Validity {
                not_before: shift(exact.not_before, start),
                not_after: shift(exact.not_after, end),
            };
            let leaf = Validity::leaf(at(1_000_000), DAY, signer);
            assert!(signer.contains(&leaf));
            assert_eq!(leaf.not_before == exact.not_before, start <= 0);
            assert_eq!(leaf.not_after == exact.not_after, end >= 0);
        }
    }

    #[test]
    fn containment_fails_by_one_second_on_either_side_and_for_empty_windows() {
        let signer = Validity { not_before: at(100), not_after: at(200) };
        let window =
            |not_before, not_after| Validity { not_before: at(not_before), not_after: at(not_after) };
        assert!(signer.contains(&window(100, 200)));
        assert!(signer.contains(&window(150, 150)));
        assert!(!signer.contains(&window(99, 200)));
        assert!(!signer.contains(&window(100, 201)));
        assert!(!signer.contains(&window(151, 150)));
    }

    #[test]
    fn the_last_second_is_valid_and_the_next_is_not() {
        let window = Validity { not_before: at(100), not_after: at(200) };
        assert!(!window.is_expired_at(at(199)));
        assert!(!window.is_expired_at(at(200)));
        assert!(!window.is_expired_at(Timestamp::new(200, 999_999_999).unwrap()));
        assert!(window.is_expired_at(at(201)));
        assert!(window.is_not_yet_valid_at(at(99)));
        assert!(!window.is_not_yet_valid_at(at(100)));
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let window = Validity::root(Timestamp::MAX, DAY);
        assert_eq!(window.not_after.as_second(), Timestamp::MAX.as_second());
        assert_eq!(to_offset(window.not_after).unix_timestamp(), Timestamp::MAX.as_second());
        assert_eq!(to_offset(Timestamp::MIN).unix_timestamp(), Timestamp::MIN.as_second());
    }
}
