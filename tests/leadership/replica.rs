//! One replica that takes part in the election.

use std::time::Duration;

use jiff::Timestamp;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::{LeaderConfig, Leadership, elect};
use mtls_operator::runtime::shutdown::{Shutdown, Trigger};
use test_support::in_memory::leases::FakeApi;
use tokio::task::JoinHandle;

pub struct Replica {
    pub leadership: Leadership,
    election: JoinHandle<()>,
    stop: Trigger,
}

impl Replica {
    pub fn start(api: &FakeApi, name: &str) -> Self {
        Self::start_at(api, name, "2030-01-01T00:00:00Z".parse().unwrap())
    }

    /// A replica whose wall clock shows something else.
    pub fn start_at(api: &FakeApi, name: &str, wall: Timestamp) -> Self {
        let (shutdown, stop) = Shutdown::manual();
        let (clock, _) = Clock::manual(wall);
        let config = LeaderConfig::new("mtls-system", "mtls-operator", name);
        let (leadership, election) = elect(api.client(name), config, clock, shutdown);
        Self { leadership, election: tokio::spawn(election), stop }
    }

    pub fn leads(&self) -> bool {
        self.leadership.is_leader()
    }

    pub async fn until_leader(&self) {
        let mut leadership = self.leadership.clone();
        let led = tokio::time::timeout(Duration::from_hours(1), leadership.until_leader()).await;
        assert!(led.is_ok(), "it does not lead after an hour");
    }

    /// Stops in good order.
    pub async fn stop(self) {
        self.stop.fire();
        self.election.await.unwrap();
        assert!(!self.leadership.is_leader(), "a replica that has stopped does not lead");
    }

    /// Ends as a process that is killed: without another request.
    pub async fn kill(self) {
        self.election.abort();
        let _ = self.election.await;
    }
}

/// How long something takes, on the clock of the test.
pub async fn time(what: impl Future<Output = ()>) -> Duration {
    let clock = Clock::system();
    what.await;
    clock.monotonic()
}
