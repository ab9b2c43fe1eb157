//! Claim: two replicas never lead at once, and the Lease is never without a leader for longer than it must be.
//! Time is tokio's paused clock: hours pass in milliseconds, and the same way each time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "leadership/outages.rs"]
mod outages;
#[path = "leadership/replica.rs"]
mod replica;
#[path = "leadership/stopping.rs"]
mod stopping;
#[path = "leadership/takeover.rs"]
mod takeover;
#[path = "leadership/tenure.rs"]
mod tenure;

use std::time::Duration;

use serde_json::{Value, json};

const LEASE_DURATION: Duration = Duration::from_secs(15);
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
const RETRY_PERIOD: Duration = Duration::from_secs(2);

fn lease_of(holder: &str, renewed: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": "mtls-operator", "namespace": "mtls-system" },
        "spec": { "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3, "renewTime": renewed },
    })
}
