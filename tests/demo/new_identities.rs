//! New identities of an authority that does not rotate, while the Secrets of another one are being written: how much a rotation
//! delays them.

use std::convert::Infallible;
use std::time::Duration;

use mtls_operator::runtime::clock::Clock;
use test_support::Failure;

use crate::audit::Figures;
use crate::environment::Environment;
use crate::measure::create_and_await;

/// Their namespace.
pub const NAMESPACE: &str = "new-identities";
/// From one to the next.
const INTERVAL: Duration = Duration::from_millis(100);

/// Those that were created, by how long their Secrets took.
pub struct NewIdentities {
    clock: Clock,
    pub times: Vec<Duration>,
}

impl NewIdentities {
    /// None yet.
    pub fn none(clock: Clock) -> Self {
        Self { clock, times: Vec::new() }
    }

    /// Creates so many, one after the other.
    pub async fn create(&mut self, environment: &Environment, count: usize) -> Result<(), Failure> {
        for _ in 0..count {
            self.create_one(environment).await?;
        }
        Ok(())
    }

    /// Creates them while Secrets of the rotating authority are written beyond their renewals, for ever.
    pub async fn create_during_writes(&mut self, environment: &Environment) -> Result<Infallible, Failure> {
        loop {
            if is_being_written(environment).await? {
                self.create_one(environment).await?;
            } else {
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    async fn create_one(&mut self, environment: &Environment) -> Result<(), Failure> {
        // Names of both series must differ.
        let name = format!("new-{:x}", self.clock.monotonic().as_micros());
        self.times.push(create_and_await(&self.clock, environment, NAMESPACE, &name).await?);
        tokio::time::sleep(INTERVAL).await;
        Ok(())
    }
}

async fn is_being_written(environment: &Environment) -> Result<bool, Failure> {
    Ok(Figures::of(environment).await?.get("mtls_operator_queue_depth{class=\"Background\"}") > 0)
}
