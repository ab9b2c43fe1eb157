//! What the operator does where there is nothing to do, at a restart, and after all its connections were cut.

use std::time::Duration;

use test_support::Failure;

use crate::environment::Environment;
use crate::meter::{Meter, Spent, with_memory};
use crate::metrics::at_rest;
use crate::population::{PREFIX, create_namespace};
use crate::proxy::Proxy;
use crate::report::figures::{Measurement, Name, count};
use crate::report::scenario::{Scenario, Subject};
use crate::single::create_and_await;

/// How long it is watched.
const MINUTE: Duration = Duration::from_mins(1);
const NEW: &str = "after-restart";

/// A minute with nothing to do.
pub async fn steady(environment: &Environment, pid: u32, size: usize) -> Result<Measurement, Failure> {
    at_rest(environment).await?;
    let spent = minute(environment, &Meter::open(environment, Some(pid))?, pid).await?;
    let measurement = spent.add_to(Measurement::new(Scenario::Steady, Subject::Operator, size));
    with_memory(with_quiet(measurement, &spent), pid)
}

async fn minute(environment: &Environment, meter: &Meter, pid: u32) -> Result<Spent, Failure> {
    environment.clock.sleep(MINUTE).await;
    meter.close(environment, pid)
}

fn with_quiet(measurement: Measurement, spent: &Spent) -> Measurement {
    measurement
        .with(Name::Writes, count(spent.requests.all_writes()))
        .with(Name::SecretReads, count(spent.requests.reads("", "secrets")))
}

/// A restart; returns the new pid, too.
pub async fn restart(environment: &Environment, size: usize) -> Result<(Measurement, u32), Failure> {
    create_namespace(&environment.client().await?, NEW.into()).await?;
    environment.stop_operator().await?;
    let meter = Meter::open(environment, None)?;
    let started = environment.clock.monotonic();
    let since = || environment.clock.monotonic().saturating_sub(started).as_secs_f64();
    let pid = environment.start_operator()?;
    environment.operator_ready().await?;
    let ready = since();
    // It shows that everything before it in the queue has been looked at.
    create_and_await(environment, NEW, "new").await?;
    let works = since();
    at_rest(environment).await?;
    let spent = meter.close(environment, pid)?;
    let measurement = spent
        .add_to(Measurement::new(Scenario::Restart, Subject::Operator, size))
        .with(Name::Writes, count(spent.requests.writes(PREFIX)))
        .with(Name::SecretReads, count(spent.requests.reads(PREFIX, "secrets")))
        .with(Name::IdentityReads, count(spent.requests.reads(PREFIX, "mtlsidentities")))
        .with(Name::ReadySeconds, ready)
        .with(Name::WorksSeconds, works);
    Ok((with_memory(measurement, pid)?, pid))
}

/// All connections are cut at once. The operator is started behind a proxy for it, and again without one; returns the new
/// pid, too.
pub async fn cut(environment: &Environment, size: usize) -> Result<(Measurement, u32), Failure> {
    environment.stop_operator().await?;
    let measurement = cut_behind_proxy(environment, size).await?;
    environment.stop_operator().await?;
    let pid = environment.start_operator()?;
    environment.operator_ready().await?;
    Ok((measurement, pid))
}

async fn cut_behind_proxy(environment: &Environment, size: usize) -> Result<Measurement, Failure> {
    let cluster = &environment.installation.cluster;
    let proxy = Proxy::open(cluster.url()).await?;
    let direct = std::fs::read_to_string(environment.operator_kubeconfig()?)?;
    let kubeconfig = environment.file("proxy.kubeconfig");
    std::fs::write(&kubeconfig, direct.replace(cluster.url(), &proxy.url))?;
    let pid = environment.start_operator_with(&kubeconfig)?;
    environment.operator_ready().await?;
    environment.clock.sleep(MINUTE / 6).await;
    at_rest(environment).await?;
    let meter = Meter::open(environment, Some(pid))?;
    proxy.cut();
    let spent = minute(environment, &meter, pid).await?;
    let measurement = spent.add_to(Measurement::new(Scenario::Cut, Subject::Operator, size));
    let measurement =
        with_quiet(measurement, &spent).with(Name::QuietSeconds, spent.until_quiet.as_secs_f64());
    with_memory(measurement, pid)
}
