//! An operator without its watches: the test delivers the events, so that every call has one cause.

mod deliver;
mod objects;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::operator::authority::activate::activate;
use mtls_operator::operator::authority::consumers::Consumers;
use mtls_operator::operator::authority::inputs::AuthorityReconcile;
use mtls_operator::operator::authority::outcome::{Applied, RootOutcome};
use mtls_operator::operator::authority::rotation::quiet_period::RotationQuietPeriod;
use mtls_operator::operator::authority::status;
use mtls_operator::operator::client::ApiClient;
use mtls_operator::operator::context::Context;
use mtls_operator::operator::error::Error;
use mtls_operator::operator::identity::key_generator::KeyGenerator;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::issuers::Issuers;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::probe::store::SharedProbeState;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::operator::trust_bundle::shared::{SharedBundleStore, TrustBundles};
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::runtime::clock::{Clock, ManualClock};
use mtls_operator::runtime::leader::{LeaderConfig, Leadership, elect};
use mtls_operator::runtime::shared::Shared;
use mtls_operator::runtime::shutdown::Shutdown;
use serde_json::json;
use tokio::sync::Mutex;

use super::api_server::ApiServer;

/// When every test begins.
pub const NOW: Timestamp = Timestamp::constant(1_780_000_000, 0);
/// The namespace of every identity.
pub const NAMESPACE: &str = "orders";
/// The kind, as paths have it.
pub const SECRETS: &str = "secrets";
/// The kind, as paths have it.
pub const IDENTITIES: &str = "mtlsidentities";
/// The kind, as paths have it.
pub const AUTHORITIES: &str = "mtlsauthorities";
/// The kind, as paths have it.
pub const CONFIG_MAPS: &str = "configmaps";
/// The kind, as paths have it.
pub const CLUSTER_BUNDLES: &str = "clustertrustbundles";

/// The operator and its API server.
pub struct Harness {
    /// The API server.
    pub server: ApiServer,
    /// What the controllers of the operator share.
    pub context: Context,
    /// The trust bundles that are published, and the endpoints that are probed.
    pub consumers: Consumers,
    /// Keys that take long to generate.
    pub keys: KeyGenerator,
    /// Moves the clock of the operator.
    pub manual_clock: ManualClock,
    /// Every body that the operator ever sent into status or Events.
    pub sent: Vec<String>,
    quiet_period: Mutex<RotationQuietPeriod>,
}

impl Harness {
    /// An authority that signs, and no identity yet.
    pub async fn set() -> Self {
        Self::bare(ApiServer::default(), NOW).with_authority(MtlsAuthoritySpec::default()).await
    }

    /// The same, with an authority that is in place.
    pub async fn with_authority(self, spec: MtlsAuthoritySpec) -> Self {
        let harness = self;
        harness.server.put(AUTHORITIES, &MtlsAuthority::new("mesh", spec));
        Box::pin(harness.reconcile_authority()).await.unwrap();
        harness.server.calls();
        harness
    }

    /// A new process over the same API server: it remembers nothing.
    pub async fn restarted(&self) -> Self {
        let harness = Self::bare(self.server.clone(), self.manual_clock.now());
        harness.watch();
        harness.reconcile_authority().await.unwrap();
        harness.watch();
        harness
    }

    /// An operator that has seen nothing but the namespace.
    pub fn bare(server: ApiServer, now: Timestamp) -> Self {
        let (clock, manual_clock) = Clock::manual(now);
        let leadership = Leadership::always(clock.clone());
        server.set_clock(&manual_clock);
        let context = context(&server, clock, leadership);
        let bundles = TrustBundles { context: context.clone(), store: SharedBundleStore::default() };
        let consumers = Consumers { bundles, probes: SharedProbeState::default() };
        let (waiting, scheduler) = (context.scheduler.clone(), context.scheduler.clone());
        let (is_wanted, millis) = (move |id| waiting.lock().is_suspended(id), context.millis());
        let keys = KeyGenerator::start(1, is_wanted, move |id, key| {
            scheduler.change(|scheduler| scheduler.key_generated(id, key, millis));
        });
        Self {
            server,
            context,
            consumers,
            keys,
            manual_clock,
            sent: Vec::new(),
            quiet_period: Mutex::default(),
        }
    }

    /// From now on this replica does not lead.
    pub fn depose(&mut self) {
        let config = LeaderConfig::new("mtls-system", "mtls-operator", "other");
        // The election is never run, so it is never won.
        let clock = self.context.clock.clone();
        let client = self.server.client(&clock);
        let (leadership, _) = elect(client.clone(), config, clock, Shutdown::manual().0);
        self.context.client = ApiClient::new(client, leadership, Metrics::default());
        self.consumers.bundles.context = self.context.clone();
    }

    /// The responses to renewals of the Lease carry the time of the API server.
    fn observe_server_time(&self) {
        if let Some(time) = self.server.time() {
            self.context.clock.observe_server_time(self.context.clock.monotonic(), time);
        }
    }

    /// One pass over the authority, as its controller does it.
    pub async fn reconcile_authority(&self) -> Result<(), Error> {
        self.observe_server_time();
        let authority = self.authority();
        let terms = Arc::new(AuthoritySpec::parse(&authority).unwrap());
        self.context.authorities.lock().apply(authority.clone());
        self.context.scheduler.change(|scheduler| scheduler.apply_authority(&terms, self.context.millis()));
        let mut outcome = self.reconcile_root(&authority, &mut Vec::new()).await?;
        let taken = status::after(&authority, &outcome).distrusted;
        self.server
            .edit(AUTHORITIES, "", "mesh", |authority| authority["status"]["distrusted"] = json!(taken));
        let error = outcome.error.take();
        activate(&self.consumers, &authority, terms, outcome);
        error.map_or(Ok(()), Err)
    }

    /// One reconcile of the root of this authority, and the changes that it made.
    async fn reconcile_root(
        &self,
        authority: &MtlsAuthority,
        applied: &mut Vec<Applied>,
    ) -> Result<RootOutcome, Error> {
        let spec = AuthoritySpec::parse(authority).unwrap();
        let mut quiet_period = self.quiet_period.lock().await;
        AuthorityReconcile::new(&self.consumers, authority, &spec, &mut quiet_period, applied).run().await
    }

    /// One reconcile of the root of the authority, which is not activated, and the changes that it made.
    pub async fn root_outcome(&self) -> (RootOutcome, Vec<Applied>) {
        let mut applied = Vec::new();
        let outcome = self.reconcile_root(&self.authority(), &mut applied).await.unwrap();
        (outcome, applied)
    }

    /// Time passes.
    pub fn advance(&self, by: SignedDuration) {
        self.manual_clock.advance(by);
    }
}

fn context(server: &ApiServer, clock: Clock, leadership: Leadership) -> Context {
    let metrics = Metrics::default();
    let (scheduler, client) = (Shared::<Scheduler>::default(), server.client(&clock));
    let millis = clock.now().as_millisecond();
    scheduler.change(|scheduler| scheduler.apply_namespace(NAMESPACE, NamespaceEntry::default(), millis));
    Context {
        clock,
        client: ApiClient::new(client, leadership, metrics.clone()),
        scheduler,
        issuers: Issuers::default(),
        authorities: Shared::default(),
        metrics,
        namespace: "mtls-system".into(),
        pod_name: "mtls-operator-0".into(),
        watch_namespaces: Arc::default(),
        safeguards: Safeguards::ALL,
    }
}

/// Status and reason of `Ready` of an identity that is issued.
pub fn issued() -> (String, String) {
    ("True".into(), "Issued".into())
}

/// Longer than any freshness of a root, shorter than any backoff's end.
pub const A_WHILE: SignedDuration = SignedDuration::from_mins(10);
/// What the machine may take to make a key.
pub const PATIENCE: Duration = Duration::from_mins(1);
