//! A consumer of a Secret, as a Pod is one: it sees each change late, key and certificate at another time than the trust
//! bundle, and some load the bundle only once a rotation.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::runtime::watcher::watch_object;
use test_support::objects::value;

use crate::gnutls::GnuTls;
use crate::openssl::OpenSsl;
use crate::process::Process;
use crate::rustls_consumer::{self, Listener};

/// The content of a Secret at some time.
pub struct Version {
    seen: Instant,
    /// `tls.crt`.
    pub chain: Vec<u8>,
    /// `tls.key`.
    pub key: Vec<u8>,
    /// `ca.crt`.
    pub bundle: Vec<u8>,
}

impl Version {
    fn of(secret: &Secret) -> Arc<Self> {
        Self::new(["tls.crt", "tls.key", "ca.crt"].map(|key| value(secret, key)))
    }

    /// The present content: chain, key and bundle.
    pub fn new([chain, key, bundle]: [Vec<u8>; 3]) -> Arc<Self> {
        Arc::new(Self { seen: real_now(), chain, key, bundle })
    }
}

/// The memory of a consumer.
#[derive(Clone)]
pub struct Loaded {
    /// Where its key and certificate are from.
    pub leaf: Arc<Version>,
    /// Where its trust bundle is from.
    pub trust: Arc<Version>,
}

impl Loaded {
    /// Whether nothing was loaded between the two.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.leaf, &other.leaf) && Arc::ptr_eq(&self.trust, &other.trust)
    }
}

/// How a consumer loads its Secret.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// How late it sees a new key and certificate.
    pub leaf_lag: Duration,
    /// How late it sees a new trust bundle; `None`: it loads it only when it is started, once for each rotation.
    pub trust_lag: Option<Duration>,
}

/// The TLS implementation of a consumer.
pub enum Stack {
    /// rustls, in this process.
    Rustls,
    /// The programs of OpenSSL.
    OpenSsl(Mutex<OpenSsl>),
    /// The client of GnuTLS; its server is rustls.
    GnuTls(Mutex<GnuTls>),
    /// A program in Go.
    Go(Mutex<Process>),
    /// A program in Java.
    Java(Mutex<Process>),
}

impl Stack {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Rustls => "rustls",
            Self::OpenSsl(_) => "OpenSSL",
            Self::GnuTls(_) => "GnuTLS",
            Self::Go(_) => "Go",
            Self::Java(_) => "Java",
        }
    }

    /// Its name as a server.
    pub const fn server_name(&self) -> &'static str {
        match self {
            Self::GnuTls(_) => "rustls",
            _ => self.name(),
        }
    }

    /// Connects to another one, with this in memory.
    pub fn dial(&self, mine: &Loaded, address: &str, name: &str) -> Result<(), String> {
        match self {
            Self::Rustls => rustls_consumer::dial(mine, address, name),
            Self::OpenSsl(openssl) => openssl.lock().unwrap().dial(mine, address, name),
            Self::GnuTls(gnutls) => gnutls.lock().unwrap().dial(mine, address, name),
            Self::Go(process) | Self::Java(process) => process.lock().unwrap().dial(mine, address, name),
        }
    }

    /// Lets a client connect to a server of another one, each with this in memory.
    pub fn shake_hands(&self, to: &Self, [mine, theirs]: [&Loaded; 2], name: &str) -> Result<(), String> {
        let address = match (self, to) {
            (Self::Rustls, Self::Rustls) => return rustls_consumer::shake_hands(mine, theirs, name),
            (_, Self::Rustls | Self::GnuTls(_)) => {
                let listener = Listener::open(theirs);
                let dialled = self.dial(mine, &listener.address, name);
                return listener.closed(dialled);
            }
            (_, Self::OpenSsl(openssl)) => openssl.lock().unwrap().serve(theirs),
            (_, Self::Go(process) | Self::Java(process)) => process.lock().unwrap().serve(theirs),
        };
        self.dial(mine, &address, name)
    }
}

/// A consumer.
pub struct Consumer {
    /// Name of its identity.
    pub name: String,
    /// Its TLS implementation.
    pub stack: Stack,
    server_name: String,
    behaviour: Behaviour,
    versions: Mutex<Vec<Arc<Version>>>,
    /// Which of them it was started with.
    started: AtomicUsize,
}

impl Consumer {
    /// A consumer of the Secret of this identity, from its first version on.
    pub fn start(
        secrets: Api<Secret>,
        namespace: &str,
        name: &str,
        behaviour: Behaviour,
        stack: Stack,
    ) -> Arc<Self> {
        let consumer = Arc::new(Self {
            name: name.to_owned(),
            stack,
            server_name: format!("{name}.{namespace}.svc"),
            behaviour,
            versions: Mutex::default(),
            started: AtomicUsize::new(0),
        });
        tokio::spawn(consumer.clone().watch(secrets));
        consumer
    }

    async fn watch(self: Arc<Self>, secrets: Api<Secret>) {
        let secret = format!("{}-mtls", self.name);
        let mut seen = watch_object(secrets, &secret).boxed();
        while let Some(found) = seen.next().await {
            match found {
                Ok(Some(secret)) => self.versions.lock().unwrap().push(Version::of(&secret)),
                Ok(None) => {}
                // A client whose runtime ends fails at once, for ever: this is where the task can be ended, too.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Whether it has loaded anything yet.
    pub fn is_ready(&self) -> bool {
        !self.versions.lock().unwrap().is_empty()
    }

    /// Starts it again: one that loads its trust bundle only then does so now.
    pub fn restart(&self) {
        self.started.store(self.versions.lock().unwrap().len() - 1, Ordering::Relaxed);
    }

    /// Whether it loads its trust bundle only when it is started.
    pub const fn is_stubborn(&self) -> bool {
        self.behaviour.trust_lag.is_none()
    }

    /// What it has in memory, by its behaviour.
    fn loaded(&self, now: Instant) -> Loaded {
        let versions = self.versions.lock().unwrap();
        let trust = match self.behaviour.trust_lag {
            Some(lag) => visible(&versions, now, lag),
            None => &versions[self.started.load(Ordering::Relaxed)],
        };
        Loaded { leaf: visible(&versions, now, self.behaviour.leaf_lag).clone(), trust: trust.clone() }
    }
}

/// The newest version that is older than the lag, else the first.
fn visible(versions: &[Arc<Version>], now: Instant, lag: Duration) -> &Arc<Version> {
    let seen = versions.iter().rfind(|version| now.duration_since(version.seen) >= lag);
    seen.unwrap_or(&versions[0])
}

/// Lets one consumer connect to another, both verifying the other, each with what it has in memory.
pub fn shake_hands(from: &Consumer, to: &Consumer) -> Result<(), String> {
    let now = real_now();
    let (mine, theirs, name) = (from.loaded(now), to.loaded(now), &to.server_name);
    let shaken = from.stack.shake_hands(&to.stack, [&mine, &theirs], name);
    let (from_stack, to_stack) = (from.stack.name(), to.stack.server_name());
    shaken.map_err(|why| format!("{} ({from_stack}) to {} ({to_stack}): {why}", from.name, to.name))
}

/// The operator runs in real time, and so do its consumers.
#[allow(clippy::disallowed_methods, reason = "the only clock of these tests")]
fn real_now() -> Instant {
    Instant::now()
}
