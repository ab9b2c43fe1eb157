//! A rotation of the root at once under certificates that live long, from the request until the next root has signed all of
//! them; with new identities meanwhile.
//!
//! The former root stays trusted for as long as its last certificate could live, which is longer than a benchmark.

use std::time::Duration;

use mtls_operator::api::authority::Phase;
use mtls_operator::api::names::DEFAULT_AUTHORITY;
use serde_json::json;
use test_support::Failure;
use test_support::wait::for_answer;

use crate::environment::{Environment, PATIENCE, say};
use crate::meter::{Meter, with_memory};
use crate::metrics::{Metrics, at_rest};
use crate::new_identities::{self, NewIdentities};
use crate::population::{PREFIX, create_namespace};
use crate::report::figures::Measurement;
use crate::report::scenario::{Scenario, Subject};
use crate::report::statistics::with_times;
use crate::rotation::{ask, patch, phases, quiet, with_p99_ratio};

const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The quiet case, and a rotation of the authority of a population that is up to date.
pub async fn prompt(environment: &Environment, pid: u32, size: usize) -> Result<Vec<Measurement>, Failure> {
    create_namespace(&environment.client().await?, new_identities::NAMESPACE.into()).await?;
    let timing = json!({ "spec": { "rotation": { "propagation": "10s", "spreadOver": "0s" } } });
    patch(environment, DEFAULT_AUTHORITY, timing).await?;
    let quiet = quiet(environment, Scenario::Prompt, size).await?;
    let (meter, mut new) = (Meter::open(environment, Some(pid))?, NewIdentities::default());
    tokio::select! {
        rotated = rotated(environment, size) => rotated?,
        failed = new.create_each_second(environment) => match failed? {},
    }
    let spent = meter.close(environment, pid)?;
    let measurement = Measurement::new(Scenario::Prompt, Subject::AtOnce, size);
    let measurement = with_times(spent.add_work_to(measurement, PREFIX, size), &new.times);
    Ok(vec![quiet.clone(), with_p99_ratio(with_memory(measurement, pid)?, &quiet)])
}

/// The rotation, until every certificate is signed by the next root.
async fn rotated(environment: &Environment, size: usize) -> Result<(), Failure> {
    let before = at_rest(environment).await?.issued("Rotated");
    ask(environment, DEFAULT_AUTHORITY, "prompt").await?;
    phases(environment, DEFAULT_AUTHORITY, &[Phase::Announced, Phase::Draining]).await?;
    for_answer(PATIENCE, LOOK_AGAIN, "all certificates to be signed again", || async {
        let rotated = Metrics::of(environment).await?.issued("Rotated") - before;
        Ok((rotated >= size).then_some(()))
    })
    .await?;
    say(&environment.clock, "the next root has signed all certificates");
    Ok(())
}
