//! A root falls due by time alone: the keeper itself notices it, and a whole rotation follows that nobody has asked for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::MtlsAuthoritySpec;
use mtls_operator::operator::keeper::Keeper;
use mtls_operator::runtime::leader::Leadership;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::server::ApiServer;
use super::stage::{NOW, Stage, issued};

/// An operator whose keeper runs by itself. Its other parts are moved every second.
struct Kept {
    stage: Stage,
    keeper: JoinHandle<()>,
}

impl Kept {
    /// A root of an hour, which is replaced 17 minutes before its end.
    async fn begin() -> Self {
        let spec: MtlsAuthoritySpec = serde_json::from_value(json!({
            "root": { "ttl": "1h", "renewBefore": "17m" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
            "rotation": { "propagation": "10s", "spreadOver": "0s" },
        }))
        .unwrap();
        let stage = Stage::bare(ApiServer::default(), NOW).with_authority(spec).await;
        let keeper = Keeper::new(stage.context.clone(), Leadership::always(stage.context.clock.clone()));
        let mut kept = Self { stage, keeper: tokio::spawn(keeper.run()) };
        for name in ["a", "b"] {
            kept.stage.apply(name, &json!({}));
        }
        kept.second().await;
        kept
    }

    /// The keeper does what it does when time passes: it passes only where everybody waits.
    async fn second(&mut self) {
        sleep(Duration::from_secs(1)).await;
        self.stage.watch();
        for outcome in self.stage.work().await {
            outcome.unwrap();
        }
        assert!(!self.keeper.is_finished());
    }

    fn now(&self) -> Timestamp {
        self.stage.hand.now()
    }

    fn note(&self, key: &str) -> String {
        let root = self.stage.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
        root["metadata"]["annotations"][format!("mtls-operator.dev/{key}")].as_str().unwrap().to_owned()
    }

    /// Goes on until the phase is this one; returns when that was.
    async fn until(&mut self, phase: &str, at_most: SignedDuration) -> Timestamp {
        let end = self.now() + at_most;
        while self.now() < end {
            self.second().await;
            if self.note("phase") == phase {
                return self.now();
            }
        }
        panic!("it is still {} at {}", self.note("phase"), self.now());
    }
}

#[tokio::test(start_paused = true)]
async fn a_root_that_falls_due_is_rotated_at_its_second_and_nobody_has_to_ask() {
    let mut kept = Kept::begin().await;
    let before = kept.stage.secret("a-mtls").unwrap()["metadata"]["annotations"].clone();
    let due = NOW + SignedDuration::from_mins(43);
    let announced = kept.until("Announced", SignedDuration::from_mins(50)).await;
    let late = announced.duration_since(due);
    assert!((0..=2).contains(&late.as_secs()), "announced {late} after it fell due");
    kept.until("Draining", SignedDuration::from_mins(2)).await;
    kept.until("Stable", SignedDuration::from_mins(5)).await;
    let after = kept.stage.secret("a-mtls").unwrap()["metadata"]["annotations"].clone();
    let signer = "mtls-operator.dev/authority-key-id";
    assert_ne!(after[signer], before[signer], "another root signs");
    for name in ["a", "b"] {
        assert_eq!(kept.stage.ready(name), issued());
    }
    kept.keeper.abort();
}
