//! A mesh in a rotation, second by second: what consumers may hold in memory, and whether any two of them could still
//! shake hands (I2).

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::MtlsAuthoritySpec;
use mtls_operator::pki::{TrustBundle, verify_as_peer};
use serde_json::{Value, json};

use super::server::ApiServer;
use super::stage::{AUTHORITIES, NAMESPACE, NOW, SECRETS, Stage};

/// `rotation.propagation` of the authority.
pub const PROPAGATION: SignedDuration = SignedDuration::from_secs(10);

/// What a Secret held from some moment on.
#[derive(Clone)]
struct Snapshot {
    since: Timestamp,
    chain: String,
    key: String,
    bundle: String,
}

/// An operator, its identities, and everything that their consumers may have loaded.
pub struct Mesh {
    pub stage: Stage,
    history: BTreeMap<String, Vec<Snapshot>>,
    /// Pairs of chain and bundle that were found to fit: they do until the leaf expires.
    accepted: HashSet<(String, String)>,
    pub crashes: usize,
}

impl Mesh {
    /// A mesh of these identities, all of them issued.
    pub async fn of(names: &[&str], spec: Value) -> Self {
        let spec: MtlsAuthoritySpec = serde_json::from_value(spec).unwrap();
        let stage = Stage::bare(ApiServer::default(), NOW).with_authority(spec).await;
        let mut mesh = Self { stage, history: BTreeMap::new(), accepted: HashSet::new(), crashes: 0 };
        for name in names {
            mesh.stage.apply(name, &json!({}));
        }
        mesh.tick(1).await;
        mesh
    }

    /// The authority whose rotation takes a minute and a half.
    pub fn swift() -> Value {
        json!({
            "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
            "rotation": { "propagation": "10s", "spreadOver": "0s" },
        })
    }

    /// People ask for a rotation.
    pub fn ask(&self, request: &str) {
        self.annotate("rotate", request);
    }

    /// People distrust these roots.
    pub fn distrust(&self, fingerprints: &[&str]) {
        self.stage.server.edit(AUTHORITIES, "", "mesh", |authority| {
            authority["spec"]["distrust"] = json!(fingerprints);
        });
    }

    /// People annotate the authority.
    pub fn annotate(&self, key: &str, value: &str) {
        self.stage.server.edit(AUTHORITIES, "", "mesh", |authority| {
            authority["metadata"]["annotations"][format!("mtls-operator.dev/{key}")] = json!(value);
        });
    }

    /// So many seconds pass, in which the operator does what it does.
    pub async fn tick(&mut self, seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        self.stage.watch();
        let _ = self.stage.look_at_authority().await;
        self.stage.work().await;
        self.stage.watch();
        self.stage.work().await;
        if self.stage.server.was_crashed() {
            self.crashes += 1;
            self.stage = Stage::bare(self.stage.server.clone(), self.stage.hand.now());
        }
        self.stage.server.calls();
        self.remember();
    }

    fn remember(&mut self) {
        let now = self.stage.hand.now();
        for secret in self.stage.server.all(SECRETS) {
            let Some(snapshot) = snapshot(&secret, now) else { continue };
            let name = secret["metadata"]["name"].as_str().unwrap().to_owned();
            let versions = self.history.entry(name).or_default();
            let is_news = versions
                .last()
                .is_none_or(|last| (&last.chain, &last.bundle) != (&snapshot.chain, &snapshot.bundle));
            if is_news {
                versions.push(snapshot);
            }
        }
    }

    /// Checks that any two consumers can shake hands now: each with any leaf and any bundle that its Secret has held
    /// within `propagation`. `are_stubborn` have never loaded a bundle but their first.
    pub fn check(&mut self, are_stubborn: bool) {
        let now = self.stage.hand.now();
        let leaves: Vec<Snapshot> =
            self.history.values().flat_map(|versions| visible(versions, now)).cloned().collect();
        let mut bundles: Vec<String> = leaves.iter().map(|snapshot| snapshot.bundle.clone()).collect();
        if are_stubborn {
            bundles.extend(self.history.values().map(|versions| versions[0].bundle.clone()));
        }
        bundles.sort_unstable();
        bundles.dedup();
        for leaf in &leaves {
            for bundle in &bundles {
                if self.accepted.insert((leaf.chain.clone(), bundle.clone())) {
                    let trust = TrustBundle::from_pem(bundle.as_bytes()).unwrap();
                    let verdict = verify_as_peer(leaf.chain.as_bytes(), leaf.key.as_bytes(), &trust, now);
                    assert!(verdict.is_ok(), "at {now}, crashed {} times: {verdict:?}", self.crashes);
                }
            }
        }
    }

    /// Every consumer loads what its Secret holds, as people must see to after a compromise.
    pub fn reload(&mut self) {
        self.history.clear();
        self.remember();
    }

    /// Phase of the rotation, as the root Secret says it.
    pub fn phase(&self) -> String {
        let root = self.stage.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
        root["metadata"]["annotations"]["mtls-operator.dev/phase"].as_str().unwrap().to_owned()
    }

    /// Goes on, second by second, until the phase is this one; everybody can shake hands all the while.
    pub async fn until(&mut self, phase: &str, at_most: u64, step: u64) {
        for _ in 0..at_most / step {
            self.tick(step).await;
            self.check(true);
            if self.phase() == phase {
                return;
            }
        }
        panic!("it is still {} after {at_most} s", self.phase());
    }

    /// The annotation of an identity's Secret.
    pub fn note(&self, name: &str, key: &str) -> String {
        let secret = self.stage.server.get(SECRETS, NAMESPACE, &format!("{name}-mtls")).unwrap();
        secret["metadata"]["annotations"][format!("mtls-operator.dev/{key}")].as_str().unwrap().to_owned()
    }
}

/// What a consumer may hold: what the Secret holds, and what it held within `propagation`.
fn visible(versions: &[Snapshot], now: Timestamp) -> &[Snapshot] {
    let oldest = versions.iter().rposition(|version| now.duration_since(version.since) >= PROPAGATION);
    &versions[oldest.unwrap_or(0)..]
}

fn snapshot(secret: &Value, since: Timestamp) -> Option<Snapshot> {
    let text = |key: &str| {
        let base64 = secret["data"][key].as_str()?;
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(base64).ok()?).ok()
    };
    let is_leaf = secret["type"] == "kubernetes.io/tls";
    is_leaf.then(|| {
        Some(Snapshot { since, chain: text("tls.crt")?, key: text("tls.key")?, bundle: text("ca.crt")? })
    })?
}
