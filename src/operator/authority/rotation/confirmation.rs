//! Confirms by a fresh list what a change of the roots rests on.
//!
//! A list that confirmed nothing is not made again before part of `rotation.propagation` has passed, and nothing else of the
//! authority waits for it.

use super::blockers::Blockers;
use super::gate::{Confirmation, RotationGate};
use super::quiet_period::RotationQuietPeriod;
use crate::operator::authority::consumers::Consumers;
use crate::operator::authority::root::loaded_ca::LoadedRoot;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::plan::authority::spec::AuthoritySpec;

/// A change that is not made now.
#[derive(Debug)]
pub struct Blocked {
    /// What it waits for.
    pub blockers: Blockers,
    /// What kept it from being made, where that is to be tried again.
    pub error: Option<Error>,
}

/// Confirms what the index shows: that nothing is behind.
///
/// # Errors
/// [`Blocked`] where it is not confirmed.
pub async fn confirm(
    consumers: &Consumers,
    spec: &AuthoritySpec,
    loaded: &LoadedRoot,
    indexed: &Blockers,
    quiet_period: &mut RotationQuietPeriod,
) -> Result<(), Blocked> {
    let context = consumers.context();
    if let Some(why) = quiet_period.unconfirmed(context.clock.monotonic()) {
        return Err(Blocked { blockers: unconfirmed(indexed, why.to_owned()), error: None });
    }
    let blocked = match RotationGate::now(consumers, spec, loaded).confirm().await {
        Ok(Confirmation::Confirmed) => return Ok(()),
        Ok(Confirmation::Blocked(blockers)) => {
            let blockers = Blockers { unknown: indexed.unknown.clone(), ..blockers };
            Blocked { blockers, error: None }
        }
        Err(error) => {
            let why = format!("it cannot be confirmed that nothing is behind: {error}");
            Blocked { blockers: unconfirmed(indexed, why), error: Some(error) }
        }
    };
    record(spec, &blocked, quiet_period, context);
    Err(blocked)
}

fn record(
    spec: &AuthoritySpec,
    blocked: &Blocked,
    quiet_period: &mut RotationQuietPeriod,
    context: &Context,
) {
    let Blocked { blockers, error } = blocked;
    if error.is_none() && blockers.is_behind() {
        let (behind, names, bundles) = (blockers.behind, blockers.names.join(", "), blockers.bundles);
        tracing::info!(
            authority = spec.name,
            behind,
            names,
            bundles,
            "a fresh list shows Secrets or trust bundles that lack the next root"
        );
        quiet_period.restart();
    }
    let why = blockers.unconfirmed.clone().unwrap_or_default();
    quiet_period.failed_to_confirm(why, spec.propagation.unsigned_abs(), context.clock.monotonic());
}

fn unconfirmed(blockers: &Blockers, why: String) -> Blockers {
    Blockers { unconfirmed: Some(why), ..blockers.clone() }
}
