//! What a rotation has cost: by the API server's account of what it was asked, by etcd's of what was stored, and by the
//! operator's of why.

use std::time::Duration;

use mtls_operator::runtime::clock::Clock;
use test_support::Failure;
use test_support::reporter::Reporter;
use test_support::wait::within;

use crate::audit::{AuditLog, Figures, RequestCounts};
use crate::environment::Environment;
use crate::secrets::FLEET;

use crate::environment::PATIENCE;

/// Nothing is being written if nothing was for so long: no write takes longer where there is no other writer.
const REST: Duration = Duration::from_secs(1);

/// The accounts, from a moment on at which nothing was being written.
pub struct Costs {
    clock: Clock,
    opened: Duration,
    account: AuditLog,
    stored: usize,
    figures: Figures,
}

impl Costs {
    /// Opens them.
    pub async fn open(environment: &Environment, clock: Clock) -> Result<Self, Failure> {
        let figures = at_rest(environment).await?;
        let stored = environment.etcd()?.writes(FLEET).await?;
        Ok(Self { opened: clock.monotonic(), clock, account: AuditLog::open(environment)?, stored, figures })
    }

    /// What was spent since.
    pub async fn spent(self, environment: &Environment) -> Result<Cost, Failure> {
        let (before, after) = (self.figures, at_rest(environment).await?);
        let issued = |because| after.issued(because) - before.issued(because);
        Ok(Cost {
            stored: environment.etcd()?.writes(FLEET).await? - self.stored,
            balance: self.account.balance(environment)?,
            took: self.clock.monotonic().saturating_sub(self.opened),
            due: issued("Due"),
            rotated: issued("Rotated"),
            refreshed: after.refreshed() - before.refreshed(),
        })
    }
}

/// The figures of a moment at which nothing is being written: else they would not fit each other.
async fn at_rest(environment: &Environment) -> Result<Figures, Failure> {
    let rest = async {
        let mut before = Figures::of(environment).await?;
        loop {
            tokio::time::sleep(REST).await;
            let after = Figures::of(environment).await?;
            if after.patches() == before.patches() {
                return Ok(after);
            }
            before = after;
        }
    };
    within(PATIENCE, "a second without a write", rest).await
}

/// What a rotation of the fleet has cost, renewals that fell due meanwhile included.
pub struct Cost {
    balance: RequestCounts,
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
    /// Writes beyond two for each renewal that fell due.
    pub fn beyond_renewals(&self) -> usize {
        self.stored.saturating_sub(2 * self.due)
    }

    /// Whether each answer told of one write, so that a request without an answer has changed nothing.
    pub fn is_accounted_for(&self) -> bool {
        self.balance.answered_writes(FLEET) == self.stored
    }

    /// Tells all of it, for a fleet of so many.
    pub fn tell(&self, identities: usize) {
        let Self { due, rotated, refreshed, stored, .. } = self;
        Reporter::say(&format!("mutating requests for the fleet: {}", self.balance.writes(FLEET)));
        self.balance.tell(FLEET);
        Reporter::say(&format!("writes to the fleet that etcd has stored: {stored}"));
        Reporter::say(&format!(
            "certificates issued: {due} that were due, {rotated} for the rotation; bundles written alone: {refreshed}"
        ));
        let (beyond, tenths) = (self.beyond_renewals(), 10 * self.beyond_renewals() / identities);
        Reporter::say(&format!(
            "writes beyond two for each renewal that fell due: {beyond}, {}.{} an identity",
            tenths / 10,
            tenths % 10
        ));
    }
}
