//! The consumers of one authority, which rotates on request.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use mtls_operator::api::authority::Phase;
use mtls_operator::api::{MtlsAuthority, MtlsAuthorityStatus};
use serde_json::json;
use tempfile::TempDir;
use test_support::namespace::TestNamespace;
use test_support::objects::note;
use test_support::rng::SeededRng;
use test_support::tools::{java, require_tool};
use test_support::wait::until;

use crate::consumer::{Behaviour, Consumer, Stack};
use crate::gnutls::GnuTls;
use crate::openssl::OpenSsl;
use crate::process::{self, Process};
use crate::rotations::is_at_full_size;

/// `rotation.propagation` of the authority: no lag is longer.
const PROPAGATION: Duration = Duration::from_secs(10);
/// What the watch of a consumer may take itself, on a busy machine.
const WATCH: Duration = Duration::from_secs(2);
/// One consumer in so many loads its trust bundle only when it is started, before each rotation: no cross-certificate leads
/// from a root to the one after the next.
const STUBBORN: usize = 5;
/// Consumers of a group of twenty that are not rustls: of each kind one that reloads and one that does so once a rotation.
const OPENSSL: [usize; 2] = [3, 4];
const GNUTLS: [usize; 2] = [8, 9];
const GO: [usize; 2] = [13, 14];
/// At full size only: a Java runtime is large.
const JAVA: [usize; 2] = [18, 19];

/// The phases of a rotation, in their order.
const COURSE: [Phase; 3] = [Phase::Announced, Phase::Draining, Phase::Stable];

/// The lifetime of certificates, and how long before their end they are renewed.
#[derive(Clone, Copy)]
pub struct Lifetime {
    pub ttl: &'static str,
    pub renew_before: &'static str,
}

impl Lifetime {
    /// The shortest there is.
    pub const SHORTEST: Self = Self { ttl: "1m", renew_before: "20s" };
}

/// The consumers of one authority.
pub struct Consumers {
    /// Their namespace.
    pub namespace: TestNamespace,
    /// Their authority.
    pub authority: String,
    /// The consumers.
    pub all: Vec<Arc<Consumer>>,
}

impl Consumers {
    /// An authority whose rotation takes half a minute more than the lifetime of a certificate, and so many consumers. It is served by
    /// the operator of this namespace, or by the first that finds it.
    pub async fn start(
        namespace: TestNamespace,
        operator: Option<&str>,
        size: usize,
        life: Lifetime,
    ) -> Self {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let authority = namespace.unique("swift");
        let spec = json!({
            "root": { "ttl": "1h" }, "leaf": { "ttl": life.ttl, "maxTTL": life.ttl },
            "rotation": { "propagation": "10s", "spreadOver": "0s" },
        });
        namespace.create_authority_of(operator, &authority, spec).await;
        let mut rng = SeededRng::of(STARTED.fetch_add(1, Ordering::Relaxed));
        let mut consumers = Vec::new();
        for number in 0..size {
            let name = format!("pod-{number}");
            let spec = json!({ "authorityRef": { "name": authority }, "renewBefore": life.renew_before });
            namespace.create(&name, spec).await;
            let (behaviour, stack) = (behaviour(number, &mut rng), stack(number));
            consumers.push(Consumer::start(namespace.secrets(), &namespace.name, &name, behaviour, stack));
        }
        for consumer in &consumers {
            until("every consumer to hold a certificate", || async { consumer.is_ready().then_some(()) })
                .await;
        }
        Self { namespace, authority, all: consumers }
    }

    /// Asks for another root. Consumers that load their bundle only at their start are started again.
    pub async fn ask(&self, request: &str) {
        self.all.iter().for_each(|consumer| consumer.restart());
        let annotations = json!({ "mtls-operator.dev/rotate": request });
        let patch = json!({ "metadata": { "annotations": annotations } });
        self.namespace.patch_authority(&self.authority, patch).await.unwrap();
    }

    /// Waits until the rotation that was asked for has come to this phase, or beyond.
    pub async fn reaches(&self, request: &str, phase: Phase) {
        let has_come = |authority: &MtlsAuthority| {
            let status = authority.status.as_ref();
            let status = status.filter(|status| status.last_handled_rotate() == Some(request));
            status.and_then(MtlsAuthorityStatus::phase).map(progress) >= Some(progress(phase))
        };
        self.namespace.authority_where(&self.authority, phase.as_str(), has_come).await;
    }

    /// How far the rotation that was asked for has come, by the root Secret itself; `None` if it has not begun.
    pub async fn come(&self, request: &str) -> Option<Phase> {
        let name = format!("mtls-authority-{}", self.authority);
        let root = self.namespace.system_secrets().get(&name).await.unwrap();
        let phase = note(&root, "phase").unwrap();
        let is_this = note(&root, "rotate-request").as_deref() == Some(request);
        is_this.then(|| COURSE.into_iter().find(|of| of.as_str() == phase).unwrap())
    }

    /// Rotates the root once, from one stable state to the next.
    pub async fn rotate(&self, request: &str) {
        self.ask(request).await;
        self.reaches(request, Phase::Draining).await;
        self.reaches(request, Phase::Stable).await;
    }
}

/// How far a rotation in this phase has come.
pub fn progress(phase: Phase) -> usize {
    COURSE.iter().position(|of| *of == phase).unwrap()
}

/// Lags at random, none longer than a consumer may have.
fn behaviour(number: usize, rng: &mut SeededRng) -> Behaviour {
    let thousandth = PROPAGATION.saturating_sub(WATCH) / 1000;
    let mut lag = || thousandth * u32::try_from(rng.below(1001)).unwrap();
    let (leaf_lag, trust_lag) = (lag(), lag());
    Behaviour { leaf_lag, trust_lag: (number % STUBBORN != STUBBORN - 1).then_some(trust_lag) }
}

/// The stack of a consumer; rustls where the tool for another one is missing.
fn stack(number: usize) -> Stack {
    static OPENSSL_PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(|| require_tool("openssl"));
    static GNUTLS_PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(|| require_tool("gnutls-cli"));
    static GO_PROGRAM: LazyLock<Option<(PathBuf, TempDir)>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        process::build_go(folder.path()).map(|program| (program, folder))
    });
    static JAVA_PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(java::find);
    let openssl = || Some(Stack::OpenSsl(Mutex::new(OpenSsl::new(OPENSSL_PROGRAM.clone()?))));
    let gnutls = || Some(Stack::GnuTls(Mutex::new(GnuTls::new(GNUTLS_PROGRAM.clone()?))));
    let go = || Some(Stack::Go(Mutex::new(Process::start(&mut Command::new(&GO_PROGRAM.as_ref()?.0)))));
    let java = || Some(Stack::Java(Mutex::new(Process::start(&mut process::java(JAVA_PROGRAM.as_ref()?)))));
    let foreign = match number {
        _ if OPENSSL.contains(&number) => openssl(),
        _ if GNUTLS.contains(&number) => gnutls(),
        _ if GO.contains(&number) => go(),
        _ if JAVA.contains(&number) && is_at_full_size() => java(),
        _ => None,
    };
    foreign.unwrap_or(Stack::Rustls)
}
