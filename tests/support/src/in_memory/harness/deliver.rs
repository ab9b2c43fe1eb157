//! What the watches and the controllers would do, one step at a time: events are delivered, due work is done.

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::client::watch::EventHandler;
use mtls_operator::operator::error::Error;
use mtls_operator::operator::identity::reconcile::reconcile;
use mtls_operator::operator::trust_bundle::apply::apply;
use mtls_operator::operator::trust_bundle::config_maps::ConfigMapMetadata;
use mtls_operator::operator::trust_bundle::informer::TrustBundleHandler;
use mtls_operator::operator::trust_bundle::objects::ClusterTrustBundle;
use mtls_operator::operator::trust_bundle::store::{Availability, ListScope};
use mtls_operator::operator::trust_bundle::targets::pending_changes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::api_server::Call;
use super::{CLUSTER_BUNDLES, CONFIG_MAPS, Harness, IDENTITIES, SECRETS};

impl Harness {
    /// Delivers everything that is stored, as the watches would.
    pub fn watch(&self) {
        self.observe_server_time();
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
        let mut handler = TrustBundleHandler::new(&self.consumers.bundles, range);
        EventHandler::<K>::init(&mut handler);
        for object in self.server.all(kind).into_iter().filter(is_ours) {
            handler.apply(serde_json::from_value::<K>(object).unwrap(), true);
        }
        EventHandler::<K>::init_done(&mut handler);
    }

    /// Applies the changes of trust bundles that are due, until none is.
    pub async fn publish(&self) {
        self.observe_server_time();
        for _ in 0..10 {
            let changes = pending_changes(&self.consumers.bundles).due;
            if changes.is_empty() {
                return;
            }
            for change in changes {
                apply(&self.consumers.bundles, &change).await;
            }
        }
        panic!("publishing does not come to rest");
    }

    /// The requests of publishing what the stored objects ask for.
    pub async fn published(&mut self) -> Vec<String> {
        self.watch();
        self.publish().await;
        self.asked()
    }

    /// Reconciles every identity that is due.
    pub async fn work(&self) -> Vec<Result<(), Error>> {
        let mut outcomes = Vec::new();
        self.observe_server_time();
        while let Some(job) = self.context.scheduler.change(|scheduler| {
            scheduler.sweep(self.context.millis());
            scheduler.next(self.context.millis())
        }) {
            let id = job.id;
            let outcome = reconcile(&self.context, &self.keys, job).await;
            let has_failed = !matches!(outcome, Ok(()) | Err(Error::KeyPending));
            self.context.scheduler.change(|scheduler| scheduler.done(id, has_failed, self.context.millis()));
            outcomes.push(outcome);
            let most = 20.max(2 * self.context.scheduler.lock().index().len());
            assert!(outcomes.len() < most, "the operator does not come to rest");
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

    /// The requests since the last call.
    pub fn asked(&mut self) -> Vec<String> {
        let calls = self.server.calls();
        self.sent.extend(calls.iter().filter(|call| is_public(call)).map(|call| call.body.to_string()));
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
}

fn is_ours(secret: &Value) -> bool {
    secret["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "mtls-operator"
}

/// Whether more people can read what it writes than can read Secrets.
fn is_public(call: &Call) -> bool {
    call.line.starts_with("PATCH status") || call.line.starts_with("POST events")
}
