//! New identities of an authority that does not rotate, while the Secrets of others are being written: how much that delays
//! them.

use std::convert::Infallible;
use std::time::Duration;

use test_support::Failure;

use crate::environment::Environment;
use crate::metrics::Metrics;
use crate::single::create_and_await;

/// Their namespace.
pub const NAMESPACE: &str = "new-identities";
/// From one to the next where a phase is short, so that there are enough for a percentile.
const SHORTLY: Duration = Duration::from_millis(100);
/// From one to the next where it takes minutes.
const SECOND: Duration = Duration::from_secs(1);

/// Those that were created, by how long their Secrets took.
#[derive(Default)]
pub struct NewIdentities {
    pub times: Vec<Duration>,
}

impl NewIdentities {
    /// Creates so many, one after the other.
    pub async fn create(&mut self, environment: &Environment, count: usize) -> Result<(), Failure> {
        for _ in 0..count {
            self.create_one(environment, SHORTLY).await?;
        }
        Ok(())
    }

    /// Creates them while Secrets of the rotating authority are written beyond their renewals, for ever.
    pub async fn create_during_writes(&mut self, environment: &Environment) -> Result<Infallible, Failure> {
        loop {
            if is_being_written(environment).await? {
                self.create_one(environment, SHORTLY).await?;
            } else {
                tokio::time::sleep(SHORTLY).await;
            }
        }
    }

    /// Creates one each second, for ever.
    pub async fn create_each_second(&mut self, environment: &Environment) -> Result<Infallible, Failure> {
        loop {
            self.create_one(environment, SECOND).await?;
        }
    }

    async fn create_one(&mut self, environment: &Environment, pause: Duration) -> Result<(), Failure> {
        // Names of all series must differ.
        let name = format!("new-{:x}", environment.clock.monotonic().as_micros());
        self.times.push(create_and_await(environment, NAMESPACE, &name).await?);
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

async fn is_being_written(environment: &Environment) -> Result<bool, Failure> {
    Ok(Metrics::of(environment).await?.get("mtls_operator_queue_depth{class=\"Background\"}") > 0)
}
