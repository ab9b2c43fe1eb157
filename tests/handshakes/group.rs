//! The consumers of one authority, which rotates when it is asked.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use mtls_operator::api::authority::Phase;
use mtls_operator::api::{MtlsAuthority, MtlsAuthorityStatus};
use serde_json::json;
use tempfile::TempDir;

use crate::consumer::{Consumer, Habit, Stack};
use crate::dice::Dice;
use crate::go::Go;
use crate::openssl::OpenSsl;
use crate::stage::{Scene, note, until};
use crate::tool::require_tool;

/// `rotation.propagation` of the authority: no lag is longer.
const PROPAGATION: Duration = Duration::from_secs(10);
/// What the watch of a consumer may take itself, on a busy machine.
const WATCH: Duration = Duration::from_secs(2);
/// One consumer in so many has loaded its trust bundle once and for all.
const STUBBORN: usize = 5;
/// Consumers of a group of twenty that are no rustls: of each kind one that reloads and one that is stubborn.
const OPENSSL: [usize; 2] = [3, 4];
const GO: [usize; 2] = [13, 14];

/// The phases of a rotation, in their order.
const COURSE: [Phase; 3] = [Phase::Announced, Phase::Draining, Phase::Stable];

/// How long certificates live, and how long before their end they are renewed.
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
pub struct Group {
    /// Their namespace.
    pub scene: Scene,
    /// Their authority.
    pub authority: String,
    /// They themselves.
    pub consumers: Vec<Arc<Consumer>>,
}

impl Group {
    /// An authority whose rotation takes half a minute more than a certificate lives, and so many consumers. It is served by
    /// the operator of this namespace, or by the first that finds it.
    pub async fn start(scene: Scene, operator: Option<&str>, size: usize, life: Lifetime) -> Self {
        static GROUPS: AtomicU64 = AtomicU64::new(0);
        let authority = scene.unique("swift");
        let spec = json!({
            "root": { "ttl": "1h" }, "leaf": { "ttl": life.ttl, "maxTTL": life.ttl },
            "rotation": { "propagation": "10s", "spreadOver": "0s" },
        });
        scene.create_authority_of(operator, &authority, spec).await;
        let mut dice = Dice::of(GROUPS.fetch_add(1, Ordering::Relaxed));
        let mut consumers = Vec::new();
        for number in 0..size {
            let name = format!("pod-{number}");
            let spec = json!({ "authorityRef": { "name": authority }, "renewBefore": life.renew_before });
            scene.create(&name, spec).await;
            let (habit, stack) = (habit(number, &mut dice), stack(number));
            consumers.push(Consumer::start(scene.secrets(), &scene.namespace, &name, habit, stack));
        }
        for consumer in &consumers {
            until("every consumer to hold a certificate", || async { consumer.is_ready().then_some(()) })
                .await;
        }
        Self { scene, authority, consumers }
    }

    /// Asks for another root.
    pub async fn ask(&self, request: &str) {
        let annotations = json!({ "mtls-operator.dev/rotate": request });
        let patch = json!({ "metadata": { "annotations": annotations } });
        self.scene.patch_authority(&self.authority, patch).await.unwrap();
    }

    /// Waits until the rotation that was asked for has come to this phase, or beyond.
    pub async fn reaches(&self, request: &str, phase: Phase) {
        let has_come = |authority: &MtlsAuthority| {
            let status = authority.status.as_ref();
            let status = status.filter(|status| status.last_handled_rotate() == Some(request));
            status.and_then(MtlsAuthorityStatus::phase).map(progress) >= Some(progress(phase))
        };
        self.scene.authority_where(&self.authority, phase.as_str(), has_come).await;
    }

    /// How far the rotation that was asked for has come, by the root Secret itself; `None` if it has not begun.
    pub async fn come(&self, request: &str) -> Option<Phase> {
        let name = format!("mtls-authority-{}", self.authority);
        let root = self.scene.system_secrets().get(&name).await.unwrap();
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

/// How far a rotation in this phase is on its course.
pub fn progress(phase: Phase) -> usize {
    COURSE.iter().position(|of| *of == phase).unwrap()
}

/// Lags at random, none longer than a consumer may have.
fn habit(number: usize, dice: &mut Dice) -> Habit {
    let thousandth = PROPAGATION.saturating_sub(WATCH) / 1000;
    let mut lag = || thousandth * u32::try_from(dice.below(1001)).unwrap();
    let (leaf_lag, trust_lag) = (lag(), lag());
    Habit { leaf_lag, trust_lag: (number % STUBBORN != STUBBORN - 1).then_some(trust_lag) }
}

/// The stack of a consumer; rustls where the tool for another one is missing.
fn stack(number: usize) -> Stack {
    static OPENSSL_PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(|| require_tool("openssl"));
    static GO_PROGRAM: LazyLock<Option<(PathBuf, TempDir)>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        require_tool("go").map(|go| (Go::build(&go, folder.path()), folder))
    });
    let openssl = || OPENSSL_PROGRAM.as_ref().map(|program| OpenSsl::new(program.clone()));
    let go = || GO_PROGRAM.as_ref().map(|(program, _)| Go::start(program));
    if OPENSSL.contains(&number) {
        openssl().map_or(Stack::Rustls, |openssl| Stack::OpenSsl(Mutex::new(openssl)))
    } else if GO.contains(&number) {
        go().map_or(Stack::Rustls, |go| Stack::Go(Mutex::new(go)))
    } else {
        Stack::Rustls
    }
}
