//! The operator's figures, as its admin port serves them, and waits for what they show.
//!
//! To ask them costs the operator little and the API server nothing, so that waiting does not change what is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use test_support::Failure;
use test_support::wait::for_answer;

use crate::environment::{Environment, PATIENCE};

/// Between two looks while much is to be done.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Nothing is being written if nothing was for so long: no write takes longer where there is no other writer.
const REST: Duration = Duration::from_secs(1);

/// The operator's figures of one moment.
pub struct Metrics(BTreeMap<String, usize>);

impl Metrics {
    /// Those of this moment.
    pub async fn of(environment: &Environment) -> Result<Self, Failure> {
        let page = environment.metrics().await?;
        let samples = page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Ok(Self(samples.collect()))
    }

    /// One of them; nothing counted is zero.
    pub fn get(&self, sample: &str) -> usize {
        self.0.get(sample).copied().unwrap_or_default()
    }

    /// The sum of those that begin so.
    pub fn sum(&self, prefix: &str) -> usize {
        self.0.iter().filter(|(sample, _)| sample.starts_with(prefix)).map(|(_, value)| value).sum()
    }

    /// Certificates issued so far.
    pub fn all_issued(&self) -> usize {
        self.sum("mtls_operator_issued_total{")
    }

    /// Certificates issued so far for this reason.
    pub fn issued(&self, because: &str) -> usize {
        self.sum(&format!("mtls_operator_issued_total{{because=\"{because}\""))
    }

    /// Objects written so far, or tried to.
    pub fn writes(&self) -> usize {
        ["create", "patch"]
            .map(|verb| self.sum(&format!("mtls_operator_api_requests_total{{verb=\"{verb}\"")))
            .iter()
            .sum()
    }

    /// Secrets updated so far without a new key.
    pub fn refreshed(&self) -> usize {
        self.get("mtls_operator_refreshed_total")
    }
}

/// Waits until so many certificates were issued since the operator started.
pub async fn until_issued(environment: &Environment, count: usize) -> Result<(), Failure> {
    for_answer(PATIENCE, LOOK_AGAIN, "all certificates to be issued", || async {
        // The admin port may not be open yet.
        let issued = Metrics::of(environment).await.map_or(0, |metrics| metrics.all_issued());
        Ok((issued >= count).then_some(()))
    })
    .await
}

/// The figures of a moment at which nothing is being written: else they would not fit each other.
pub async fn at_rest(environment: &Environment) -> Result<Metrics, Failure> {
    let mut before = Metrics::of(environment).await?.writes();
    loop {
        tokio::time::sleep(REST).await;
        let after = Metrics::of(environment).await?;
        if after.writes() == before {
            return Ok(after);
        }
        before = after.writes();
    }
}
