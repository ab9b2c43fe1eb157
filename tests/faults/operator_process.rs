//! One operator in a runtime of its own, in which time passes only when the test lets it. While the runtime does not run, the
//! operator is frozen; dropping it kills the operator: nothing that it had begun is finished.

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

/// An operator, as the test sees and controls it.
pub struct OperatorProcess {
    /// The proxy between it and the API server.
    pub proxy: FaultProxy,
    /// Its namespace, as people see it.
    pub namespace: TestNamespace,
    manual_clock: ManualClock,
    leadership: Leadership,
    _operator: InProcessOperator,
}

/// The operator was killed before the end of the test's steps.
pub struct Kill {
    /// When.
    pub at: Timestamp,
    /// The write that is still on its way.
    pub late: Option<Request<Body>>,
}

impl OperatorProcess {
    async fn begin(cluster: &TestCluster, namespace: &str, start: Timestamp, replica: Option<&str>) -> Self {
        let proxy = FaultProxy::to(cluster.operator_client().await);
        let (clock, manual_clock) = Clock::manual(start);
        let leadership = match replica {
            // No other process ever has this name: each test has a namespace of its own.
            Some(replica) => elected(&proxy, &clock, &format!("{replica}_{namespace}")),
            None => Leadership::always(clock.clone()),
        };
        let settings =
            Settings { watch_namespaces: vec![namespace.into()], default_authority: None, ..settings() };
        let operator = InProcessOperator::run_led(leadership.clone(), settings, clock, proxy.client());
        let namespace = TestNamespace { client: cluster.client().await, name: namespace.into() };
        Self { proxy, namespace, manual_clock, leadership, _operator: operator }
    }

    /// The time of its wall clock.
    pub fn now(&self) -> Timestamp {
        self.manual_clock.now()
    }

    /// Whether it leads.
    pub fn leads(&self) -> bool {
        self.leadership.is_leader()
    }

    /// It was frozen until this moment, and both its clocks have gone on.
    pub async fn resume(&self, now: Timestamp) {
        tokio::time::advance(now.duration_since(self.now()).unsigned_abs()).await;
    }

    /// A second passes, once everything that it has asked for was answered.
    pub async fn second(&self) {
        self.proxy.is_at_rest().await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

/// Takes part in the election, under this name.
fn elected(proxy: &FaultProxy, clock: &Clock, identity: &str) -> Leadership {
    let (shutdown, trigger) = Shutdown::manual();
    let config = LeaderConfig::new(SYSTEM, "mtls-operator", identity);
    let (leadership, election) = elect(proxy.client(), config, clock.clone(), shutdown);
    tokio::spawn(async move {
        election.await;
        drop(trigger);
    });
    leadership
}

/// An operator that runs while the test lets it, and is frozen in between.
pub struct Process {
    operator: OperatorProcess,
    /// Paused time jumps to the next timer when every task waits, but not while a thread is busy.
    _hold: mpsc::Sender<()>,
    runtime: Runtime,
}

impl Process {
    /// An operator that starts at this moment: one of several, of this name, or one that leads without election.
    pub fn begin(cluster: &TestCluster, namespace: &str, start: Timestamp, replica: Option<&str>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (hold, release) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || release.recv());
        let operator = runtime.block_on(OperatorProcess::begin(cluster, namespace, start, replica));
        Self { operator, _hold: hold, runtime }
    }

    /// Runs it until these steps have ended.
    pub fn run<T>(&self, steps: impl AsyncFnOnce(&OperatorProcess) -> T) -> T {
        self.runtime.block_on(steps(&self.operator))
    }
}

/// Runs an operator from this moment until these steps have ended, or until it is killed.
pub fn run_operator<T>(
    cluster: &TestCluster,
    namespace: &str,
    start: Timestamp,
    steps: impl AsyncFnOnce(&OperatorProcess) -> T,
) -> Result<T, Box<Kill>> {
    Process::begin(cluster, namespace, start, None).run(async |operator| {
        tokio::select! {
            told = steps(operator) => Ok(told),
            late = operator.proxy.cut() => Err(Box::new(Kill { at: operator.now(), late })),
        }
    })
}
