//! A mesh in a rotation, second by second: what consumers may hold in memory, and whether any two of them could still
//! shake hands (I2).

use std::time::Duration;

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::MtlsAuthoritySpec;
use mtls_operator::pki::LeafError;
use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::harness::{AUTHORITIES, CONFIG_MAPS, Harness, NAMESPACE, NOW, SECRETS};
use crate::consumer_cache::{ConsumerCache, Snapshot, accepts};

/// `rotation.propagation` of the authority.
pub const PROPAGATION: SignedDuration = SignedDuration::from_secs(10);

/// An operator, its identities, and everything that their consumers may have loaded.
pub struct RotationRun {
    /// The operator and its API server.
    pub harness: Harness,
    memory: ConsumerCache,
    /// How often the operator was killed.
    pub crashes: usize,
    /// What was written in the last tick.
    pub written: Vec<String>,
}

impl RotationRun {
    /// A mesh of these identities, all of them issued.
    pub async fn of(names: &[&str], spec: Value) -> Self {
        Self::over(ApiServer::default(), names, spec).await
    }

    /// The same, where people have put something before.
    pub async fn over(server: ApiServer, names: &[&str], spec: Value) -> Self {
        let spec: MtlsAuthoritySpec = serde_json::from_value(spec).unwrap();
        let harness = Harness::bare(server, NOW).with_authority(spec).await;
        let mut mesh =
            Self { harness, memory: ConsumerCache::new(PROPAGATION), crashes: 0, written: Vec::new() };
        for name in names {
            mesh.harness.apply(name, &json!({}));
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
        self.harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
            let roots = fingerprints.iter().map(|found| json!({ "fingerprint": found }));
            authority["spec"]["distrustedRoots"] = roots.collect();
        });
    }

    /// People annotate the authority.
    pub fn annotate(&self, key: &str, value: &str) {
        self.harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
            authority["metadata"]["annotations"][format!("mtls-operator.dev/{key}")] = json!(value);
        });
    }

    /// So many seconds pass, in which the operator reconciles.
    pub async fn tick(&mut self, seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        self.harness.watch();
        let look = self.harness.reconcile_authority().await;
        let mut outcomes = self.harness.work().await;
        self.harness.publish().await;
        self.harness.watch();
        outcomes.extend(self.harness.work().await);
        if !self.harness.server.has_misbehaved() {
            assert!(look.is_ok(), "a look at the authority failed: {look:?}");
            let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_err()).collect();
            assert!(failed.is_empty(), "looks at identities failed: {failed:?}");
        }
        if self.harness.server.was_crashed() {
            self.crashes += 1;
            self.harness = Harness::bare(self.harness.server.clone(), self.harness.manual_clock.now());
        }
        let asked = self.harness.server.asked().into_iter();
        self.written = asked.filter(|line| !line.starts_with("GET") && !line.starts_with("LIST")).collect();
        self.remember();
    }

    fn remember(&mut self) {
        let now = self.harness.manual_clock.now();
        for secret in self.harness.server.all(SECRETS) {
            if let Some(snapshot) = snapshot(&secret, now) {
                self.memory.saw(secret["metadata"]["name"].as_str().unwrap(), snapshot);
            }
        }
        for config_map in self.harness.server.all(CONFIG_MAPS) {
            let bundle = config_map["data"]["ca.crt"].as_str().unwrap().to_owned();
            let client = format!("client in {}", config_map["metadata"]["namespace"]);
            self.memory.saw(&client, Snapshot::of_client(now, bundle));
        }
    }

    /// Checks that any two consumers can shake hands now, also those that have never reloaded a bundle.
    pub fn check(&mut self, some_never_reload: bool) {
        let verdict = self.memory.check(self.harness.manual_clock.now(), some_never_reload);
        assert_eq!(verdict, Ok(()), "crashed {} times", self.crashes);
    }

    /// The value of this key in the Secret of an identity.
    pub fn text(&self, name: &str, key: &str) -> String {
        text(&self.harness.secret(&format!("{name}-mtls")).unwrap(), key).unwrap()
    }

    /// Whether one of them accepts the other, each with what its Secret holds.
    pub fn accepts(&self, one: &str, other: &str) -> Result<(), LeafError> {
        let now = self.harness.manual_clock.now();
        let secret = |name: &str| self.harness.secret(&format!("{name}-mtls")).unwrap();
        let held = |name: &str| snapshot(&secret(name), now).unwrap();
        accepts(&held(other), &held(one).bundle, now)
    }

    /// From now on a leaf may expire, as that of an identity whose Secret cannot be written.
    pub fn forgive_expiry(&mut self) {
        self.memory.forgive_expiry();
    }

    /// Every consumer loads what its Secret holds, as people must see to after a compromise.
    pub fn reload(&mut self) {
        self.memory.forget();
        self.remember();
    }

    /// Phase of the rotation, as the root Secret says it.
    pub fn phase(&self) -> String {
        let root = self.harness.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
        root["metadata"]["annotations"]["mtls-operator.dev/phase"].as_str().unwrap().to_owned()
    }

    /// Goes on, second by second, until the phase is this one; all consumers can shake hands at every second.
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
        let secret = self.harness.server.get(SECRETS, NAMESPACE, &format!("{name}-mtls")).unwrap();
        secret["metadata"]["annotations"][format!("mtls-operator.dev/{key}")].as_str().unwrap().to_owned()
    }
}

fn snapshot(secret: &Value, since: Timestamp) -> Option<Snapshot> {
    let text = |key: &str| text(secret, key);
    // A CA that people provide is of the same type.
    let is_leaf = secret["type"] == "kubernetes.io/tls" && secret["metadata"]["namespace"] == NAMESPACE;
    is_leaf.then(|| {
        Some(Snapshot { since, chain: text("tls.crt")?, key: text("tls.key")?, bundle: text("ca.crt")? })
    })?
}

/// The value of this key of a Secret.
fn text(secret: &Value, key: &str) -> Option<String> {
    let base64 = secret["data"][key].as_str()?;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(base64).ok()?).ok()
}
