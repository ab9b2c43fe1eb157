//! How many identities have each reason of `Serving`, kept as they change.

use std::collections::HashMap;

use crate::plan::probe::verdict::ServingReason;

/// Identities by the reason of their verdict; those without a verdict are not counted.
#[derive(Clone, Debug, Default)]
pub struct ReasonCounts(HashMap<ServingReason, usize>);

impl ReasonCounts {
    /// One identity changes its reason.
    pub fn change(&mut self, from: Option<ServingReason>, to: Option<ServingReason>) {
        if let Some(count) = from.and_then(|from| self.0.get_mut(&from)) {
            *count -= 1;
        }
        if let Some(to) = to {
            *self.0.entry(to).or_default() += 1;
        }
    }

    /// How many have this one.
    #[must_use]
    pub fn get(&self, reason: ServingReason) -> usize {
        self.0.get(&reason).copied().unwrap_or(0)
    }
}
