//! For how long one process has observed that nothing is behind in a rotation, and why a fresh list has not confirmed it.
//!
//! It starts at zero with the process, and with every other phase, trust bundle or signer.

use std::time::Duration;

use crate::api::authority::Phase;
use crate::operator::index::digest::Digest;
use crate::operator::index::issuer::IssuerEntry;
use crate::plan::authority::quiet_period::{Distribution, QuietPeriod};

/// Whether a Secret or trust bundle is behind in the rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// At this moment.
    pub is_behind: bool,
    /// At some moment since the observation before this one.
    pub was_behind: bool,
}

/// The quiet period of the rotation of one authority; none while nothing was observed.
#[derive(Default)]
pub struct RotationQuietPeriod(Option<Observed>);

struct Observed {
    roots: Roots,
    quiet: QuietPeriod,
    unconfirmed: Option<Unconfirmed>,
}

/// The state of the roots that was observed.
#[derive(Clone, PartialEq, Eq)]
struct Roots {
    phase: Phase,
    trust: Digest,
    signer: Digest,
}

/// A fresh list that confirmed nothing.
struct Unconfirmed {
    why: String,
    /// How many there were, one after the other.
    lists: u32,
    /// Until when no other is made.
    until: Duration,
}

impl Observed {
    fn new(roots: Roots) -> Self {
        Self { roots, quiet: QuietPeriod::default(), unconfirmed: None }
    }
}

impl RotationQuietPeriod {
    /// Takes an observation of these roots.
    #[must_use]
    pub fn observe(&mut self, phase: Phase, issuer: &IssuerEntry, lag: Lag, now: Duration) -> Distribution {
        let roots = Roots { phase, trust: issuer.trust, signer: issuer.key_id };
        let observed = match self.0.take() {
            Some(observed) if observed.roots == roots => observed,
            _ => Observed::new(roots),
        };
        let quiet = observed.quiet.observed(lag.is_behind, lag.was_behind, now);
        self.0 = Some(Observed { quiet, ..observed });
        quiet.distribution(now)
    }

    /// Why a fresh list has confirmed nothing, while it is too early for another.
    #[must_use]
    pub fn unconfirmed(&self, now: Duration) -> Option<&str> {
        let last = self.0.as_ref()?.unconfirmed.as_ref().filter(|last| now < last.until)?;
        Some(&last.why)
    }

    /// A fresh list has confirmed nothing. The next may be made after a quarter of `propagation`, then after a half, then after
    /// all of it each time.
    pub fn failed_to_confirm(&mut self, why: String, propagation: Duration, now: Duration) {
        let Some(observed) = &mut self.0 else { return };
        let lists = observed.unconfirmed.as_ref().map_or(0, |last| last.lists);
        let pause = propagation / 4 * (1 << lists.min(2));
        observed.unconfirmed = Some(Unconfirmed { why, lists: lists + 1, until: now + pause });
    }

    /// A fresh list shows a Secret or trust bundle that is behind: the quiet period starts at zero.
    pub fn restart(&mut self) {
        self.0 = self.0.take().map(|observed| Observed::new(observed.roots));
    }

    /// There is no rotation any more.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}
