//! The workers of the identity controller at work on what a harness holds.

use std::time::Duration;

use mtls_operator::operator::error::TaskEnded;
use mtls_operator::operator::identity::controller::IdentityController;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::shutdown::{Shutdown, Trigger};
use test_support::in_memory::harness::{Harness, PATIENCE};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Workers of the identity controller, until they are told to stop.
pub struct Workers {
    running: JoinHandle<Result<(), TaskEnded>>,
    stop: Trigger,
    /// They work as long as there is a controller of authorities.
    _synced: watch::Sender<bool>,
}

impl Workers {
    pub fn begin(harness: &Harness, count: usize) -> Self {
        let synced = watch::Sender::new(true);
        let (context, keys) = (harness.context.clone(), harness.keys.clone());
        let leadership = Leadership::always(context.clock.clone());
        let workers = IdentityController::new(context, keys, leadership, synced.subscribe(), count);
        let (shutdown, stop) = Shutdown::manual();
        let end = async move {
            shutdown.triggered().await;
            Ok(())
        };
        Self { running: tokio::spawn(workers.run(end)), stop, _synced: synced }
    }

    /// They finish what is in flight.
    pub async fn stop(self) {
        self.stop.fire();
        assert!(self.running.await.unwrap().is_ok());
    }
}

/// Time, which is tokio's and paused, passes until it is so.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}
