//! The process: its clock, its client, its place in the election; and the order in which they start and stop.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use kube::{Client, Config};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::cli::Run;
use crate::operator::authority::bootstrap::DefaultAuthority;
use crate::operator::metrics::Metrics;
use crate::operator::probe::dial::Dialer;
use crate::operator::run::{Dependencies, Settings, default_key_threads, run as run_operator};
use crate::pki::Serial;
use crate::plan::authority::safeguards::Safeguards;
use crate::runtime::admin;
use crate::runtime::client::connect;
use crate::runtime::clock::Clock;
use crate::runtime::clock_check;
use crate::runtime::leader::{LeaderConfig, Leadership, elect};
use crate::runtime::open_files;
use crate::runtime::process_metrics;
use crate::runtime::readiness::Readiness;
use crate::runtime::shutdown::Shutdown;

/// Name of the Lease.
const LEASE: &str = "mtls-operator";

type Failure = Box<dyn Error + Send + Sync>;

/// Runs the operator until the signal to stop.
///
/// # Errors
/// Where the API server cannot be configured, a port cannot be opened, or a second signal came.
pub fn run(config: &Run) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config))
}

async fn serve(config: &Run) -> Result<(), Failure> {
    open_files::raise_limit();
    let clock = Clock::system();
    let (shutdown, aborted) = Shutdown::on_signals()?;
    tokio::select! {
        stopped = operate(config, clock, shutdown) => stopped,
        aborted = aborted => Err(aborted.into()),
    }
}

async fn operate(config: &Run, clock: Clock, shutdown: Shutdown) -> Result<(), Failure> {
    let readiness = Readiness::new();
    let metrics = Metrics::default();
    let registry = Arc::new(registry(&metrics, &clock));
    let started = readiness.handle("the API server");
    let listener = listen("the admin address", config.admin_address).await?;
    let admin = tokio::spawn(admin::serve_metrics(listener, registry, shutdown.clone()));
    let listener = listen("the health address", config.health_address).await?;
    let health = tokio::spawn(admin::serve_health(listener, readiness.clone(), shutdown.clone()));
    let kube = Config::infer().await?;
    announce(config, &kube);
    let client = connect(kube, clock.clone())?;
    // The Lease is given up only after work in flight, which may still write, has ended.
    let (end_of_tenure, give_up) = Shutdown::manual();
    let (leadership, election) = leadership(config, &client, &clock, &end_of_tenure)?;
    let election = tokio::spawn(election);
    let (dialer, safeguards) = (Dialer::tcp(), Safeguards::ALL);
    let around = Dependencies { clock, client, dialer, leadership, readiness, metrics, safeguards, shutdown };
    drop(started);
    let result = run_operator(settings(config), around).await;
    give_up.fire();
    election.await?;
    result?;
    health.await??;
    Ok(admin.await??)
}

async fn listen(what: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| format!("{what} {address}: {error}").into())
}

/// The version and settings, in the first log line.
fn announce(config: &Run, kube: &Config) {
    let watched = config.watch_namespace.join(",");
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        namespace = namespace(config),
        watch_namespaces = if watched.is_empty() { "all" } else { &watched },
        endpoint_probes = config.endpoint_probes,
        leader_election = config.leader_election,
        api_server = %kube.cluster_url,
        "mtls-operator starts"
    );
}

fn registry(metrics: &Metrics, clock: &Clock) -> Registry {
    let mut registry = Registry::default();
    process_metrics::register(&mut registry, env!("CARGO_PKG_VERSION"));
    clock_check::register(&mut registry, clock.clone());
    metrics.register(&mut registry);
    registry
}

fn leadership(
    config: &Run,
    client: &Client,
    clock: &Clock,
    end_of_tenure: &Shutdown,
) -> Result<(Leadership, BoxFuture<'static, ()>), Failure> {
    if !config.leader_election {
        return Ok((Leadership::always(clock.clone()), Box::pin(std::future::ready(()))));
    }
    let lease = LeaderConfig::new(&namespace(config), LEASE, &replica()?);
    let (leadership, election) = elect(client.clone(), lease, clock.clone(), end_of_tenure.clone());
    Ok((leadership, Box::pin(election)))
}

/// The identity of this replica in the Lease: the Pod's name, and what distinguishes this process from an earlier one of that Pod.
fn replica() -> Result<String, Failure> {
    let unique = Serial::random()?.to_string();
    Ok(format!("{}_{}", pod_name(), unique.get(..10).unwrap_or_default()))
}

fn pod_name() -> String {
    let name = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME"));
    name.unwrap_or_else(|_| "mtls-operator".into())
}

fn namespace(config: &Run) -> String {
    config.namespace(std::env::var("POD_NAMESPACE").ok())
}

fn settings(config: &Run) -> Settings {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let default_authority = config.create_authority.then(|| DefaultAuthority {
        trust_domain: config.trust_domain.clone(),
        cluster_domain: config.cluster_domain.clone(),
    });
    Settings {
        namespace: namespace(config),
        pod_name: pod_name(),
        watch_namespaces: config.watch_namespace.clone(),
        default_authority,
        workers: config.workers.into(),
        key_threads: default_key_threads(cores),
        endpoint_probes: config.endpoint_probes,
    }
}
