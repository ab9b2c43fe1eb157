//! `make bench`: what a rotation of the root costs, prompt and spread over a lifetime, from the request to the last
//! bundle without the former root; and what a new identity notices of it. Counts are asserted, times are told.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{Api, Patch, PatchParams};
use mtls_operator::api::authority::Phase;
use mtls_operator::api::identity::AuthorityReference;
use mtls_operator::api::names::annotation;
use mtls_operator::api::{MtlsAuthority, MtlsIdentity, MtlsIdentitySpec};
use serde_json::{Value, json};
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cost::{Cost, Costs};
use crate::environment::Environment;
use crate::environment::until;
use crate::measure::{AT_ONCE, create, create_namespace, percentile, percentiles};
use crate::new_identities::{self, NewIdentities};
use crate::secrets::{FLEET, signers, until_rid_of};

const IDENTITIES: usize = 2000;
/// Lifetime of every certificate of the fleet: so short that the former root is dropped during the benchmark.
const LIFETIME: Duration = Duration::from_mins(3);
/// A certificate is renewed when a third of its life is left, less a jitter of up to a tenth.
const SHORTEST_PERIOD: Duration = Duration::from_secs(LIFETIME.as_secs() * 17 / 30);
/// New identities in the quiet case.
const QUIET: usize = 200;
/// What a prompt rotation may cost: a Secret and a status for each of its three steps.
const PROMPT_WRITES: usize = 6;

const APPLY: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: fleet}
spec:
  root: {ttl: 1h}
  leaf: {ttl: 3m, maxTTL: 3m}
  rotation: {propagation: 10s, spreadOver: 0s}
";

/// Rotates the root of a fleet twice: at once, and with the renewals.
pub async fn rotate(reporter: &mut Reporter, environment: &Environment) -> Result<(), Failure> {
    muster(reporter, environment).await?;
    let mut quiet = NewIdentities::none(reporter.stopwatch());
    quiet.create(environment, QUIET).await?;
    Reporter::say(&format!(
        "{QUIET} new identities meanwhile, to their Secret: {}",
        percentiles(&mut quiet.times)
    ));
    let mut meanwhile = prompt(reporter, environment).await?;
    let (before, during) = (percentile(&mut quiet.times, 99), percentile(&mut meanwhile, 99));
    let ratio = 100 * during.as_micros() / before.as_micros().max(1);
    Reporter::say(&format!(
        "p99 against the quiet case: {}.{:02} times (the aim is 2)",
        ratio / 100,
        ratio % 100
    ));
    spread(reporter, environment).await
}

/// The fleet, and its newest certificates in force.
async fn muster(reporter: &mut Reporter, environment: &Environment) -> Result<(), Failure> {
    Reporter::section(&format!(
        "{IDENTITIES} identities with certificates of three minutes, renewed all the time"
    ));
    environment.apply(APPLY)?;
    create_namespace(environment, FLEET).await?;
    create_namespace(environment, new_identities::NAMESPACE).await?;
    let identities: Api<MtlsIdentity> = Api::namespaced(environment.client().await?, FLEET);
    let started = reporter.clock();
    let spec = MtlsIdentitySpec {
        authority_ref: AuthorityReference { name: FLEET.into() },
        ..MtlsIdentitySpec::default()
    };
    stream::iter(0..IDENTITIES)
        .map(|n| create(&identities, format!("member-{n}"), spec.clone()))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    environment.all_ready(FLEET, IDENTITIES).await?;
    reporter.took(&format!("{IDENTITIES} identities are Ready"), started);
    Ok(())
}

/// A rotation at once; returns how long new identities took while the fleet was being written.
async fn prompt(reporter: &mut Reporter, environment: &Environment) -> Result<Vec<Duration>, Failure> {
    Reporter::section(&format!(
        "The root of {IDENTITIES} identities rotates at once: spreadOver 0s, propagation 10s"
    ));
    let mut new = NewIdentities::none(reporter.stopwatch());
    let cost = tokio::select! {
        cost = rotation(reporter, environment, "at once") => cost?,
        failed = new.create_during_writes(environment) => match failed? {},
    };
    Reporter::say(&format!(
        "{} new identities while the fleet was written, to their Secret: {}",
        new.times.len(),
        percentiles(&mut new.times)
    ));
    tell(&cost)?;
    let is_within = cost.beyond_renewals() <= PROMPT_WRITES * IDENTITIES;
    ensure(is_within, "a prompt rotation costs more than 6 writes an identity")?;
    ensure(cost.rotated <= IDENTITIES, "an identity was issued twice for one rotation")?;
    Ok(new.times)
}

/// A rotation in which each step is carried by the renewals.
async fn spread(reporter: &mut Reporter, environment: &Environment) -> Result<(), Failure> {
    Reporter::section(&format!(
        "The root of {IDENTITIES} identities rotates with their renewals: spreadOver 3m"
    ));
    let spread = json!({ "spec": { "rotation": { "spreadOver": "3m" } } });
    patch(environment, spread).await?;
    let cost = rotation(reporter, environment, "with the renewals").await?;
    tell(&cost)?;
    let is_free = cost.beyond_renewals() + cost.rotated + cost.refreshed == 0;
    ensure(is_free, "a rotation that is spread over a lifetime costs writes of its own")
}

/// What the operator calls due must have been due, and what the API server answered must have been stored.
fn tell(cost: &Cost) -> Result<(), Failure> {
    cost.tell(IDENTITIES);
    ensure(cost.is_accounted_for(), "what the API server answered is not what etcd has stored")?;
    let periods = usize::try_from(cost.took.as_secs() / SHORTEST_PERIOD.as_secs())? + 1;
    ensure(cost.due <= periods * IDENTITIES, "certificates were renewed before they were due")
}

fn ensure(is_so: bool, otherwise: &str) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(otherwise.into()) }
}

/// One rotation, from the request until no bundle holds the former root.
async fn rotation(
    reporter: &mut Reporter,
    environment: &Environment,
    request: &str,
) -> Result<Cost, Failure> {
    let former = signers(environment, IDENTITIES).await?;
    let costs = Costs::open(environment, reporter.stopwatch()).await?;
    let started = reporter.clock();
    patch(environment, json!({ "metadata": { "annotations": { annotation::ROTATE: request } } })).await?;
    // Watched from the start: a list of the whole fleet would delay the new identities at the end.
    let rid = until_rid_of(environment, &former, IDENTITIES);
    tokio::try_join!(rid, phases(reporter, environment, request, started))?;
    reporter.took(&format!("{request}: no bundle holds the former root"), started);
    costs.spent(environment).await
}

async fn phases(
    reporter: &mut Reporter,
    environment: &Environment,
    request: &str,
    started: Duration,
) -> Result<(), Failure> {
    for (phase, what) in [
        (Phase::Announced, "the next root is announced"),
        (Phase::Draining, "every Secret has carried both roots for 10 s, and the next one signs"),
        (
            Phase::Stable,
            "the last certificate of the former root can have expired, and none was seen for 10 s",
        ),
    ] {
        let authorities: Api<MtlsAuthority> = Api::all(environment.client().await?);
        until(authorities, FLEET, |fleet| (fleet.status.as_ref()?.phase() == Some(phase)).then_some(()))
            .await?;
        reporter.took(&format!("{request}: {what}"), started);
    }
    Ok(())
}

async fn patch(environment: &Environment, patch: Value) -> Result<(), Failure> {
    let authorities: Api<MtlsAuthority> = Api::all(environment.client().await?);
    authorities.patch(FLEET, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}
