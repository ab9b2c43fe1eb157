//! Starts watches and controllers in the order in which they depend on each other, and stops them in order.

use kube::Client;
use tokio::task::JoinSet;

use super::client::ApiClient;
use super::context::Context;
use super::error::TaskEnded;
use super::informers::{
    AuthorityHandler, IdentityHandler, LeafSecretHandler, NamespaceHandler, RootSecretHandler,
};
use super::issuers;
use super::metrics::Metrics;
use super::scheduler::Scheduler;
use crate::api::names::label;
use crate::operator::authority::bootstrap::{DefaultAuthority, create_default_authority};
use crate::operator::authority::consumers::Consumers;
use crate::operator::authority::controller::AuthorityController;
use crate::operator::client::connection::Connection;
use crate::operator::client::watch::Watch;
use crate::operator::identity::controller::IdentityController;
use crate::operator::identity::key_generator::KeyGenerator;
use crate::operator::probe::controller::ProbeController;
use crate::operator::probe::dial::Dialer;
use crate::operator::probe::endpoint_probe::EndpointProber;
use crate::operator::probe::informer::EndpointSlices;
use crate::operator::probe::store::SharedProbeState;
use crate::operator::scheduler::pacing::Pacing;
use crate::operator::scheduler::workers::WorkerCount;
use crate::operator::trust_bundle::cluster_trust_bundles::watch_cluster_bundles;
use crate::operator::trust_bundle::config_maps::watch_config_maps;
use crate::operator::trust_bundle::controller::TrustBundleController;
use crate::operator::trust_bundle::shared::{SharedBundleStore, TrustBundles};
use crate::plan::authority::safeguards::Safeguards;
use crate::runtime::clock::Clock;
use crate::runtime::leader::Leadership;
use crate::runtime::readiness::Readiness;
use crate::runtime::shared::Shared;
use crate::runtime::shutdown::Shutdown;

/// What people configure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespace of root Secrets and of the Lease.
    pub namespace: String,
    /// The name of this Pod, for Events.
    pub pod_name: String,
    /// Namespaces whose identities are served; none is all.
    pub watch_namespaces: Vec<String>,
    /// The authority to create if there is none of any name.
    pub default_authority: Option<DefaultAuthority>,
    /// Identities that are reconciled at the same time.
    pub workers: WorkerCount,
    /// Threads that make RSA keys.
    pub key_threads: usize,
    /// Whether Pods are probed where their identities ask for it.
    pub endpoint_probes: bool,
}

/// What the process gives to the operator.
pub struct Dependencies {
    /// The clock.
    pub clock: Clock,
    /// The API server.
    pub client: Client,
    /// Connections to Pods.
    pub dialer: Dialer,
    /// Whether this replica leads.
    pub leadership: Leadership,
    /// What this replica waits for before it is ready.
    pub readiness: Readiness,
    /// Metrics.
    pub metrics: Metrics,
    /// The safeguards of rotations.
    pub safeguards: Safeguards,
    /// The signal to stop.
    pub shutdown: Shutdown,
}

/// Runs the operator until the signal to stop, and finishes what is in flight then.
///
/// # Errors
/// [`TaskEnded`] where a part of it ended before that.
pub async fn run(settings: Settings, around: Dependencies) -> Result<(), TaskEnded> {
    let Dependencies { clock, client, dialer, leadership, readiness, metrics, safeguards, shutdown } = around;
    let client = Connection::from(client);
    let scheduler = scheduler(settings.workers);
    let keys = key_generator(&settings, &scheduler, &clock);
    let context = Context {
        client: ApiClient::new(&client, leadership.clone(), metrics.clone()),
        clock,
        scheduler,
        issuers: issuers::Issuers::default(),
        authorities: Shared::default(),
        metrics,
        namespace: settings.namespace.as_str().into(),
        pod_name: settings.pod_name.as_str().into(),
        watch_namespaces: settings.watch_namespaces.clone().into(),
        safeguards,
    };
    let bundles = TrustBundles { context: context.clone(), store: SharedBundleStore::default() };
    let consumers = Consumers { bundles, probes: SharedProbeState::default() };
    let mut watches = JoinSet::new();
    let start = start_watches(&consumers, &client, &readiness, &mut watches);
    tokio::select! {
        () = start => {}
        () = shutdown.triggered() => return Ok(()),
    }
    let mut first_authority = JoinSet::new();
    if let Some(default) = settings.default_authority {
        first_authority.spawn(create_default_authority(context.clone(), leadership.clone(), default));
    }
    let prober =
        settings.endpoint_probes.then(|| EndpointProber::new(dialer, context.metrics.probes.clone()));
    watch_pods(&consumers, &client, &leadership, prober, &mut watches);
    watch_bundles(&consumers.bundles, &client, &mut watches);
    let bundles = consumers.bundles.clone();
    let authorities = AuthorityController::new(consumers, leadership.clone());
    watches.spawn(TrustBundleController::new(bundles, leadership.clone(), authorities.synced()).run());
    let workers = IdentityController::new(context, keys, leadership, authorities.synced(), settings.workers);
    watches.spawn(authorities.run());
    workers.run(end(shutdown, &mut watches)).await
}

/// Waits for the signal to stop, or for the end of a task.
async fn end(shutdown: Shutdown, parts: &mut JoinSet<()>) -> Result<(), TaskEnded> {
    tokio::select! {
        () = shutdown.triggered() => Ok(()),
        _ = parts.join_next() => Err(TaskEnded),
    }
}

fn scheduler(workers: WorkerCount) -> Shared<Scheduler> {
    let scheduler = Shared::<Scheduler>::default();
    scheduler.change(|scheduler| scheduler.set_pacing(Pacing::of(workers.renewals())));
    scheduler
}

fn key_generator(settings: &Settings, scheduler: &Shared<Scheduler>, clock: &Clock) -> KeyGenerator {
    let (waiting, scheduler, clock) = (scheduler.clone(), scheduler.clone(), clock.clone());
    let is_wanted = move |id| waiting.lock().is_suspended(id);
    KeyGenerator::start(settings.key_threads, is_wanted, move |id, key| {
        scheduler.change(|scheduler| scheduler.key_generated(id, key, clock.now().as_millisecond()));
    })
}

/// Namespaces and authorities first: permissions of identities are judged by them. All Secrets are listed before the first
/// reconcile: one that is not listed yet must not be taken for missing.
async fn start_watches(
    consumers: &Consumers,
    client: &Connection,
    readiness: &Readiness,
    watches: &mut JoinSet<()>,
) {
    let context = consumers.context();
    let (clock, metrics) = (&context.clock, &context.metrics.watches);
    let all = readiness.handle("leaf Secrets and identities");
    let policy = Readiness::new();
    let namespaces = NamespaceHandler::new(context.clone(), consumers.bundles.store.clone());
    let watch = Watch::all(client).counted(metrics);
    watches.spawn(watch.run(clock.clone(), namespaces, policy.handle("Namespaces")));
    let authorities = AuthorityHandler::new(context.clone());
    let watch = Watch::all(client).counted(metrics);
    watches.spawn(watch.run(clock.clone(), authorities, policy.handle("MtlsAuthorities")));
    policy.ready().await;
    let objects = Readiness::new();
    for scope in context.watched() {
        let secrets = Watch::within(client, scope.as_deref()).labelled(label::selector()).counted(metrics);
        let handler = LeafSecretHandler::new(context.clone(), scope.clone());
        watches.spawn(secrets.run(clock.clone(), handler, objects.handle("leaf Secrets")));
        let identities = Watch::within(client, scope.as_deref()).counted(metrics);
        let handler = IdentityHandler::new(context.clone(), consumers.probes.clone(), scope);
        watches.spawn(identities.run(clock.clone(), handler, objects.handle("MtlsIdentities")));
    }
    let own = Watch::within(client, Some(&context.namespace)).counted(metrics);
    let handler = RootSecretHandler(context.authorities.clone());
    watches.spawn(own.run(clock.clone(), handler, objects.handle("root Secrets")));
    objects.ready().await;
    drop(all);
}

/// Watches `EndpointSlice`s and probes endpoints, if probes are enabled. No identity waits for these.
fn watch_pods(
    consumers: &Consumers,
    client: &Connection,
    leadership: &Leadership,
    prober: Option<EndpointProber>,
    watches: &mut JoinSet<()>,
) {
    let (context, listed) = (consumers.context(), Readiness::new());
    for scope in context.watched().into_iter().filter(|_| prober.is_some()) {
        let slices = Watch::within(client, scope.as_deref()).labelled(EndpointSlices::labels());
        let slices = slices.counted(&context.metrics.watches);
        let handler = EndpointSlices::new(consumers.probes.clone(), scope);
        watches.spawn(slices.run(context.clock.clone(), handler, listed.handle("EndpointSlices")));
    }
    watches.spawn(
        ProbeController::new(context.clone(), consumers.probes.clone(), prober)
            .run(leadership.clone(), listed),
    );
}

/// Watches published trust bundles. No identity waits for these: where they cannot be listed, only publication waits.
fn watch_bundles(bundles: &TrustBundles, client: &Connection, watches: &mut JoinSet<()>) {
    for scope in bundles.context.watched() {
        watches.spawn(watch_config_maps(bundles.clone(), client.clone(), scope));
    }
    watches.spawn(watch_cluster_bundles(bundles.clone(), client.clone()));
}

/// Threads for RSA keys: a part of the cores, so that other work goes on.
#[must_use]
pub fn default_key_threads(cores: usize) -> usize {
    cores.div_ceil(2)
}
