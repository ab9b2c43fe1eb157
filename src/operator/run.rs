//! Wires watches, board, keeper and workers, in the order in which they depend on each other.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use tokio::task::JoinSet;

use super::client::Requests;
use super::context::{Context, SharedBoard};
use super::informers::{Authorities, Identities, LeafSecrets, Namespaces, OwnSecrets, TrustBundles};
use super::issuers;
use super::metrics::Metrics;
use crate::api::names::label;
use crate::operator::authority::bootstrap::create_default_authority;
use crate::operator::authority::controller::Keeper;
use crate::operator::authority::rotation::blockers::Sights;
use crate::operator::client::watch::Subject;
use crate::operator::identity::controller::Workers;
use crate::operator::identity::key_generator::Forge;
use crate::operator::index::authorities::Roster;
use crate::operator::probe::controller::Prober;
use crate::operator::probe::dial::Dialer;
use crate::operator::probe::endpoint_probe::Visitor;
use crate::operator::probe::informer::EndpointSlices;
use crate::operator::probe::store::Probes;
use crate::operator::scheduler::pacing::Pace;
use crate::operator::trust_bundle::cluster_trust_bundles::watch_cluster_bundles;
use crate::operator::trust_bundle::controller::Distributor;
use crate::operator::trust_bundle::shared::Bundles;
use crate::operator::trust_bundle::store::Range;
use crate::plan::authority::safeguards::Safeguards;
use crate::runtime::clock::Clock;
use crate::runtime::leader::Leadership;
use crate::runtime::readiness::Readiness;
use crate::runtime::shutdown::Shutdown;

/// What people configure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespace of root Secrets and of the Lease.
    pub namespace: String,
    /// Namespaces whose identities are served; none is all.
    pub watch_namespaces: Vec<String>,
    /// The authority to create where there is none at all.
    pub default_authority: Option<DefaultAuthority>,
    /// Identities looked at at once.
    pub workers: usize,
    /// Threads that make RSA keys.
    pub key_threads: usize,
    /// Whether Pods are probed where their identities ask for it.
    pub endpoint_probes: bool,
}

/// The domains of the authority to create where there is none at all.
#[derive(Clone, Debug)]
pub struct DefaultAuthority {
    /// Its trust domain.
    pub trust_domain: String,
    /// Its cluster domain.
    pub cluster_domain: String,
}

/// What the process gives to the operator: time, the API server, the way to Pods, and its place in the world.
pub struct Surroundings {
    /// Time.
    pub clock: Clock,
    /// The API server.
    pub client: Client,
    /// The way to Pods.
    pub dialer: Dialer,
    /// Whether this replica leads.
    pub leadership: Leadership,
    /// What is awaited before this replica is ready.
    pub readiness: Readiness,
    /// Figures.
    pub metrics: Metrics,
    /// The safeguards of rotations.
    pub safeguards: Safeguards,
    /// The signal to stop.
    pub shutdown: Shutdown,
}

/// Of so many workers one may renew: enough for hundreds of renewals a second.
const WORKERS_PER_RENEWAL: usize = 8;

/// A part of the operator ended that must not: the process has to start anew.
#[derive(Debug, thiserror::Error)]
#[error("a watch or the keeper of the authorities has ended; see the log")]
pub struct Broken;

/// Runs the operator until the signal to stop, and until what was in flight then is finished.
///
/// # Errors
/// [`Broken`] where a part of it ended before that.
pub async fn run(settings: Settings, around: Surroundings) -> Result<(), Broken> {
    let Surroundings { clock, client, dialer, leadership, readiness, metrics, safeguards, shutdown } = around;
    let board = board(settings.workers);
    let context = Context {
        sights: Sights::default(),
        probes: Probes::default(),
        forge: forge(&settings, &board, &clock),
        requests: Requests::new(client.clone(), leadership.clone(), metrics.clone()),
        clock,
        board,
        authorities: issuers::Authorities::default(),
        roster: Roster::default(),
        bundles: Bundles::default(),
        metrics,
        namespace: settings.namespace.as_str().into(),
        watch_namespaces: settings.watch_namespaces.clone().into(),
        safeguards,
    };
    let mut watches = JoinSet::new();
    let start = start_watches(&context, &client, &readiness, &mut watches);
    tokio::select! {
        () = start => {}
        () = shutdown.triggered() => return Ok(()),
    }
    let mut first_authority = JoinSet::new();
    if let Some(default) = settings.default_authority {
        first_authority.spawn(create_default_authority(context.clone(), leadership.clone(), default));
    }
    let visitor = settings.endpoint_probes.then(|| Visitor::new(dialer, context.metrics.probes.clone()));
    watch_pods(&context, &client, &leadership, visitor, &mut watches);
    watch_bundles(&context, &client, &mut watches);
    let keeper = Keeper::new(context.clone(), leadership.clone());
    watches.spawn(Distributor::new(context.clone(), leadership.clone(), keeper.primed()).run());
    let workers = Workers::new(context, leadership, keeper.primed(), settings.workers);
    watches.spawn(keeper.run());
    workers.run(end(shutdown, &mut watches)).await
}

/// How it ends: as it is told, or because a part of it does.
async fn end(shutdown: Shutdown, parts: &mut JoinSet<()>) -> Result<(), Broken> {
    tokio::select! {
        () = shutdown.triggered() => Ok(()),
        _ = parts.join_next() => Err(Broken),
    }
}

fn board(workers: usize) -> SharedBoard {
    let board = SharedBoard::default();
    board.change(|board| board.keep_to(Pace::of(workers.div_ceil(WORKERS_PER_RENEWAL))));
    board
}

fn forge(settings: &Settings, board: &SharedBoard, clock: &Clock) -> Forge {
    let (board, clock) = (board.clone(), clock.clone());
    Forge::start(settings.key_threads, move |id| {
        board.change(|board| board.unpark(id, clock.now().as_millisecond()))
    })
}

/// Namespaces and authorities first: identities are judged by them as they are listed. Secrets before anybody works:
/// what is not listed yet must not be taken for missing.
async fn start_watches(context: &Context, client: &Client, readiness: &Readiness, watches: &mut JoinSet<()>) {
    let all = readiness.handle("leaf Secrets and identities");
    let terms = Readiness::new();
    let namespaces = Namespaces::new(context.clone());
    watches.spawn(Subject::all(client).run(context.clone(), namespaces, terms.handle("Namespaces")));
    let authorities = Authorities::new(context.clone());
    watches.spawn(Subject::all(client).run(context.clone(), authorities, terms.handle("MtlsAuthorities")));
    terms.ready().await;
    let objects = Readiness::new();
    for scope in context.watched() {
        let secrets = Subject::within(client, scope.as_deref()).labelled(label::selector());
        let audience = LeafSecrets::new(context.clone(), scope.clone());
        watches.spawn(secrets.run(context.clone(), audience, objects.handle("leaf Secrets")));
        let identities = Subject::within(client, scope.as_deref());
        let audience = Identities::new(context.clone(), scope);
        watches.spawn(identities.run(context.clone(), audience, objects.handle("MtlsIdentities")));
    }
    let own = Subject::within(client, Some(&context.namespace));
    watches.spawn(own.run(
        context.clone(),
        OwnSecrets(context.roster.clone()),
        objects.handle("root Secrets"),
    ));
    objects.ready().await;
    drop(all);
}

/// Pods, and the endpoints that lead to them, where somebody looks at them. Nobody's identity waits for these, either.
fn watch_pods(
    context: &Context,
    client: &Client,
    leadership: &Leadership,
    visitor: Option<Visitor>,
    watches: &mut JoinSet<()>,
) {
    let listed = Readiness::new();
    for scope in context.watched().into_iter().filter(|_| visitor.is_some()) {
        let slices = Subject::within(client, scope.as_deref()).labelled(EndpointSlices::labels());
        let audience = EndpointSlices::new(context.probes.clone(), scope);
        watches.spawn(slices.run(context.clone(), audience, listed.handle("EndpointSlices")));
    }
    watches.spawn(Prober::new(context.clone(), visitor).run(leadership.clone(), listed));
}

/// Nobody's identity waits for these: where they cannot be listed, only published bundles do.
fn watch_bundles(context: &Context, client: &Client, watches: &mut JoinSet<()>) {
    let unawaited = Readiness::new();
    for scope in context.watched() {
        let config_maps = Subject::<ConfigMap>::within(client, scope.as_deref()).labelled(label::selector());
        let audience = TrustBundles::new(context, Range::ConfigMaps(scope));
        watches.spawn(config_maps.run(context.clone(), audience, unawaited.handle("ConfigMaps")));
    }
    watches.spawn(watch_cluster_bundles(context.clone(), client.clone()));
}

/// Threads for RSA keys that leave something for everybody else.
#[must_use]
pub fn default_key_threads(cores: usize) -> usize {
    cores.div_ceil(2)
}
