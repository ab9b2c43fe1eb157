//! What a rotation of the root costs, prompt and spread over a lifetime, from the request to the last bundle without the
//! former root; and what a new identity notices of it.

use std::time::Duration;

use kube::api::{Api, Patch, PatchParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::Phase;
use mtls_operator::api::names::annotation;
use serde_json::{Value, json};
use test_support::Failure;

use crate::cost::{Cost, Costs};
use crate::environment::{Environment, say, until};
use crate::expiry::expiry;
use crate::fleet::{Fleet, LIFETIME};
use crate::meter::with_memory;
use crate::new_identities::NewIdentities;
use crate::report::figures::{Measurement, Name};
use crate::report::scenario::{Scenario, Subject};
use crate::report::statistics::with_times;
use crate::secrets::{FLEET, signers, until_rid_of};

/// A certificate is renewed when a third of its life is left, less a jitter of up to a tenth.
const SHORTEST_PERIOD: Duration = Duration::from_secs(LIFETIME.as_secs() * 17 / 30);
/// New identities in the quiet case.
pub const QUIET: usize = 200;

/// Renewals by time, and two rotations of the root of a fleet: at once, and with the renewals.
pub async fn rotations(size: usize) -> Result<Vec<Measurement>, Failure> {
    let fleet = Fleet::muster(size).await?;
    let renewals = expiry(&fleet).await?;
    let quiet = quiet(&fleet.environment, Scenario::Rotate, size).await?;
    let at_once = with_p99_ratio(at_once(&fleet).await?, &quiet);
    let spread = with_p99_ratio(spread(&fleet).await?, &quiet);
    fleet.environment.close()?;
    Ok(vec![renewals, quiet, at_once, spread])
}

/// New identities where nothing else goes on.
pub async fn quiet(
    environment: &Environment,
    scenario: Scenario,
    size: usize,
) -> Result<Measurement, Failure> {
    let mut new = NewIdentities::default();
    new.create(environment, QUIET).await?;
    Ok(with_times(Measurement::new(scenario, Subject::Quiet, size), &new.times))
}

/// How many times longer the slowest of a hundred new identities waits than in the quiet case.
pub fn with_p99_ratio(measurement: Measurement, quiet: &Measurement) -> Measurement {
    let of = |one: &Measurement| one.get(Name::P99Milliseconds).filter(|p99| *p99 > 0.0);
    match of(&measurement).zip(of(quiet)) {
        Some((p99, quiet)) => measurement.with(Name::P99Ratio, p99 / quiet),
        None => measurement,
    }
}

/// A rotation at once, with new identities while the fleet is being written.
async fn at_once(fleet: &Fleet) -> Result<Measurement, Failure> {
    let mut new = NewIdentities::default();
    let cost = tokio::select! {
        cost = rotation(fleet, "at-once") => cost?,
        failed = new.create_during_writes(&fleet.environment) => match failed? {},
    };
    ensure(cost.0.rotated <= fleet.size, "an identity was issued twice for one rotation")?;
    measured(fleet, Subject::AtOnce, &cost, &new)
}

/// A rotation in which each step is carried by the renewals, with a new identity each second.
async fn spread(fleet: &Fleet) -> Result<Measurement, Failure> {
    let spread = json!({ "spec": { "rotation": { "spreadOver": "3m" } } });
    patch(&fleet.environment, FLEET, spread).await?;
    let mut new = NewIdentities::default();
    let cost = tokio::select! {
        cost = rotation(fleet, "with-the-renewals") => cost?,
        failed = new.create_each_second(&fleet.environment) => match failed? {},
    };
    measured(fleet, Subject::Spread, &cost, &new)
}

/// What the operator calls due must have been due, and what the API server answered must have been stored.
fn measured(
    fleet: &Fleet,
    subject: Subject,
    (cost, took): &(Cost, Duration),
    new: &NewIdentities,
) -> Result<Measurement, Failure> {
    cost.ensure_accounted_for()?;
    let periods = usize::try_from(cost.took.as_secs() / SHORTEST_PERIOD.as_secs())? + 1;
    ensure(cost.due <= periods * fleet.size, "certificates were renewed before they were due")?;
    let line = format!(
        "certificates issued: {} that were due, {} for the rotation; bundles written alone: {}",
        cost.due, cost.rotated, cost.refreshed
    );
    say(&fleet.environment.clock, &line);
    let measurement = cost.add_rotation_to(Measurement::new(Scenario::Rotate, subject, fleet.size));
    let measurement = with_times(measurement, &new.times).with(Name::WallSeconds, took.as_secs_f64());
    with_memory(measurement, fleet.pid)
}

fn ensure(is_so: bool, otherwise: &str) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(otherwise.into()) }
}

/// One rotation, from the request until no bundle holds the former root, and how long that took.
async fn rotation(fleet: &Fleet, request: &str) -> Result<(Cost, Duration), Failure> {
    let Fleet { environment, size, pid } = fleet;
    let former = signers(environment, *size).await?;
    let costs = Costs::open(environment, *pid).await?;
    let started = environment.clock.monotonic();
    ask(environment, FLEET, request).await?;
    // Watched from the start: a list of the whole fleet would delay the new identities at the end.
    let rid = until_rid_of(environment, &former, *size);
    let all = [Phase::Announced, Phase::Draining, Phase::Stable];
    tokio::try_join!(rid, phases(environment, FLEET, &all))?;
    let took = environment.clock.monotonic().saturating_sub(started);
    say(&environment.clock, &format!("{request}: no bundle holds the former root"));
    Ok((costs.spent(environment, *pid).await?, took))
}

/// Asks for a rotation.
pub async fn ask(environment: &Environment, authority: &str, request: &str) -> Result<(), Failure> {
    let rotate = json!({ "metadata": { "annotations": { annotation::ROTATE: request } } });
    patch(environment, authority, rotate).await
}

/// Waits for phases, one after the other.
pub async fn phases(environment: &Environment, authority: &str, phases: &[Phase]) -> Result<(), Failure> {
    for phase in phases {
        let authorities: Api<MtlsAuthority> = Api::all(environment.client().await?);
        let is_in = |it: &MtlsAuthority| (it.status.as_ref()?.phase() == Some(*phase)).then_some(());
        until(authorities, authority, is_in).await?;
        say(&environment.clock, &format!("{authority} is {phase:?}"));
    }
    Ok(())
}

/// Changes an authority.
pub async fn patch(environment: &Environment, authority: &str, patch: Value) -> Result<(), Failure> {
    let authorities: Api<MtlsAuthority> = Api::all(environment.client().await?);
    authorities.patch(authority, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}
