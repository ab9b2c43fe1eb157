//! Claim: in a rotation of the root no handshake fails, whoever talks to whom, and however late each has loaded what
//! lies in its Secret. On a real API server, in real time, with an authority whose times are short. With
//! `MTLS_PROOF=1` three rotations follow each other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "../support/stage.rs"]
#[allow(dead_code, reason = "each test program uses a part of the stage")]
mod stage;

mod consumer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use consumer::{Consumer, Habit, shake_hands};
use serde_json::json;
use stage::{Scene, Stage, until};

/// Consumers, of which every fifth has loaded its trust bundle once and for all.
const CONSUMERS: u32 = 20;
/// `rotation.propagation` of the authority: no lag is longer.
const PROPAGATION: Duration = Duration::from_secs(10);

/// Handshakes between all pairs, round after round, until they are told to end.
struct Chatter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Vec<String>)>,
}

impl Chatter {
    fn begin(consumers: Vec<Arc<Consumer>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut count, mut failed) = (0, Vec::new());
            while !until.load(Ordering::Relaxed) {
                for (from, to) in consumers.iter().flat_map(|from| consumers.iter().map(move |to| (from, to)))
                {
                    count += 1;
                    failed.extend(shake_hands(from, to).err());
                }
            }
            (count, failed)
        });
        Self { stop, thread }
    }

    fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Each consumer has lags of its own, between none and `propagation` less what the watch itself takes.
fn habit(number: u32) -> Habit {
    let longest = PROPAGATION.saturating_sub(Duration::from_secs(1));
    let part = |of: u32| longest * of / (CONSUMERS - 1);
    Habit {
        leaf_lag: part(number * 7 % CONSUMERS),
        trust_lag: (number % 5 != 4).then(|| part(CONSUMERS - 1 - number)),
    }
}

async fn consumers(scene: &Scene, authority: &str) -> Vec<Arc<Consumer>> {
    let mut consumers = Vec::new();
    for number in 0..CONSUMERS {
        let name = format!("pod-{number}");
        scene.create(&name, json!({ "authority": authority })).await;
        consumers.push(Consumer::start(scene.secrets(), &scene.namespace, &name, habit(number)));
    }
    for consumer in &consumers {
        until("every consumer to hold a certificate", || async { consumer.is_ready().then_some(()) }).await;
    }
    consumers
}

/// Rotates the root once, from one stable state to the next.
async fn rotate(scene: &Scene, authority: &str, request: &str) {
    let annotations = json!({ "mtls-operator.dev/rotate": request });
    scene.patch_authority(authority, json!({ "metadata": { "annotations": annotations } })).await.unwrap();
    for phase in ["Announced", "Draining", "Stable"] {
        let is_in = |authority: &mtls_operator::api::MtlsAuthority| {
            let status = authority.status.as_ref();
            status.is_some_and(|status| {
                status.phase.is_some_and(|found| found.as_str() == phase)
                    && status.rotate_request.as_deref() == Some(request)
            })
        };
        scene.authority_where(authority, phase, is_in).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_handshake_fails_while_the_root_rotates() {
    let scene = Stage::shared().scene().await;
    let authority = scene.unique("swift");
    let spec = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    scene.create_authority(&authority, spec).await;
    let chatter = Chatter::begin(consumers(&scene, &authority).await);
    let rotations = if std::env::var_os("MTLS_PROOF").is_some() { 3 } else { 1 };
    for request in 1..=rotations {
        rotate(&scene, &authority, &request.to_string()).await;
    }
    let (count, failed) = chatter.end();
    println!(
        "{rotations} rotations, {count} handshakes between {CONSUMERS} consumers, {} failed",
        failed.len()
    );
    let shown: Vec<_> = failed.iter().take(10).collect();
    assert!(failed.is_empty(), "{} of {count} handshakes failed: {shown:#?}", failed.len());
}
