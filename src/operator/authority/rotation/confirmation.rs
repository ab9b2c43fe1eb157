//! Confirming by a fresh list what a change of the roots rests on: no more often than it can help, and without holding up
//! anything else of the authority.

use super::blockers::Blockers;
use super::gate;
use crate::operator::authority::root::loaded_ca::LoadedRoot;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::plan::authority::spec::AuthoritySpec;

/// A change that is not made now.
#[derive(Debug)]
pub struct HeldUp {
    /// Whom it waits for.
    pub survey: Blockers,
    /// What kept it from being made, where that is to be tried again.
    pub error: Option<Error>,
}

/// Confirms by a fresh list what the index shows: that nothing is behind. A list costs much: one that confirmed nothing is not made again before
/// part of `propagation` has passed, ever longer.
///
/// # Errors
/// [`HeldUp`] where it is not confirmed.
pub async fn confirm(
    context: &Context,
    terms: &AuthoritySpec,
    loaded: &LoadedRoot,
    survey: &Blockers,
) -> Result<(), HeldUp> {
    if let Some(why) = context.sights.unconfirmed(&terms.name, context.clock.monotonic()) {
        return Err(HeldUp { survey: because(survey, why), error: None });
    }
    let (shown, error) = match gate::confirm(context, terms, loaded).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(shown)) => (Blockers { unknown: survey.unknown.clone(), ..shown }, None),
        Err(error) => {
            (because(survey, format!("it cannot be confirmed that nothing is behind: {error}")), Some(error))
        }
    };
    let why = shown.unconfirmed.clone().unwrap_or_default();
    let (propagation, now) = (terms.propagation.unsigned_abs(), context.clock.monotonic());
    context.sights.failed_to_confirm(&terms.name, why, propagation, now);
    Err(HeldUp { survey: shown, error })
}

fn because(survey: &Blockers, why: String) -> Blockers {
    Blockers { unconfirmed: Some(why), ..survey.clone() }
}
