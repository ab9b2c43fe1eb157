//! An operator without its watches: the test delivers the events, so that every call has one cause.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec, MtlsIdentity, MtlsIdentitySpec};
use mtls_operator::operator::authority::activate::activate;
use mtls_operator::operator::authority::consumers::Consumers;
use mtls_operator::operator::authority::inputs::AuthorityReconcile;
use mtls_operator::operator::authority::outcome::{Applied, RootOutcome};
use mtls_operator::operator::authority::rotation::quiet_period::RotationQuietPeriod;
use mtls_operator::operator::authority::status;
use mtls_operator::operator::client::ApiClient;
use mtls_operator::operator::client::watch::EventHandler;
use mtls_operator::operator::context::Context;
use mtls_operator::operator::error::Error;
use mtls_operator::operator::identity::key_generator::KeyGenerator;
use mtls_operator::operator::identity::reconcile::reconcile;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::issuers::Issuers;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::probe::store::SharedProbeState;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::operator::trust_bundle::apply::apply;
use mtls_operator::operator::trust_bundle::config_maps::ConfigMapMetadata;
use mtls_operator::operator::trust_bundle::informer::TrustBundleHandler;
use mtls_operator::operator::trust_bundle::objects::ClusterTrustBundle;
use mtls_operator::operator::trust_bundle::shared::{SharedBundleStore, TrustBundles};
use mtls_operator::operator::trust_bundle::store::{Availability, ListScope};
use mtls_operator::operator::trust_bundle::targets::pending_changes;
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::runtime::clock::{Clock, ManualClock};
use mtls_operator::runtime::leader::{LeaderConfig, Leadership, elect};
use mtls_operator::runtime::shared::Shared;
use mtls_operator::runtime::shutdown::Shutdown;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::api_server::{ApiServer, Call};

/// When every story begins.
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
    pub hand: ManualClock,
    /// Every body that the operator ever sent into status or Events.
    pub told: Vec<String>,
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
        Box::pin(harness.look_at_authority()).await.unwrap();
        harness.server.calls();
        harness
    }

    /// A new process over the same API server: it remembers nothing.
    pub async fn restarted(&self) -> Self {
        let harness = Self::bare(self.server.clone(), self.hand.now());
        harness.watch();
        harness.look_at_authority().await.unwrap();
        harness.watch();
        harness
    }

    /// An operator that has seen nothing but the namespace.
    pub fn bare(server: ApiServer, now: Timestamp) -> Self {
        let (clock, hand) = Clock::manual(now);
        let leadership = Leadership::always(clock.clone());
        server.set_clock(&hand);
        let context = context(&server, clock, leadership);
        let bundles = TrustBundles { context: context.clone(), store: SharedBundleStore::default() };
        let consumers = Consumers { bundles, probes: SharedProbeState::default() };
        let keys = KeyGenerator::start(1, {
            let (scheduler, millis) = (context.scheduler.clone(), context.millis());
            move |id| scheduler.change(|scheduler| scheduler.resume(id, millis))
        });
        Self { server, context, consumers, keys, hand, told: Vec::new(), quiet_period: Mutex::default() }
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

    /// The Lease is renewed all the while: its answers carry the time.
    fn hear(&self) {
        if let Some(time) = self.server.time() {
            self.context.clock.hear(self.context.clock.monotonic(), time);
        }
    }

    /// One pass over the authority, as its keeper does it.
    pub async fn look_at_authority(&self) -> Result<(), Error> {
        self.hear();
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

    /// The authority, as it is stored.
    pub fn authority(&self) -> MtlsAuthority {
        serde_json::from_value(self.server.get(AUTHORITIES, "", "mesh").unwrap()).unwrap()
    }

    /// The status of the authority names this root as the one that signs, as its keeper would have it.
    pub fn name_root(&self, fingerprint: &str, key_id: &str) {
        let fingerprint: String = fingerprint.replace(':', "").to_lowercase();
        let roots = json!([{ "fingerprint": fingerprint, "keyID": key_id, "role": "Signing", "leaves": 0 }]);
        self.server.edit(AUTHORITIES, "", "mesh", |authority| authority["status"]["roots"] = roots);
    }

    /// People apply an identity.
    pub fn apply(&self, name: &str, spec: &Value) {
        let spec: MtlsIdentitySpec = serde_json::from_value(spec.clone()).unwrap();
        let mut identity = MtlsIdentity::new(name, spec);
        identity.metadata.namespace = Some(NAMESPACE.into());
        let mut identity = serde_json::to_value(identity).unwrap();
        if let Some(before) = self.server.get(IDENTITIES, NAMESPACE, name) {
            identity["metadata"] = before["metadata"].clone();
            identity["status"] = before["status"].clone();
        }
        if identity["status"].is_null() {
            identity["status"] = json!({"observedGeneration": -1});
        }
        self.server.put(IDENTITIES, &identity);
    }

    /// Delivers everything that is stored, as the watches would.
    pub fn watch(&self) {
        self.hear();
        let now = self.context.millis();
        let identities = self.server.all(IDENTITIES);
        let secrets = self.server.all(SECRETS);
        self.context.scheduler.change(|scheduler| {
            let list = scheduler.start_list();
            for secret in secrets.into_iter().filter(is_ours) {
                let meta: PartialObjectMeta<Secret> =
                    serde_json::from_value(json!({"metadata": secret["metadata"]})).unwrap();
                scheduler.apply_secret(&meta, true, now);
            }
            scheduler.finish_secret_list(None, list, now);
            let list = scheduler.start_list();
            for identity in identities {
                scheduler.apply_identity(
                    &serde_json::from_value::<MtlsIdentity>(identity).unwrap(),
                    true,
                    now,
                );
            }
            scheduler.finish_identity_list(None, list, now);
        });
        self.watch_bundles::<ConfigMapMetadata>(CONFIG_MAPS, ListScope::ConfigMaps(None));
        if *self.consumers.bundles.store.lock().availability() == Availability::Open {
            self.watch_bundles::<ClusterTrustBundle>(CLUSTER_BUNDLES, ListScope::Cluster);
        }
    }

    fn watch_bundles<K: DeserializeOwned>(&self, kind: &str, range: ListScope)
    where
        TrustBundleHandler: EventHandler<K>,
    {
        let mut audience = TrustBundleHandler::new(&self.consumers.bundles, range);
        EventHandler::<K>::init(&mut audience);
        for object in self.server.all(kind).into_iter().filter(is_ours) {
            audience.apply(serde_json::from_value::<K>(object).unwrap(), true);
        }
        EventHandler::<K>::init_done(&mut audience);
    }

    /// The distributor does what follows from what it knows, until nothing does.
    pub async fn distribute(&self) {
        self.hear();
        for _ in 0..10 {
            let changes = pending_changes(&self.consumers.bundles).due;
            if changes.is_empty() {
                return;
            }
            for change in changes {
                apply(&self.consumers.bundles, &change).await;
            }
        }
        panic!("the distributor does not come to rest");
    }

    /// What was asked while the distributor did what follows from what there is.
    pub async fn distributed(&mut self) -> Vec<String> {
        self.watch();
        self.distribute().await;
        self.asked()
    }

    /// Reconciles every identity that is due.
    pub async fn work(&self) -> Vec<Result<(), Error>> {
        let mut outcomes = Vec::new();
        self.hear();
        while let Some(job) = self.context.scheduler.change(|scheduler| {
            scheduler.sweep(self.context.millis());
            scheduler.next(self.context.millis())
        }) {
            let id = job.id;
            let outcome = reconcile(&self.context, &self.keys, job).await;
            let has_failed = !matches!(outcome, Ok(()) | Err(Error::KeyPending));
            self.context.scheduler.change(|scheduler| scheduler.done(id, has_failed, self.context.millis()));
            outcomes.push(outcome);
            assert!(outcomes.len() < 20, "the operator does not come to rest");
        }
        outcomes
    }

    /// The calls of reconciling every identity that is due, none of which fails.
    pub async fn calls(&mut self) -> Vec<String> {
        for outcome in self.work().await {
            outcome.unwrap();
        }
        self.asked()
    }

    /// What was asked since the last time.
    pub fn asked(&mut self) -> Vec<String> {
        let calls = self.server.calls();
        self.told.extend(calls.iter().filter(|call| is_public(call)).map(|call| call.body.to_string()));
        calls.into_iter().map(|call| call.line).collect()
    }

    /// Delivers what is stored and reconciles, until that takes no call any more.
    pub async fn settle(&mut self) -> Vec<String> {
        let mut asked = Vec::new();
        for _ in 0..5 {
            self.watch();
            self.work().await;
            let calls = self.asked();
            if calls.is_empty() {
                return asked;
            }
            asked.extend(calls);
        }
        panic!("the operator does not come to rest: {asked:#?}");
    }

    /// Time passes.
    pub fn advance(&self, by: SignedDuration) {
        self.hand.advance(by);
    }

    /// An identity, as it is stored.
    pub fn identity(&self, name: &str) -> MtlsIdentity {
        serde_json::from_value(self.server.get(IDENTITIES, NAMESPACE, name).unwrap()).unwrap()
    }

    /// A Secret of the namespace, as it is stored.
    pub fn secret(&self, name: &str) -> Option<Value> {
        self.server.get(SECRETS, NAMESPACE, name)
    }

    /// The serial number that the Secret of an identity speaks of.
    pub fn serial(&self, name: &str) -> String {
        let secret = self.secret(&format!("{name}-mtls")).unwrap();
        secret["metadata"]["annotations"]["mtls-operator.dev/serial"].as_str().unwrap().to_owned()
    }

    /// Status and reason of `Ready`.
    pub fn ready(&self, name: &str) -> (String, String) {
        let conditions = self.identity(name).status.unwrap().conditions;
        let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        (ready.status, ready.reason)
    }

    /// The message of `Ready`.
    pub fn message(&self, name: &str) -> String {
        let conditions = self.identity(name).status.unwrap().conditions;
        conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap().message
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

fn is_ours(secret: &Value) -> bool {
    secret["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "mtls-operator"
}

/// Whether more people can read what it writes than can read Secrets.
fn is_public(call: &Call) -> bool {
    call.line.starts_with("PATCH status") || call.line.starts_with("POST events")
}

/// Status and reason of `Ready` of an identity that is issued.
pub fn issued() -> (String, String) {
    ("True".into(), "Issued".into())
}

/// Longer than any freshness of a root, shorter than any backoff's end.
pub const A_WHILE: SignedDuration = SignedDuration::from_mins(10);
/// What the machine may take to make a key.
pub const PATIENCE: Duration = Duration::from_mins(1);
