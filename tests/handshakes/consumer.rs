//! A consumer of a Secret, as a Pod is one: it sees each change late, key and certificate apart from the trust bundle,
//! and some never load the bundle again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::runtime::watcher::watch_object;
use rustls::client::ClientConnection;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ServerConnection, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::stage::value;

/// What a Secret held at some time.
struct Version {
    seen: Instant,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

impl Version {
    fn of(secret: &Secret, seen: Instant) -> Self {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(&value(secret, "ca.crt")) {
            roots.add(root.unwrap()).unwrap();
        }
        Self {
            seen,
            chain: CertificateDer::pem_slice_iter(&value(secret, "tls.crt")).map(Result::unwrap).collect(),
            key: PrivateKeyDer::from_pem_slice(&value(secret, "tls.key")).unwrap(),
            roots: Arc::new(roots),
        }
    }
}

/// How a consumer loads what lies in its Secret.
#[derive(Clone, Copy)]
pub struct Habit {
    /// How late it sees a new key and certificate.
    pub leaf_lag: Duration,
    /// How late it sees a new trust bundle; `None`: it has loaded the first one, and never again.
    pub trust_lag: Option<Duration>,
}

/// A consumer.
pub struct Consumer {
    name: String,
    server_name: String,
    habit: Habit,
    versions: Mutex<Vec<Version>>,
}

impl Consumer {
    /// A consumer of the Secret of this identity, from its first version on.
    pub fn start(secrets: Api<Secret>, namespace: &str, name: &str, habit: Habit) -> Arc<Self> {
        let consumer = Arc::new(Self {
            name: name.to_owned(),
            server_name: format!("{name}.{namespace}.svc"),
            habit,
            versions: Mutex::default(),
        });
        tokio::spawn(consumer.clone().watch(secrets));
        consumer
    }

    async fn watch(self: Arc<Self>, secrets: Api<Secret>) {
        let secret = format!("{}-mtls", self.name);
        let mut seen = watch_object(secrets, &secret).boxed();
        while let Some(found) = seen.next().await {
            if let Ok(Some(secret)) = found {
                self.versions.lock().unwrap().push(Version::of(&secret, real_now()));
            }
        }
    }

    /// Whether it has loaded anything yet.
    pub fn is_ready(&self) -> bool {
        !self.versions.lock().unwrap().is_empty()
    }

    fn server(&self, now: Instant) -> Arc<ServerConfig> {
        let versions = self.versions.lock().unwrap();
        let (leaf, roots) = self.loaded(&versions, now);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build().unwrap();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_client_cert_verifier(clients);
        Arc::new(config.with_single_cert(leaf.chain.clone(), leaf.key.clone_key()).unwrap())
    }

    fn client(&self, now: Instant) -> Arc<ClientConfig> {
        let versions = self.versions.lock().unwrap();
        let (leaf, roots) = self.loaded(&versions, now);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots);
        Arc::new(config.with_client_auth_cert(leaf.chain.clone(), leaf.key.clone_key()).unwrap())
    }

    /// The pair and the roots that it has in memory, by its habit.
    fn loaded<'a>(&self, versions: &'a [Version], now: Instant) -> (&'a Version, Arc<RootCertStore>) {
        let leaf = visible(versions, now, self.habit.leaf_lag);
        let roots = match self.habit.trust_lag {
            Some(lag) => visible(versions, now, lag),
            None => &versions[0],
        };
        (leaf, roots.roots.clone())
    }
}

/// The newest version that is older than the lag, else the first.
fn visible(versions: &[Version], now: Instant, lag: Duration) -> &Version {
    let seen = versions.iter().rfind(|version| now.duration_since(version.seen) >= lag);
    seen.unwrap_or(&versions[0])
}

/// Lets one consumer connect to another, both verifying the other, each with what it has in memory.
pub fn shake_hands(from: &Consumer, to: &Consumer) -> Result<(), String> {
    let now = real_now();
    let name = ServerName::try_from(to.server_name.clone()).unwrap();
    let mut client = ClientConnection::new(from.client(now), name).map_err(|error| error.to_string())?;
    let mut server = ServerConnection::new(to.server(now)).map_err(|error| error.to_string())?;
    let told = |who: &str, error: &rustls::Error| format!("{} to {}: {who}: {error}", from.name, to.name);
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = &*wire;
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().map_err(|error| told("the server refuses", &error))?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut rest = &*wire;
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().map_err(|error| told("the client refuses", &error))?;
        }
    }
    Ok(())
}

/// The operator runs in real time, and so do its consumers.
#[allow(clippy::disallowed_methods, reason = "the only clock of these tests")]
fn real_now() -> Instant {
    Instant::now()
}
