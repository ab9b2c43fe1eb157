//! When a leaf is renewed.
//!
//! Late enough to be worth it, early enough that every Pod sees the new one in time: a function of what is stored with the leaf.

use jiff::{SignedDuration, Timestamp};

use crate::pki::sha256;

/// What the moment of renewal depends on. All of it is stored with the leaf, so every replica computes the same.
#[derive(Clone, Copy, Debug)]
pub struct Renewal<'a> {
    /// Moment of issuance; `notBefore` is earlier, backdated for skewed clocks.
    pub issued_at: Timestamp,
    /// End of the leaf.
    pub not_after: Timestamp,
    /// Margin that the identity asks for; a third of the lifetime otherwise.
    pub renew_before: Option<SignedDuration>,
    /// Uid of the identity.
    pub uid: &'a str,
    /// Serial number of the leaf, hex.
    pub serial: &'a str,
}

impl Renewal<'_> {
    /// The moment: max(issuedAt + lifetime/2, notAfter − renewBefore) − jitter, in whole seconds.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        let lifetime = self.not_after.duration_since(self.issued_at).max(SignedDuration::ZERO);
        let margin = self.renew_before.unwrap_or(lifetime / 3).min(lifetime / 2);
        let since_issued = lifetime - margin - self.jitter(lifetime);
        let secs = self.issued_at.as_second().saturating_add(since_issued.as_secs());
        Timestamp::from_second(secs).unwrap_or(self.issued_at)
    }

    /// At most a tenth of the lifetime, from (uid, serial): spread over identities and over issuances, yet the same
    /// on every replica.
    fn jitter(&self, lifetime: SignedDuration) -> SignedDuration {
        let digest = sha256(format!("{}/{}", self.uid, self.serial).as_bytes());
        let [a, b, ..] = digest;
        lifetime / 10 * i32::from(u16::from_be_bytes([a, b])) / i32::from(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewal(lifetime: i64, renew_before: Option<i64>, serial: &str) -> i64 {
        Renewal {
            issued_at: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::from_second(lifetime).unwrap(),
            renew_before: renew_before.map(SignedDuration::from_secs),
            uid: "u",
            serial,
        }
        .time()
        .as_second()
    }

    #[test]
    fn a_third_of_the_lifetime_remains_and_at_most_a_tenth_more() {
        for serial in 0..200 {
            let at = renewal(3600, None, &serial.to_string());
            assert!((2400 - 360..=2400).contains(&at), "{at}");
        }
    }

    #[test]
    fn a_margin_never_pulls_renewal_before_half_the_lifetime_but_for_jitter() {
        assert!(renewal(60, Some(3600), "1") >= 30 - 6);
    }

    #[test]
    fn jitter_spreads_over_the_whole_tenth() {
        let times: Vec<i64> = (0..500).map(|s| renewal(360_000, None, &s.to_string())).collect();
        let (early, late) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(late - early > 34_000, "{early} {late}");
    }

    #[test]
    fn a_leaf_that_ends_before_it_was_issued_does_not_wrap() {
        assert!(renewal(-5, None, "1") <= 0);
    }
}
