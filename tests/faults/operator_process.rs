//! The life of one operator: a runtime of its own, in which time passes only when the test lets it. Where nobody runs it,
//! the operator is frozen; its end is the operator's death: nothing that it had in hand is finished.

use std::sync::mpsc;
use std::time::Duration;

use http::Request;
use jiff::Timestamp;
use kube::client::Body;
use mtls_operator::operator::run::Settings;
use mtls_operator::runtime::clock::{Clock, ManualClock};
use mtls_operator::runtime::leader::{LeaderConfig, Leadership, elect};
use mtls_operator::runtime::shutdown::Shutdown;
use test_support::cluster::TestCluster;
use test_support::in_process::{InProcessOperator, settings};
use test_support::installation::SYSTEM;
use test_support::namespace::TestNamespace;
use tokio::runtime::{Builder, Runtime};

use crate::fault_proxy::FaultProxy;

/// What the test sees of it, and does.
pub struct OperatorProcess {
    /// What lies between it and the API server.
    pub wire: FaultProxy,
    /// Its namespace, as people see it.
    pub namespace: TestNamespace,
    hand: ManualClock,
    leadership: Leadership,
    _operator: InProcessOperator,
}

/// A death before the end of the story.
pub struct Kill {
    /// When.
    pub at: Timestamp,
    /// The write that is still on its way.
    pub late: Option<Request<Body>>,
}

impl OperatorProcess {
    async fn begin(cluster: &TestCluster, namespace: &str, birth: Timestamp, replica: Option<&str>) -> Self {
        let wire = FaultProxy::to(cluster.operator_client().await);
        let (clock, hand) = Clock::manual(birth);
        let leadership = match replica {
            // No other process ever has this name: each test has a namespace of its own.
            Some(replica) => elected(&wire, &clock, &format!("{replica}_{namespace}")),
            None => Leadership::always(clock.clone()),
        };
        let settings =
            Settings { watch_namespaces: vec![namespace.into()], default_authority: None, ..settings() };
        let operator = InProcessOperator::run_led(leadership.clone(), settings, clock, wire.client());
        let namespace = TestNamespace { client: cluster.client().await, name: namespace.into() };
        Self { wire, namespace, hand, leadership, _operator: operator }
    }

    /// What its wall clock shows.
    pub fn now(&self) -> Timestamp {
        self.hand.now()
    }

    /// Whether it leads.
    pub fn leads(&self) -> bool {
        self.leadership.is_leader()
    }

    /// It was frozen until this moment, and both its clocks have gone on.
    pub async fn thaw(&self, now: Timestamp) {
        tokio::time::advance(now.duration_since(self.now()).unsigned_abs()).await;
    }

    /// A second passes, once everything that it has asked for was answered.
    pub async fn second(&self) {
        self.wire.is_at_rest().await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

/// Takes part in the election, under this name.
fn elected(wire: &FaultProxy, clock: &Clock, identity: &str) -> Leadership {
    let (shutdown, trigger) = Shutdown::manual();
    let config = LeaderConfig::new(SYSTEM, "mtls-operator", identity);
    let (leadership, election) = elect(wire.client(), config, clock.clone(), shutdown);
    tokio::spawn(async move {
        election.await;
        drop(trigger);
    });
    leadership
}

/// An operator that lives while the test lets it, and is frozen in between.
pub struct Process {
    life: OperatorProcess,
    /// Time that stands still jumps to the next timer when everybody waits, but not while a thread is busy.
    _hold: mpsc::Sender<()>,
    runtime: Runtime,
}

impl Process {
    /// An operator that is born at this moment: one of several, of this name, or one that leads without election.
    pub fn begin(cluster: &TestCluster, namespace: &str, birth: Timestamp, replica: Option<&str>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (hold, release) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || release.recv());
        let life = runtime.block_on(OperatorProcess::begin(cluster, namespace, birth, replica));
        Self { life, _hold: hold, runtime }
    }

    /// Lets it live as long as this goes on.
    pub fn lives<T>(&self, story: impl AsyncFnOnce(&OperatorProcess) -> T) -> T {
        self.runtime.block_on(story(&self.life))
    }
}

/// Lets an operator live from this moment until the story ends, or until it is killed.
pub fn live<T>(
    cluster: &TestCluster,
    namespace: &str,
    birth: Timestamp,
    story: impl AsyncFnOnce(&OperatorProcess) -> T,
) -> Result<T, Box<Kill>> {
    Process::begin(cluster, namespace, birth, None).lives(async |life| {
        tokio::select! {
            told = story(life) => Ok(told),
            late = life.wire.cut() => Err(Box::new(Kill { at: life.now(), late })),
        }
    })
}
