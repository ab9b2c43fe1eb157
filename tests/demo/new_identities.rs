//! New identities of an authority that does not rotate, while another one's fleet is being written: how much a rotation delays
//! them.

use std::convert::Infallible;
use std::time::Duration;

use mtls_operator::runtime::clock::Clock;
use test_support::Failure;

use crate::audit::Figures;
use crate::environment::Environment;
use crate::measure::create_and_await;

/// Their namespace.
pub const NEWCOMERS: &str = "newcomers";
/// From one to the next.
const PACE: Duration = Duration::from_millis(100);

/// Those that came, by how long their Secrets took.
pub struct NewIdentities {
    clock: Clock,
    pub times: Vec<Duration>,
}

impl NewIdentities {
    /// None yet.
    pub fn none(clock: Clock) -> Self {
        Self { clock, times: Vec::new() }
    }

    /// So many come, one after the other.
    pub async fn come(&mut self, environment: &Environment, count: usize) -> Result<(), Failure> {
        for _ in 0..count {
            self.take_one(environment).await?;
        }
        Ok(())
    }

    /// They come while the fleet is written beyond its renewals, for ever.
    pub async fn come_while_it_is_written(
        &mut self,
        environment: &Environment,
    ) -> Result<Infallible, Failure> {
        loop {
            if is_being_written(environment).await? {
                self.take_one(environment).await?;
            } else {
                tokio::time::sleep(PACE).await;
            }
        }
    }

    async fn take_one(&mut self, environment: &Environment) -> Result<(), Failure> {
        // Names of both series must differ.
        let name = format!("newcomer-{:x}", self.clock.monotonic().as_micros());
        self.times.push(create_and_await(&self.clock, environment, NEWCOMERS, &name).await?);
        tokio::time::sleep(PACE).await;
        Ok(())
    }
}

async fn is_being_written(environment: &Environment) -> Result<bool, Failure> {
    Ok(Figures::of(environment).await?.get("mtls_operator_queue_depth{class=\"Background\"}") > 0)
}
