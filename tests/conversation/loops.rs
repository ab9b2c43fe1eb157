//! The controllers of authorities, identities and trust bundles as the operator runs them, side by side; only the watches are
//! moved by hand.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::MtlsAuthoritySpec;
use mtls_operator::operator::authority::controller::AuthorityController;
use mtls_operator::operator::identity::controller::IdentityController;
use mtls_operator::operator::trust_bundle::controller::TrustBundleController;
use mtls_operator::runtime::leader::Leadership;
use serde_json::{Value, json};
use test_support::in_memory::api_server::{ApiServer, Fault};
use test_support::in_memory::harness::{CONFIG_MAPS, Harness, NAMESPACE, NOW, issued};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// An operator that runs by itself.
struct Loops {
    harness: Harness,
    /// The controllers, none of which ends.
    tasks: JoinSet<()>,
}

impl Loops {
    /// An authority that publishes its trust bundle, and two identities. Its root is valid for an hour and is replaced 17
    /// minutes before its end, which is at no multiple of the time after which authorities are reconciled in any case.
    async fn begin(server: ApiServer) -> Self {
        let spec: MtlsAuthoritySpec = serde_json::from_value(json!({
            "root": { "ttl": "1h", "renewBefore": "17m" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
            "rotation": { "propagation": "10s", "spreadOver": "0s" },
            "trustBundle": { "namespaces": { "from": "All" } },
        }))
        .unwrap();
        let harness = Harness::bare(server, NOW).with_authority(spec).await;
        let (context, leads) = (&harness.context, Leadership::always(harness.context.clock.clone()));
        let controller = AuthorityController::new(harness.consumers.clone(), leads.clone());
        let workers = IdentityController::new(
            context.clone(),
            harness.keys.clone(),
            leads.clone(),
            controller.synced(),
            4,
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(
            TrustBundleController::new(harness.consumers.bundles.clone(), leads, controller.synced()).run(),
        );
        tasks.spawn(controller.run());
        tasks.spawn(async move { drop(workers.run(std::future::pending()).await) });
        let mut loops = Self { harness, tasks };
        for name in ["a", "b"] {
            loops.harness.apply(name, &json!({}));
        }
        for _ in 0..2 {
            loops.second().await;
        }
        loops
    }

    /// Time passes only when every task waits: each controller does its work of this second.
    async fn second(&mut self) {
        sleep(Duration::from_secs(1)).await;
        self.harness.watch();
        assert!(self.tasks.try_join_next().is_none(), "a controller has ended");
    }

    fn now(&self) -> Timestamp {
        self.harness.manual_clock.now()
    }

    fn phase(&self) -> String {
        let root = self.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
        root["metadata"]["annotations"]["mtls-operator.dev/phase"].as_str().unwrap().to_owned()
    }

    /// Goes on until the phase is this one; returns when that was.
    async fn until(&mut self, phase: &str, at_most: SignedDuration) -> Timestamp {
        let end = self.now() + at_most;
        while self.now() < end {
            self.second().await;
            if self.phase() == phase {
                return self.now();
            }
        }
        panic!("it is still {} at {}", self.phase(), self.now());
    }

    fn signer(&self) -> Value {
        self.harness.secret("a-mtls").unwrap()["metadata"]["annotations"]["mtls-operator.dev/authority-key-id"]
            .clone()
    }

    /// What clients find in the published trust bundle, if there is one.
    fn published(&self) -> Option<String> {
        let found = self.harness.server.get(CONFIG_MAPS, NAMESPACE, "mesh-trust-bundle")?;
        Some(found["data"]["ca.crt"].as_str().unwrap().to_owned())
    }
}

/// No request and no event causes it: the controller wakes by its own timer.
#[tokio::test(start_paused = true)]
async fn a_root_that_falls_due_by_time_is_rotated_from_that_second_on() {
    let mut loops = Loops::begin(ApiServer::default()).await;
    let (before, published) = (loops.signer(), loops.published());
    let due = NOW + SignedDuration::from_mins(43);
    let announced = loops.until("Announced", SignedDuration::from_mins(55)).await;
    let late = announced.duration_since(due);
    assert!((0..=2).contains(&late.as_secs()), "announced {late} after it fell due");
    loops.until("Draining", SignedDuration::from_mins(2)).await;
    loops.until("Stable", SignedDuration::from_mins(5)).await;
    loops.second().await;
    assert_ne!(loops.signer(), before, "another root signs");
    assert_ne!(loops.published(), published, "the published bundle has changed");
    for name in ["a", "b"] {
        assert_eq!(loops.harness.ready(name), issued());
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_panics_ends_alone_and_the_bundle_is_published_all_the_same() {
    let server = ApiServer::default();
    server.next("POST configmaps orders/mesh-trust-bundle", Fault::Fatal);
    let mut loops = Loops::begin(server).await;
    loops.harness.server.delete(CONFIG_MAPS, NAMESPACE, "mesh-trust-bundle");
    for _ in 0..60 {
        loops.second().await;
        if loops.published().is_some() {
            return;
        }
    }
    panic!("it is never published again");
}
