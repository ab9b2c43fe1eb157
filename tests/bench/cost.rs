//! What a rotation has cost: by the API server's account of what it was asked, by etcd's of what was stored, and by the
//! operator's of why.

use std::time::Duration;

use test_support::Failure;

use crate::environment::Environment;
use crate::meter::{Meter, Spent};
use crate::metrics::{Metrics, at_rest};
use crate::report::figures::{Measurement, Name, count};
use crate::secrets::FLEET;

/// The accounts, from a moment on at which nothing was being written.
pub struct Costs {
    meter: Meter,
    opened: Duration,
    stored: usize,
    metrics: Metrics,
}

impl Costs {
    /// Opens them.
    pub async fn open(environment: &Environment, pid: u32) -> Result<Self, Failure> {
        let metrics = at_rest(environment).await?;
        let stored = environment.etcd()?.writes(FLEET).await?;
        let opened = environment.clock.monotonic();
        Ok(Self { meter: Meter::open(environment, Some(pid))?, opened, stored, metrics })
    }

    /// What was spent since.
    pub async fn spent(self, environment: &Environment, pid: u32) -> Result<Cost, Failure> {
        let (before, after) = (self.metrics, at_rest(environment).await?);
        let issued = |because| after.issued(because) - before.issued(because);
        Ok(Cost {
            stored: environment.etcd()?.writes(FLEET).await? - self.stored,
            spent: self.meter.close(environment, pid)?,
            took: environment.clock.monotonic().saturating_sub(self.opened),
            due: issued("Due"),
            rotated: issued("Rotated"),
            refreshed: after.refreshed() - before.refreshed(),
        })
    }
}

/// What has happened to the fleet, renewals that fell due meanwhile included.
pub struct Cost {
    spent: Spent,
    /// Writes that etcd has stored.
    stored: usize,
    pub took: Duration,
    /// Certificates that were issued because they were due.
    pub due: usize,
    /// Certificates that were issued because their signer is retiring.
    pub rotated: usize,
    /// Secrets that were written without a new certificate.
    pub refreshed: usize,
}

impl Cost {
    /// Each answer must have told of one write, so that a request without an answer has changed nothing.
    pub fn ensure_accounted_for(&self) -> Result<(), Failure> {
        let (answered, stored) = (self.spent.requests.answered_writes(FLEET), self.stored);
        if answered == stored {
            return Ok(());
        }
        Err(format!(
            "the API server says that {answered} writes were carried out, and etcd has stored {stored}"
        )
        .into())
    }

    /// A measurement of renewals only.
    pub fn add_renewals_to(&self, measurement: Measurement) -> Measurement {
        self.spent.add_work_to(measurement, FLEET, self.due).with(Name::Renewals, count(self.due))
    }

    /// A measurement of a rotation.
    pub fn add_rotation_to(&self, measurement: Measurement) -> Measurement {
        let beyond = self.stored.saturating_sub(2 * self.due);
        let each = count(beyond) / count(measurement.identities.max(1));
        self.spent
            .add_to(measurement)
            .with(Name::Writes, count(self.spent.requests.writes(FLEET)))
            .with(Name::Renewals, count(self.due))
            .with(Name::WritesBeyondRenewalsEach, each)
    }
}
